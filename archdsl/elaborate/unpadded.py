"""Finds out whether a fact would hold with a padding of 0, the default of PyTorch, Keras and Caffe."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from archdsl.elaborate.values import Problem
from archdsl.ir.graph import Graph, Node
from archdsl.ir.rewrite import replaced
from archdsl.ops.base import Family, Mismatch

CHANGES = (
    (Family.CONV, Family.POOL),
    (Family.CONV,),
    (Family.POOL,),
)
"""The sets of ops for which a padding of 0 is tried."""


def meant_unpadded(graph: Graph, holds: Callable[[Graph], bool]) -> str | None:
    """A change that makes the fact hold, if some ops were meant to have no padding; else None."""
    for families in CHANGES:
        nodes = [node for node in graph if node.op.family in families and _has_default(node)]
        if nodes and _holds(replaced(graph, {node.id: _unpadded(node) for node in nodes}), holds):
            names = dict.fromkeys(node.op.name for node in nodes)
            return f"it holds with defaults: {', '.join(f'{name}(padding=0)' for name in names)}"
    return None


def _has_default(node: Node) -> bool:
    """Whether an op is padded although no padding was written."""
    fields = dict(node.op)
    return "padding" in fields and fields["padding"] in ("same", None) and "padding" not in dict(node.written)


def _unpadded(node: Node) -> Any:
    return node.op.model_copy(update={"padding": 0})


def _holds(graph: Graph, holds: Callable[[Graph], bool]) -> bool:
    """Whether `holds` is true of the graph. If an op cannot take its inputs, the answer is no."""
    try:
        shapes_fit = all(node.op.outputs(*graph.tensors_into(node.id)) == node.outputs for node in graph)
        return shapes_fit and holds(graph)
    except (Mismatch, LookupError, Problem):
        return False
