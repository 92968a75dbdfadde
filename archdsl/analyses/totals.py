"""Whole-network counts: parameters, buffers, MACs, weighted layers. Shared weights count once, work every time."""

from __future__ import annotations

from collections.abc import Iterable

from archdsl.ir.graph import Graph, Node
from archdsl.ops.base import Family

WEIGHTED = frozenset({Family.CONV, Family.LINEAR})
"""What papers count as layers: `the 22 layers` of GoogLeNet are its convolutions and linear layers in depth."""


def nodes_in(graph: Graph, scope: str = "", training: bool = False) -> list[Node]:
    """The nodes of a scope and of what it holds; those that serve only training outputs if `training` says so."""
    prefix = f"{scope}."
    skipped = frozenset() if training else graph.training_only
    inside = (n for n in graph if not scope or n.id == scope or n.id.startswith(prefix))
    return [node for node in inside if node.id not in skipped]


def parameters(graph: Graph, nodes: Iterable[Node]) -> int:
    """Learned numbers; weights that several nodes share count once."""
    return sum({node.weights: node.op.params(*graph.tensors_into(node.id)) for node in nodes}.values())


def buffers(graph: Graph, nodes: Iterable[Node]) -> int:
    """Kept numbers that are not learned (running statistics)."""
    return sum({node.weights: node.op.buffers(*graph.tensors_into(node.id)) for node in nodes}.values())


def macs(graph: Graph, nodes: Iterable[Node]) -> int:
    """Multiply-adds of convolutions and matrix products, for one input."""
    return sum(node.op.macs(*graph.tensors_into(node.id)) for node in nodes)


def layers(graph: Graph, nodes: Iterable[Node]) -> int:
    """Convolutions and linear layers on the longest way from input to output."""
    depth: dict[str, int] = {}
    for node in nodes:
        before = max((depth.get(value.node, 0) for value in graph.inputs_of(node.id)), default=0)
        depth[node.id] = before + (node.op.family in WEIGHTED)
    return max(depth.values(), default=0)
