"""All costs of a graph as one value: every measure of every node, scope and the whole, each computed when asked for."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Protocol, TypeAlias

from archdsl.analyses import memory, totals
from archdsl.analyses.conventions import CONVENTIONS, Convention
from archdsl.analyses.flops import Flops, flops
from archdsl.analyses.fused import fused_traffic, runs
from archdsl.analyses.machine import Machine, roofline, traffic
from archdsl.analyses.receptive_field import ReceptiveField, ReceptiveFields, last_map, receptive_fields
from archdsl.ir.graph import Graph, Node, Scope, Value
from archdsl.tensor import Tensor

Member: TypeAlias = Node | Scope


class Measured(Protocol):
    """The part of `archdsl.analyses.measures.Measure` that is used here."""

    @property
    def name(self) -> str: ...

    def of(self, part: Part) -> Any:
        """The value of a part of the network."""

    def of_one(self, summary: Summary, node: Node) -> Any:
        """The value of a node."""

    def combined(self, values: Iterable[Any]) -> Any:
        """The value of several nodes together, from their own values."""


@dataclass(frozen=True, slots=True)
class Basis:
    """What the costs are computed for: counting convention, precision, batch size and machine.

    With `training`, nodes that serve only training outputs are counted too. `schedule` says in which steps inference
    runs the network; the memory that it holds at once depends on that.
    """

    convention: Convention = CONVENTIONS["paper"]
    precision: str = "fp32"
    batch: int = 1
    machine: Machine | None = None
    training: bool = False
    schedule: memory.Schedule = memory.flat

    @property
    def width(self) -> int:
        """Bytes of a number."""
        return memory.PRECISIONS[self.precision]


@dataclass(frozen=True, slots=True)
class Part:
    """Some nodes and scopes ("members") of a network. Each measure is an attribute: `part.params`, `part.macs`.

    Memory is in bytes, time in seconds, fields in pixels. `first` are the members of the first of several copies.
    """

    summary: Summary
    members: tuple[Member, ...]
    first: tuple[Member, ...]

    @property
    def result(self) -> Value:
        """The value that leaves this part; the last of several."""
        return self.summary.result(self.first[-1])

    @property
    def is_network(self) -> bool:
        return self.members[0] is self.summary.graph.scopes[""]

    def __getattr__(self, name: str) -> Any:
        measures = self.summary.measures
        if name not in measures:
            raise AttributeError(f"there is no measure {name!r}; there are {', '.join(measures)}")
        return measures[name].of(self)


class Summary:
    """The costs of `nodes` (in the order of the graph) and of the `scopes` that hold any; the scope "" is the network.

    Made by `archdsl.analyses.measures.summarize`, which passes the list of all measures.
    """

    def __init__(self, graph: Graph, basis: Basis, measures: Mapping[str, Measured]) -> None:
        self.graph, self.basis, self.measures = graph, basis, measures
        counted = totals.nodes_in(graph, training=basis.training)
        self.nodes: Mapping[str, Part] = {node.id: self.part(node) for node in counted}
        held = dict.fromkeys(scope.path for node in counted for scope in graph.ancestry(node.scope))
        self.scopes: Mapping[str, Part] = {
            path: self.part(scope) for path, scope in graph.scopes.items() if path in held or not path
        }
        self._of_nodes: dict[str, dict[str, Any]] = {}
        self._of_scopes: dict[str, dict[str, Any]] = {}

    def __repr__(self) -> str:
        return f"<Summary of {self.graph.header.name}: {len(self.nodes)} ops, {len(self.scopes)} scopes>"

    def part(self, *members: Member) -> Part:
        return Part(self, members, members)

    @property
    def total(self) -> Part:
        """The network as a whole."""
        return self.scopes[""]

    # --- one measure -----------------------------------------------------------------------

    def of_node(self, measure: Measured, id: str) -> Any:
        """The value of one node. It is computed once."""
        found = self._of_nodes.setdefault(measure.name, {})
        if id not in found:
            found[id] = measure.of_one(self, self.graph.node(id))
        return found[id]

    def of_member(self, measure: Measured, member: Member) -> Any:
        """The value of a node, or what all nodes of a scope have together."""
        if isinstance(member, Node):
            return self.of_node(measure, member.id)
        if measure.name not in self._of_scopes:
            self._of_scopes[measure.name] = self._by_scope(measure)
        return self._of_scopes[measure.name][member.path]

    def _by_scope(self, measure: Measured) -> dict[str, Any]:
        """The value of each scope. Inner scopes are computed before the ones around them."""
        held: dict[str, list[Any]] = {path: [] for path in self.scopes}
        for id in self.nodes:
            held[self.graph.node(id).scope].append(self.of_node(measure, id))
        found: dict[str, Any] = {}
        for path in reversed(held):
            found[path] = measure.combined(held[path])
            parent = self.graph.scopes[path].parent
            if parent is not None:
                held[parent].append(found[path])
        return found

    # --- what measures are made of ---------------------------------------------------------

    @cached_property
    def inputs(self) -> Mapping[str, tuple[Tensor, ...]]:
        """The tensors into each node."""
        return {node.id: self.graph.tensors_into(node.id) for node in self.graph}

    @cached_property
    def first_uses(self) -> frozenset[str]:
        """The nodes that are the first to use their weights."""
        first: dict[str, str] = {}
        for id in self.nodes:
            first.setdefault(self.graph.node(id).weights, id)
        return frozenset(first.values())

    def written(self, node: Node) -> int:
        """Bytes of a node's outputs; a view has none of its own."""
        inputs = self.inputs[node.id]
        if not inputs or node.op.is_view(*inputs):
            return 0
        return sum(memory.tensor_bytes(tensor, self.basis.width) for tensor in node.outputs) * self.basis.batch

    def moved(self, node: Node) -> int:
        """Bytes that a node reads and writes."""
        return traffic(self.graph, node, self.basis.width, self.basis.batch)

    def seconds(self, node: Node) -> float:
        """The least time that a node takes on the machine; 0 where none is given."""
        machine, own = self.basis.machine, self.nodes[node.id]
        return roofline(own.flops, own.traffic, machine, self.basis.precision) if machine else 0.0

    @cached_property
    def fused(self) -> Mapping[str, float]:
        """The least time on the machine of each run of ops that can be computed together, by the run's first node."""
        width, batch, machine = self.basis.width, self.basis.batch, self.basis.machine
        found: dict[str, float] = {}
        for run in runs(self.graph, [self.graph.node(id) for id in self.nodes]) if machine else ():
            moved = fused_traffic(self.graph, run, width, batch)
            operations = sum(self.nodes[node.id].flops for node in run)
            found[run[0].id] = roofline(operations, moved, machine, self.basis.precision) if machine else 0.0
        return found

    @cached_property
    def inference(self) -> memory.Inference:
        """For one sample."""
        return memory.inference(self.graph, self.basis.schedule(self.graph), self.basis.width)

    @cached_property
    def training(self) -> memory.Training:
        """For the batch."""
        return memory.training(self.graph, self.basis.width, self.basis.batch)

    @cached_property
    def fields(self) -> ReceptiveFields:
        return receptive_fields(self.graph)

    def field(self, id: str) -> ReceptiveField:
        return self.fields.fields[id]

    @cached_property
    def conv_fields(self) -> ReceptiveFields:
        """The receptive fields by convolutions and poolings: without what gates see that scale channels."""
        products = any(node.op.name == "mul" for node in self.graph)
        return receptive_fields(self.graph, gates=False) if products else self.fields

    @cached_property
    def has_gates(self) -> bool:
        """Whether a receptive field is larger by a gate."""
        apart = self.conv_fields.fields
        return apart is not self.fields.fields and any(apart[id].largest != self.field(id).largest for id in self.nodes)

    @cached_property
    def last_map(self) -> str | None:
        """The node that makes the last map before positions are pooled or flattened away."""
        return last_map(self.graph)

    @cached_property
    def layers(self) -> Mapping[str, int]:
        """Convolutions, linear and recurrent layers on the longest way from an input to each node's output."""
        return totals.depths(self.graph, (self.graph.node(id) for id in self.nodes))

    @cached_property
    def depth(self) -> int:
        """Weighted layers in depth: the 22 of GoogLeNet."""
        taken = {value.node for id in self.layers for value in self.graph.inputs_of(id)}
        return max((depth for id, depth in self.layers.items() if id not in taken), default=0)

    def depth_inside(self, part: Part) -> int:
        """Weighted layers that a part adds in depth."""
        inputs = (self.graph.inputs_of(node.id) for node in self.nodes_in(part.first))
        before = [self.layers[value.node] for values in inputs for value in values]
        return self.layers[part.result.node] - min(before, default=0)

    @cached_property
    def flops(self) -> Flops:
        """MACs and the itemised rest, for one sample."""
        return flops(self.graph, (self.graph.node(id) for id in self.nodes))

    @cached_property
    def largest_op(self) -> tuple[str, int]:
        """The bytes that the most demanding op needs on its own, for one sample, and that node's id."""
        return memory.largest_op(self.graph, self.basis.width)

    @cached_property
    def training_only(self) -> int:
        """Parameters that only training outputs need."""
        everything = totals.parameters(self.graph, self.graph)
        return everything - totals.parameters(self.graph, totals.nodes_in(self.graph))

    # --- members ---------------------------------------------------------------------------

    def holds(self, member: Member) -> bool:
        """Whether a node is counted, or a scope holds a node that is."""
        return member.path in self.scopes if isinstance(member, Scope) else member.id in self.nodes

    def nodes_in(self, members: Iterable[Member]) -> list[Node]:
        """All nodes of these members that are counted, in order."""
        found: list[Node] = []
        pending = list(members)[::-1]
        while pending:
            member = pending.pop()
            if isinstance(member, Scope):
                pending += reversed(self.graph.children[member.path])
            elif member.id in self.nodes:
                found.append(member)
        return found

    def result(self, member: Member) -> Value:
        """The value that leaves a node or scope; the last of several."""
        if isinstance(member, Node):
            return Value(member.id)
        if not member.path:
            return self.graph.outputs[0].values[0]
        if member.results:
            return member.results[-1]
        return self.result(next(m for m in reversed(self.graph.children[member.path]) if self.holds(m)))

    @cached_property
    def varying(self) -> Mapping[str, set[str]]:
        """For each block, the parameters whose values differ between its uses."""
        first: dict[str, dict[str, object]] = {}
        found: dict[str, set[str]] = {}
        for scope in self.graph.scopes.values():
            if scope.block is not None:
                known = first.setdefault(scope.block, dict(scope.arguments))
                others = {name for name, value in scope.arguments if known.get(name) != value}
                found.setdefault(scope.block, set()).update(others)
        return found
