"""Activation memory, in bytes: what inference holds at once, the largest op alone, and what training keeps.

A view (`flatten`) and an op that overwrites its input (most activations) take no memory. Weights are not counted.
Nor are the network's inputs at inference, because the caller holds them before, during and after the call.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from archdsl.analyses.overwriting import overwriting
from archdsl.ir.graph import Graph, Node, Value
from archdsl.ops.base import Kept
from archdsl.ops.costs import INDEX_BYTES
from archdsl.ops.merge import with_positions
from archdsl.tensor import Tensor

Schedule: TypeAlias = "Callable[[Graph], Sequence[Step]]"
"""Gives the steps in which inference runs a graph: `flat`, or as the emitted module does it
(`archdsl.backends.torch.schedule`)."""

PRECISIONS: Mapping[str, int] = {"fp64": 8, "fp32": 4, "bf16": 2, "fp16": 2}
"""Bytes of a number."""


@dataclass(frozen=True, slots=True)
class Step:
    """A node that runs, and the values whose memory is freed after it.

    A join that takes its inputs one by one runs several times; `joined` says how many inputs it has joined so far.
    """

    node: str
    freed: tuple[Value, ...]
    joined: int = 0


@dataclass(frozen=True, slots=True)
class Inference:
    """Memory of inference: `live` has the bytes held while each node runs, by the node's id.

    `peak` is the largest of them, first reached at the node `at`; `held` are the values in memory at that time.
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
    """The bytes of a tensor, with `width` bytes for a number. Token ids take 8 bytes each at any precision."""
    return tensor.size * (INDEX_BYTES if tensor.kind == "int" else width)


def inference(graph: Graph, steps: Sequence[Step], width: int = 4) -> Inference:
    """The memory of inference on one sample, if the nodes run in these steps. `width` is the bytes of a number."""
    taken = places(graph)
    live: dict[str, int] = {}
    held: dict[Value, int] = {}
    now, peak, at = 0, 0, graph.inputs[0].id
    at_peak: tuple[Value, ...] = ()
    for step in steps:
        node = graph.node(step.node)
        made = {}
        if step.joined:
            made[partly_joined(graph, node, step.joined)] = joined_bytes(graph, node, step.joined, width)
        for value in _results(node) if not node.op.is_held and not step.joined else ():
            if taken[value] == value:
                made[value] = tensor_bytes(graph.tensor(value), width)
        held |= made
        now += sum(made.values())
        scratch = 0 if step.joined else node.op.scratch(*graph.tensors_into(node.id)).size(width)
        live[node.id] = max(live.get(node.id, 0), now + scratch)
        if now + scratch > peak:
            peak, at, at_peak = now + scratch, node.id, tuple(held)
        now -= sum(held.pop(value, 0) for value in step.freed)
    return Inference(peak, at, at_peak, live)


def partly_joined(graph: Graph, node: Node, count: int) -> Value:
    """A key for the partial result of a join after its first `count` inputs; after all of them, the node's output."""
    return Value(node.id, 0 if count == len(graph.inputs_of(node.id)) else -count)


def joined_bytes(graph: Graph, node: Node, count: int, width: int = 4) -> int:
    """The bytes of a join's partial result after its first `count` inputs.

    Inputs are broadcast. The first inputs of a product may all have size 1 in different dimensions (gates), and then
    the partial result is larger than each of them.
    """
    joined = graph.tensors_into(node.id)[:count]
    rank = max(tensor.rank for tensor in joined)
    shapes = [with_positions(tensor, rank) for tensor in joined]
    return tensor_bytes(Tensor(*map(max, zip(*shapes, strict=True))), width)


def flat(graph: Graph) -> tuple[Step, ...]:
    """Runs node after node in the order of the graph, and frees every value after its last use."""
    return flat_steps(graph, places(graph))


def flat_steps(graph: Graph, taken: Mapping[Value, Value]) -> tuple[Step, ...]:
    """The steps of `flat`, for known places of the values (see `places`)."""
    nodes = [node for node in graph if node.id not in graph.training_only]
    last: dict[Value, str | None] = {}
    for node in nodes:
        for value in (*graph.inputs_of(node.id), *_results(node)):
            last[taken[value]] = node.id
    for output in graph.outputs:
        if not output.training:
            last.update((taken[value], None) for value in output.values)
    freed: dict[str | None, list[Value]] = {}
    for place, id in last.items():
        freed.setdefault(id, []).append(place)
    return tuple(Step(node.id, tuple(freed.get(node.id, ()))) for node in nodes)


def places(graph: Graph) -> dict[Value, Value]:
    """For each value, the value whose memory it uses: itself, unless it is a view or overwrites its input."""
    overwrites = overwriting(graph, graph.outputs)
    found: dict[Value, Value] = {}
    for node in graph:
        inputs = graph.inputs_of(node.id)
        tensors = graph.tensors_into(node.id)
        shares = bool(inputs) and (node.op.is_view(*tensors) or node.id in overwrites)
        found.update((value, found[inputs[0]] if shares else value) for value in _results(node))
    return found


