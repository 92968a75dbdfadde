"""A network that goes down and comes up again, as a U of volumes: its levels are numbers of halvings.

Skips lie in lanes above their level; the way down runs to the right and down, the way up to the right and up.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise
from math import log2

from archdsl.backends.figures.options import Options
from archdsl.backends.figures.page import EDGE
from archdsl.backends.figures.parts import Picture
from archdsl.backends.figures.scene import Anchor, Item, Line, Point, Wire, moved
from archdsl.backends.figures.volumes.captions import Caption, Writer
from archdsl.backends.figures.volumes.oblique import Measure, Standing, standing
from archdsl.backends.figures.volumes.parts import (
    BELOW,
    HEADER,
    arriving,
    chip,
    drawn,
    ends,
    handed,
    lane,
    leaving,
    sizes,
)
from archdsl.backends.figures.volumes.stacks import Column, Skip
from archdsl.ir.graph import Graph

TALLEST, SHORTEST = 180.0, 30.0
GAP = 18.0
"""Between two columns: the way up has its upright part in it."""
LANE, CHIP = 14.0, 11.0
"""From a level to its lane, and half the height of an op in the lane."""
DROP = 20.0
"""What a level lies deeper than a quarter of its volumes and those above."""


def in_a_u(
    graph: Graph, columns: Sequence[Column], skips: Sequence[Skip], writer: Writer, options: Options
) -> Picture | None:
    """The picture, or None where the network has not that form."""
    levels = _levels(graph, columns)
    if not _is_u(columns, skips, levels):
        return None
    captions = [writer.caption(column, brief=True) for column in columns]
    room = options.paper.width - 2 * EDGE, options.paper.height - 2 * EDGE - HEADER
    for tall, step in sizes(TALLEST, SHORTEST):
        measure = Measure.of(graph, columns, tall, step)
        found = _U(graph, [standing(graph, c, measure) for c in columns], captions, skips, levels, options)
        if found.width <= room[0] and found.height <= room[1]:
            break
    return found.picture()


def _levels(graph: Graph, columns: Sequence[Column]) -> list[int]:
    """How many times the size is halved on the way to each column's volumes, and not doubled again."""
    levels, level, before = [], 0, 0
    for column in columns:
        here = []
        for run in column.runs:
            frame = graph.tensor(run.value).frame
            if frame and column.main.value not in column.lanes:
                level += round(log2(before / frame[0])) if before else 0
                before = frame[0]
                here.append(level)
        levels.append(here[-1] if here else level)
    return levels


def _is_u(columns: Sequence[Column], skips: Sequence[Skip], levels: Sequence[int]) -> bool:
    """Whether all is a chain that goes down and up by single levels, with skips, one within another, between equals."""
    chain = all(handed(a, b) for a, b in pairwise(columns))
    turn = levels.index(max(levels))
    down = all(0 <= b - a <= 1 for a, b in pairwise(levels[: turn + 1]))
    up = all(0 <= a - b <= 1 for a, b in pairwise(levels[turn:]))
    found = sorted(skips, key=lambda skip: skip.start)
    nested = all(a.start < b.start and b.end < a.end for a, b in pairwise(found))
    level = all(levels[skip.start] == levels[skip.end] < max(levels) for skip in found)
    apart = len({levels[skip.start] for skip in found}) == len(found)
    return bool(found) and chain and down and up and nested and level and apart


