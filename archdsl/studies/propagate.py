"""Other input sizes sent through a compiled network: which node fails first, and which nodes lose rows."""

from __future__ import annotations

from dataclasses import dataclass

from archdsl.ir.graph import Graph, Node, Value
from archdsl.ops.base import Mismatch
from archdsl.tensor import Tensor


@dataclass(frozen=True, slots=True)
class Passage:
    """`failed` is the first node that does not accept its `inputs`; `dropped` are the rows that nodes lose."""

    failed: Node | None
    inputs: tuple[Tensor, ...]
    dropped: tuple[tuple[Node, tuple[int, ...]], ...]


def propagate(graph: Graph, tensors: tuple[Tensor, ...]) -> Passage:
    """Sends inputs of other sizes through the ops as they are."""
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
    """`enc3 is 16x51x51 and dec3.up_conv 16x50x50: they differ by 1`, if inputs of the failed node differ in size."""
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
    """What to call a value: the outermost stage or block whose result it is, else its node."""
    scopes = [scope.path for scope in graph.ancestry(graph.node(value.node).scope) if value in scope.results]
    return next((path for path in reversed(scopes) if path), value.node)
