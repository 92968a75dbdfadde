"""Sends other input sizes through a compiled network, to see which node fails first and which nodes lose rows."""

from __future__ import annotations

from dataclasses import dataclass

from archdsl.ir.graph import Graph, Node, Value
from archdsl.ops.base import Mismatch
from archdsl.tensor import Tensor


@dataclass(frozen=True, slots=True)
class Passage:
    """The result for one size: `failed` is the first node that does not accept its `inputs`, None if all do.

    `dropped` has the rows and columns, in pixels, that a node does not use.
    """

    failed: Node | None
    inputs: tuple[Tensor, ...]
    dropped: tuple[tuple[Node, tuple[int, ...]], ...]


def propagate(graph: Graph, tensors: tuple[Tensor, ...]) -> Passage:
    """Computes the shapes of all nodes for inputs of other sizes, with the arguments of the ops unchanged."""
    given = iter(tensors)
    values: dict[Value, Tensor] = {}
    dropped: list[tuple[Node, tuple[int, ...]]] = []
    for node in graph:
        inputs = tuple(values[value] for value in graph.inputs_of(node.id))
        try:
            outputs = (next(given),) if node.op.name == "input" else node.op.outputs(*inputs)
        except Mismatch:
            return Passage(node, inputs, tuple(dropped))
        lost = node.op.dropped(*inputs) if inputs else ()
        if any(lost):
            dropped.append((node, lost))
        values.update((Value(node.id, port), output) for port, output in enumerate(outputs))
    return Passage(None, (), tuple(dropped))


def contrast(graph: Graph, passage: Passage) -> str | None:
    """`enc3 is 16x51x51 and dec3.up_conv 16x50x50: they differ by 1`; None if the inputs of the failed node agree."""
    node = passage.failed
    if node is None or len(passage.inputs) < 2:
        return None
    first, *others = passage.inputs
    for index, other in enumerate(others, 1):
        if other.rank != first.rank or other.spatial == first.spatial:
            continue
        ours, theirs = (called(graph, graph.inputs_of(node.id)[place]) for place in (0, index))
        gaps = dict.fromkeys(abs(a - b) for a, b in zip(first.spatial, other.spatial, strict=True) if a != b)
        return f"{ours} is {first} and {theirs} {other}: they differ by {' and '.join(map(str, gaps))}"
    return None


def called(graph: Graph, value: Value) -> str:
    """A name for a value: the path of the outermost stage or block whose result it is, else the id of its node."""
    scopes = [scope.path for scope in graph.ancestry(graph.node(value.node).scope) if value in scope.results]
    return next((path for path in reversed(scopes) if path), value.node)
