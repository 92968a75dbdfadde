"""Builds a graph: adds one op at a time, infers its outputs, and records the scopes around it.

Names depend on the text alone (`elaborate/naming.py`), so every node and scope has its path as soon as it is added.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from archdsl.ir.graph import Choice, Graph, Header, Let, Node, Output, Scope, ScopeKind, Step, Value, Written
from archdsl.ops.base import Op
from archdsl.source import Span
from archdsl.tensor import Tensor


class Ref(NamedTuple):
    """A value of a graph that is being built: the number of its node, and which of the node's outputs it is."""

    number: int
    port: int = 0


class Made(NamedTuple):
    """The op that made a value, its inputs, and its text."""

    op: Op
    inputs: tuple[Ref, ...]
    span: Span


class Home(NamedTuple):
    """Where a shared module is stored: the path of the weights of the scope that declares it, and its name there."""

    weights: str
    name: str


@dataclass(slots=True)
class _Scope:
    kind: ScopeKind
    path: str
    parent: str | None
    span: Span
    weights: str
    facts: dict[str, Any]
    lets: list[Let] = field(default_factory=list)
    loops: list[Written] = field(default_factory=list)
    ports: tuple[tuple[str, Ref], ...] = ()
    names: list[tuple[str, Ref]] = field(default_factory=list)
    steps: list[Step] = field(default_factory=list)
    results: tuple[Ref, ...] = ()


@dataclass(slots=True)
class _Node:
    op: Op
    path: str
    scope: str
    weights: str
    span: Span
    inputs: tuple[Ref, ...]
    outputs: tuple[Tensor, ...]
    label: str | None
    written: tuple[tuple[str, Written], ...]


class Builder:
    """Collects nodes and scopes. `finish` makes a graph of them."""

    def __init__(self, span: Span) -> None:
        self.current = _Scope("network", "", None, span, "", {})
        """The scope to which new nodes and scopes are added."""
        self._scopes = [self.current]
        self._nodes: list[_Node] = []

    def __len__(self) -> int:
        return len(self._nodes)

    def tensor(self, ref: Ref) -> Tensor:
        return self._nodes[ref.number].outputs[ref.port]

    def value(self, ref: Ref) -> Value:
        return Value(self._nodes[ref.number].path, ref.port)

    def made(self, ref: Ref) -> Made:
        """The op that made a value, with its inputs and text."""
        node = self._nodes[ref.number]
        return Made(node.op, node.inputs, node.span)

    def origin(self, ref: Ref) -> tuple[str, Span]:
        """The name of the step that made a value, and its text."""
        node = self._nodes[ref.number]
        return node.label or node.path.rpartition(".")[2], node.span

    def path(self, name: str) -> str:
        """The path that a new member of the current scope has if it is called `name`."""
        return join(self.current.path, name)

    def node(
        self,
        op: Op,
        inputs: Sequence[Ref],
        span: Span,
        name: str,
        *,
        label: str | None = None,
        written: tuple[tuple[str, Written], ...] = (),
        home: Home | None = None,
    ) -> tuple[Ref, ...]:
        """Adds a node for `op` and returns its outputs. Raises `Mismatch` if the op cannot take these inputs."""
        outputs = op.outputs(*(self.tensor(ref) for ref in inputs))
        path, scope = self.path(name), self.current
        weights = self._weights(name, home)
        node = _Node(op, path, scope.path, weights, span, tuple(inputs), outputs, label, written)
        scope.steps.append(path)
        self._nodes.append(node)
        return tuple(Ref(len(self._nodes) - 1, port) for port in range(len(outputs)))

    @contextmanager
    def within(
        self, kind: ScopeKind, name: str, span: Span, *, home: Home | None = None, **facts: Any
    ) -> Iterator[_Scope]:
        """A context in which nodes are added to a new scope.

        `facts` are further fields of `Scope`: `block`, `arguments`, `written`, `copy`, `title`, `doc` and others.
        """
        outer = self.current
        scope = _Scope(kind, self.path(name), outer.path, span, self._weights(name, home), facts)
        outer.steps.append(scope.path)
        self._scopes.append(scope)
        self.current = scope
        try:
            yield scope
        finally:
            self.current = outer

    @contextmanager
    def choice(
        self, place: Span, conditions: tuple[Written, ...], arms: int, taken: int, before: Sequence[Ref]
    ) -> Iterator[dict[str, tuple[Ref, ...]]]:
        """A context for the arm of an `if` that is built.

        Enter the values that the arm gives into the dictionary, by name.
        """
        scope, outer = self.current, self.current.steps
        scope.steps = []
        gives: dict[str, tuple[Ref, ...]] = {}
        try:
            yield gives
        finally:
            values = tuple((name, self._values(refs)) for name, refs in gives.items())
            flow = self._values(before)
            outer.append(Choice(place, conditions, arms, taken, flow, tuple(scope.steps), values))
            scope.steps = outer

    def finish(self, header: Header, outputs: Sequence[tuple[str, Sequence[Ref], bool, bool]]) -> Graph:
        """Makes the graph. Each of `outputs` is a name, its values, and whether it is for training only and a list.

        The main output is the first.
        """
        return Graph(
            header,
            (self._final_scope(scope) for scope in self._scopes),
            ((self._final_node(node), self._values(node.inputs)) for node in self._nodes),
            (Output(name, self._values(refs), training, several) for name, refs, training, several in outputs),
        )

    def _weights(self, name: str, home: Home | None) -> str:
        return join(self.current.weights, name) if home is None else join(home.weights, home.name)

    def _values(self, refs: Sequence[Ref]) -> tuple[Value, ...]:
        return tuple(map(self.value, refs))

    def _final_scope(self, scope: _Scope) -> Scope:
        names = [*scope.ports, *dict.fromkeys(name for name in scope.names if name not in scope.ports)]
        return Scope(
            path=scope.path,
            kind=scope.kind,
            parent=scope.parent,
            span=scope.span,
            weights=scope.weights,
            lets=tuple(scope.lets),
            loops=tuple(scope.loops),
            steps=tuple(scope.steps),
            names=tuple(zip((name for name, _ in names), self._values([ref for _, ref in names]), strict=True)),
            ports=tuple(name for name, _ in scope.ports),
            results=self._values(scope.results),
            **scope.facts,
        )

    def _final_node(self, node: _Node) -> Node:
        return Node(
            id=node.path,
            op=node.op,
            outputs=node.outputs,
            scope=node.scope,
            span=node.span,
            weights=node.weights,
            label=node.label,
            written=node.written,
        )


def join(path: str, name: str) -> str:
    return f"{path}.{name}" if path else name
