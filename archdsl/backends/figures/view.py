"""Graph -> what a figure shows of it: scopes opened to a depth, repeats folded, chains of ops gathered into rows.

Knows nothing of places on the page. Inputs that only lend their size (`resize(input)`) are not followed: no data
flows there. What only serves an output beside the main one is a view of its own, tied to it by named tags.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from fnmatch import fnmatchcase
from functools import cached_property

from archdsl.analyses.structure import Interface, interfaces, structures
from archdsl.backends.figures.entered_again import entered_again
from archdsl.backends.figures.fold import folded
from archdsl.backends.figures.items import LIGHT, Box, Detail, Item, OpenScope, OpRow, Tag, View, data_inputs, is_bar
from archdsl.backends.figures.label import notation
from archdsl.backends.figures.layout.bundle import Bundler
from archdsl.backends.figures.style import SIZE
from archdsl.backends.figures.text import width
from archdsl.ir.graph import Graph, Node, Scope, Value
from archdsl.ops.base import Family

ROW = 200.0
"""A row is broken where its text would be longer than this, in points."""


class Viewer:
    """Makes views of one graph; what does not depend on the detail is worked out once."""

    def __init__(self, graph: Graph) -> None:
        self.graph = graph
        self._contents: dict[tuple[str, Detail, int], View] = {}
        self._made: dict[tuple[str, Detail, int], Item] = {}
        self._holders: dict[str, frozenset[str]] = {}
        self.numbers = structures(graph)
        self.sides = tuple(s for s in graph.scopes.values() if s.kind == "output" and graph.children[s.path])
        """Outputs with ops of their own, which do not lead to the main one."""
        self.links = [
            (value, node.id)
            for node in graph
            for value in data_inputs(graph, node)
            if self._side(node) == self._side(graph.node(value.node))
        ]
        self.again = entered_again(graph, self.links)
        self.starts: dict[str, int] = {}
        """The place in the graph of each node, and of the first node in each scope."""
        for node in graph:
            for path in (node.id, *(scope.path for scope in graph.ancestry(node.scope))):
                self.starts.setdefault(path, graph.places[node.id])
        further = (v for o in graph.outputs[1:] for v in o.values if self._side(graph.node(v.node)))
        self.results = frozenset([*graph.outputs[0].values, *further])
        self.borders = interfaces(graph, self.links, self.results)
        for path, border in self.borders.items():
            if not any(scope.kind == "output" for scope in graph.ancestry(path)):
                outputs = tuple(value for value in border.outputs if self._side(graph.node(value.node)) is None)
                self.borders[path] = replace(border, outputs=outputs)
        for scope in self.sides:
            for path in (path for path in self.borders if f"{path}.".startswith(f"{scope.path}.")):
                inputs = dict.fromkeys((*self._taken(scope, path), *self.borders[path].inputs))
                self.borders[path] = replace(self.borders[path], inputs=tuple(inputs))
        self.users: dict[Value, list[str]] = {}
        for value, user in self.links:
            self.users.setdefault(value, []).append(user)

    def _side(self, node: Node) -> str | None:
        return next((s.path for s in self.graph.ancestry(node.scope) if s.kind == "output"), None)

    @cached_property
    def taps(self) -> dict[Value, list[str]]:
        """Names of the further outputs that a value of the main part goes to."""
        taps: dict[Value, list[str]] = {}
        for node in self.graph:
            side = (self._side(node) or "").rpartition(".")[2]
            for value in data_inputs(self.graph, node) if side else ():
                if self._side(self.graph.node(value.node)) is None and side not in taps.get(value, ()):
                    taps.setdefault(value, []).append(side)
        for output in self.graph.outputs[1:]:
            for value in output.values:
                if self._side(self.graph.node(value.node)) is None:
                    taps.setdefault(value, []).append(output.name)
        return taps

    def network(self, detail: Detail) -> View:
        """The way to the main output."""
        results = tuple(dict.fromkeys(self.graph.outputs[0].values))
        if not detail.most:
            whole = self.content("", detail, 0)
            return replace(whole, items=_sources_late(whole.items), outputs=results)
        return folded(self.closed, detail.most, self.graph.scopes[""])

    @cached_property
    def closed(self) -> View:
        """The way to the main output, without anything opened."""
        return self.network(Detail(0))

    def side(self, scope: Scope, detail: Detail) -> View:
        """A further output, beginning with a tag for what it takes."""
        sources = self.borders[scope.path].inputs
        tags = (Tag(self._origin(value), (), (value,)) for value in sources)
        inner = self._item(scope, detail, 0)
        return View((*tags, inner), (), inner.outputs)

    def _taken(self, scope: Scope, path: str) -> Iterator[Value]:
        """The values of the main part that a further output takes in the scope of that path."""
        for node in self.graph:
            if self._side(node) == scope.path and node.id.startswith(f"{path}."):
                values = data_inputs(self.graph, node)
                yield from (value for value in values if self._side(self.graph.node(value.node)) is None)

    def _origin(self, value: Value) -> str:
        """A name for a value that further outputs take: the first that no other such value has, or else the first."""
        others = [self._names(other) for other in self.taps if other != value]
        names = self._names(value)
        return next((name for i, name in enumerate(names) if all(other[i] != name for other in others)), names[0])

    def _names(self, value: Value) -> tuple[str, str, str]:
        """That of what makes a value, outermost below its stage (`i4a`), of its stage, and of the op itself."""
        parts = value.node.split(".")
        return self._outermost(value), self._stage(parts[0]), parts[-1]

    def _stage(self, path: str) -> str:
        return (self.graph.scopes[path].title if path in self.graph.scopes else None) or path

    def _outermost(self, value: Value) -> str:
        """The outermost name for a value below the stage it is made in; of a copy, the name of the stage."""
        parts = value.node.split(".")
        inner = self.graph.scopes.get(".".join(parts[:2]))
        if inner is not None and inner.kind in ("copies", "copy"):
            return self._stage(parts[0])
        return parts[min(1, len(parts) - 1)]

    def content(self, path: str, detail: Detail, level: int) -> View:
        """What a scope holds. `level` counts the opened scopes around its members. Equal calls give the same object."""
        key = path, self._relevant(path, detail), level
        if key not in self._contents:
            self._contents[key] = self._content(path, detail, level)
        return self._contents[key]

    def _relevant(self, path: str, detail: Detail) -> Detail:
        """What of a detail says anything about a scope."""
        expand = tuple(pattern for pattern in detail.expand if not path or self._expanded(path, (pattern,)))
        return replace(detail, expand=expand, most=0)

    def _content(self, path: str, detail: Detail, level: int) -> View:
        border = self.borders[path]
        items = self._tagged(self._items(self._members(path), detail, level))
        outputs = tuple(value for value in border.outputs if value not in border.inputs)
        scope = self.graph.scopes[path]
        numbers = self.kinds if detail.loosely else self.numbers
        gathered = Bundler(scope, list(self._gathered(items)), outputs, numbers, detail.loosely).items()
        return View(tuple(gathered), border.inputs, outputs)

    def _tagged(self, items: Iterable[Item]) -> Iterator[Item]:
        for item in items:
            yield item
            if not isinstance(item, OpenScope) or item.count > 1:
                for value in item.outputs:
                    if value in self.taps:
                        yield Tag(", ".join(self.taps[value]), (value,), ())

    def _gathered(self, items: Iterable[Item]) -> Iterator[Item]:
        """Rows of light ops alone join the row that they follow, where that is a block's."""
        last: Item | None = None
        for item in items:
            if isinstance(last, OpRow) and isinstance(item, OpRow) and self._follows(last, item):
                last = replace(last, nodes=(*last.nodes, *item.nodes), outputs=item.outputs)
                continue
            if last is not None:
                yield last
            last = item
        if last is not None:
            yield last

    def _follows(self, row: OpRow, after: OpRow) -> bool:
        joined = row.scopes and row.count == after.count == 1 and not after.scopes and after.inputs == row.outputs
        light = all(node.op.family in LIGHT for node in after.nodes) and row.nodes[-1].op.family is not Family.MERGE
        return bool(joined) and light and self._lone(row.outputs[0]) and self._length((*row.nodes, *after.nodes)) <= ROW

    def _lone(self, value: Value) -> bool:
        """Whether one op alone takes a value."""
        return len(self.users.get(value, ())) == 1 and not self._kept(value)

    def _members(self, path: str) -> list[Scope | Node]:
        """Nodes and scopes in order; further outputs are elsewhere.

        For scopes that hold copies, or are left and entered again, stands what they hold.
        """
        members: list[Scope | Node] = []
        for child in self.graph.children[path]:
            if isinstance(child, Scope) and (child.kind == "copies" or child.path in self.again):
                members.extend(self._members(child.path))
            elif not (isinstance(child, Scope) and child.kind == "output"):
                members.append(child)
        return sorted(members, key=self._start)

    def _start(self, member: Scope | Node) -> int:
        return self.starts.get(member.id if isinstance(member, Node) else member.path, 0)

    def _items(self, members: list[Scope | Node], detail: Detail, level: int) -> Iterator[Item]:
        chains = self._chains([m for m in members if isinstance(m, Node)])
        position = 0
        while position < len(members):
            member = members[position]
            run = 1
            if isinstance(member, Node):
                for nodes in self._rows(chains.get(member.id, ())):
                    yield self._row(nodes)
            else:
                run = self._run(members, position)
                turn = member.kind == "copy" and member.block is None
                if run == 1 and turn and self._opened(member, detail, level):
                    yield from self._items(self._members(member.path), detail, level)
                else:
                    yield self._folded(
                        [m for m in members[position : position + run] if isinstance(m, Scope)], detail, level
                    )
            position += run

    def _folded(self, run: Sequence[Scope], detail: Detail, level: int) -> Item:
        item = self._item(run[0], detail, level)
        if len(run) == 1:
            return item
        made: dict[Value, Value] = {}
        first = self.borders[run[0].path].outputs
        for scope in run:
            made.update(zip(self.borders[scope.path].outputs, first, strict=True))
        last = {v for scope in run[-2:] for v in self.borders[scope.path].outputs}
        inside = {scope.path for scope in run}
        leaving = tuple(v for v in made if v in last and self._leaves(v, inside))
        inputs = self.borders[run[0].path].inputs
        alike = tuple((scope.path,) for scope in run)
        if isinstance(item, OpenScope):
            view = View(item.view.items, inputs, tuple(made[v] for v in leaving))
            return replace(item, outputs=leaving, view=view, alike=alike)
        if isinstance(item, Box):
            return replace(item, outputs=(*leaving, *self._tapped(run[-1], leaving)), alike=alike)
        assert isinstance(item, OpRow)
        return replace(item, outputs=leaving, alike=alike)

    def _leaves(self, value: Value, paths: set[str]) -> bool:
        """Whether a value is used outside of these scopes."""
        if value in self.results or value in self.taps:
            return True
        return any(not self._within(user, paths) for user in self.users.get(value, ()))

    def _within(self, id: str, paths: set[str]) -> bool:
        return any(scope.path in paths for scope in self.graph.ancestry(self.graph.node(id).scope))

    def _run(self, members: Sequence[Scope | Node], start: int) -> int:
        """How many of the members from `start` on are alike, each fed by the ones before in the same way."""
        first = members[start]
        assert isinstance(first, Scope)
        run = [first]
        pattern = None
        for member in members[start + 1 :]:
            if not isinstance(member, Scope) or not self._alike(run[-1], member):
                break
            found = _succession(self.borders[run[-1].path], self.borders[member.path])
            if found is None or (pattern is not None and found != pattern):
                break
            pattern = found
            run.append(member)
        return self._untapped(run, pattern)

    def _alike(self, one: Scope, other: Scope) -> bool:
        same = self.numbers[one.path] == self.numbers[other.path] and one.block == other.block
        return same and one.kind in ("copy", "block") and other.kind in ("copy", "block")

    def _untapped(self, run: list[Scope], pattern: tuple[tuple[str, int], ...] | None) -> int:
        """A run ends with a copy whose value is used elsewhere too."""
        paths = {scope.path for scope in run}
        reach = 1 + any(kind == "before" for kind, _ in pattern or ())
        for index, scope in enumerate(run[:-reach]):
            if any(self._leaves(value, paths) for value in self.borders[scope.path].outputs):
                return index + 1
        return len(run)

    def _item(self, scope: Scope, detail: Detail, level: int) -> Item:
        """A scope as an item. Equal calls give the same object, so that it is drawn once for several trials."""
        key = scope.path, self._relevant(scope.path, detail), level
        if key not in self._made:
            self._made[key] = self._as_item(scope, detail, level)
        return self._made[key]

    def _as_item(self, scope: Scope, detail: Detail, level: int) -> Item:
        border = self.borders[scope.path]
        outputs = tuple(v for v in border.outputs if v not in border.inputs)
        view = self.content(scope.path, detail, level + 1)
        if scope.block is not None and scope.block == detail.own:
            return Box(scope, border.inputs, (*outputs, *self._tapped(scope, outputs)), view)
        if len(view.items) == 1:
            (only,) = view.items
            if isinstance(only, OpRow) and not only.alike and scope.kind not in ("stage", "output"):
                inputs = only.inputs if only.nodes[0].op.roles else border.inputs
                return OpRow(only.nodes, inputs, outputs, ((scope, 0, len(only.nodes)), *only.scopes))
        if self._opened(scope, detail, level):
            return OpenScope(scope, border.inputs, outputs, View(view.items, border.inputs, outputs))
        return Box(scope, border.inputs, (*outputs, *self._tapped(scope, outputs)), view)

    def _tapped(self, scope: Scope, outputs: tuple[Value, ...]) -> Iterator[Value]:
        """Values inside a scope that only further outputs take."""
        return (value for value in self._taps_in.get(scope.path, ()) if value not in outputs)

    @cached_property
    def _taps_in(self) -> dict[str, list[Value]]:
        """The values of `taps` by each scope that they are made in."""
        found: dict[str, list[Value]] = {}
        for value in self.taps:
            for scope in self.graph.ancestry(self.graph.node(value.node).scope):
                found.setdefault(scope.path, []).append(value)
        return found

    def _opened(self, scope: Scope, detail: Detail, level: int) -> bool:
        if scope.path in detail.closed:
            return False
        if self._expanded(scope.path, detail.expand):
            return True
        known = detail.once and not self.first(scope) and not self.plain(scope)
        return level < detail.depth and not known

    def first(self, scope: Scope) -> bool:
        """Whether a scope is no block, or the first use of a block that is built like this."""
        return scope.block is None or self.firsts[self.kinds[scope.path], scope.block] == scope.path

    def plain(self, scope: Scope) -> bool:
        """Whether a scope is no more than a row of ops."""
        items = self.content(scope.path, Detail(0), 0).items
        return len(items) == 1 and isinstance(items[0], OpRow)

    def branches(self, scope: Scope) -> bool:
        """Whether something in a scope itself takes several values, or is taken by several."""
        nodes = [node for node in self.graph.children[scope.path] if isinstance(node, Node)]
        return any(len(data_inputs(self.graph, node)) > 1 for node in nodes)

    @cached_property
    def kinds(self) -> dict[str, int]:
        """A number for each scope, equal where all but numbers is."""
        return structures(self.graph, arguments=False)

    @cached_property
    def firsts(self) -> dict[tuple[int, str | None], str]:
        """The first use of each block that is built in one way."""
        firsts: dict[tuple[int, str | None], str] = {}
        for path, scope in self.graph.scopes.items():
            firsts.setdefault((self.kinds[path], scope.block), path)
        return firsts

    def _expanded(self, path: str, patterns: tuple[str, ...]) -> bool:
        """Whether a scope, or something in it, matches."""
        return any(path in self._holding(pattern) for pattern in patterns)

    def _holding(self, pattern: str) -> frozenset[str]:
        """The paths that match a pattern, and those of the scopes around them."""
        if pattern not in self._holders:
            found = [path for path in self.graph.scopes if fnmatchcase(path, pattern)]
            self._holders[pattern] = frozenset(s.path for path in found for s in self.graph.ancestry(path))
        return self._holders[pattern]

    def _chains(self, nodes: list[Node]) -> dict[str, list[Node]]:
        """Nodes that follow one another with nothing else attached, by the id of the first."""
        here = {node.id for node in nodes}
        before: dict[str, str] = {}
        for node in nodes:
            users = self.users.get(Value(node.id), [])
            lone = len(users) == 1 and users[0] in here and len(node.outputs) == 1
            if lone and len(data_inputs(self.graph, self.graph.node(users[0]))) == 1 and not self._kept(Value(node.id)):
                before[users[0]] = node.id
        chains: dict[str, list[Node]] = {}
        home: dict[str, str] = {}
        for node in nodes:
            home[node.id] = home[before[node.id]] if node.id in before else node.id
            chains.setdefault(home[node.id], []).append(node)
        return chains

    def _kept(self, value: Value) -> bool:
        return value in self.taps or value in self.results

    def _rows(self, chain: Sequence[Node]) -> Iterator[list[Node]]:
        """Each row has one op of weight: with the light ones after it, or before it where the chain begins so."""
        row: list[Node] = []
        leading = bool(chain) and chain[0].op.family in (Family.NORM, Family.ACTIVATION)
        last = max((i for i, node in enumerate(chain) if node.op.family not in LIGHT), default=-1)
        for index, node in enumerate(chain):
            light = node.op.family in LIGHT
            heavy_row = any(n.op.family not in LIGHT for n in row)
            full = heavy_row and (not light or (leading and index < last))
            late = not light and not leading and len(row) < index and bool(row) and row[-1].op.family is Family.RESHAPE
            # A sum and its normalization are one step of a transformer: `Add & Norm`.
            summed = bool(row) and row[-1].op.family is Family.MERGE
            ended = summed and (node.op.family is not Family.NORM or is_bar(row[-1], self.graph))
            if row and (full or late or ended or self._length([*row, node]) > ROW):
                yield row
                row = []
            row.append(node)
        if row:
            yield row

    def _length(self, nodes: Sequence[Node]) -> float:
        return sum(width(notation(self.graph, node), SIZE) + 12 for node in nodes)

    def _row(self, nodes: list[Node]) -> OpRow:
        outputs = tuple(Value(nodes[-1].id, port) for port in range(len(nodes[-1].outputs)))
        return OpRow(tuple(nodes), data_inputs(self.graph, nodes[0]), outputs)


def _sources_late(items: Sequence[Item]) -> tuple[Item, ...]:
    """Inputs and learned values where they are first taken: an encoder's before it, a decoder's after the encoder."""
    sources = {value: i for i, item in enumerate(items) if _is_source(item) for value in item.outputs}
    first: dict[int, int] = {}
    for i, item in enumerate(items):
        for value in item.inputs:
            if value in sources:
                first.setdefault(sources[value], i)
    order = sorted(range(len(items)), key=lambda i: (first.get(i, i), i))
    return tuple(items[i] for i in order)


def _is_source(item: Item) -> bool:
    return isinstance(item, OpRow) and not item.inputs


def _succession(one: Interface, other: Interface) -> tuple[tuple[str, int], ...] | None:
    """Where each input of a copy comes from, in terms of the copy before; None if from elsewhere."""
    places = {value: ("before", index) for index, value in enumerate(one.inputs)}
    places.update({value: ("made", index) for index, value in enumerate(one.outputs)})
    found = [places.get(value) for value in other.inputs]
    if any(place is None for place in found) or not any(place and place[0] == "made" for place in found):
        return None
    return tuple(place for place in found if place is not None)
