"""Activation memory, in bytes: what inference holds at once, the largest op alone, and what training keeps.

Ops run in the order of the graph, which is the order of the spec. A value's memory is taken when its op starts and
given back after its last use; a view (`flatten`) and an op that overwrites its input (most activations) take none.
Weights are not counted.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from archdsl.analyses.overwriting import count_uses, overwrites
from archdsl.ir.graph import Graph, Node, Value
from archdsl.ops.base import Kept
from archdsl.ops.costs import INDEX_BYTES
from archdsl.tensor import Tensor

PRECISIONS: Mapping[str, int] = {"fp64": 8, "fp32": 4, "bf16": 2, "fp16": 2}
"""Bytes of a number."""


@dataclass(frozen=True, slots=True)
class Inference:
    """`live` are the bytes in memory while each node runs; `peak` is the largest, first reached at the node `at`.

    `held` are the values in memory at that time, including the network's input if it is still needed.
    """

    peak: int
    at: str
    held: tuple[Value, ...]
    live: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class Training:
    """Bytes kept for the backward pass, in total and by node; a value counts at the first node that keeps it."""

    total: int
    kept: Mapping[str, int]


def tensor_bytes(tensor: Tensor, width: int = 4) -> int:
    """`width` bytes a number; tokens take 8 each whatever the precision."""
    return tensor.size * (INDEX_BYTES if tensor.kind == "int" else width)


def inference(graph: Graph, width: int = 4) -> Inference:
    """Memory of inference on one sample, without the nodes that serve only training."""
    nodes = [node for node in graph if node.id not in graph.training_only]
    places = _places(graph, nodes)
    last = _last_uses(graph, nodes, places)
    ends: dict[int, list[Value]] = {}
    for place, index in last.items():
        ends.setdefault(index, []).append(place)
    live: dict[str, int] = {}
    held = 0
    for index, node in enumerate(nodes):
        held += sum(tensor_bytes(graph.tensor(v), width) for v in _results(node) if places[v] == v)
        live[node.id] = held + node.op.scratch(*graph.tensors_into(node.id)).size(width)
        held -= sum(tensor_bytes(graph.tensor(place), width) for place in ends.get(index, ()))
    at = max(live, key=lambda id: live[id])
    return Inference(live[at], at, _held_at(nodes, at, last), live)


def _held_at(nodes: list[Node], at: str, last: Mapping[Value, int]) -> tuple[Value, ...]:
    order = {node.id: index for index, node in enumerate(nodes)}
    return tuple(place for place, end in last.items() if order[place.node] <= order[at] <= end)


def _places(graph: Graph, nodes: list[Node]) -> dict[Value, Value]:
    """For each value the value whose memory it uses: itself, unless it is a view or overwrites its input."""
    uses = count_uses(graph)
    places: dict[Value, Value] = {}
    for node in nodes:
        inputs = graph.inputs_of(node.id)
        tensors = graph.tensors_into(node.id)
        shares = bool(inputs) and (node.op.is_view(*tensors) or overwrites(graph, node, uses))
        places.update((value, places[inputs[0]] if shares else value) for value in _results(node))
    return places


def _last_uses(graph: Graph, nodes: list[Node], places: Mapping[Value, Value]) -> dict[Value, int]:
    """For each value with memory of its own, the index of the last node that needs it; outputs outlast all nodes."""
    last: dict[Value, int] = {}
    for index, node in enumerate(nodes):
        for value in (*graph.inputs_of(node.id), *_results(node)):
            last[places[value]] = index
    for output in graph.outputs:
        if not output.training:
            last.update((places[value], len(nodes)) for value in output.values)
    return last


def _results(node: Node) -> Iterator[Value]:
    return (Value(node.id, port) for port in range(len(node.outputs)))


def largest_op(graph: Graph, width: int = 4) -> tuple[str, int]:
    """The lecture's M(G) = max over ops of (inputs + outputs + the op's own), and the node that needs it.

    The op's own is what it holds while it runs (the places of a max pooling). Nothing is overwritten, and values
    that wait for a later op are not counted (Sandler et al. 2018, MobileNetV2, section 5.1).
    """
    needs = {node.id: _alone(graph, node, width) for node in graph if node.id not in graph.training_only}
    id = max(needs, key=lambda id: needs[id])
    return id, needs[id]


def _alone(graph: Graph, node: Node, width: int) -> int:
    tensors = graph.tensors_into(node.id)
    if not tensors or node.op.is_view(*tensors):
        return 0
    taken = [graph.tensor(value) for value in dict.fromkeys(graph.inputs_of(node.id))]
    return sum(tensor_bytes(t, width) for t in (*taken, *node.outputs)) + node.op.scratch(*tensors).size(width)


def training(graph: Graph, width: int = 4, batch: int = 1) -> Training:
    """What PyTorch's autograd keeps of a batch until the backward pass: activations, not weights or their gradients.

    Training outputs count. The rules are those of the CPU; CUDA keeps a byte for each number of a dropout instead of
    a number.
    """
    keeper = _Keeper(graph, width, batch)
    kept = {node.id: keeper.keep(node) for node in graph}
    return Training(sum(kept.values()), kept)


class _Keeper:
    """Visits the nodes in order and counts what each keeps; a value that several nodes keep is counted once."""

    def __init__(self, graph: Graph, width: int, batch: int) -> None:
        self.graph, self.width, self.batch = graph, width, batch
        self.uses = count_uses(graph)
        self.places: dict[Value, Value] = {}
        self.differentiable: set[str] = set()
        self.kept: set[Value] = set()

    def keep(self, node: Node) -> int:
        """Bytes that this node keeps and that no node before it has kept."""
        inputs, tensors = self.graph.inputs_of(node.id), self.graph.tensors_into(node.id)
        shares = bool(inputs) and node.op.is_view(*tensors, training=True)
        self.places.update((value, self.places[inputs[0]] if shares else value) for value in _results(node))
        if not (any(value.node in self.differentiable for value in inputs) or node.op.params(*tensors)):
            return 0
        self.differentiable.add(node.id)
        rule = node.op.keeps(*tensors)
        further = rule.further.size(self.width) * self.batch + rule.once * self.width
        return further + sum(map(self._newly_kept, self._values(node, rule)))

    def _values(self, node: Node, rule: Kept) -> list[Value]:
        values = [self.graph.inputs_of(node.id)[place] for place in rule.inputs]
        if rule.inputs and rule.result_suffices and overwrites(self.graph, node, self.uses):
            values = list(_results(node))
        return [*values, *_results(node)] if rule.output else values

    def _newly_kept(self, value: Value) -> int:
        """Bytes of a value, or 0 if its memory is kept already. An overwritten input counts: PyTorch copies it."""
        place = self.places[value]
        if place in self.kept:
            return 0
        self.kept.add(place)
        return tensor_bytes(self.graph.tensor(place), self.width) * self.batch
