"""Removes the steps on which no output depends.

Otherwise they would be counted, drawn and emitted, although they change nothing. Inputs are kept, because the network
is called with them. A step is also kept if an expression in the spec asks for its shape, and if it is a copy beside
other copies that are used.
"""

from __future__ import annotations

from archdsl.ir.graph import Graph
from archdsl.ir.rewrite import pruned
from archdsl.ir.unused import removable


def drop_unused_steps(graph: Graph) -> Graph:
    """A graph with the same outputs and fewer nodes. Scopes that would be empty are removed too."""
    gone = removable(graph)
    return pruned(graph, gone) if gone else graph
