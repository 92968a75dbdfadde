"""Finds the steps on which no output depends, and those of them that can be removed."""

from __future__ import annotations

from collections.abc import Iterable

from archdsl.ir.graph import Graph
from archdsl.ir.words import expressions


def unused(graph: Graph) -> frozenset[str]:
    """The ids of nodes, except inputs, on which no output depends, not even a training output."""
    return frozenset(id for id in graph.idle if graph.node(id).op.name != "input")


def removable(graph: Graph) -> frozenset[str]:
    """The ids of unused nodes that can be removed.

    The others have to stay: an expression in the rest of the graph names their value, or they are copies beside others
    that are used. (Copies are numbered, so one of them cannot be removed without the others.)
    """
    gone = unused(graph)
    while gone:
        kept = gone - needed(graph, _asked_or_beside(graph, gone))
        if kept == gone:
            break
        gone = kept
    return gone


def scopes_around(graph: Graph, ids: Iterable[str]) -> set[str]:
    """The paths of the scopes that hold any of these nodes; "" is the network."""
    homes = {graph.node(id).scope for id in ids}
    return {scope.path for home in homes for scope in graph.ancestry(home)}


def needed(graph: Graph, ids: Iterable[str]) -> set[str]:
    """The ids of these nodes and of those on which they depend."""
    found: set[str] = set()
    pending = list(ids)
    while pending:
        id = pending.pop()
        if id not in found:
            found.add(id)
            pending += (value.node for value in graph.inputs_of(id))
    return found


def _asked_or_beside(graph: Graph, gone: frozenset[str]) -> Iterable[str]:
    """The nodes to which the rest of the graph would still refer."""
    left = scopes_around(graph, (node.id for node in graph if node.id not in gone))
    owners = {f"node {id}" for id in gone}
    for owner, scope, _, written in expressions(graph):
        if scope in left and owner not in owners:
            yield from (value.node for _, value in written.values)
    for id in gone:
        copies = next(
            (s for s in graph.ancestry(graph.node(id).scope) if s.kind == "copy" and s.path not in left), None
        )
        if copies is not None and copies.parent in left:
            yield id
