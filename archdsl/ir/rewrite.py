"""Functions that make a changed graph from a graph: other ops, other connections, fewer nodes, other names.

Use these functions to change a graph, because a value is referred to in many places: nodes take it, scopes have it as
a result and give it names, outputs return it, expressions and choices refer to it. Paths also occur in the steps of
scopes and as the places of weights. These functions change all of them consistently.
Each takes time linear in the graph. None verifies its result; that is done after every pass.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial

from archdsl.ir.builder import join
from archdsl.ir.graph import Choice, Graph, Node, Output, Scope, Step, Value, Written, flat
from archdsl.ops.base import Mismatch, Op
from archdsl.tensor import Tensor
from archdsl.text import as_name, is_step

Placed = tuple[Node, tuple[Value, ...]]
"""A node with the values that it takes."""

Texts = tuple[tuple[str, Written], ...]
"""Arguments as they are written in the spec, by name."""


def replaced(graph: Graph, ops: Mapping[str, Op], texts: Mapping[str, Texts] | None = None) -> Graph:
    """The graph with other ops at some nodes, given by node id. The shapes after them are inferred again.

    If an argument gets another value, its expression from the spec is removed, unless `texts` has the new expressions
    for that node.
    """

    def changed(node: Node) -> Node:
        op = ops.get(node.id, node.op)
        if texts is not None and node.id in texts:
            return replace(node, op=op, written=texts[node.id])
        return _with_op(node, op)

    nodes = ((changed(node), graph.inputs_of(node.id)) for node in graph)
    return Graph(graph.header, graph.scopes.values(), _inferred(graph, nodes), graph.outputs)


def redirected(graph: Graph, values: Mapping[Value, Value]) -> Graph:
    """The graph with some values replaced by others wherever they are used: in nodes, scopes and outputs.

    If a replacement is itself replaced, the last value of the chain is used.
    """
    newest = partial(_end_of, values)
    change = _Change(lambda value, _: newest(value))
    nodes = ((change.node(node), tuple(map(newest, graph.inputs_of(node.id)))) for node in graph)
    scopes = (change.scope(scope) for scope in graph.scopes.values())
    return Graph(graph.header, scopes, _inferred(graph, nodes), _outputs(graph, newest))


def dropped(graph: Graph, ids: Collection[str]) -> Graph:
    """The graph without these nodes, whose outputs must not be used any more.

    References to their values are removed as well: names in scopes, steps of scopes, and the values that expressions
    name. A scope that becomes empty stays, as the scope of a block that does nothing.
    """
    change = _Change(keeps=lambda path: path not in ids)
    nodes = ((change.node(node), graph.inputs_of(node.id)) for node in graph if node.id not in ids)
    return Graph(graph.header, map(change.scope, graph.scopes.values()), nodes, graph.outputs)


def pruned(graph: Graph, ids: Collection[str], hollow: Iterable[str] = ()) -> Graph:
    """The graph without these nodes, whose outputs must not be used by others, and without scopes that become empty.

    References to their values are removed as well. A scope that was empty before stays, unless `hollow` names its path.
    """
    held = {path for id in ids for path in _around(graph, id)}
    kept = {path for node in graph if node.id not in ids for path in _around(graph, node.id)}
    gone = {*ids, *(held - kept), *hollow}
    for path, scope in graph.scopes.items():
        if scope.parent in gone:
            gone.add(path)
    change = _Change(keeps=lambda path: path not in gone)
    scopes = (change.scope(scope) for path, scope in graph.scopes.items() if path not in gone)
    nodes = ((change.node(node), graph.inputs_of(node.id)) for node in graph if node.id not in gone)
    return Graph(graph.header, scopes, nodes, graph.outputs)


def _around(graph: Graph, id: str) -> Iterator[str]:
    """The paths of the scopes around a node, without the network."""
    return (scope.path for scope in graph.ancestry(graph.node(id).scope) if scope.path)


def bypassed(graph: Graph, ids: Collection[str]) -> Graph:
    """The graph without these nodes. Where the output of such a node was used, its first input is used instead."""
    return dropped(redirected(graph, {Value(id): graph.inputs_of(id)[0] for id in ids}), ids)


def renamed(graph: Graph, paths: Mapping[str, str]) -> Graph:
    """The graph with other paths for some scopes and nodes. The content of a scope moves with it, unless it has a new
    path of its own.

    A scope that gets the path of the scope around it is dissolved: its members become members of that scope. The
    choices of its text are removed, and so are expressions that use its names. If a copy gets a name that is not a
    number, it and the copies beside it become ordinary blocks. Weights move to the new paths. If no path changes, the
    result is the same graph.
    """
    new = _all_paths(graph, paths)
    dissolved = {path for path, scope in graph.scopes.items() if scope.parent is not None and _is_dissolved(scope, new)}
    mixed = {scope.parent for scope in graph.scopes.values() if scope.path in dissolved or _is_block_now(scope, new)}
    single = {path for path, scope in graph.scopes.items() if scope.kind == "copy" and scope.parent in mixed}
    weights = {path: _scope_weights(scope, new) for path, scope in graph.scopes.items()}
    homes = _homes(graph, new, weights)
    if all(old == path for old, path in new.items()) and all(node.weights == homes[node.id] for node in graph):
        return graph

    def moved(value: Value) -> Value:
        return Value(new[value.node], value.port)

    change = _Change(lambda value, _: moved(value), new, {path: graph.scopes[path].steps for path in dissolved})
    scopes = (
        replace(
            change.scope(scope),
            path=new[path],
            parent=None if scope.parent is None else new[scope.parent],
            kind="block" if path in single or (scope.kind == "copies" and path in mixed) else scope.kind,
            copy=None if path in single else scope.copy,
            weights=weights[path],
        )
        for path, scope in graph.scopes.items()
        if path not in dissolved
    )
    nodes = (
        (
            replace(change.node(node), id=new[node.id], scope=new[node.scope], weights=homes[node.id]),
            tuple(map(moved, graph.inputs_of(node.id))),
        )
        for node in graph
    )
    return Graph(graph.header, scopes, nodes, _outputs(graph, moved))


@dataclass(frozen=True, slots=True)
class Added:
    """A further step: its node with the values that it takes, and the step of the text before or after which it is.

    An empty `beside` means the end of the network.
    """

    node: Node
    inputs: tuple[Value, ...]
    beside: str
    before: bool


def extended(
    graph: Graph,
    added: Sequence[Added],
    taken: Callable[[Node], tuple[Value, ...]],
    named: Callable[[Value, str], Value],
    outputs: Iterable[Output],
) -> Graph:
    """The graph with further steps, in the order of `added`.

    `taken` gives the values that a node of the old graph takes now, `named` what a value of the old graph is in the
    text of a scope. The shapes of nodes stay as they are.
    """
    first, last = _stretches(graph)
    at: dict[tuple[str, bool], list[Added]] = {}
    beside: dict[tuple[str, bool], list[str]] = {}
    for one in added:
        ends = first if one.before else last
        at.setdefault((ends[one.beside], one.before), []).append(one)
        beside.setdefault((one.beside, one.before), []).append(one.node.id)
    change = _Change(lambda value, home: value if home is None else named(value, home), beside=beside)

    def nodes() -> Iterator[Placed]:
        for node in graph:
            yield from ((one.node, one.inputs) for one in at.get((node.id, True), ()))
            yield change.node(node), taken(node)
            yield from ((one.node, one.inputs) for one in at.get((node.id, False), ()))

    return Graph(graph.header, map(change.scope, graph.scopes.values()), nodes(), outputs)


def _stretches(graph: Graph) -> tuple[dict[str, str], dict[str, str]]:
    """For each node, and each scope with nodes: the ids of its first and of its last node."""
    first: dict[str, str] = {}
    last: dict[str, str] = {}
    for node in graph:
        for path in (node.id, *(scope.path for scope in graph.ancestry(node.scope))):
            first.setdefault(path, node.id)
            last[path] = node.id
    return first, last


# --- what scopes and nodes say of values and paths ------------------------------------------


def _same(value: Value, home: str | None) -> Value:
    return value


def _all(_: str) -> bool:
    return True


@dataclass(frozen=True)
class _Change:
    """A change of values and paths, applied wherever a scope or a node refers to them.

    `moved` gives the new value for each value in the text of a scope, and `paths` the new paths. `dissolved` has the
    scopes that are dissolved, with their steps. `keeps` says which paths stay; references to others are removed.
    `beside` has the further steps before (true) and after (false) each step; those after "" end the network. A scope
    or node in which nothing changes is returned as it is.
    """

    moved: Callable[[Value, str | None], Value] = _same
    paths: Mapping[str, str] = field(default_factory=dict)
    dissolved: Mapping[str, tuple[Step, ...]] = field(default_factory=dict)
    keeps: Callable[[str], bool] = _all
    beside: Mapping[tuple[str, bool], Sequence[str]] = field(default_factory=dict)

    def node(self, node: Node) -> Node:
        written = self._texts(node.written)
        return node if written == node.written else replace(node, written=written)

    def scope(self, scope: Scope) -> Scope:
        changed = replace(
            scope,
            written=self._texts(scope.written),
            lets=tuple(
                replace(let, written=text) for let in scope.lets if (text := self._text(let.written)) is not None
            ),
            count=self._text(scope.count) if scope.count else None,
            loops=tuple(text for loop in scope.loops if (text := self._text(loop)) is not None),
            steps=tuple(self._all_steps(scope)),
            names=tuple((name, self.moved(value, scope.path)) for name, value in scope.names if self.keeps(value.node)),
            ports=tuple(name for name, value in scope.names[: len(scope.ports)] if self.keeps(value.node)),
            results=self._values(scope.results, scope.path),
        )
        return scope if changed == scope else changed

    def _all_steps(self, scope: Scope) -> Iterator[Step]:
        yield from self._steps(scope.steps, scope.path)
        if scope.steps and scope.parent is None:
            yield from self.beside.get(("", False), ())

    def _steps(self, steps: Iterable[Step], home: str) -> Iterator[Step]:
        for step in steps:
            if isinstance(step, Choice):
                yield self._choice(step, home)
            elif step in self.dissolved:
                yield from self._steps(flat(self.dissolved[step]), home)
            elif self.keeps(step):
                yield from self.beside.get((step, True), ())
                yield self.paths.get(step, step)
                yield from self.beside.get((step, False), ())

    def _choice(self, choice: Choice, home: str) -> Choice:
        return replace(
            choice,
            conditions=tuple(text for condition in choice.conditions if (text := self._text(condition)) is not None),
            before=self._values(choice.before, home),
            steps=tuple(self._steps(choice.steps, home)),
            gives=tuple(
                (name, self._values(values, home))
                for name, values in choice.gives
                if all(self.keeps(value.node) for value in values)
            ),
        )

    def _texts(self, written: Texts) -> Texts:
        return tuple((name, text) for name, before in written if (text := self._text(before)) is not None)

    def _text(self, written: Written) -> Written | None:
        """The changed expression; None if the scope whose names it uses was dissolved."""
        if written.home in self.dissolved:
            return None
        home = None if written.home is None else self.paths.get(written.home, written.home)
        values = tuple((name, self.moved(v, written.home)) for name, v in written.values if self.keeps(v.node))
        return replace(written, home=home, values=values)

    def _values(self, values: Iterable[Value], home: str) -> tuple[Value, ...]:
        return tuple(self.moved(value, home) for value in values if self.keeps(value.node))


# --- values and shapes ---------------------------------------------------------------------


def _end_of(values: Mapping[Value, Value], value: Value) -> Value:
    while value in values:
        value = values[value]
    return value


def _outputs(graph: Graph, moved: Callable[[Value], Value]) -> Iterable[Output]:
    return (replace(output, values=tuple(map(moved, output.values))) for output in graph.outputs)


def _with_op(node: Node, op: Op) -> Node:
    if op is node.op:
        return node
    known = dict(op)
    same = {name for name, value in node.op if name in known and known[name] == value}
    return replace(node, op=op, written=tuple((name, text) for name, text in node.written if name in same))


def _inferred(graph: Graph, nodes: Iterable[Placed]) -> Iterable[Placed]:
    """The nodes with the shapes that follow from their inputs. If an op cannot take these, its shapes stay."""
    changed: dict[str, tuple[Tensor, ...]] = {}

    def tensor(value: Value) -> Tensor:
        return changed[value.node][value.port] if value.node in changed else graph.tensor(value)

    for node, inputs in nodes:
        as_before = node is graph.node(node.id) and inputs == graph.inputs_of(node.id)
        if as_before and not any(value.node in changed for value in inputs):
            yield node, inputs
            continue
        try:
            outputs = node.op.outputs(*map(tensor, inputs))
        except (Mismatch, LookupError):
            outputs = node.outputs
        if outputs != node.outputs:
            changed[node.id] = outputs
        yield (node if outputs == node.outputs else replace(node, outputs=outputs)), inputs


# --- paths ---------------------------------------------------------------------------------


def _all_paths(graph: Graph, paths: Mapping[str, str]) -> dict[str, str]:
    """The new path of every scope and node, by its old one."""
    new = {"": ""}
    for path in sorted(graph.scopes, key=lambda path: path.count(".")):
        if path:
            scope = graph.scopes[path]
            new[path] = paths[path] if path in paths else join(new[scope.parent or ""], scope.name)
    for node in graph:
        new[node.id] = paths[node.id] if node.id in paths else join(new[node.scope], node.name)
    return new


def _is_dissolved(scope: Scope, new: Mapping[str, str]) -> bool:
    return new[scope.path] == new[scope.parent or ""]


def _is_block_now(scope: Scope, new: Mapping[str, str]) -> bool:
    return scope.kind == "copy" and not new[scope.path].rpartition(".")[2].isdecimal()


def _scope_weights(scope: Scope, new: Mapping[str, str]) -> str:
    """The path of a scope's weights: its own new path, or, for a use of a shared module, that of the module."""
    if scope.weights in new:
        return new[scope.weights]
    around, rest = scope.weights, ""
    while around and around not in new:
        around, _, name = around.rpartition(".")
        name = name if is_step(name) else f"{as_name(name)}_"
        rest = join(name, rest) if rest else name
    return join(new[around], rest)


def _homes(graph: Graph, new: Mapping[str, str], weights: Mapping[str, str]) -> dict[str, str]:
    """The path of each node's weights. Nodes that shared their weights still do.

    An imported node may have its weights under the path of a module that is a scope of the graph. They move to the
    node's own path.
    """
    moved = {scope.weights: weights[path] for path, scope in graph.scopes.items()}
    found: dict[str, str] = {}
    homes = {}
    for node in graph:
        scope = graph.scopes[node.scope]
        outer, _, name = node.weights.rpartition(".")
        if node.weights == join(scope.weights, node.name):
            home = join(weights[scope.path], new[node.id].rpartition(".")[2])
        elif node.weights in graph:
            home = new[node.weights]
        elif node.weights in graph.scopes or outer not in moved or not is_step(name):
            home = new[node.id]
        else:
            home = join(moved[outer], name)
        homes[node.id] = found.setdefault(node.weights, home)
    return homes
