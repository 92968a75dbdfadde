"""An imported graph in, one that can be written as PyTorch source out.

Modules of an `nn.Sequential` are called 0, 1, 2, where in source only copies of a block may be called so; and code
may use parts of a module in between others, where source calls each module once. Names are spelled out, such
modules are dissolved into those around them, and weights are kept where their node is.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from graphlib import CycleError, TopologicalSorter

from archdsl.diagnostics import CompileError, Diagnostic
from archdsl.frontends.load import opaque_nodes
from archdsl.ir.graph import Graph, Node, Output, Scope, ScopeKind, Value
from archdsl.ir.verify import verify
from archdsl.naming import snake_case


def writable(graph: Graph) -> Graph:
    """The graph itself where it can be written as it is. Raises `CompileError` for opaque nodes."""
    problems = [
        Diagnostic("opaque-op", f"{node.id} is {node.op.target}, which no op of the language says", node.span)  # type: ignore[attr-defined]
        for node in opaque_nodes(graph)
    ]
    if problems:
        raise CompileError(problems)
    names = _Names(graph, frozenset(_used_in_parts(graph)))
    homes = _homes(graph, names.paths)
    if all(old == new for old, new in names.paths.items()) and all(node.weights == homes[node.id] for node in graph):
        return graph
    renamed = _renamed(graph, names, homes)
    verify(renamed, "writable")
    return renamed


def _used_in_parts(graph: Graph) -> Iterator[str]:
    """Scopes that need what others make of their values: seen as one step each, they would wait for each other."""
    steps: dict[str, dict[str, set[str]]] = {path: {} for path in graph.scopes}
    ways = {node.id: _way(graph, node) for node in graph}
    for node in graph:
        for value in graph.inputs_of(node.id):
            for (around, one), (_, other) in zip(ways[value.node], ways[node.id], strict=False):
                if one != other:
                    steps[around].setdefault(one, set()).add(other)
                    break
    for scope in steps.values():
        for together in _cycles(scope):
            yield from (path for path in together if path in graph.scopes)


def _cycles(steps: Mapping[str, set[str]]) -> list[set[str]]:
    """Groups of steps that wait for each other. networkx is imported only where there are some."""
    try:
        TopologicalSorter(steps).prepare()
    except CycleError:
        import networkx as nx

        return [part for part in nx.strongly_connected_components(nx.DiGraph(steps)) if len(part) > 1]
    return []


def _way(graph: Graph, node: Node) -> list[tuple[str, str]]:
    """From the outside in: each scope around a node, and what the node is or lies in there."""
    chain = [scope.path for scope in reversed(graph.ancestry(node.scope))]
    return list(zip(chain, [*chain[1:], node.id], strict=True))


class _Names:
    """New paths. A dissolved scope has that of the scope around it, and its members begin with its name."""

    def __init__(self, graph: Graph, dissolved: frozenset[str]) -> None:
        self.graph = graph
        self.dissolved = dissolved
        self.mixed = frozenset(graph.scopes[path].parent for path in dissolved) | dissolved
        """Scopes whose members are no longer copies."""
        self.paths = {"": ""}
        taken: set[str] = set()
        for path in sorted(graph.scopes, key=lambda path: path.count(".") + bool(path)):
            for member in graph.children[path]:
                self._place(member, path, taken)

    def _place(self, member: Node | Scope, scope: str, taken: set[str]) -> None:
        old, around = member.id if isinstance(member, Node) else member.path, self.paths[scope]
        if old in self.dissolved:
            self.paths[old] = around
            return
        name = f"{self._prefix(scope)}{self._name(member)}"
        new = f"{around}.{name}" if around else name
        while new in taken:
            new += "_"
        taken.add(new)
        self.paths[old] = new

    def _prefix(self, scope: str) -> str:
        """The names of the dissolved scopes in which a member lies."""
        if scope not in self.dissolved:
            return ""
        around = self.graph.scopes[scope]
        return f"{self._prefix(around.parent or '')}{_spelled(around)}_"

    def _name(self, member: Node | Scope) -> str:
        return member.name if self.is_copy(member) else _spelled(member)

    def is_copy(self, member: Node | Scope) -> bool:
        return isinstance(member, Scope) and member.kind == "copy" and member.parent not in self.mixed

    def kind(self, scope: Scope) -> ScopeKind:
        was_copies = scope.kind == "copies" and scope.path in self.mixed
        was_copy = scope.kind == "copy" and not self.is_copy(scope)
        return "block" if was_copies or was_copy else scope.kind


def _spelled(member: Node | Scope) -> str:
    """A name that is no number."""
    if not member.name.isdecimal():
        return member.name
    base = member.op.name if isinstance(member, Node) else snake_case(member.block or "part")
    return f"{base}{member.name}"


def _homes(graph: Graph, paths: Mapping[str, str]) -> dict[str, str]:
    """Where each node keeps its weights. What a scope's name was for them is now the name of the first node there."""
    found: dict[str, str] = {}
    homes = {}
    for node in graph:
        outer, _, name = node.weights.rpartition(".")
        if node.weights in graph:
            home = paths[node.weights]
        elif node.weights in graph.scopes or outer not in paths:
            home = paths[node.id]
        else:
            home = f"{paths[outer]}.{name}" if paths[outer] else name
        homes[node.id] = found.setdefault(node.weights, home)
    return homes


def _renamed(graph: Graph, names: _Names, homes: Mapping[str, str]) -> Graph:
    paths = names.paths

    def values(old: tuple[Value, ...]) -> tuple[Value, ...]:
        return tuple(Value(paths[value.node], value.port) for value in old)

    scopes = (
        replace(
            scope,
            path=paths[path],
            parent=None if scope.parent is None else paths[scope.parent],
            kind=names.kind(scope),
            copy=scope.copy if names.is_copy(scope) else None,
            weights=paths.get(scope.weights, paths[path]),
            results=values(scope.results),
            names=tuple((name, values((value,))[0]) for name, value in scope.names),
        )
        for path, scope in graph.scopes.items()
        if path not in names.dissolved
    )
    nodes = (
        (
            replace(node, id=paths[node.id], scope=paths[node.scope], weights=homes[node.id]),
            values(graph.inputs_of(node.id)),
        )
        for node in graph
    )
    outputs = (Output(o.name, values(o.values), o.training, o.several) for o in graph.outputs)
    return Graph(graph.header, scopes, nodes, outputs)
