"""Columns of volumes in rows: on one axis, as high as the page allows, what is left shared out between them.

Skips run in lanes above their row, the shorter the nearer; what is done to a value on its way stands in its lane.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise

from archdsl.analyses.notation import times
from archdsl.backends.figures import parts
from archdsl.backends.figures.captions import MOST_COLUMNS, Caption, Writer
from archdsl.backends.figures.items import LIGHT, OpRow, value_name
from archdsl.backends.figures.label import notation, short
from archdsl.backends.figures.oblique import Measure, Stack, Standing, faces, standing
from archdsl.backends.figures.options import Options
from archdsl.backends.figures.page import EDGE
from archdsl.backends.figures.parts import HEIGHT, Picture
from archdsl.backends.figures.scene import Group, Item, Line, Point, Text, Wire, moved
from archdsl.backends.figures.stacks import Column, Kind, Run, Skip
from archdsl.backends.figures.style import SIZE, Theme
from archdsl.backends.figures.text import width
from archdsl.ir.graph import Graph, Value
from archdsl.ops.base import Family

TALLEST, SHORTEST = 240.0, 40.0
"""The height of the largest front, in points."""
STEPS = (4.0, 3.2, 2.5, 2.0, 1.5, 1.1, 0.8)
"""What a doubling of channels may add across: the first that fits."""
ARROW, LONGEST = 22.0, 64.0
"""Between two columns."""
BELOW = 8.0
"""From the volumes to what is written below them."""
LANE, WITH_OP = 12.0, 30.0
"""From one lane to the next; of a lane in which an op stands."""
HEADER = 2.5 * 20 + 8
"""Title and legend."""
BETWEEN = 14.0
"""From one row to the next."""


def in_rows(
    graph: Graph, columns: Sequence[Column], skips: Sequence[Skip], writer: Writer, options: Options
) -> Picture:
    """The fewest rows into which all columns fit, none of them of more than nine."""
    captions = [writer.caption(column) for column in columns]
    room = options.paper.width - 2 * EDGE, options.paper.height - 2 * EDGE - HEADER
    least = -(-len(columns) // MOST_COLUMNS)
    for count in range(least, least + 3):
        for tall, step in sizes(TALLEST, SHORTEST):
            measure = Measure.of(graph, columns, tall, step)
            rows = _Rows(graph, [standing(graph, c, measure) for c in columns], captions, skips, count, options)
            if rows.height <= room[1] and rows.least <= room[0]:
                return rows.picture()
    return rows.picture()


def sizes(tallest: float, shortest: float) -> Iterator[tuple[float, float]]:
    """Heights and steps to try, in order: high, then wide, but rather lower than with fronts too thin to see."""
    heights = list(_falling(tallest, shortest))
    for steps in (STEPS[:-2], STEPS):
        usual = [tall for tall in heights if tall > tallest / 2 or steps is STEPS]
        yield from ((tall, step) for tall in usual for step in steps)


def _falling(start: float, end: float) -> Iterator[float]:
    while start > end:
        yield start
        start *= 0.9
    yield end


def facts(column: Column, graph: Graph) -> tuple[tuple[str, str], ...]:
    """What a column says to programs: its stage, its ops where that has no path, and its volumes."""
    stage = column.stage
    told = "; ".join(f"{run.count} {run.kind} {graph.tensor(run.value)}" for run in column.runs)
    nodes = (("path", stage.path), ("nodes", " ".join(stage.nodes)))
    return (*parts.facts("stage", stage.title), ("volumes", told), *parts.alike(stage.alike), *nodes)


def drawn(graph: Graph, found: Standing, x: float, axis: float, theme: Theme) -> Group:
    """A column's volumes as one thing."""
    polygons = [face for stack in found.stacks for face in faces(stack, x, axis, theme)]
    return Group(tuple(polygons), found.column.stage.path, data=facts(found.column, graph))


