"""All facts of one graph as one typed value: of every node, of every scope, of the whole."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property

from archdsl.analyses import memory, totals
from archdsl.analyses.conventions import CONVENTIONS, Convention
from archdsl.analyses.flops import Flops, flops
from archdsl.analyses.machine import Machine, roofline, traffic
from archdsl.analyses.receptive_field import ReceptiveField, ReceptiveFields, receptive_fields
from archdsl.ir.graph import Graph, Node


@dataclass(frozen=True, slots=True)
class Basis:
    """What facts are computed for: counting convention, precision, batch size and machine.

    With `training`, nodes that serve only training outputs are counted too.
    """

    convention: Convention = CONVENTIONS["paper"]
    precision: str = "fp32"
    batch: int = 1
    machine: Machine | None = None
    training: bool = False

    @property
    def width(self) -> int:
        """Bytes of a number."""
        return memory.PRECISIONS[self.precision]


@dataclass(frozen=True, slots=True)
class Facts:
    """The costs of one node, or of several together: memory in bytes, time in seconds, operations for the batch.

    `params` and `buffers` are counted at their first use, so that a sum counts shared weights once. `counted` are the
    operations by the convention, `flops` is 2 x MACs and the rest. `written` is the memory of the outputs, `live` the
    most that inference holds while the nodes run, `kept` what training keeps, `moved` the memory traffic, and `time`
    the least time by the roofline.
    """

    params: int = 0
    buffers: int = 0
    macs: int = 0
    flops: int = 0
    counted: int = 0
    written: int = 0
    live: int = 0
    kept: int = 0
    moved: int = 0
    time: float = 0.0

    def __add__(self, other: Facts) -> Facts:
        return Facts(
            self.params + other.params,
            self.buffers + other.buffers,
            self.macs + other.macs,
            self.flops + other.flops,
            self.counted + other.counted,
            self.written + other.written,
            max(self.live, other.live),
            self.kept + other.kept,
            self.moved + other.moved,
            self.time + other.time,
        )

    @property
    def intensity(self) -> float | None:
        """Operations for each byte of memory traffic."""
        return self.flops / self.moved if self.moved else None


@dataclass(frozen=True)
class Summary:
    """The facts of `nodes` (in the order of the graph) and of the scopes that hold any; "" is the network."""

    graph: Graph
    basis: Basis
    nodes: Mapping[str, Facts]
    scopes: Mapping[str, Facts]
    layers: Mapping[str, int] = field(repr=False)
    """Convolutions and linear layers on the longest way from an input to each node's output."""
    inference: memory.Inference = field(repr=False)
    training: memory.Training = field(repr=False)
    fields: ReceptiveFields = field(repr=False)

    @property
    def total(self) -> Facts:
        return self.scopes[""]

    @cached_property
    def depth(self) -> int:
        """Weighted layers in depth: the 22 of GoogLeNet."""
        return totals.layers(self.graph, (self.graph.node(id) for id in self.nodes))

    @cached_property
    def flops(self) -> Flops:
        """MACs and the itemised rest, for one sample."""
        return flops(self.graph, (self.graph.node(id) for id in self.nodes))

    @cached_property
    def largest_op(self) -> tuple[str, int]:
        """The lecture's M(G), for one sample, and the node that needs it."""
        return memory.largest_op(self.graph, self.basis.width)

    @property
    def training_only(self) -> int:
        """Parameters that only training outputs need."""
        everything = totals.parameters(self.graph, self.graph)
        return everything - totals.parameters(self.graph, totals.nodes_in(self.graph))

    @cached_property
    def varying(self) -> Mapping[str, set[str]]:
        """By block: the parameters whose values differ between its uses, and so tell one use from another."""
        first: dict[str, dict[str, object]] = {}
        found: dict[str, set[str]] = {}
        for scope in self.graph.scopes.values():
            if scope.block is not None:
                known = first.setdefault(scope.block, dict(scope.arguments))
                others = {name for name, value in scope.arguments if known.get(name) != value}
                found.setdefault(scope.block, set()).update(others)
        return found

    def field(self, id: str) -> ReceptiveField:
        return self.fields.fields[id]


def summarize(graph: Graph, basis: Basis | None = None) -> Summary:
    """Counts everything. Raises `CompileError` where the machine states no peak for the precision.

    >>> from archdsl.driver import compile_network, open_spec
    >>> facts = summarize(compile_network(open_spec("resnet"), "50").graph)
    >>> facts.total.params, facts.total.macs, facts.depth, facts.scopes["conv5"].params
    (25557032, 4089184256, 50, 14964736)
    """
    basis = basis or Basis()
    nodes = totals.nodes_in(graph, training=basis.training)
    held = memory.inference(graph, basis.width)
    kept = memory.training(graph, basis.width, basis.batch)
    facts = dict(_facts(graph, nodes, basis, held, kept))
    return Summary(
        graph, basis, facts, _by_scope(graph, facts), totals.depths(graph, nodes), held, kept, receptive_fields(graph)
    )


def _facts(
    graph: Graph, nodes: Iterable[Node], basis: Basis, held: memory.Inference, kept: memory.Training
) -> Iterator[tuple[str, Facts]]:
    seen: set[str] = set()
    for node in nodes:
        op, tensors = node.op, graph.tensors_into(node.id)
        first = node.weights not in seen
        seen.add(node.weights)
        macs = op.macs(*tensors) * basis.batch
        operations = 2 * macs + op.rest(*tensors).count * basis.batch
        moved = traffic(graph, node, basis.width, basis.batch)
        shares = not tensors or op.is_view(*tensors)
        written = 0 if shares else sum(memory.tensor_bytes(tensor, basis.width) for tensor in node.outputs)
        yield (
            node.id,
            Facts(
                op.params(*tensors) if first else 0,
                op.buffers(*tensors) if first else 0,
                macs,
                operations,
                basis.convention.count(graph, node) * basis.batch,
                written * basis.batch,
                held.live.get(node.id, 0) * basis.batch,
                kept.kept[node.id],
                moved,
                roofline(operations, moved, basis.machine, basis.precision) if basis.machine else 0.0,
            ),
        )


def _by_scope(graph: Graph, facts: Mapping[str, Facts]) -> dict[str, Facts]:
    """Facts of every scope, from the inside out: in the graph's order, a scope comes after the one around it."""
    sums: dict[str, Facts] = {"": Facts()}
    for id, own in facts.items():
        scope = graph.node(id).scope
        sums[scope] = sums.get(scope, Facts()) + own
    for path in reversed(list(graph.scopes)):
        parent = graph.scopes[path].parent
        if parent is not None and path in sums:
            sums[parent] = sums.get(parent, Facts()) + sums[path]
    return sums