def outputs(graph: Graph, width: int = 4) -> dict[str, int]:
    """Bytes that the outputs of each node take by themselves: a view, or what overwrites its input, takes none.

    Nodes that serve only training outputs are left out, and so are the network's inputs.
    """
    taken = places(graph)
    nodes = (node for node in graph if node.id not in graph.training_only and not node.op.is_held)
    return {
        node.id: sum(tensor_bytes(graph.tensor(value), width) for value in _results(node) if taken[value] == value)
        for node in nodes
    }


def _results(node: Node) -> Iterator[Value]:
    return (Value(node.id, port) for port in range(len(node.outputs)))


def largest_op(graph: Graph, width: int = 4) -> tuple[str, int]:
    """The bytes and the id of the op that needs the most memory on its own.

    An op needs its inputs, its outputs and what it holds while it runs (the indices of a max pooling). It is taken not
    to overwrite its input, and values that wait for a later op are not counted (Sandler et al. 2018, MobileNetV2,
    section 5.1).
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
    """The activations that PyTorch's autograd keeps for the backward pass. Weights and their gradients do not count.

    Nodes that serve only training outputs count too. The rules are those of PyTorch on a CPU. (CUDA differs in
    dropout: it keeps a byte for each number, where the CPU keeps `width` bytes.)
    """
    keeping = Keeping(graph, width, batch)
    seen: set[Value] = set()
    kept: dict[str, int] = {}
    for node in graph:
        keeps = keeping.by_node.get(node.id, NOTHING_KEPT)
        new = set(keeps.places) - seen
        kept[node.id] = keeps.further + sum(map(keeping.size, new))
        seen |= new
    return Training(sum(kept.values()), kept)


def training_of_part(
    graph: Graph, nodes: Sequence[Node], takes: Sequence[Value], gives: Sequence[Value], width: int, batch: int
) -> int:
    """The bytes that training keeps of a part of a graph until its backward pass, with the values that it takes and
    gives, which a pipeline holds as long. `nodes` are those of the part in their order."""
    keeping = Keeping(graph, width, batch, nodes, takes)
    places = {keeping.places[value] for value in (*takes, *gives)}
    further = 0
    for keeps in keeping.by_node.values():
        places.update(keeps.places)
        further += keeps.further
    return further + sum(map(keeping.size, filter(keeping.is_lasting, places)))


@dataclass(frozen=True, slots=True)
class Keeps:
    """What a node keeps for the backward pass: `further` bytes, and values by their places.

    `after` it has run it keeps something that it has computed; else all that it keeps is known before.
    """

    further: int = 0
    places: tuple[Value, ...] = ()
    after: bool = False


NOTHING_KEPT = Keeps()


class Keeping:
    """What each node keeps for the backward pass, by its id, for nodes that keep anything.

    `places` has, for each value, the value whose memory it uses. With `nodes`, these alone run: a part of the network,
    which takes the values `takes`.
    """

    def __init__(
        self,
        graph: Graph,
        width: int = 4,
        batch: int = 1,
        nodes: Iterable[Node] | None = None,
        takes: Sequence[Value] = (),
    ) -> None:
        self.graph, self.width, self.batch = graph, width, batch
        self.overwriting = overwriting(graph, graph.outputs)
        self.places: dict[Value, Value] = {value: value for value in takes}
        self.by_node: dict[str, Keeps] = {}
        differentiable = {value.node for value in takes if graph.node(value.node).op.name != "input"}
        for node in graph if nodes is None else nodes:
            inputs, tensors = graph.inputs_of(node.id), graph.tensors_into(node.id)
            shares = bool(inputs) and node.op.is_view(*tensors, training=True)
            self.places.update((value, self.places[inputs[0]] if shares else value) for value in _results(node))
            if any(value.node in differentiable for value in inputs) or node.op.params(*tensors):
                differentiable.add(node.id)
                keeps = self._keeps(node, node.op.keeps(*tensors))
                if keeps != NOTHING_KEPT:
                    self.by_node[node.id] = keeps

    def _keeps(self, node: Node, rule: Kept) -> Keeps:
        further = rule.further.size(self.width) * self.batch + rule.once.size(self.width)
        places = dict.fromkeys(self.places[value] for value in self._values(node, rule))
        lasting = tuple(place for place in places if self.is_lasting(place))
        return Keeps(further, lasting, bool(rule.output or further))

    def _values(self, node: Node, rule: Kept) -> list[Value]:
        values = [self.graph.inputs_of(node.id)[place] for place in rule.inputs]
        if rule.inputs and rule.result_suffices and node.id in self.overwriting:
            values = list(_results(node))
        return [*values, *_results(node)] if rule.output else values

    def size(self, place: Value) -> int:
        """Bytes of a value. One that is overwritten counts, since PyTorch copies it."""
        alike = self.graph.node(place.node).op.reads_shape_alone
        return tensor_bytes(self.graph.tensor(place), self.width) * (1 if alike else self.batch)

    def is_lasting(self, place: Value) -> bool:
        """Whether a value is held for the backward pass alone: the module holds a learned one in any case."""
        op = self.graph.node(place.node).op
        return not (op.is_held and op.params(*self.graph.tensors_into(place.node)))
