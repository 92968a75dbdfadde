"""Scopes that are left and entered again, as lists of modules are that code goes through side by side.

`for conv, bn in zip(self.convs, self.bns): x = bn(conv(x))` gives two scopes, each of which needs the other's values.
No figure can draw one before the other, so it draws what they hold.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable

import networkx as nx

from archdsl.ir.graph import Graph, Value


def entered_again(graph: Graph, links: Iterable[tuple[Value, str]]) -> frozenset[str]:
    """The paths of these scopes. `links` are pairs of a value and the node that takes it."""
    pairs = [(graph.node(value.node).id, user) for value, user in links]
    found: frozenset[str] = frozenset()
    while True:
        inside: dict[str, nx.DiGraph] = defaultdict(nx.DiGraph)
        for one, other in pairs:
            scope, members = _apart(_ways(graph, one, found), _ways(graph, other, found))
            inside[scope].add_edge(*members)
        loops = (loop for members in inside.values() for loop in nx.strongly_connected_components(members))
        more = {path for loop in loops if len(loop) > 1 for path in loop if path in graph.scopes}
        if not more:
            return found
        found |= more


def _ways(graph: Graph, id: str, without: frozenset[str]) -> list[str]:
    """The scopes around a node, the outermost first, and the node itself; some scopes left out."""
    around = [scope.path for scope in graph.ancestry(graph.node(id).scope)]
    return [*(path for path in sorted(around, key=len) if path not in without), id]


def _apart(one: list[str], other: list[str]) -> tuple[str, tuple[str, str]]:
    """The innermost scope around both nodes, and the members of it that they are or lie in."""
    place = next(i for i, (a, b) in enumerate(zip(one, other, strict=False)) if a != b)
    return one[place - 1], (one[place], other[place])
