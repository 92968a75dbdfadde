"""An imported graph in, one that can be written as PyTorch source out: with names that attributes may have.

Modules of an `nn.Sequential` are called 0, 1, 2; only copies of a block may be called so in source. Weights are
kept where their node is.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from archdsl.diagnostics import CompileError, Diagnostic
from archdsl.frontends.load import opaque_nodes
from archdsl.ir.graph import Graph, Node, Output, Scope, Value
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
    paths = _paths(graph)
    homes = _homes(graph, paths)
    if all(path == new for path, new in paths.items()) and all(node.weights == homes[node.id] for node in graph):
        return graph
    renamed = _renamed(graph, paths, homes)
    verify(renamed, "writable")
    return renamed


def _paths(graph: Graph) -> dict[str, str]:
    """The new path of each scope and node."""
    paths = {"": ""}
    for scope, members in sorted(graph.children.items(), key=lambda entry: entry[0].count(".") + bool(entry[0])):
        taken = {member.name for member in members}
        for member in members:
            name = member.name
            if name.isdecimal() and not (isinstance(member, Scope) and member.kind == "copy"):
                name = _spelled(member)
                while name in taken:
                    name += "_"
                taken.add(name)
            old = member.id if isinstance(member, Node) else member.path
            paths[old] = f"{paths[scope]}.{name}" if paths[scope] else name
    return paths


def _spelled(member: Node | Scope) -> str:
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


def _renamed(graph: Graph, paths: Mapping[str, str], homes: Mapping[str, str]) -> Graph:
    def values(old: tuple[Value, ...]) -> tuple[Value, ...]:
        return tuple(Value(paths[value.node], value.port) for value in old)

    scopes = (
        replace(
            scope,
            path=paths[path],
            parent=None if scope.parent is None else paths[scope.parent],
            weights=paths.get(scope.weights, paths[path]),
            results=values(scope.results),
            names=tuple(zip((name for name, _ in scope.names), values(tuple(v for _, v in scope.names)), strict=True)),
        )
        for path, scope in graph.scopes.items()
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
