"""Removes the steps on which no output depends.

Otherwise they would be counted, drawn and emitted, although they change nothing. Inputs are kept, because the network
is called with them. A step is also kept if an expression in the spec asks for its shape, and if it is a copy beside
other copies that are used.
"""

from __future__ import annotations

from collections.abc import Iterator

from archdsl.ir.graph import Graph, Scope
from archdsl.ir.rewrite import pruned
from archdsl.ir.unused import removable, scopes_around


def drop_unused_steps(graph: Graph) -> Graph:
    """A graph with the same outputs and fewer nodes. Scopes that would be empty are removed too."""
    gone = removable(graph)
    if not gone:
        return graph
    left = scopes_around(graph, (node.id for node in graph if node.id not in gone))
    return pruned(graph, gone, [scope.path for scope in _hollow(graph, left)])


def _hollow(graph: Graph, left: set[str]) -> Iterator[Scope]:
    """Scopes without a node whose text is unused as a whole wherever it made one.

    `path gate = Gate(w)`, which nothing uses and which for some widths is no step at all, is gone in every use.
    """
    filled = scopes_around(graph, (node.id for node in graph))
    used = {graph.scopes[path].span for path in left}
    unused = {graph.scopes[path].span for path in filled - left} - used
    yield from (scope for path, scope in graph.scopes.items() if path not in filled and scope.span in unused)
