"""Puts several graphs into one, each under its own root, so that an analysis can treat them together."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace

from archdsl.ir.builder import join
from archdsl.ir.graph import Choice, Graph, Let, Node, Output, Scope, Step, Value, Written


def forest(graphs: Mapping[str, Graph]) -> tuple[Graph, Mapping[str, Graph]]:
    """One graph with all nodes and scopes; and, by name, each of the graphs with the same new paths.

    The node `conv1.bn` of the graph `net2` is `net2.conv1.bn` in both. The joint graph has the header of the first
    graph, and no outputs.
    """
    moved = {name: under(graph, name) for name, graph in graphs.items()}
    scopes = (scope for graph in moved.values() for scope in graph.scopes.values())
    nodes = ((node, graph.inputs_of(node.id)) for graph in moved.values() for node in graph)
    header = next(iter(moved.values())).header
    return Graph(header, scopes, nodes, ()), moved


def under(graph: Graph, root: str) -> Graph:
    """The same graph with `root` before every path. The scope of the network itself gets the path `root`."""
    move = _Move(root)
    return Graph(
        graph.header,
        map(move.scope, graph.scopes.values()),
        ((move.node(node), move.values(graph.inputs_of(node.id))) for node in graph),
        (Output(o.name, move.values(o.values), o.training, o.several) for o in graph.outputs),
    )


class _Move:
    def __init__(self, root: str) -> None:
        self.root = root

    def path(self, path: str) -> str:
        return join(self.root, path) if path else self.root

    def value(self, value: Value) -> Value:
        return Value(self.path(value.node), value.port)

    def values(self, values: Iterable[Value]) -> tuple[Value, ...]:
        return tuple(map(self.value, values))

    def written(self, written: Written) -> Written:
        home = None if written.home is None else self.path(written.home)
        names = tuple((name, self.value(value)) for name, value in written.values)
        return replace(written, home=home, values=names)

    def arguments(self, rows: Iterable[tuple[str, Written]]) -> tuple[tuple[str, Written], ...]:
        return tuple((name, self.written(written)) for name, written in rows)

    def step(self, step: Step) -> Step:
        if isinstance(step, str):
            return self.path(step)
        return Choice(
            step.place,
            tuple(map(self.written, step.conditions)),
            step.arms,
            step.taken,
            self.values(step.before),
            tuple(map(self.step, step.steps)),
            tuple((name, self.values(values)) for name, values in step.gives),
        )

    def scope(self, scope: Scope) -> Scope:
        return replace(
            scope,
            path=self.path(scope.path),
            parent=None if scope.parent is None else self.path(scope.parent),
            weights=self.path(scope.weights),
            written=self.arguments(scope.written),
            lets=tuple(Let(let.name, self.written(let.written), let.value) for let in scope.lets),
            count=None if scope.count is None else self.written(scope.count),
            loops=tuple(map(self.written, scope.loops)),
            steps=tuple(map(self.step, scope.steps)),
            names=tuple((name, self.value(value)) for name, value in scope.names),
            results=self.values(scope.results),
        )

    def node(self, node: Node) -> Node:
        return replace(
            node,
            id=self.path(node.id),
            scope=self.path(node.scope),
            weights=self.path(node.weights),
            written=self.arguments(node.written),
        )
