"""A graph in, a changed graph out: other ops, other connections, fewer nodes, other names.

Whoever changes a graph does it by these functions, since a value is spoken of in many places: nodes take it, scopes
hand it on and give it names, outputs return it, expressions and choices ask about it, and weights are kept under a
path. Paths are spoken of in the steps of scopes too. All of these are kept right here.
Each function is linear in the graph. None checks what it made: that is `verify`'s work, after every pass.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import partial

from archdsl.ir.builder import join
from archdsl.ir.graph import Choice, Graph, Node, Output, Scope, Step, Value, Written, flat
from archdsl.ops.base import Mismatch, Op
from archdsl.tensor import Tensor
from archdsl.text import as_name, is_step

Placed = tuple[Node, tuple[Value, ...]]
"""A node and the values that it takes."""

Texts = tuple[tuple[str, Written], ...]
"""Arguments as they were written, by name."""


def replaced(graph: Graph, ops: Mapping[str, Op], texts: Mapping[str, Texts] | None = None) -> Graph:
    """The nodes named get these ops. The shapes after them are inferred anew.

    Where an argument has another value now, what the spec wrote for it is forgotten, unless `texts` says, by node, what
    its arguments come from.
    """

    def changed(node: Node) -> Node:
        op = ops.get(node.id, node.op)
        if texts is not None and node.id in texts:
            return replace(node, op=op, written=texts[node.id])
        return _with_op(node, op)

    nodes = ((changed(node), graph.inputs_of(node.id)) for node in graph)
    return Graph(graph.header, graph.scopes.values(), _inferred(graph, nodes), graph.outputs)


def redirected(graph: Graph, values: Mapping[Value, Value]) -> Graph:
    """Whatever took one of the values takes the other from now on: nodes, names and results of scopes, outputs.

    Where the other value is itself to be replaced, the chain is followed to its end.
    """
    newest = partial(_end_of, values)
    change = _Change(newest)
    nodes = ((change.node(node), tuple(map(newest, graph.inputs_of(node.id)))) for node in graph)
    scopes = (change.scope(scope) for scope in graph.scopes.values())
    return Graph(graph.header, scopes, _inferred(graph, nodes), _outputs(graph, newest))


def dropped(graph: Graph, ids: Collection[str]) -> Graph:
    """Without the nodes named, whose values nothing may take any more, and without what is said of these values.

    So names for them are gone, they are no steps of a scope, and no expression knows a value that it asks about by
    them. A scope that held nothing else stays, as a block that does nothing does.
    """
    change = _Change(keeps=lambda path: path not in ids)
    nodes = ((change.node(node), graph.inputs_of(node.id)) for node in graph if node.id not in ids)
    return Graph(graph.header, map(change.scope, graph.scopes.values()), nodes, graph.outputs)


def pruned(graph: Graph, ids: Collection[str], hollow: Iterable[str] = ()) -> Graph:
    """Without the nodes named, of whose values no other node and no output takes any, and without emptied scopes.

    What is said of their values is gone too. A scope that held nothing before stays where it was, unless `hollow`
    names its path.
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
    """The paths of the scopes around a node, but for the network."""
    return (scope.path for scope in graph.ancestry(graph.node(id).scope) if scope.path)


def bypassed(graph: Graph, ids: Collection[str]) -> Graph:
    """Without the nodes named: what took such a node's output takes the node's first input instead."""
    return dropped(redirected(graph, {Value(id): graph.inputs_of(id)[0] for id in ids}), ids)


def renamed(graph: Graph, paths: Mapping[str, str]) -> Graph:
    """Scopes and nodes get other paths. What lies in a scope moves with it, unless it has a new path of its own.

    A scope that gets the path of the scope around it is dissolved: that one has its members then, without the choices
    of its text, and what was written with its names is forgotten. A copy whose new name is no number is a block like
    any other, and so are the copies beside it: those are not all that stands there any more. Weights are kept where
    the new paths say. Where nothing changes it is the same graph.
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

    change = _Change(moved, new, {path: graph.scopes[path].steps for path in dissolved})
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


# --- what scopes and nodes say of values and paths ------------------------------------------


def _same(value: Value) -> Value:
    return value


def _all(_: str) -> bool:
    return True


@dataclass(frozen=True)
class _Change:
    """What becomes of values and paths, wherever a scope or a node speaks of them.

    `paths` has the new paths, if there are any. `dissolved` are scopes that are none any more, with their steps. What
    `keeps` says no to is gone. Where nothing changes, the same scope or node is returned.
    """

    moved: Callable[[Value], Value] = _same
    paths: Mapping[str, str] = field(default_factory=dict)
    dissolved: Mapping[str, tuple[Step, ...]] = field(default_factory=dict)
    keeps: Callable[[str], bool] = _all

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
            steps=tuple(self._steps(scope.steps)),
            names=tuple((name, self.moved(value)) for name, value in scope.names if self.keeps(value.node)),
            ports=tuple(name for name, value in scope.names[: len(scope.ports)] if self.keeps(value.node)),
            results=self._values(scope.results),
        )
        return scope if changed == scope else changed

    def _steps(self, steps: Iterable[Step]) -> Iterator[Step]:
        for step in steps:
            if isinstance(step, Choice):
                yield self._choice(step)
            elif step in self.dissolved:
                yield from self._steps(flat(self.dissolved[step]))
            elif self.keeps(step):
                yield self.paths.get(step, step)

    def _choice(self, choice: Choice) -> Choice:
        return replace(
            choice,
            conditions=tuple(text for condition in choice.conditions if (text := self._text(condition)) is not None),
            before=self._values(choice.before),
            steps=tuple(self._steps(choice.steps)),
            gives=tuple(
                (name, self._values(values))
                for name, values in choice.gives
                if all(self.keeps(value.node) for value in values)
            ),
        )

    def _texts(self, written: Texts) -> Texts:
        return tuple((name, text) for name, before in written if (text := self._text(before)) is not None)

    def _text(self, written: Written) -> Written | None:
        """None where the scope whose names it uses is none any more."""
        if written.home in self.dissolved:
            return None
        home = None if written.home is None else self.paths.get(written.home, written.home)
        values = tuple((name, self.moved(value)) for name, value in written.values if self.keeps(value.node))
        return replace(written, home=home, values=values)

    def _values(self, values: Iterable[Value]) -> tuple[Value, ...]:
        return tuple(self.moved(value) for value in values if self.keeps(value.node))


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
    """The nodes with the shapes that follow from their inputs; as recorded where the op cannot take these."""
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
    """Its own path, or that of the shared module that it is a use of: no scope has it, but one around it may."""
    if scope.weights in new:
        return new[scope.weights]
    around, rest = scope.weights, ""
    while around and around not in new:
        around, _, name = around.rpartition(".")
        name = name if is_step(name) else f"{as_name(name)}_"
        rest = join(name, rest) if rest else name
    return join(new[around], rest)


def _homes(graph: Graph, new: Mapping[str, str], weights: Mapping[str, str]) -> dict[str, str]:
    """Where each node keeps its weights; nodes that share them have one place, as before.

    An imported node may keep them under the path of a module that is a scope here: then under its own from now on.
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
