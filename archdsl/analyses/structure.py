"""Finds the inputs and outputs of each scope, and the scopes that have the same structure.

Two scopes have the same structure if their ops (with arguments), their connections and the scopes inside them are
equal. Names and shapes may differ. Each structure has a number.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from archdsl.ir.graph import Graph, Node, Scope, Value
from archdsl.ops.base import Op


@dataclass(frozen=True, slots=True)
class Interface:
    """The values that enter a scope, in order of first use, and those that leave it, in the order they are made."""

    inputs: tuple[Value, ...]
    outputs: tuple[Value, ...]


def interfaces(
    graph: Graph, links: Iterable[tuple[Value, str]] | None = None, results: Iterable[Value] | None = None
) -> dict[str, Interface]:
    """The interface of every scope. A value that the network returns leaves every scope around its node.

    `links` (pairs of a value and the id of the node that takes it) and `results` say which uses count; by default all.
    """
    if links is None:
        links = [(value, node.id) for node in graph for value in graph.inputs_of(node.id)]
    if results is None:
        results = [value for output in graph.outputs for value in output.values]
    around = {path: frozenset(scope.path for scope in graph.ancestry(path)) for path in graph.scopes}
    taken: dict[str, dict[Value, None]] = {path: {} for path in graph.scopes}
    given: dict[str, set[Value]] = {path: set() for path in graph.scopes}
    for value, user in links:
        maker, taker = around[graph.node(value.node).scope], around[graph.node(user).scope]
        for path in taker - maker:
            taken[path].setdefault(value)
        for path in maker - taker:
            given[path].add(value)
    for value in results:
        for path in around[graph.node(value.node).scope]:
            given[path].add(value)
    order = {node.id: index for index, node in enumerate(graph)}
    return {
        path: Interface(tuple(taken[path]), tuple(sorted(given[path], key=lambda v: (order[v.node], v.port))))
        for path in graph.scopes
    }


def structures(graph: Graph, *, arguments: bool = True, known: dict[object, int] | None = None) -> dict[str, int]:
    """A number for each scope, the same for the same structure. Without `arguments`, only names of ops are compared.

    To compare several graphs, pass the same `known` (empty at first) for each.

    >>> from archdsl.driver import compile_network, open_spec
    >>> numbers = structures(compile_network(open_spec("resnet"), "50").graph)
    >>> numbers["conv3.1"] == numbers["conv3.2"], numbers["conv3.0"] == numbers["conv3.1"]
    (True, False)
    """
    borders = interfaces(graph)
    known = {} if known is None else known
    numbers: dict[str, int] = {}
    for path in reversed(list(graph.scopes)):
        content = _content(graph, graph.scopes[path], borders, numbers, arguments)
        numbers[path] = known.setdefault(content, len(known))
    return numbers


def _content(
    graph: Graph, scope: Scope, borders: Mapping[str, Interface], numbers: Mapping[str, int], arguments: bool
) -> object:
    """A key for the content of a scope. Values are named by the place in the scope that they come from."""
    local: dict[Value, tuple[str | int, int]] = {
        value: ("input", index) for index, value in enumerate(borders[scope.path].inputs)
    }
    members: list[object] = []
    for index, member in enumerate(graph.children[scope.path]):
        if isinstance(member, Node):
            inputs, outputs = graph.inputs_of(member.id), tuple(Value(member.id, p) for p in range(len(member.outputs)))
            kind: object = identity(member.op) if arguments else member.op.name
        else:
            inputs, outputs = borders[member.path].inputs, borders[member.path].outputs
            kind = numbers[member.path], member.block
        members.append((kind, tuple(local.get(value) for value in inputs)))
        local.update({value: (index, port) for port, value in enumerate(outputs)})
    return tuple(members), tuple(local.get(value) for value in borders[scope.path].outputs)


def identity(op: Op) -> object:
    """The op itself, or only its name if its arguments depend on its place in the network (drop path)."""
    return op.name if op.by_place else op
