"""Removes the ops that give back their input at inference. The result is for inference only.

These ops are `identity`, `dropout`, `channel_dropout` and `drop_path`. An op that only has no effect because of its
arguments (a `pad` of 0) is not removed.
"""

from __future__ import annotations

from archdsl.ir.graph import Graph
from archdsl.ir.rewrite import bypassed


def drop_identities(graph: Graph) -> Graph:
    """A graph with fewer nodes and exactly the same outputs at inference."""
    idle = frozenset(node.id for node in graph if node.op.identity_at_inference)
    return bypassed(graph, idle) if idle else graph
