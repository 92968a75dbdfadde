"""Graph -> the two arms of a U, where a network goes down and comes up again inside a stage or a block.

Decided by sizes alone: what makes maps smaller, and later as large again, is opened, and so are further uses of its
block. What then follows one another is cut where the size changes. Values that are no maps, such as a time or a text,
enter at the side.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby, pairwise

from archdsl.backends.figures.items import Box, Item, OpRow
from archdsl.backends.figures.view import Viewer
from archdsl.ir.graph import Graph, Value
from archdsl.ops.base import Family

MAP = 3
"""The rank of what has a height and a width; more has a clip."""
MOST_RAILS = 3
"""More values than these that enter at the side cannot be told apart."""

Steps = tuple[Item, ...]


@dataclass(frozen=True, slots=True)
class Rung:
    """What works at one size, on one arm. `leading` are the ops at its start that make that size, if more follows."""

    leading: Steps
    steps: Steps

    @property
    def items(self) -> Steps:
        return (*self.leading, *self.steps)


@dataclass(frozen=True, slots=True)
class Skip:
    """The values that one rung hands to the one across, in the order in which they are taken."""

    level: int
    values: tuple[Value, ...]


@dataclass(frozen=True, slots=True)
class Rail:
    """A value that enters at several rungs from the side, and the items that make it, one from another."""

    value: Value
    makers: Steps


@dataclass(frozen=True, slots=True)
class Arms:
    """A U: `down` from the largest size, `up` to it, both with the largest first; `bottom` between their ends.

    `first` is the input; `last` are stages after the arm that goes up.
    """

    first: Item
    down: tuple[Rung, ...]
    bottom: Rung
    up: tuple[Rung, ...]
    last: Steps
    skips: tuple[Skip, ...]
    rails: tuple[Rail, ...]


def read(viewer: Viewer) -> Arms | None:
    """The arms, or None where the network has no such form, or shows it by its stages alone."""
    if viewer.taps or viewer.sides or len(viewer.closed.outputs) != 1:
        return None
    opened = _bending(viewer)
    items = list(_flat(viewer.closed.items, opened))
    if len(items) == len(viewer.closed.items) or not all(isinstance(item, Box | OpRow) for item in items):
        return None
    return _Reader(viewer.graph, items).arms()


def _bending(viewer: Viewer) -> frozenset[str]:
    """The scopes that make maps smaller, and then as large again as they came; all uses of such a block."""
    graph = viewer.graph
    smaller, larger = set[str](), set[str]()
    for node in graph:
        before, after = _area(graph, graph.inputs_of(node.id)), _area(graph, (Value(node.id),))
        if before and after and before != after:
            (smaller if after < before else larger).update(scope.path for scope in graph.ancestry(node.scope))
    found = {path for path in smaller & larger if path and _returns(viewer, path)}
    blocks = {graph.scopes[path].block for path in found} - {None}
    return frozenset(path for path, scope in graph.scopes.items() if path in found or scope.block in blocks)


def _returns(viewer: Viewer, path: str) -> bool:
    """Whether what leaves a scope is as large as the largest map that enters it."""
    border = viewer.borders[path]
    return _area(viewer.graph, border.inputs) == _area(viewer.graph, border.outputs) > 1


def _area(graph: Graph, values: Sequence[Value]) -> int:
    """Pixels of the largest map among some values; 0: none is a map."""
    frames = [tensor.frame for tensor in map(graph.tensor, values) if tensor.rank >= MAP]
    return max((high * wide for high, wide in frames), default=0)


def _flat(items: Sequence[Item], opened: frozenset[str]) -> Iterator[Item]:
    for item in items:
        if isinstance(item, Box) and item.count == 1 and not item.rest and item.scope.path in opened:
            yield from _flat(item.view.items, opened)
        else:
            yield item


class _Reader:
    """Reads the arms from items that follow one another."""

    def __init__(self, graph: Graph, items: Sequence[Item]) -> None:
        self.graph = graph
        self.trunk = [item for item in items if self._is_map(item)]
        self.beside = [item for item in items if not self._is_map(item)]
        self.places = {value: i for i, item in enumerate(self.trunk) for value in item.outputs}

    def _is_map(self, item: Item) -> bool:
        return bool(item.outputs) and self.graph.tensor(item.outputs[0]).rank >= MAP

    def arms(self) -> Arms | None:
        """The arms, if all maps are one way that goes down once and up once, and the rest enters at the side."""
        if not self._is_way():
            return None
        rails = self._rails()
        runs = [[i for i, _ in run] for _, run in groupby(enumerate(self.sizes), key=lambda entry: entry[1])]
        turn = min(range(len(runs)), key=lambda run: self.sizes[runs[run][0]])
        sizes = [self.sizes[run[0]] for run in runs]
        down, up = sizes[:turn], sizes[turn + 1 :]
        if rails is None or down != up[::-1] or any(a <= b for a, b in pairwise(down)) or not down:
            return None
        return self._parted(runs, turn, rails)

    @property
    def sizes(self) -> list[int]:
        """Pixels of what each item of the way makes, but for the input."""
        return [_area(self.graph, item.outputs) for item in self.trunk[1:]]

    def _is_way(self) -> bool:
        """Whether each map is made of the one before, the first of them an input."""
        first = self.trunk[0] if self.trunk else None
        starts = isinstance(first, OpRow) and first.nodes[0].op.family is Family.INPUT and len(first.nodes) == 1
        return starts and all(set(one.outputs) & set(other.inputs) for one, other in pairwise(self.trunk))

    def _parted(self, runs: Sequence[Sequence[int]], turn: int, rails: tuple[Rail, ...]) -> Arms | None:
        """Cuts the lowest run where its skips begin and end, and leaves out the stages after the arm that goes up."""
        numbers = [[i + 1 for i in run] for run in runs]
        levels = {i: level for level, run in enumerate(numbers[:turn]) for i in run}
        levels |= {i: level for level, run in enumerate(reversed(numbers[turn + 1 :])) for i in run}
        lowest = numbers[turn]
        inner = [(i, j) for i, j, _ in self._links() if i in lowest and j in lowest]
        before = max([lowest[0] - 1, *(i for i, _ in inner)])
        after = min([lowest[-1] + 1, *(j for _, j in inner)])
        down, up = numbers[:turn], numbers[turn + 1 :][::-1]
        if inner:
            down.append([i for i in lowest if i <= before])
            up.append([i for i in lowest if i >= after])
            levels |= dict.fromkeys((*down[-1], *up[-1]), turn)
        middle = [i for i in lowest if before < i < after]
        arrivals = {j: i for i, j, _ in self._links() if self._crosses(i, j, down, up)}
        level = all(levels.get(i) == levels.get(j) for j, i in arrivals.items())
        if not (middle and arrivals and level) or not all(map(len, (*down, *up))):
            return None
        up[0], last = self._ended(up[0], max(arrivals))
        return Arms(
            self.trunk[0],
            tuple(self._rung(run, {}) for run in down),
            self._rung(middle, {}),
            tuple(self._rung(run, arrivals) for run in up),
            tuple(self.trunk[i] for i in last),
            tuple(self._skips(down, up)),
            rails,
        )

    def _links(self) -> Iterator[tuple[int, int, Value]]:
        """Values that pass over others on the way: where they are made and taken, by number."""
        for j, item in enumerate(self.trunk):
            for value in item.inputs:
                if self.places.get(value, j) < j - 1:
                    yield self.places[value], j, value

    def _crosses(self, i: int, j: int, down: Sequence[Sequence[int]], up: Sequence[Sequence[int]]) -> bool:
        """Whether a link leaves the rung that it begins in."""
        return not any(i in run and j in run for run in (*down, *up))

    def _ended(self, run: list[int], arrival: int) -> tuple[list[int], list[int]]:
        """The last rung without the stages after it, and those."""
        home = self._stage(self.trunk[arrival])
        end = next((k for k, i in enumerate(run) if i > arrival and self._stage(self.trunk[i]) != home), len(run))
        return run[:end], run[end:]

    def _stage(self, item: Item) -> str:
        return item.ends[1].partition(".")[0]

    def _rung(self, run: Sequence[int], arrivals: dict[int, int]) -> Rung:
        """Ops before the first block, and before what skips bring, lead: one of them, or on the way up all of them."""
        most = next((k for k, i in enumerate(run) if i in arrivals), 1 if not arrivals else 0)
        rows = next((k for k, i in enumerate(run) if not isinstance(self.trunk[i], OpRow)), len(run))
        count = min(most, rows) if min(most, rows) < len(run) else 0
        items = tuple(self.trunk[i] for i in run)
        return Rung(items[:count], items[count:])

    def _skips(self, down: Sequence[Sequence[int]], up: Sequence[Sequence[int]]) -> Iterator[Skip]:
        for level, (left, right) in enumerate(zip(down, up, strict=True)):
            values = (value for i, j, value in self._links() if i in left and j in right)
            if found := tuple(dict.fromkeys(values)):
                yield Skip(level, found)

    def _rails(self) -> tuple[Rail, ...] | None:
        """What enters at the side, each value made in a row of items; None where it is not so."""
        makers = {value: item for item in self.beside for value in item.outputs}
        taken = dict.fromkeys(value for item in self.trunk for value in item.inputs if value in makers)
        rails, seen = [], set[int]()
        for value in taken:
            chain: list[Item] = []
            item: Item | None = makers[value]
            while item is not None:
                if id(item) in seen or len(item.inputs) > 1 or len(item.outputs) != 1:
                    return None
                seen.add(id(item))
                chain.append(item)
                item = makers.get(item.inputs[0]) if item.inputs else None
            rails.append(Rail(value, tuple(reversed(chain))))
        return tuple(rails) if len(seen) == len(self.beside) and len(rails) <= MOST_RAILS else None
