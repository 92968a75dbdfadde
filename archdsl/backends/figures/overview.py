"""The stages from left to right: what each is, what it makes, and what it costs."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise

from archdsl.analyses import totals
from archdsl.analyses.notation import count, shape
from archdsl.backends.figures import parts
from archdsl.backends.figures.items import Box, Detail, OpRow, Tag
from archdsl.backends.figures.label import notation
from archdsl.backends.figures.options import Options, Paper
from archdsl.backends.figures.page import LINE, page
from archdsl.backends.figures.parts import Picture
from archdsl.backends.figures.scene import Anchor, Group, Item, Line, Scene, Shape, Text, moved
from archdsl.backends.figures.style import BLUE, ORANGE, SIZE, Theme, mix
from archdsl.backends.figures.text import balanced, width
from archdsl.backends.figures.view import Viewer
from archdsl.ir.graph import Graph, Node, Value
from archdsl.ops.base import Family

ARROW = 18.0
"""Between two boxes."""
LEAST, MOST = 104.0, 150.0
"""Across a box: its two costs stand side by side in it."""
PADDING = 8.0
TALLEST = 230.0
SHORTEST = 30.0
"""Of the bars, in points."""
FOOT = 24.0
"""Below a box: the shape that it makes."""
LANE = 10.0
"""From one skip above the boxes to the next."""


@dataclass(frozen=True, slots=True)
class Stage:
    """One box: what it is called and holds, the values it takes and makes, its costs."""

    path: str
    title: str
    lines: tuple[str, ...]
    inputs: tuple[Value, ...]
    outputs: tuple[Value, ...]
    output: Value
    parameters: int
    macs: int
    tags: tuple[str, ...] = ()
    source: bool = False


def overview(graph: Graph, options: Options) -> Scene:
    """At most about eight boxes in a row; a network that comes back up is folded into a U."""
    stages = stages_of(graph)
    drawing = _Drawing(graph, stages, options.colours, options.paper)
    return page(graph, "overview", drawing.picture(), options, (), drawing.keys())


def stages_of(graph: Graph) -> list[Stage]:
    viewer = Viewer(graph)
    view = viewer.network(Detail(0))
    items = [item for item in view.items if not isinstance(item, Tag)]
    used = {value for item in items for value in item.inputs} | set(view.outputs)
    names = [output.name for output in graph.outputs]
    stages = []
    for item in items:
        tags = {name for value in _made(graph, item) for name in viewer.taps.get(value, ())}
        output = next((value for value in reversed(item.outputs) if value in used), item.outputs[0])
        stages.append(_stage(graph, item, output, tuple(sorted(tags, key=names.index))))
    return stages


def _made(graph: Graph, item: Box | OpRow | object) -> set[Value]:
    return {Value(node.id, port) for node in _nodes(graph, item) for port in range(len(node.outputs))}


def _nodes(graph: Graph, item: Box | OpRow | object) -> list[Node]:
    """All ops that a box stands for, those of its repeats included."""
    if isinstance(item, OpRow):
        return list(item.nodes)
    assert isinstance(item, Box)
    if item.count == 1:
        return list(_inside(graph, item.scope.path))
    siblings = [m.path for m in graph.children[item.scope.parent or ""] if not isinstance(m, Node)]
    start = siblings.index(item.scope.path)
    run = siblings[start : start + item.count]
    return [node for path in run for node in _inside(graph, path)]


def _inside(graph: Graph, path: str) -> Iterator[Node]:
    """The ops of a scope and of what it holds. To look at all ops of the graph for each stage would be quadratic."""
    for member in graph.children[path]:
        if isinstance(member, Node):
            yield member
        else:
            yield from _inside(graph, member.path)


def _stage(graph: Graph, item: object, output: Value, tags: tuple[str, ...]) -> Stage:
    assert isinstance(item, Box | OpRow)
    nodes = _nodes(graph, item)
    costs = totals.parameters(graph, nodes), totals.macs(graph, nodes)
    if isinstance(item, OpRow):
        first, *others = [notation(graph, node) for node in item.nodes]
        source = item.nodes[0].op.family is Family.INPUT
        return Stage(item.nodes[0].id, first, tuple(others), item.inputs, item.outputs, output, *costs, tags, source)
    lines = tuple(parts.summary(graph, item))
    return Stage(item.scope.path, parts.named(item), lines, item.inputs, item.outputs, output, *costs, tags)


class _Drawing:
    """Works out how many boxes stand in a row, how wide they are, and how tall the bars below them."""

    def __init__(self, graph: Graph, stages: Sequence[Stage], theme: Theme, paper: Paper) -> None:
        self.graph, self.stages, self.theme = graph, stages, theme
        self.largest = max(stage.parameters for stage in stages) or 1, max(stage.macs for stage in stages) or 1
        self.makers = {value: i for i, stage in enumerate(stages) for value in stage.outputs}
        self.arcs = sorted(
            {
                (self.makers[value], i)
                for i, stage in enumerate(stages)
                for value in stage.inputs
                if value in self.makers and self.makers[value] < i - 1
            }
        )
        self.lanes = {arc: number for number, arc in enumerate(self.arcs)}
        room = paper.width - 44 - (10 + LANE * len(self.arcs) if self.arcs else 0)
        widest = max(self._least(stage) for stage in stages)
        fitting = max(int((room + ARROW) // (widest + ARROW)), 1)
        self.rows = self._rows(fitting)
        longest = max(len(row) for row in self.rows)
        self.wide = max(min((room + ARROW) / longest - ARROW, MOST), widest)
        self.lines = {stage.path: self._lines(stage) for stage in stages}
        self.high = 12 + 17.0 * max(len(title) + len(told) for title, told in self.lines.values())
        self.below = FOOT + 26.0 * max(len(stage.tags) for stage in stages)
        above = LANE * self._lanes() + 14
        spare = (paper.height - 110) / len(self.rows) - self.high - self.below - above - 2 * LINE
        self.tall = min(max(spare, SHORTEST), TALLEST)
        self.pitch = above + self.high + self.below + self.tall + 2 * LINE

    def _least(self, stage: Stage) -> float:
        words = [width(word, SIZE, True) for word in stage.title.split()]
        words += [width(word, SIZE) for line in stage.lines for word in line.split()]
        tags = [width(tag, SIZE) + 2 * PADDING for tag in stage.tags]
        made = width(shape(self.graph.tensor(stage.output)), SIZE, True)
        return max([LEAST, made, *(w + 2 * PADDING for w in words), *tags])

    def _lines(self, stage: Stage) -> tuple[list[str], list[str]]:
        limit = self.wide - 2 * PADDING
        return balanced(stage.title, SIZE, limit, True), [
            part for line in stage.lines for part in balanced(line, SIZE, limit)
        ]

    def _rows(self, fitting: int) -> list[list[int]]:
        """Numbers of the stages in each row, from left to right; in a U the second row runs back."""
        total = len(self.stages)
        if len(self.arcs) > 1 and all(a < c and d < b for (a, b), (c, d) in pairwise(self.arcs)):
            inner = self.arcs[-1]
            turn = inner[0] + 1 + (inner[1] - inner[0] - 1 + 1) // 2
            down, up = list(range(turn)), list(range(total - 1, turn - 1, -1))
            if max(len(down), len(up)) <= fitting:
                return [down, up]
        count = -(-total // fitting)
        size = -(-total // count)
        return [list(range(start, min(start + size, total))) for start in range(0, total, size)]

    @property
    def folded(self) -> bool:
        """Whether the second row runs back below the first."""
        return len(self.rows) == 2 and self.rows[1][0] > self.rows[1][-1]

    def _lanes(self) -> int:
        return 0 if self.folded else len(self.arcs)

    def picture(self) -> Picture:
        places = self._places()
        items: list[Item] = []
        for i, stage in enumerate(self.stages):
            items += [moved(item, *places[i]) for item in self._column(i, stage)]
        lines = list(self._lines_between(places))
        right = max([max(x for x, _ in places) + self.wide, *(x for line in lines for x, _ in line.points)])
        left = -min([0.0, *(x for line in lines for x, _ in line.points)])
        high = max(y for _, y in places) + self.high + self.below + LINE + self.tall
        return Picture(left, right, high, (*lines, *items))

    def _places(self) -> list[tuple[float, float]]:
        """The upper left corner of each box."""
        places = [(0.0, 0.0)] * len(self.stages)
        longest = max(len(row) for row in self.rows)
        top = self.tall + LINE + 10 if self.folded else LANE * self._lanes()
        pitch = self.high + self.below + 2 * LINE if self.folded else self.pitch
        for r, row in enumerate(self.rows):
            # In a U each level stands under the one it is handed its value by.
            shift = self._shift(row, longest) if r and self.folded else 0
            for c, i in enumerate(row):
                places[i] = ((c + shift) * (self.wide + ARROW), top + r * pitch)
        return places

    def _shift(self, row: list[int], longest: int) -> int:
        start, end = self.arcs[0]
        return max(min(self.rows[0].index(start) - row.index(end), longest - len(row)), 0)

    def _column(self, number: int, stage: Stage) -> Iterator[Item]:
        """A box, what it makes, the outputs that leave it, and its bars: below, or in the upper row of a U above."""
        raised = self.folded and number in self.rows[0]
        theme, (title, told) = self.theme, self.lines[stage.path]
        radius = self.high / 2 if stage.source else 5.0
        fill = theme.background if stage.source else theme.stage
        back = Shape(0, 0, self.wide, self.high, fill, theme.border, 1.4, (), "round", min(radius, 14.0))
        y = (self.high - 17.0 * (len(title) + len(told))) / 2 + 8.5
        texts = [
            Text(self.wide / 2, y + 17.0 * i, line, SIZE, theme.ink, i < len(title))
            for i, line in enumerate((*title, *told))
        ]
        group = Group((back, *texts), stage.path, data=(*parts.facts("stage", stage.title), *self._costs(stage)))
        yield group
        made = shape(self.graph.tensor(stage.output))
        # In the upper row of a U a skip runs down the middle.
        beside = raised and any(number == start for start, _ in self.arcs)
        anchor: Anchor = "start" if beside else "middle"
        yield Text(self.wide / 2 + 5 * beside, self.high + 14, made, SIZE, theme.ink, True, anchor)
        for i, tag in enumerate(stage.tags):
            picture = parts.tag(Tag(tag, (), ()), theme)
            yield from (moved(item, self.wide / 2, self.high + 28 + 26.0 * i) for item in picture.items)
        if not stage.source:
            yield from self._bars(stage, -10 - self.tall if raised else self.high + self.below + LINE)

    def _costs(self, stage: Stage) -> tuple[tuple[str, str], ...]:
        return ("parameters", str(stage.parameters)), ("macs", str(stage.macs))

    @cached_property
    def largest(self) -> tuple[int, int]:
        """What the tallest bars stand for."""
        return (
            max((stage.parameters for stage in self.stages), default=0) or 1,
            max((stage.macs for stage in self.stages), default=0) or 1,
        )

    def _bars(self, stage: Stage, top: float) -> Iterator[Item]:
        """Two bars that stand on one line, each under its number, as tall as its part of the tallest."""
        floor = top + self.tall
        for side, (value, most) in enumerate(zip((stage.parameters, stage.macs), self.largest, strict=True)):
            x = self.wide * (0.25 + 0.5 * side)
            tall = value / most * self.tall
            if value:
                yield self._bar(x, floor - max(tall, 1.0), max(tall, 1.0), side)
            yield Text(x, floor - max(tall, 1.0) - 9, count(value), SIZE, self.theme.ink)
        yield Line(((4, floor), (self.wide - 4, floor)), self.theme.border, 1.0)

    def _bar(self, middle: float, top: float, tall: float, side: int) -> Shape:
        colour = (BLUE, ORANGE)[side]
        fill = mix(colour, self.theme.background, (0.9, 0.35)[side])
        return Shape(middle - 13, top, 26, tall, fill, mix(colour, self.theme.ink, 0.75), 1.2)

    def _lines_between(self, places: list[tuple[float, float]]) -> Iterator[Line]:
        for i, j in self.arcs:
            yield self._arc(i, j, places)
        for i, stage in enumerate(self.stages):
            if i and set(self.stages[i - 1].outputs) & set(stage.inputs):
                yield self._onward(places[i - 1], places[i])

    def _onward(self, start: tuple[float, float], end: tuple[float, float]) -> Line:
        middle, wide, ink = self.high / 2, self.wide, self.theme.ink
        if start[1] == end[1]:
            back = end[0] < start[0]
            first, last = (start[0], end[0] + wide) if back else (start[0] + wide, end[0])
            return Line(((first, start[1] + middle), (last, end[1] + middle)), ink, arrow=True)
        if self.folded:
            x, aside = start[0] + wide, max(start[0], end[0]) + wide + ARROW
            turn = (x, start[1] + middle), (aside, start[1] + middle), (aside, end[1] + middle)
            return Line((*turn, (end[0] + wide, end[1] + middle)), ink, arrow=True)
        right, left, gap = start[0] + wide + 10, -10.0, end[1] - LANE * self._lanes() - 8
        points = (start[0] + wide, start[1] + middle), (right, start[1] + middle), (right, gap), (left, gap)
        return Line((*points, (left, end[1] + middle), (end[0], end[1] + middle)), ink, arrow=True)

    def _arc(self, i: int, j: int, places: list[tuple[float, float]]) -> Line:
        """A skip: above the boxes, to another row around the end of its own; in a U straight down."""
        (x, y), (onward, below) = places[i], places[j]
        skip = self.theme.skip
        if self.folded:
            middle = x + self.wide / 2
            return Line(((middle, y + self.high), (middle, below)), skip, 1.8, arrow=True)
        number = self.lanes[i, j]
        lane, lower = y - LANE * (number + 1), below - LANE * (number + 1)
        start, end = x + self.wide * 0.7, onward + self.wide * 0.3
        if y == below:
            return Line(((start, y), (start, lane), (end, lane), (end, below)), skip, 1.8, arrow=True)
        aside = (self.wide + ARROW) * (max(map(len, self.rows)) - 1) + self.wide + 18 + LANE * number
        points = (start, y), (start, lane), (aside, lane), (aside, lower), (end, lower), (end, below)
        return Line(points, skip, 1.8, arrow=True)

    def keys(self) -> Iterator[tuple[str, tuple[Shape, ...]]]:
        for side, name in enumerate(("parameters", "MACs")):
            yield name, (self._bar(13, 3, 14, side),)
