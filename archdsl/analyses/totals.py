"""Counts over a network: parameters, buffers, MACs, weighted layers. Shared weights count once, MACs for each use."""

from __future__ import annotations

from collections.abc import Iterable

from archdsl.ir.graph import Graph, Node
from archdsl.ops.base import Family


def nodes_in(graph: Graph, scope: str = "", training: bool = False) -> list[Node]:
    """The nodes in a scope and in the scopes within it; with `training` also those that serve only training outputs."""
    skipped = frozenset() if training else graph.training_only
    return [node for node in (_inside(graph, scope) if scope else graph) if node.id not in skipped]


def _inside(graph: Graph, scope: str) -> list[Node]:
    """The nodes inside a scope, in the order of the graph.

    Only that scope is searched, so that asking for every stage in turn takes no longer than asking for all at once.
    """
    found = [graph.node(scope)] if scope in graph else []
    pending = [scope] if scope in graph.scopes else []
    while pending:
        for member in graph.children[pending.pop()]:
            if isinstance(member, Node):
                found.append(member)
            else:
                pending.append(member.path)
    return sorted(found, key=lambda node: graph.places[node.id])


def parameters(graph: Graph, nodes: Iterable[Node]) -> int:
    """Learned numbers; weights that several nodes share count once."""
    return sum({node.weights: node.op.params(*graph.tensors_into(node.id)) for node in nodes}.values())


def buffers(graph: Graph, nodes: Iterable[Node]) -> int:
    """Numbers that are kept in the state dict but not learned (running statistics)."""
    return sum({node.weights: node.op.buffers(*graph.tensors_into(node.id)) for node in nodes}.values())


def macs(graph: Graph, nodes: Iterable[Node]) -> int:
    """Multiply-adds of convolutions and matrix products, for one input."""
    return sum(node.op.macs(*graph.tensors_into(node.id)) for node in nodes)


def layers(graph: Graph, nodes: Iterable[Node]) -> int:
    """Convolutions, linear and recurrent layers on the longest way from input to output."""
    found = depths(graph, nodes)
    taken = {value.node for id in found for value in graph.inputs_of(id)}
    return max((depth for id, depth in found.items() if id not in taken), default=0)


def depths(graph: Graph, nodes: Iterable[Node]) -> dict[str, int]:
    """For each node, the weighted layers on the longest path to its output, without paths through gates of `mul`."""
    found: dict[str, int] = {}
    for node in nodes:
        values = graph.inputs_of(node.id)
        if node.op.name == "mul":
            values = tuple(value for value in values if graph.tensor(value) == node.output)
        before = max((found.get(value.node, 0) for value in values), default=0)
        found[node.id] = before + _layers(graph, node)
    return found


def _layers(graph: Graph, node: Node) -> int:
    """The weighted layers of one op: a recurrent one may be several on top of each other.

    An imported operation without an op is one, if it learns and multiplies.
    """
    if node.op.family is Family.OPAQUE:
        tensors = graph.tensors_into(node.id)
        return int(node.op.params(*tensors) > 0 and node.op.macs(*tensors) > 0)
    return node.op.depth()
