"""A grid of layers -> where each stands from left to right, and the arcs around them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from archdsl.backends.figures.compare.grid import Block, Column, Numbered
from archdsl.backends.figures.compare.track import Skip, Track
from archdsl.backends.figures.style import SIZE
from archdsl.backends.figures.text import width

BAR = 16.0
"""Across a layer; as much again for each further line of its text."""
INNER, LONE = 2.5, 5.0
"""Between the layers of a block, and between layers that belong to none."""
OUTER = 13.6
"""Between two blocks."""
SIGN = 9.0
"""Across a sign."""
AFTER, BEFORE = 5.5, 2.1
"""From a layer to the middle of the first sign behind it, and from the beginning of an arc to the layer behind it."""
NEXT = SIGN + 1.5
"""From the middle of one sign to that of the next."""
MARGIN = 4.0
"""In a column, at each side."""
BETWEEN = 5.0
"""From one column to the next."""
SPREAD, WIDER = 70.0, 8.0
"""How much a gap, and a layer, may grow where there is room."""


@dataclass(frozen=True, slots=True)
class Spot:
    """A place of the grid with its number of block and column."""

    place: tuple[Numbered | None, ...]
    block: Block
    number: int
    column: int


@dataclass(frozen=True, slots=True)
class Arc:
    """A skip around the spots from `start` to `end`, both included."""

    start: int
    end: int
    skip: Skip

    @property
    def key(self) -> tuple[int, int, str, str]:
        """Equal for arcs that look alike in two rows."""
        return self.start, self.end, self.skip.sign, self.skip.text


def spots_of(columns: Sequence[Column]) -> list[Spot]:
    found: list[Spot] = []
    number = 0
    for c, column in enumerate(columns):
        for block in column.blocks:
            found += [Spot(place, block, number, c) for place in block.places]
            number += 1
    return found


def arcs_of(track: Track, spots: Sequence[Spot], network: int) -> list[Arc]:
    """The skips of one network, of folded blocks those of the first."""
    at = {m.number: i for i, spot in enumerate(spots) if (m := spot.place[network]) is not None}
    found: dict[tuple[int, int, str], Arc] = {}
    for skip in track.all_skips:
        if skip.start in at and skip.end - 1 in at:
            start, end = at[skip.start], at[skip.end - 1]
            found.setdefault((start, end, skip.path), Arc(start, end, skip))
    return list(found.values())


def lanes_of(arcs: Sequence[Arc]) -> list[int]:
    """How high each arc runs, from 0: above those that it reaches over."""
    lanes = [0] * len(arcs)
    placed: list[int] = []
    for i in sorted(range(len(arcs)), key=lambda i: (arcs[i].end - arcs[i].start, arcs[i].start)):
        below = [lanes[j] for j in placed if arcs[j].start <= arcs[i].end and arcs[i].start <= arcs[j].end]
        lanes[i] = max(below, default=-1) + 1
        placed.append(i)
    return lanes


class Places:
    """Where spots and columns begin and end, in points. `lines` is the most lines of text in each spot.

    `widest` is the least width of each column. What is left of `room` is shared out; `least` is what is needed.
    """

    def __init__(
        self, spots: Sequence[Spot], arcs: Sequence[Sequence[Arc]], lines: Sequence[int], widest: float, room: float
    ) -> None:
        self.spots = spots
        count = len(spots)
        self.signs = [[self._signs(of, i) for i in range(count)] for of in arcs]
        self.after = [max((len(of[i]) for of in self.signs), default=0) for i in range(count)]
        self.starts = {arc.start for of in arcs for arc in of}
        self.widest = widest
        self.lines, self.loose, self.wider = lines, 0.0, 0.0
        self.least = self._lay_out()
        if self.least < room:
            spare = room - self.least
            self.wider = min(WIDER, spare / (3 * count))
            shares = sum(self._share(i) for i in range(count + 1))
            self.loose = min((spare - self.wider * count) / shares, SPREAD)
            self._lay_out()

    def _signs(self, arcs: Sequence[Arc], spot: int) -> list[Arc]:
        """One arc for each sign behind a spot, in the order of the ways that end there."""
        found: dict[str, Arc] = {}
        for arc in sorted(arcs, key=lambda arc: -arc.start):
            if arc.end == spot:
                found.setdefault(arc.skip.path, arc)
        return list(found.values())

    def _share(self, i: int) -> float:
        """How much of what is to spare the gap before a spot gets."""
        inside = 0 < i < len(self.spots) and self.spots[i - 1].number == self.spots[i].number
        return 0.15 if inside else 1.0

    def _lay_out(self) -> float:
        """Fills `left`, `right` and `columns`; gives the width of all."""
        self.left: list[float] = []
        self.right: list[float] = []
        self.columns: list[tuple[float, float]] = []
        x = 0.0
        for column in sorted({spot.column for spot in self.spots}):
            members = [i for i, spot in enumerate(self.spots) if spot.column == column]
            begin = x
            lefts, x = self._column(members, x)
            aside = max(self.widest - (x - begin), 0.0) / 2
            self.left += [left + aside for left in lefts]
            x += 2 * aside
            self.columns.append((begin, x))
            x += BETWEEN
        self.right = [left + self.bar(i) for i, left in enumerate(self.left)]
        return x - BETWEEN

    def _column(self, members: Sequence[int], x: float) -> tuple[list[float], float]:
        lefts = []
        x += max(MARGIN, self._before(members[0]) + 2) + self.loose / 2 + self._aside(members[0])
        for i in members:
            if i != members[0]:
                x += self._gap(i)
            lefts.append(x)
            x += self.bar(i)
        last = members[-1]
        return lefts, x + max(MARGIN, self._behind(last) + 1) + self.loose / 2 + self._aside(last)

    def bar(self, i: int) -> float:
        return BAR * self.lines[i] + self.wider

    def _behind(self, i: int) -> float:
        return self.after[i] * NEXT + 1 if self.after[i] else 0.0

    def _before(self, i: int) -> float:
        return BEFORE if i in self.starts else 0.0

    def _gap(self, i: int) -> float:
        one, other = self.spots[i - 1], self.spots[i]
        if one.number == other.number:
            least = INNER
        else:
            least = OUTER if max(len(one.block.places), len(other.block.places)) > 1 else LONE
        aside = self._aside(i - 1) + self._aside(i) if one.number != other.number else 0.0
        return max(least, self._behind(i - 1) + self._before(i)) + aside + self.loose * self._share(i)

    def _aside(self, i: int) -> float:
        """What a block needs at each side for `×12` below it."""
        block = self.spots[i].block
        if block.count == 1:
            return 0.0
        own = BAR * len(block.places) + INNER * (len(block.places) - 1)
        return max(width(f"×{block.count}", SIZE, True) + 4 - own, 0.0) / 2

    def begin(self, arc: Arc) -> float:
        """x where an arc leaves the wire."""
        return self.left[arc.start] - BEFORE - self.loose * self._share(arc.start) / 4

    def sign(self, network: int, arc: Arc) -> float:
        """x of the middle of the sign that an arc ends on."""
        paths = [other.skip.path for other in self.signs[network][arc.end]]
        share = self._share(arc.end + 1) if arc.end + 1 < len(self.spots) else 1.0
        return self.right[arc.end] + AFTER + NEXT * paths.index(arc.skip.path) + self.loose * share / 4


def pushed_apart(wanted: Sequence[tuple[float, float]], room: float, gap: float) -> list[float]:
    """Middles near those wanted, of texts so wide, which do not touch and lie between 0 and `room`.

    >>> pushed_apart([(10, 40), (20, 40), (90, 20)], 120, 5)
    [20.0, 65.0, 100.0]
    >>> pushed_apart([(10, 40), (95, 20)], 100, 5)
    [20.0, 90.0]
    """
    found: list[float] = []
    edge = 0.0
    for middle, wide in wanted:
        found.append(max(float(middle), edge + wide / 2))
        edge = found[-1] + wide / 2 + gap
    edge = max(room, sum(wide for _, wide in wanted) + gap * (len(wanted) - 1))
    for i in range(len(found) - 1, -1, -1):
        found[i] = min(found[i], edge - wanted[i][1] / 2)
        edge = found[i] - wanted[i][1] / 2 - gap
    return found


def headers(columns: Sequence[Column], networks: int) -> Iterator[list[tuple[str, bool]]]:
    """For each column the name of its stage, where all that have it call it so, and its size."""
    for column in columns:
        held = [list(column.layers(network)) for network in range(networks)]
        present = [layers for layers in held if layers]
        stages = {_usual([layer.stage for layer in layers]) for layers in present}
        sizes = dict.fromkeys(layers[-1].size for layers in present)
        (name,) = stages if len(stages) == 1 else ("",)
        yield [(name, True), *((size, False) for size in sizes)]


def _usual(words: Sequence[str]) -> str:
    """The stage of most of the layers; none where no stage has more than half of them."""
    most = max(words, key=words.count)
    return most if 2 * words.count(most) > len(words) else ""