def chip(graph: Graph, row: OpRow, theme: Theme) -> tuple[float, Group]:
    """What stands in a lane: its width, and a box around x = 0, y = 0; a size that it cuts to is written."""
    heavy = next((node for node in row.nodes if node.op.family not in LIGHT), row.nodes[0])
    came, made = graph.tensor(row.inputs[0]).spatial, graph.tensor(row.outputs[0]).spatial
    told = ", ".join(notation(graph, node) for node in row.nodes)
    if heavy.op.family is Family.RESHAPE and came != made and len(row.nodes) == 1:
        told = f"{short(heavy.op).split()[-1]} to {times(made)}"
    wide = width(told, SIZE) + 2 * parts.PADDING
    back = parts.box(-wide / 2, -HEIGHT / 2, wide, HEIGHT, heavy.op.family, theme)
    data = (*parts.facts("op", told), ("path", row.nodes[0].id), ("nodes", " ".join(node.id for node in row.nodes)))
    return wide, Group((back, Text(0, 0, told, SIZE, theme.ink)), row.nodes[0].id, data=data)


def arriving(found: Standing, skip: Skip) -> Stack:
    """The stack onto which a skip comes down: what it brings, else the first."""
    value = skip.lane.outputs[0] if skip.lane else skip.value
    fills = [stack for stack in found.stacks if stack.run.kind is Kind.FILL]
    return next((stack for stack in fills if stack.run.value == value), (*fills, found.stacks[0])[0])


def leaving(graph: Graph, found: Standing, skip: Skip) -> Stack:
    """The stack that a skip leaves: the last of the value's size."""
    tensor = graph.tensor(skip.value)
    alike = [stack for stack in found.stacks if graph.tensor(stack.run.value) == tensor]
    return (alike or found.stacks)[-1]


def lane(graph: Graph, skip: Skip, points: Sequence[Point], ends: tuple[str, str], theme: Theme) -> Iterator[Item]:
    """A skip along these points; its op, if it has one, stands in the middle of the longest level part."""
    name = value_name(skip.value)
    if skip.lane is None:
        yield Line(tuple(points), theme.skip, 1.8, arrow=True, wire=Wire(name, *ends))
        return
    wide, box = chip(graph, skip.lane, theme)
    level = [i for i, (a, b) in enumerate(pairwise(points)) if a[1] == b[1]]
    at = max(level, key=lambda i: abs(points[i][0] - points[i + 1][0]))
    (start, y), (end, _) = points[at], points[at + 1]
    middle, half = (start + end) / 2, wide / 2 if end > start else -wide / 2
    first, last = skip.lane.ends
    before, after = (*points[: at + 1], (middle - half, y)), ((middle + half, y), *points[at + 1 :])
    yield Line(before, theme.skip, 1.8, wire=Wire(name, ends[0], first))
    yield Line(after, theme.skip, 1.8, arrow=True, wire=Wire(value_name(skip.lane.outputs[0]), last, ends[1]))
    yield moved(box, middle, y)


def ends(columns: Sequence[Standing], start: int, end: int) -> tuple[str, str]:
    return columns[start].column.stage.path, columns[end].column.stage.path


def handed(one: Column, other: Column) -> str | None:
    """The name of the value that a column hands to the next, if any."""
    shared = [value for value in other.stage.inputs if value in one.stage.outputs]
    return value_name(shared[0]) if shared else None


