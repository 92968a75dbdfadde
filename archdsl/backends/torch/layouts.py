"""Decides where the emitted code keeps the channels of each value, and adds the steps that move them.

The language has the channels first everywhere. A transformer's layers in PyTorch (`nn.Linear`, `nn.LayerNorm`) want
them last, and a convolution wants them first. Each op says which it is, or that it takes either; the values between
them are put on one side or the other so that channels are moved as seldom as possible while the network runs. That is a
minimum cut, in a graph with a vertex for each step of the text and for each value that the text speaks of. All uses of
a block are one class, so a value that a class reads at one place of its text has one layout in all uses.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Hashable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import chain

from archdsl.backends.torch.batches import expanded
from archdsl.backends.torch.moves import Moved
from archdsl.ir.builder import join
from archdsl.ir.graph import Choice, Graph, Node, Scope, Step, Value
from archdsl.ir.rewrite import Added, extended
from archdsl.source import Span
from archdsl.tensor import Layout, Tensor

FIRST: Layout = "first"
LAST: Layout = "last"

MOVE = 1_000_000
"""What a move costs, where a layer that is simpler with its channels last costs 1 if they are first."""


def laid_out(graphs: Sequence[Graph]) -> tuple[Graph, ...]:
    """The graphs with `last` set for each value that is to have its channels last, and with steps that move channels.

    Graphs without an op that wants them last are returned as they are. The graphs are those of one file, so that the
    uses of a block in all of them agree.
    """
    graphs = tuple(map(expanded, graphs))
    if not any(_wanted(graph, node) == LAST and _has_layout(graph, node) for graph in graphs for node in graph):
        return graphs
    texts = [_Text(graph) for graph in graphs]
    cut = _Cut(texts)
    return tuple(_Rewriting(text, cut).graph() for text in texts)


def has_positions(tensor: Tensor) -> bool:
    """Whether a value has channels and positions, so that the channels may be first or last."""
    return tensor.kind == "float" and tensor.rank > 1


def _wanted(graph: Graph, node: Node) -> Layout:
    """The layout in which a node wants its values. The inputs of a network come with the channels first."""
    return FIRST if node.op.name == "input" else node.op.layout_for(*graph.tensors_into(node.id))


def _wanted_of(graph: Graph, node: Node, place: int) -> Layout | None:
    """The layout in which a node wants one of its inputs; None if either will do, or if it has no positions."""
    inputs = graph.tensors_into(node.id)
    return node.op.layout_of(place, *inputs) if has_positions(inputs[place]) else None


def _has_layout(graph: Graph, node: Node) -> bool:
    return any(map(has_positions, (*node.outputs, *graph.tensors_into(node.id))))


class _Text:
    """One graph, and for each node the step of the text that made it: the same for all uses of a block."""

    def __init__(self, graph: Graph) -> None:
        self.graph = graph
        self._homes: dict[str, Scope] = {}
        self.steps = {node.id: self._step(node) for node in graph}

    def home(self, path: str) -> Scope:
        """The scope of the text that a scope is part of: a block, or the network."""
        if path not in self._homes:
            scope = self.graph.scopes[path]
            is_home = scope.parent is None or scope.block is not None
            self._homes[path] = scope if is_home else self.home(scope.parent or "")
        return self._homes[path]

    def block(self, scope: Scope) -> Hashable:
        return "" if scope.parent is None else (scope.block, scope.defined)

    def _step(self, node: Node) -> Hashable:
        """The text around a node, and the node's path in it; copies of a step are one step."""
        home = self.home(node.scope)
        path = node.weights if node.weights.startswith(home.weights) else node.id
        inside = path[len(home.weights) :] if path is node.weights else node.id[len(home.path) :]
        return self.block(home), tuple("*" if part.isdecimal() else part for part in inside.split("."))

    def reads(self) -> Iterator[tuple[Hashable, tuple[Value, ...]]]:
        """For each place of the text where values are read or handed on: the values, in each use."""
        for node in self.graph:
            yield self.steps[node.id], self.graph.inputs_of(node.id)
        for scope in self.graph.scopes.values():
            if scope.block is not None and scope.parent is not None:
                yield (self.block(scope), "takes"), scope.inputs
                yield (self.block(scope), "gives"), scope.results
        for output in self.graph.outputs:
            yield ("output", output.name), output.values

    def alike(self) -> Iterator[tuple[Value, Value]]:
        """Values of which an `if` takes one or the other."""
        for scope in self.graph.scopes.values():
            for choice in _choices(scope.steps):
                for name, values in choice.gives:
                    if name == "it":
                        yield from zip(choice.before, values, strict=False)


def _choices(steps: Iterable[Step]) -> Iterator[Choice]:
    for step in steps:
        if isinstance(step, Choice):
            yield step
            yield from _choices(step.steps)


