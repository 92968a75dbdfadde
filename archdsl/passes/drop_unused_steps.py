"""A graph without steps on which no output depends.

They would be counted, drawn and held by the emitted module, and change nothing. Inputs stay, since the network is
called with them. So does what the rest of the text asks for a shape, and a copy beside others that are used.
"""

from __future__ import annotations

from archdsl.ir.graph import Graph
from archdsl.ir.rewrite import pruned
from archdsl.ir.unused import removable


def drop_unused_steps(graph: Graph) -> Graph:
    """The same outputs with fewer nodes; scopes that held no others are gone too."""
    gone = removable(graph)
    return pruned(graph, gone) if gone else graph
