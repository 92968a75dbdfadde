"""The graph as tables and figures show it: without steps that have no effect.

The emitted source keeps such steps, because the class of a block serves all uses of the block, and in another use they
may have an effect.
"""

from __future__ import annotations

from archdsl.ir.graph import Graph
from archdsl.ir.rewrite import bypassed, pruned
from archdsl.ir.unused import unused
from archdsl.ops.base import Family


def counted(graph: Graph) -> Graph:
    """The graph without joins of one branch, which only pass on a value."""
    lone = {node.id for node in graph if node.op.family is Family.MERGE and len(graph.inputs_of(node.id)) == 1}
    return bypassed(graph, lone) if lone else graph


def drawn(graph: Graph) -> Graph:
    """The graph without joins of one branch, and without unused copies that are kept only for the numbering."""
    gone = unused(graph)
    return counted(pruned(graph, gone) if gone else graph)
