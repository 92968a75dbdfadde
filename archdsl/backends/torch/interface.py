"""What crosses the border of each scope: the values it takes from outside, and those of its own that are used outside.

A scope becomes a module: what it takes are the arguments of `forward`, what it gives is returned.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import takewhile

from archdsl.ir.graph import Graph, Scope, Value


@dataclass(frozen=True, slots=True)
class Interface:
    """`takes` in order of first use; `gives` in the order of the scope's results, then of its nodes."""

    takes: tuple[Value, ...]
    gives: tuple[Value, ...]


def live_nodes(graph: Graph) -> frozenset[str]:
    """Ids of the nodes that some output depends on."""
    live: set[str] = set()
    pending = [value.node for output in graph.outputs for value in output.values]
    while pending:
        id = pending.pop()
        if id not in live:
            live.add(id)
            pending.extend(value.node for value in graph.inputs_of(id))
    return frozenset(live)


def interfaces(graph: Graph, live: frozenset[str]) -> Mapping[str, Interface]:
    """The interface of every scope, by path."""
    crossing = _Crossing(graph)
    for node in graph:
        if node.id in live:
            for value in graph.inputs_of(node.id):
                crossing.record(value, graph.node(value.node).scope, node.scope)
    for output in graph.outputs:
        for value in output.values:
            crossing.record(value, graph.node(value.node).scope, None)
    gives = _agreed(graph, {path: _ordered(graph.scopes[path], crossing.gives[path]) for path in graph.scopes})
    crossing.takes[""] = dict.fromkeys(Value(node.id) for node in graph.inputs)
    return {path: Interface(tuple(crossing.takes[path]), gives[path]) for path in graph.scopes}


class _Crossing:
    """Values by the scopes whose borders they cross, each once and in the order met."""

    def __init__(self, graph: Graph) -> None:
        self.takes: dict[str, dict[Value, None]] = {path: {} for path in graph.scopes}
        self.gives: dict[str, dict[Value, None]] = {path: {} for path in graph.scopes}
        self._graph = graph
        self._chains: dict[str, tuple[str, ...]] = {}

    def chain(self, scope: str) -> tuple[str, ...]:
        """The paths from the network to `scope`."""
        if scope not in self._chains:
            parent = self._graph.scopes[scope].parent
            self._chains[scope] = (*(self.chain(parent) if parent is not None else ()), scope)
        return self._chains[scope]

    def record(self, value: Value, source: str, target: str | None) -> None:
        """A value made in scope `source` and used in `target`; None: outside of the network."""
        if source == target:
            return
        made, used = self.chain(source), self.chain(target) if target is not None else ()
        common = sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], zip(made, used, strict=False)))
        for path in made[common:]:
            self.gives[path][value] = None
        for path in used[common:]:
            self.takes[path][value] = None


def _ordered(scope: Scope, gives: Mapping[Value, None]) -> tuple[Value, ...]:
    first = [value for value in dict.fromkeys(scope.results) if value in gives]
    return (*first, *(value for value in gives if value not in scope.results))


def _agreed(graph: Graph, gives: dict[str, tuple[Value, ...]]) -> dict[str, tuple[Value, ...]]:
    """Uses of one shared module give the same: whatever any of them has to."""
    uses: dict[str, list[Scope]] = {}
    for scope in graph.scopes.values():
        uses.setdefault(scope.weights, []).append(scope)
    for scopes in uses.values():
        if len(scopes) > 1:
            inner = dict.fromkeys(_relative(scope, value) for scope in scopes for value in gives[scope.path])
            for scope in scopes:
                gives[scope.path] = tuple(Value(scope.path + value.node, value.port) for value in inner)
    return gives


def _relative(scope: Scope, value: Value) -> Value:
    return Value(value.node[len(scope.path) :], value.port)
