"""The only way from a spec to nodes: adds one op at a time, infers its outputs, and names everything at the end.

Names can only be given once a scope is complete (`conv` becomes `conv1` when a second one follows), so
nodes and scopes are numbers until `finish`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import count as numbering
from typing import Any, NamedTuple

from archdsl.ir.graph import Graph, Header, Node, Output, Scope, ScopeKind, Value
from archdsl.naming import RESERVED
from archdsl.ops.base import Op
from archdsl.source import Span
from archdsl.tensor import Tensor


class Ref(NamedTuple):
    """A value under construction: number of its node, which of that node's outputs."""

    number: int
    port: int = 0


class Home(NamedTuple):
    """Where a shared module is kept: the scope that declares it, and its name there."""

    scope: int
    name: str


@dataclass(slots=True)
class _Scope:
    kind: ScopeKind
    base: str
    parent: int | None
    span: Span
    home: Home | None
    facts: dict[str, Any]
    lets: list[tuple[str, str, Any]] = field(default_factory=list)
    decisions: list[tuple[str, bool]] = field(default_factory=list)
    names: list[tuple[str, Ref]] = field(default_factory=list)
    members: list[_Scope | _Node] = field(default_factory=list)
    results: tuple[Ref, ...] = ()
    path: str = ""
    weights: str = ""


@dataclass(slots=True)
class _Node:
    op: Op
    base: str
    scope: int
    span: Span
    inputs: tuple[Ref, ...]
    outputs: tuple[Tensor, ...]
    home: Home | None
    label: str | None
    written: tuple[tuple[str, str], ...]
    environment: Any
    path: str = ""


class Builder:
    """Collects nodes and scopes; `finish` turns them into a Graph."""

    def __init__(self, span: Span) -> None:
        self._scopes = [_Scope("network", "", None, span, None, {})]
        self._nodes: list[_Node] = []
        self.scope = 0
        """The scope that new nodes and scopes go into."""

    def __len__(self) -> int:
        return len(self._nodes)

    def tensor(self, ref: Ref) -> Tensor:
        return self._nodes[ref.number].outputs[ref.port]

    def origin(self, ref: Ref) -> tuple[str, Span]:
        """The name of the step that made a value, and its text."""
        node = self._nodes[ref.number]
        return node.label or node.base, node.span

    def node(
        self,
        op: Op,
        inputs: Sequence[Ref],
        span: Span,
        base: str,
        *,
        label: str | None = None,
        written: tuple[tuple[str, str], ...] = (),
        home: Home | None = None,
        environment: Any = None,
    ) -> tuple[Ref, ...]:
        """Adds `op` and returns its outputs. Raises the op's `Mismatch` where it cannot take these inputs."""
        outputs = op.outputs(*(self.tensor(ref) for ref in inputs))
        node = _Node(op, base, self.scope, span, tuple(inputs), outputs, home, label, written, environment)
        self._scopes[self.scope].members.append(node)
        self._nodes.append(node)
        return tuple(Ref(len(self._nodes) - 1, port) for port in range(len(outputs)))

    @contextmanager
    def within(
        self, kind: ScopeKind, base: str, span: Span, *, home: Home | None = None, **facts: Any
    ) -> Iterator[_Scope]:
        """Opens a scope; `facts` are further fields of `Scope` (block, arguments, written, copy, title, doc)."""
        scope = _Scope(kind, base, self.scope, span, home, facts)
        outer, self.scope = self.scope, len(self._scopes)
        self._scopes[outer].members.append(scope)
        self._scopes.append(scope)
        try:
            yield scope
        finally:
            self.scope = outer

    @property
    def current(self) -> _Scope:
        return self._scopes[self.scope]

    def finish(self, header: Header, outputs: Sequence[tuple[str, Sequence[Ref], bool, bool]]) -> Graph:
        """Names everything and makes the graph. `outputs`: name, values, training, several; the main one first."""
        for scope in self._scopes:
            _name_members(scope)
            _place_weights(scope, self._scopes)
        return Graph(
            header,
            (self._final_scope(scope) for scope in self._scopes),
            ((self._final_node(node), self._values(node.inputs)) for node in self._nodes),
            (Output(name, self._values(refs), training, several) for name, refs, training, several in outputs),
        )

    def _values(self, refs: Sequence[Ref]) -> tuple[Value, ...]:
        return tuple(Value(self._nodes[ref.number].path, ref.port) for ref in refs)

    def _final_scope(self, scope: _Scope) -> Scope:
        names = list(dict.fromkeys(scope.names))
        return Scope(
            path=scope.path,
            kind=scope.kind,
            parent=None if scope.parent is None else self._scopes[scope.parent].path,
            span=scope.span,
            weights=scope.weights,
            lets=tuple(scope.lets),
            decisions=tuple(dict.fromkeys(scope.decisions)),
            names=tuple(zip((name for name, _ in names), self._values([ref for _, ref in names]), strict=True)),
            results=self._values(scope.results),
            **scope.facts,
        )

    def _final_node(self, node: _Node) -> Node:
        scope = self._scopes[node.scope]
        if node.home is None:
            weights = join(scope.weights, node.path.rpartition(".")[2])
        else:
            weights = join(self._scopes[node.home.scope].weights, node.home.name)
        return Node(
            id=node.path,
            op=node.op,
            outputs=node.outputs,
            scope=scope.path,
            span=node.span,
            weights=weights,
            label=node.label,
            written=node.written,
            environment=node.environment,
        )


def join(path: str, name: str) -> str:
    return f"{path}.{name}" if path else name


def _name_members(scope: _Scope) -> None:
    """Gives each member its path: its own name where that is unique, else numbered from 1 in order."""
    counts = Counter(member.base for member in scope.members)
    taken = {base for base, count in counts.items() if count == 1 and base not in RESERVED}
    numbers = {base: numbering(1) for base in counts}
    for member in scope.members:
        name = member.base
        if name not in taken or counts[name] > 1:
            # relu6 becomes relu6_1: without the line, a further digit would make another name of it.
            stem = f"{member.base}_" if member.base[-1:].isdigit() else member.base
            name = next(n for n in (f"{stem}{i}" for i in numbers[member.base]) if n not in taken)
            taken.add(name)
        member.path = join(scope.path, name)


def _place_weights(scope: _Scope, scopes: list[_Scope]) -> None:
    if scope.home is not None:
        scope.weights = join(scopes[scope.home.scope].weights, scope.home.name)
    elif scope.parent is not None:
        scope.weights = join(scopes[scope.parent].weights, scope.path.rpartition(".")[2])
