"""The least time of a network on a machine if neighbouring ops are computed together.

In the roofline of each op alone (`machine`), every value is written to memory and read again. Fused kernels need not do
so: a batch normalization, an activation or a sum is computed while the value that it takes is still at hand, and a
concatenation costs nothing, since what it joins is written to its place at once. A run of such ops takes as long as all
its arithmetic at the peak or all its traffic at the full bandwidth, whichever is longer.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from functools import partial

from archdsl.analyses.memory import tensor_bytes
from archdsl.ir.graph import Graph, Node, Value
from archdsl.ops.merge import Concat
from archdsl.ops.norm import Bn

SUMS = frozenset({"add", "sub", "mul"})
"""Ops that take several values position by position."""

Run = list[Node]
"""Nodes that are computed together, in the order of the graph. Each takes the value of the one before."""


def runs(graph: Graph, nodes: Collection[Node]) -> list[Run]:
    """The nodes in runs, each node in one of them."""
    returned = {value for output in graph.outputs for value in output.values}
    found: dict[str, Run] = {}
    begun: list[Run] = []
    for node in nodes:
        value = _at_hand(graph, node, returned)
        run = found.get(value.node) if value is not None else None
        if run is None:
            run = []
            begun.append(run)
        run.append(node)
        found[node.id] = run
    return begun


def _at_hand(graph: Graph, node: Node, returned: Collection[Value]) -> Value | None:
    """The value that a node can take before it is written: the newest one that only this node takes."""
    if not (isinstance(node.op, Bn) or node.op.pointwise or node.op.identity_at_inference or node.op.name in SUMS):
        return None

    def is_at_hand(value: Value) -> bool:
        maker = graph.node(value.node)
        computed = graph.inputs_of(maker.id) and not isinstance(maker.op, Concat)
        alone = graph.users(maker.id) == (node,) and value not in returned
        return bool(computed) and alone and graph.tensor(value) == node.output

    return max(filter(is_at_hand, graph.inputs_of(node.id)), key=lambda value: graph.places[value.node], default=None)


def fused_traffic(graph: Graph, run: Sequence[Node], width: int, batch: int = 1) -> int:
    """Bytes that a run reads and writes, with `width` bytes for a number: all but the values inside it."""
    if not any(map(partial(_computes, graph), run)):
        return 0
    inside = {node.id for node in run}
    taken = dict.fromkeys(value for node in run for value in graph.inputs_of(node.id) if value.node not in inside)
    tensors = [*map(graph.tensor, taken), *run[-1].outputs]
    return sum(tensor_bytes(tensor, width) for tensor in tensors) * batch + sum(_weights(graph, n) for n in run) * width


def _computes(graph: Graph, node: Node) -> bool:
    tensors = graph.tensors_into(node.id)
    return bool(tensors) and not isinstance(node.op, Concat) and not node.op.is_view(*tensors)


def _weights(graph: Graph, node: Node) -> int:
    tensors = graph.tensors_into(node.id)
    return node.op.params(*tensors) + node.op.buffers(*tensors)
