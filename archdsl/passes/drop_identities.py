"""A graph for inference alone: without ops that hand on their input as it is, once training is over.

These are `identity`, and what acts by chance while training: dropout, channel dropout, drop path. An op that merely
comes to nothing with some arguments (a `pad` of 0) is left where it is.
"""

from __future__ import annotations

from archdsl.ir.graph import Graph
from archdsl.ir.rewrite import bypassed


def drop_identities(graph: Graph) -> Graph:
    """The same outputs at inference, number for number, with fewer nodes."""
    idle = frozenset(node.id for node in graph if node.op.identity_at_inference)
    return bypassed(graph, idle) if idle else graph