class _Rows:
    """Columns split into rows, and where all lies."""

    def __init__(
        self,
        graph: Graph,
        columns: Sequence[Standing],
        captions: Sequence[Caption],
        skips: Sequence[Skip],
        count: int,
        options: Options,
    ) -> None:
        self.graph, self.columns, self.captions, self.theme = graph, columns, captions, options.colours
        self.room = options.paper.width - 2 * EDGE
        size = -(-len(columns) // count)
        self.rows = [range(i, min(i + size, len(columns))) for i in range(0, len(columns), size)]
        self.row_of = {i: r for r, row in enumerate(self.rows) for i in row}
        self.skips = sorted(skips, key=lambda skip: (self._end(skip) - skip.start, skip.start, skip.end))
        self.lanes = self._laned()
        self.slots = [max(c.width, caption.width) for c, caption in zip(columns, captions, strict=True)]

    def _end(self, skip: Skip) -> int:
        """Where the lane of a skip ends; one to another row goes to the end of its own, and has all of the other."""
        return skip.end if self.row_of[skip.start] == self.row_of[skip.end] else len(self.columns)

    def _laned(self) -> dict[int, int]:
        """The lane of each skip by its number: the lowest that is free all the way."""
        taken: list[list[tuple[int, int]]] = []
        lanes: dict[int, int] = {}
        for number, skip in enumerate(self.skips):
            across = self.row_of[skip.start] != self.row_of[skip.end]
            start, end = (self.rows[self.row_of[skip.start]][0] if across else skip.start), self._end(skip)
            free = (i for i, used in enumerate(taken) if all(end <= a or b <= start for a, b in used))
            lanes[number] = next(free, len(taken))
            if lanes[number] == len(taken):
                taken.append([])
            taken[lanes[number]].append((start, end))
        return lanes

    def _lanes_in(self, row: int) -> set[int]:
        """The numbers of the skips that run above a row."""
        return {
            number for number, skip in enumerate(self.skips) if row in (self.row_of[skip.start], self.row_of[skip.end])
        }

    def _lane(self, row: int, number: int) -> float:
        """How far a skip runs above the highest volume of a row."""
        here = self._lanes_in(row)
        below = {self.lanes[other] for other in here if self.lanes[other] <= self.lanes[number]}
        return sum(self._pitch(row, level) for level in below) - (self._pitch(row, self.lanes[number]) - LANE) / 2

    def _pitch(self, row: int, level: int) -> float:
        """The height of a lane."""
        here = (self.skips[other] for other in self._lanes_in(row) if self.lanes[other] == level)
        return WITH_OP if any(skip.lane for skip in here) else LANE

    def _above(self, row: int) -> float:
        """The height of a row's lanes."""
        levels = {self.lanes[number] for number in self._lanes_in(row)}
        return sum(self._pitch(row, level) for level in levels) + (4 if levels else 0)

    def _high(self, row: int) -> float:
        return max(self.columns[i].height for i in self.rows[row])

    def _low(self, row: int) -> float:
        return BELOW + max(self.captions[i].height for i in self.rows[row])

    @property
    def height(self) -> float:
        rows = range(len(self.rows))
        return sum(self._above(r) + self._high(r) + self._low(r) for r in rows) + BETWEEN * (len(self.rows) - 1)

    @property
    def aside(self) -> float:
        """What skips and the way on to the next row need at the right, and at the left."""
        across = sum(self.row_of[skip.start] != self.row_of[skip.end] for skip in self.skips)
        return (28 + LANE * across) if len(self.rows) > 1 else 0.0

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
            axis = y + self._above(r) + self._high(r) / 2
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
                gap = axes[i + 1] - self._high(r) / 2 - self._above(r) - BETWEEN / 2
                right = self._edge() + 10
                points = (start, (right, start[1]), (right, gap), (-10.0, gap), (-10.0, end[1]), end)
            yield Line(points, self.theme.ink, arrow=True, wire=Wire(name, *ends(self.columns, i, i + 1)))

    def _edge(self) -> float:
        """The right edge of the widest row."""
        lefts, _ = self._places()
        return max(lefts[i] + (self.columns[i].width + self.slots[i]) / 2 for i in range(len(self.columns)))

    def _over(self, lefts: list[float], axes: list[float]) -> Iterator[Item]:
        """The skips. What leaves one volume in several lanes leaves it from the right, the nearest lane first."""
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
            yield from lane(self.graph, skip, points, ends(self.columns, i, j), self.theme)

    def _level(self, column: int, number: int, axes: list[float]) -> float:
        row = self.row_of[column]
        return axes[column] - self._high(row) / 2 - self._lane(row, number)
