"""Columns of volumes in rows: on one axis, as high as the page allows, what is left shared out between them.

Skips run in lanes above their row, the shorter the nearer; what is done to a value on its way stands in its lane.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise

from archdsl.backends.figures.options import Options
from archdsl.backends.figures.page import EDGE
from archdsl.backends.figures.parts import Picture
from archdsl.backends.figures.scene import Item, Line, Point, Wire
from archdsl.backends.figures.volumes.captions import MOST_COLUMNS, Caption, Writer
from archdsl.backends.figures.volumes.oblique import Measure, Standing, standing
from archdsl.backends.figures.volumes.parts import BELOW, HEADER, arriving, drawn, ends, handed, lane, leaving, sizes
from archdsl.backends.figures.volumes.stacks import Column, Run, Skip
from archdsl.ir.graph import Graph, Value

TALLEST, SHORTEST = 240.0, 40.0
"""The height of the largest front, in points."""
ARROW, LONGEST = 22.0, 64.0
"""Between two columns."""
LANE, WITH_OP = 12.0, 30.0
"""From one lane to the next; of a lane in which an op stands."""
BETWEEN = 14.0
"""From one row to the next."""


def in_rows(
    graph: Graph, columns: Sequence[Column], skips: Sequence[Skip], writer: Writer, options: Options
) -> Picture:
    """The fewest rows into which all columns fit, none of them of more than nine."""
    captions = [writer.caption(column) for column in columns]
    room = options.paper.width - 2 * EDGE, options.paper.height - 2 * EDGE - HEADER
    least = -(-len(columns) // MOST_COLUMNS)
    attempts = [Measure.of(graph, columns, tall, step) for tall, step in sizes(TALLEST, SHORTEST)]
    for count in range(least, least + 3):
        lanes = _Lanes(len(columns), count, skips)

        def rows(measure: Measure, lanes: _Lanes = lanes) -> _Rows:
            return _Rows(graph, [standing(graph, c, measure) for c in columns], captions, lanes, options)

        smallest = rows(attempts[-1])
        if smallest.fit(room):
            return next(found for found in map(rows, attempts) if found.fit(room)).picture()
    return smallest.picture()


class _Lanes:
    """Which columns stand in which row, and the lane of each skip: the same for all sizes of the volumes."""

    def __init__(self, columns: int, count: int, skips: Sequence[Skip]) -> None:
        size = -(-columns // count)
        self.columns = columns
        self.rows = [range(i, min(i + size, columns)) for i in range(0, columns, size)]
        self.row_of = {i: r for r, row in enumerate(self.rows) for i in row}
        self.skips = sorted(skips, key=lambda skip: (self._end(skip) - skip.start, skip.start, skip.end))
        self.across = [self.row_of[skip.start] != self.row_of[skip.end] for skip in self.skips]
        self.lanes = self._laned()
        self.pitches = [self._pitches(row) for row in range(len(self.rows))]
        self.above = [sum(pitches.values()) + (4 if pitches else 0) for pitches in self.pitches]

    def _end(self, skip: Skip) -> int:
        """Where the lane of a skip ends; one to another row goes to the end of its own, and has all of the other."""
        return skip.end if self.row_of[skip.start] == self.row_of[skip.end] else self.columns

    def _laned(self) -> list[int]:
        """The lane of each skip: the lowest that is free all the way."""
        taken: list[list[tuple[int, int]]] = []
        lanes: list[int] = []
        for skip, across in zip(self.skips, self.across, strict=True):
            start, end = (self.rows[self.row_of[skip.start]][0] if across else skip.start), self._end(skip)
            free = (i for i, used in enumerate(taken) if all(end <= a or b <= start for a, b in used))
            lanes.append(next(free, len(taken)))
            if lanes[-1] == len(taken):
                taken.append([])
            taken[lanes[-1]].append((start, end))
        return lanes

    def _pitches(self, row: int) -> dict[int, float]:
        """The height of each lane above a row."""
        pitches: dict[int, float] = {}
        for level, skip in zip(self.lanes, self.skips, strict=True):
            if row in (self.row_of[skip.start], self.row_of[skip.end]):
                pitches[level] = max(pitches.get(level, LANE), WITH_OP if skip.lane else LANE)
        return pitches

    def rise(self, row: int, number: int) -> float:
        """How far a skip runs above the highest volume of a row."""
        own, pitches = self.lanes[number], self.pitches[row]
        below = sum(pitch for level, pitch in pitches.items() if level <= own)
        return below - (pitches.get(own, LANE) - LANE) / 2


class _Rows:
    """Columns in rows, and where all lies."""

    def __init__(
        self,
        graph: Graph,
        columns: Sequence[Standing],
        captions: Sequence[Caption],
        lanes: _Lanes,
        options: Options,
    ) -> None:
        self.graph, self.columns, self.captions, self.theme = graph, columns, captions, options.colours
        self.room = options.paper.width - 2 * EDGE
        self.lanes, self.rows, self.row_of, self.skips = lanes, lanes.rows, lanes.row_of, lanes.skips
        self.slots = [max(c.width, caption.width) for c, caption in zip(columns, captions, strict=True)]

    def fit(self, room: tuple[float, float]) -> bool:
        """Whether they are at most as wide and as high."""
        return self.height <= room[1] and self.least <= room[0]

    def _high(self, row: int) -> float:
        return max(self.columns[i].height for i in self.rows[row])

    def _low(self, row: int) -> float:
        return BELOW + max(self.captions[i].height for i in self.rows[row])

    @property
    def height(self) -> float:
        rows = range(len(self.rows))
        return sum(self.lanes.above[r] + self._high(r) + self._low(r) for r in rows) + BETWEEN * (len(self.rows) - 1)

    @property
    def aside(self) -> float:
        """What skips and the way on to the next row need at the right, and at the left."""
        return (28 + LANE * sum(self.lanes.across)) if len(self.rows) > 1 else 0.0

    @property
    def least(self) -> float:
        """The width that the widest row needs."""
        return max(sum(self.slots[i] for i in row) + ARROW * (len(row) - 1) for row in self.rows) + self.aside

    def picture(self) -> Picture:
        lefts, axes = self._places()
        items: list[Item] = []
        for i, found in enumerate(self.columns):
            items.append(drawn(self.graph, found, lefts[i], axes[i], self.theme))
            r = self.row_of[i]
            foot = axes[i] + self._high(r) / 2 + BELOW
            items += self.captions[i].at(lefts[i] + found.width / 2, foot, self.theme)
        lines = [*self._onward(lefts, axes), *self._over(lefts, axes)]
        right = max(lefts[i] + (self.columns[i].width + self.slots[i]) / 2 for i in range(len(self.columns)))
        return Picture(12 if self.aside else 0, right + max(self.aside - 12, 0), self.height, (*items, *lines))

    def _places(self) -> tuple[list[float], list[float]]:
        """The left edge of each column, and its axis."""
        lefts, axes = [], []
        y = 0.0
        for r, row in enumerate(self.rows):
            gaps = len(row) - 1
            spare = self.room - self.aside - sum(self.slots[i] for i in row)
            gap = min(max(spare / gaps, ARROW), LONGEST) if gaps else 0.0
            axis = y + self.lanes.above[r] + self._high(r) / 2
            x = 0.0
            for i in row:
                lefts.append(x + (self.slots[i] - self.columns[i].width) / 2)
                axes.append(axis)
                x += self.slots[i] + gap
            y = axis + self._high(r) / 2 + self._low(r) + BETWEEN
        return lefts, axes

    def _onward(self, lefts: list[float], axes: list[float]) -> Iterator[Line]:
        """From one column to the next, and around to the next row."""
        for i, (one, other) in enumerate(pairwise(self.columns)):
            name = handed(one.column, other.column)
            if name is None:
                continue
            start, end = (lefts[i] + one.width, axes[i]), (lefts[i + 1], axes[i + 1])
            points: tuple[Point, ...] = (start, end)
            if axes[i] != axes[i + 1]:
                r = self.row_of[i + 1]
                gap = axes[i + 1] - self._high(r) / 2 - self.lanes.above[r] - BETWEEN / 2
                right = self._edge() + 10
                points = (start, (right, start[1]), (right, gap), (-10.0, gap), (-10.0, end[1]), end)
            yield Line(points, self.theme.ink, arrow=True, wire=Wire(name, *ends(self.columns, i, i + 1)))

    def _edge(self) -> float:
        """The right edge of the widest row."""
        lefts, _ = self._places()
        return max(lefts[i] + (self.columns[i].width + self.slots[i]) / 2 for i in range(len(self.columns)))

    def _over(self, lefts: list[float], axes: list[float]) -> Iterator[Item]:
        """The skips. What leaves one volume in several lanes leaves it from the right, the nearest lane first."""
        ways = self._ways(lefts, axes)
        for number, (skip, way) in enumerate(zip(self.skips, ways, strict=True)):
            others = [*ways[:number], *ways[number + 1 :]]
            yield from lane(self.graph, skip, way, ends(self.columns, skip.start, skip.end), self.theme, others)

    def _ways(self, lefts: list[float], axes: list[float]) -> list[list[Point]]:
        """The corners of each skip."""
        ways: list[list[Point]] = []
        values: dict[tuple[int, Run], list[Value]] = {}
        sharing: dict[tuple[int, Run], list[int]] = {}
        for number, skip in enumerate(self.skips):
            sharing.setdefault((skip.end, arriving(self.columns[skip.end], skip).run), []).append(number)
        for number, skip in enumerate(self.skips):
            i, j = skip.start, skip.end
            source, target = leaving(self.graph, self.columns[i], skip), arriving(self.columns[j], skip)
            beside = sharing[j, target.run]
            part = (beside.index(number) + 0.5) / len(beside) * 0.7
            own = values.setdefault((i, source.run), [])
            if skip.value not in own:
                own.append(skip.value)
            start = lefts[i] + source.back(max(0.85 - 0.25 * own.index(skip.value), 0.1)), axes[i] - source.top
            end = lefts[j] + target.back(part), axes[j] - target.top
            level, lower = self._level(i, number, axes), self._level(j, number, axes)
            points: list[Point] = [start, (start[0], level), (end[0], lower), end]
            if level != lower:
                aside = self._edge() + 18 + LANE * number
                points[2:2] = [(aside, level), (aside, lower)]
            ways.append(points)
        return ways

    def _level(self, column: int, number: int, axes: list[float]) -> float:
        row = self.row_of[column]
        return axes[column] - self._high(row) / 2 - self.lanes.rise(row, number)
