"""Which ops have a row in a table that does not list every op: layers with weights, and ops that change the shape."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TypeAlias

from archdsl.analyses.summary import Summary
from archdsl.ir.graph import Node
from archdsl.ops.base import WEIGHTED, Family

Chosen: TypeAlias = Callable[[Summary, Node], bool]
"""Says whether a node has a row of its own."""

LAYERS = WEIGHTED | {Family.EMBED}
"""Families whose weights slide over a map, mix channels or are looked up.

What papers call a weighted layer is a convolution, a linear or a recurrent layer. Norms and the like have weights too,
but these only scale each channel: they are counted with what has no row.
"""


def is_layer(summary: Summary, node: Node) -> bool:
    """Whether a node is a convolution, a linear or recurrent layer, or an embedding."""
    return node.op.family in LAYERS


def is_step(summary: Summary, node: Node) -> bool:
    """Whether a node is a layer, or changes the shape of what flows in (a pooling, a concat, a flatten)."""
    inputs = summary.inputs[node.id]
    return is_layer(summary, node) or (bool(inputs) and node.output.dims != inputs[0].dims)


def without_row(summary: Summary, chosen: Chosen) -> list[Node]:
    """The nodes that are counted and have no row, in order; inputs are not among them."""
    nodes: Iterable[Node] = map(summary.graph.node, summary.nodes)
    return [node for node in nodes if node.op.family is not Family.INPUT and not chosen(summary, node)]