class _Cut:
    """The layouts of steps and of values: the cut that moves channels least often."""

    def __init__(self, texts: Sequence[_Text]) -> None:
        self._same: dict[Hashable, Hashable] = {}
        self._join(texts)
        edges: Counter[tuple[Hashable, Hashable]] = Counter()
        for text in texts:
            for edge in self._edges(text):
                edges[edge] += MOVE
            for node in text.graph:
                if node.op.is_simpler_last and _has_layout(text.graph, node):
                    edges[("step", text.steps[node.id]), LAST] += 1
        self._last = _side_of_last(edges)

    def of_step(self, text: _Text, node: Node) -> str:
        """The layout in which a node takes and gives its values."""
        fixed = _wanted(text.graph, node)
        return fixed if fixed != "either" else self._side(("step", text.steps[node.id]))

    def of_input(self, text: _Text, node: Node, place: int) -> str | None:
        """The layout in which a node takes one of its inputs; None if either will do."""
        fixed = _wanted_of(text.graph, node, place)
        return fixed if fixed != "either" else self._side(("step", text.steps[node.id]))

    def of_value(self, text: _Text, value: Value) -> str:
        """The layout in which a value is handed on."""
        return self._side(self._value(text, value))

    def _side(self, vertex: Hashable) -> str:
        return LAST if vertex in self._last else FIRST

    def _value(self, text: _Text, value: Value) -> Hashable:
        return self._root(("value", text.steps[value.node], value.port))

    # --- values that one place of a text reads ---------------------------------------------

    def _join(self, texts: Sequence[_Text]) -> None:
        rows: dict[Hashable, list[list[Hashable]]] = defaultdict(list)
        for text in texts:
            for place, values in text.reads():
                kept = [v for v in values if has_positions(text.graph.tensor(v))]
                rows[place].append([self._value(text, value) for value in kept])
            for before, after in text.alike():
                self._unite(self._value(text, before), self._value(text, after))
        for found in rows.values():
            uneven = len({len(row) for row in found}) > 1
            columns = [tuple(chain.from_iterable(found))] if uneven else list(zip(*found, strict=True))
            for first, *others in columns:
                for other in others:
                    self._unite(first, other)

    def _root(self, vertex: Hashable) -> Hashable:
        while (above := self._same.get(vertex, vertex)) != vertex:
            self._same[vertex] = self._same.get(above, above)
            vertex = above
        return vertex

    def _unite(self, one: Hashable, other: Hashable) -> None:
        self._same[self._root(one)] = self._root(other)

    # --- how often channels would be moved -------------------------------------------------

    def _edges(self, text: _Text) -> Iterator[tuple[Hashable, Hashable]]:
        """For each value that a node gives or takes: the vertices of both, which may be on two sides."""
        graph = text.graph
        for node in graph:
            fixed = _wanted(graph, node)
            step: Hashable = ("step", text.steps[node.id]) if fixed == "either" else fixed
            for port, tensor in enumerate(node.outputs):
                if has_positions(tensor):
                    yield step, self._value(text, Value(node.id, port))
            for place, value in enumerate(graph.inputs_of(node.id)):
                wanted = _wanted_of(graph, node, place)
                if wanted is not None:
                    yield step if wanted == "either" else wanted, self._value(text, value)
        for output in graph.outputs:
            for value in output.values:
                if has_positions(graph.tensor(value)):
                    yield FIRST, self._value(text, value)


def _side_of_last(edges: Mapping[tuple[Hashable, Hashable], int]) -> frozenset[Hashable]:
    """The vertices on the side of `LAST`: of all cuts with the fewest moves, the one with the fewest vertices there."""
    import networkx as nx

    network: nx.DiGraph[Hashable] = nx.DiGraph()
    network.add_nodes_from((FIRST, LAST))
    for (one, other), count in edges.items():
        network.add_edge(one, other, capacity=count)
        network.add_edge(other, one, capacity=count)
    _, (_, last) = nx.minimum_cut(network, FIRST, LAST)  # of equal cuts, networkx gives the one nearest to the target
    return frozenset(last)


