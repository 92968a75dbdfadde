"""Reports imported modules that are used in several places, none of which is inside the module that holds them all."""

from __future__ import annotations

from collections.abc import Iterator

from archdsl.diagnostics import CompileError, Diagnostic
from archdsl.ir.builder import join
from archdsl.ir.graph import Graph, Node, Scope


def refuse_far_weights(graph: Graph) -> Graph:
    """The same graph. Raises `CompileError` if a module is used outside of the module that holds it."""
    problems = [
        Diagnostic("far-weights", f"{path} is the module {one.weights}, which no scope around it holds", one.span)
        for path, one in _members(graph)
        if not is_kept(graph, one)
    ]
    if problems:
        raise CompileError(problems)
    return graph


def _members(graph: Graph) -> Iterator[tuple[str, Node | Scope]]:
    yield from ((node.id, node) for node in graph)
    yield from ((scope.path, scope) for scope in graph.scopes.values() if scope.parent is not None)


def is_kept(graph: Graph, member: Node | Scope) -> bool:
    """Whether a member is held at its own path, or by its last name in a scope around it."""
    parent = member.scope if isinstance(member, Node) else member.parent
    assert parent is not None, "the network itself has no scope around it"
    home, _, name = member.weights.rpartition(".")
    if any(scope.weights == home for scope in graph.ancestry(parent)):
        return not name.isdecimal() or member.weights == join(graph.scopes[parent].weights, member.name)
    return False