class _U:
    """Where all lies, for one size of volumes."""

    def __init__(
        self,
        graph: Graph,
        columns: Sequence[Standing],
        captions: Sequence[Caption],
        skips: Sequence[Skip],
        levels: Sequence[int],
        options: Options,
    ) -> None:
        self.graph, self.columns, self.captions, self.skips = graph, columns, captions, skips
        self.levels, self.theme = levels, options.colours
        self.turn = levels.index(max(levels))
        self.at = [[i for i, level in enumerate(levels) if level == k] for k in range(max(levels) + 1)]
        self.axes = self._axes()
        self.lefts = self._lefts()
        spans = [self._written(i) for i in range(len(columns))]
        self.left = -min([0.0, *(left for left, _ in spans)])
        self.right = max(max(right for _, right in spans), self.lefts[-1] + columns[-1].width)
        self.over = -min([0.0, *(self._lane(skip) - CHIP for skip in skips)])

    @property
    def width(self) -> float:
        return self.left + self.right

    @property
    def height(self) -> float:
        return self.over + max(self._foot(k) + self._below(k) for k in range(len(self.at)))

    def _tall(self, level: int) -> float:
        return max(self.columns[i].height for i in self.at[level])

    def _below(self, level: int) -> float:
        return max(self.captions[i].height for i in self.at[level])

    def _axes(self) -> list[float]:
        """Of each level: deeper by a part of the volumes, and so that nothing written meets the level above."""
        axes = [self._tall(0) / 2]
        for level in range(1, len(self.at)):
            one, other = self._tall(level - 1), self._tall(level)
            drop = max((one + other) / 4 + DROP, other / 2 + DROP)
            drop = max(drop, (one - other) / 2 + self._below(level - 1) + 4)
            axes.append(axes[-1] + drop)
        return axes

    def _foot(self, level: int) -> float:
        """Where the captions of a level begin."""
        return self.axes[level] + self._tall(level) / 2 + BELOW

    def _anchor(self, i: int) -> Anchor:
        """On the way down captions end with their volumes, on the way up they begin with them."""
        if self.levels[i] == self.levels[self.turn]:
            return "middle"
        return "end" if i < self.turn else "start"

    def _lefts(self) -> list[float]:
        """Side by side, captions of one level too."""
        lefts = [0.0]
        for i, one in enumerate(self.columns[:-1]):
            x = lefts[-1] + one.width + GAP
            if self.levels[i] == self.levels[i + 1]:
                (_, right), (left, _) = self._span(i, lefts[-1]), self._span(i + 1, 0.0)
                x = max(x, right + 10 - left)
            lefts.append(x)
        aside = max([0.0, *(self._lacking(skip, lefts) for skip in self.skips)])
        return [x + aside * (0.5 * (i >= self.turn) + 0.5 * (i > self.turn)) for i, x in enumerate(lefts)]

    def _lacking(self, skip: Skip, lefts: Sequence[float]) -> float:
        """What a lane is too short for its op, with a piece of line on both sides."""
        if skip.lane is None:
            return 0.0
        long = lefts[skip.end] - lefts[skip.start] - self.columns[skip.start].width
        return chip(self.graph, skip.lane, self.theme)[0] + 30 - long

    def _span(self, i: int, left: float) -> tuple[float, float]:
        """From where to where a column's caption reaches, if the column begins at `left`."""
        wide, own = self.captions[i].width, self.columns[i].width
        start = {"start": 0.0, "middle": (own - wide) / 2, "end": own - wide}[self._anchor(i)]
        return left + start, left + start + wide

    def _written(self, i: int) -> tuple[float, float]:
        return self._span(i, self.lefts[i])

    def _lane(self, skip: Skip) -> float:
        axis = self.axes[self.levels[skip.start]]
        return axis - max(self.columns[i].height for i in (skip.start, skip.end)) / 2 - LANE

    def picture(self) -> Picture:
        items = [*self._volumes(), *self._onward(), *self._over()]
        down = self.over
        return Picture(self.left, self.right, self.height, tuple(moved(item, 0, down) for item in items))

    def _volumes(self) -> Iterator[Item]:
        for i, found in enumerate(self.columns):
            level = self.levels[i]
            yield drawn(self.graph, found, self.lefts[i], self.axes[level], self.theme)
            left, right = self._written(i)
            x = {"start": left, "middle": (left + right) / 2, "end": right}[self._anchor(i)]
            yield from self.captions[i].at(x, self._foot(level), self.theme, self._anchor(i))

    def _onward(self) -> Iterator[Line]:
        for i, (one, other) in enumerate(pairwise(self.columns)):
            name = handed(one.column, other.column) or ""
            start = self.lefts[i] + one.width, self.axes[self.levels[i]]
            end = self.lefts[i + 1], self.axes[self.levels[i + 1]]
            points: tuple[Point, ...] = (start, end)
            if end[1] > start[1]:
                first = other.stacks[0]
                end = end[0] + first.back(0.5), end[1] - first.top
                points = (start, (end[0], start[1]), end)
            elif end[1] < start[1]:
                aside = end[0] - GAP / 2
                points = (start, (aside, start[1]), (aside, end[1]), end)
            yield Line(points, self.theme.ink, arrow=True, wire=Wire(name, *ends(self.columns, i, i + 1)))

    def _over(self) -> Iterator[Item]:
        for skip in self.skips:
            i, j = skip.start, skip.end
            source, target = leaving(self.graph, self.columns[i], skip), arriving(self.columns[j], skip)
            axis, y = self.axes[self.levels[i]], self._lane(skip)
            start = self.lefts[i] + source.back(0.8), axis - source.top
            end = self.lefts[j] + target.back(0.5), axis - target.top
            points = start, (start[0], y), (end[0], y), end
            yield from lane(self.graph, skip, points, ends(self.columns, i, j), self.theme)