class _Rewriting:
    """Adds the steps that move channels to one graph.

    Where a class reads a value in the other layout, the step stands before the one that reads it. Where a step gives a
    value in the other layout, it stands after it. A stage is no class of its own, so a step at its border is put
    outside, and the stage stays a plain chain of modules.
    """

    def __init__(self, text: _Text, cut: _Cut) -> None:
        self.text, self.cut, self.old = text, cut, text.graph
        self.added: list[Added] = []
        self.counts: Counter[str] = Counter()
        self.inside: dict[str, dict[Value, Value]] = defaultdict(dict)
        """By step: what stands for a value in it, and in the scopes inside it."""
        self.given: dict[Value, tuple[Value, str]] = {}
        """Values that are moved where they are made: what stands for them, outside of the scope whose path is given."""

    def graph(self) -> Graph:
        """The graph with the added steps."""
        for node in self.old:
            self._give(node)
        taken = {node.id: tuple(self._take(node)) for node in self.old}
        outputs = [replace(output, values=tuple(map(self._returned, output.values))) for output in self.old.outputs]
        moved = extended(self.old, self.added, lambda node: taken[node.id], self._named, outputs)
        nodes = ((self._flagged(node), moved.inputs_of(node.id)) for node in moved)
        return Graph(moved.header, moved.scopes.values(), nodes, moved.outputs)

    # --- where channels are moved ----------------------------------------------------------

    def _give(self, node: Node) -> None:
        """Moves the values that a node gives in another layout than that in which they are handed on."""
        made = self.cut.of_step(self.text, node)
        for port, tensor in enumerate(node.outputs):
            value = Value(node.id, port)
            wanted = self.cut.of_value(self.text, value)
            if has_positions(tensor) and made != wanted:
                beside, hidden = self._outermost(node, value)
                self.given[value] = self._moved(value, value, beside, False, wanted), hidden

    def _outermost(self, node: Node, value: Value) -> tuple[str, str]:
        """The step after which a value can be moved, and the scope that must not see the moved value ("": none)."""
        beside, hidden, scope = node.id, "", self.old.scopes[node.scope]
        while not _is_class(scope) and not any(
            _is_in(user.scope, scope.path) for user in self.old.users(node.id) if value in self.old.inputs_of(user.id)
        ):
            beside = hidden = scope.path
            scope = self.old.scopes[scope.parent or ""]
        return beside, hidden

    def _take(self, node: Node) -> Iterator[Value]:
        """The values that a node takes, moved where it wants them in another layout."""
        for place, value in enumerate(self.old.inputs_of(node.id)):
            wanted = self.cut.of_input(self.text, node, place)
            if wanted is None or self.cut.of_value(self.text, value) == wanted:
                yield self._seen(value, node.scope)
                continue
            beside = self._border(node, value, wanted)
            if value not in self.inside[beside]:
                seen = self._seen(value, _around(self.old, beside))
                self.inside[beside][value] = self._moved(value, seen, beside, True, wanted)
            yield self.inside[beside][value]

    def _border(self, node: Node, value: Value, wanted: str) -> str:
        """The step before which a value can be moved for a node: the outermost region that reads it in no other way."""
        beside, scope = node.id, self.old.scopes[node.scope]
        while not _is_class(scope) and not _is_in(self.old.node(value.node).scope, scope.path):
            users = [u for u in self.old.users(value.node) if _is_in(u.scope, scope.path)]
            if any(read != wanted for user in users for read in self._layouts_read(user, value)):
                break
            beside, scope = scope.path, self.old.scopes[scope.parent or ""]
        return beside

    def _layouts_read(self, node: Node, value: Value) -> Iterator[str | None]:
        """The layouts in which a node takes a value."""
        for place, taken in enumerate(self.old.inputs_of(node.id)):
            if taken == value:
                yield self.cut.of_input(self.text, node, place)

    def _returned(self, value: Value) -> Value:
        """A value as the network returns it, with its channels first."""
        seen = self._seen(value, "")
        if not has_positions(self.old.tensor(value)) or self.cut.of_value(self.text, value) == FIRST:
            return seen
        if value not in self.inside["return"]:
            self.inside["return"][value] = self._moved(value, seen, "", False, FIRST)
        return self.inside["return"][value]

    def _moved(self, value: Value, seen: Value, beside: str, before: bool, wanted: str) -> Value:
        """Adds a step that moves the channels of `value`, which is called `seen` there, and returns what it gives."""
        scope = _around(self.old, beside)
        alike = self.counts[beside]
        self.counts[beside] += 1
        id = join(scope, f"moved_{beside.rpartition('.')[2] or 'result'}{alike or ''}")  # the same in all uses
        dims = self.old.tensor(value).dims
        op, output = Moved(to_last=wanted == LAST), Tensor(*dims, last=wanted == LAST)
        node = Node(id, op, (output,), scope, _span(self.old, beside), id)
        self.added.append(Added(node, (seen,), beside, before))
        return Value(id)

    # --- the new graph ---------------------------------------------------------------------

    def _seen(self, value: Value, scope: str) -> Value:
        """What stands for a value in a scope, as it is handed on."""
        moved, hidden = self.given.get(value, (value, ""))
        return value if hidden and _is_in(scope, hidden) else moved

    def _named(self, value: Value, scope: str) -> Value:
        """What a value is in the text of a scope."""
        for outer in self.old.ancestry(scope):
            if outer.path and value in self.inside.get(outer.path, ()):
                return self.inside[outer.path][value]
        return self._seen(value, scope)

    def _flagged(self, node: Node) -> Node:
        if node.op.name == Moved.name or self.cut.of_step(self.text, node) == FIRST:
            return node
        outputs = tuple(Tensor(*t.dims, kind=t.kind, last=has_positions(t)) for t in node.outputs)
        return replace(node, outputs=outputs)


def _is_class(scope: Scope) -> bool:
    """Whether a scope is the text of a class: a block, or the network."""
    return scope.parent is None or scope.block is not None


def _around(graph: Graph, step: str) -> str:
    """The path of the scope around a step."""
    return graph.node(step).scope if step in graph else graph.scopes[step].parent or ""


def _span(graph: Graph, step: str) -> Span:
    return graph.node(step).span if step in graph else graph.scopes[step].span


def _is_in(scope: str, around: str) -> bool:
    """Whether a scope is another one, or inside it."""
    return scope == around or around == "" or scope.startswith(f"{around}.")
