"""The graph as tables and figures show it: without what is in the text and does nothing.

The graph that is emitted keeps both, since the class of a block serves other uses too, where they do something.
"""

from __future__ import annotations

from archdsl.ir.graph import Graph
from archdsl.ir.rewrite import bypassed, pruned
from archdsl.ir.unused import unused
from archdsl.ops.base import Family


def counted(graph: Graph) -> Graph:
    """Without joins of one branch: they hand on the value, and emit nothing."""
    lone = {node.id for node in graph if node.op.family is Family.MERGE and len(graph.inputs_of(node.id)) == 1}
    return bypassed(graph, lone) if lone else graph


def drawn(graph: Graph) -> Graph:
    """Without joins of one branch, and without copies that stay only because those beside them are used."""
    gone = unused(graph)
    return counted(pruned(graph, gone) if gone else graph)
