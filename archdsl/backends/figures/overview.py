"""The stages from left to right: what each is, what it makes, and what it costs."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import pairwise

from archdsl.analyses import totals
from archdsl.analyses.notation import count, shape
from archdsl.backends.figures import parts
from archdsl.backends.figures.arms.figure import in_arms
from archdsl.backends.figures.fold import lengths, paths
from archdsl.backends.figures.items import Alike, Box, Detail, OpRow, Tag, nodes_of, value_name
from archdsl.backends.figures.label import notation
from archdsl.backends.figures.options import Options, Paper
from archdsl.backends.figures.page import LINE, page
from archdsl.backends.figures.parts import Picture
from archdsl.backends.figures.scene import Anchor, Group, Item, Line, Point, Scene, Shape, Text, Wire, moved
from archdsl.backends.figures.style import BLUE, ORANGE, SIZE, Theme, mix
from archdsl.backends.figures.text import balanced, width
from archdsl.backends.figures.view import Viewer
from archdsl.ir.graph import Graph, Value
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
BESIDE = 16.0
"""From the left edge of a box to the sizes beside a skip that leaves it."""
LONG = 40
"""No slide holds more stages than this."""
MOST_SHAPES = 4
"""Of several outputs in one box."""
TAG = 26.0
"""From one output that leaves a box to the next."""
LANE = 10.0
"""From one skip above the boxes to the next."""


@dataclass(frozen=True, slots=True)
class Stage:
    """One box: what it is called and holds, the values it takes and makes, its costs.

    Parameters that several stages share count in the first of them, as in tables, so that the bars add up to the total.
    `made` are the values whose shapes stand below it, `nodes` the ops that it stands for by their paths. `tags` name
    the further outputs that its values go to; `source`: it is an input of the network, `further`: it is a further
    output. `item` is what it was read from.
    """

    item: Box | OpRow
    path: str
    title: str
    lines: tuple[str, ...]
    inputs: tuple[Value, ...]
    outputs: tuple[Value, ...]
    made: tuple[Value, ...]
    parameters: int
    macs: int
    nodes: tuple[str, ...] = ()
    alike: Alike = ()
    tags: tuple[str, ...] = ()
    source: bool = False
    further: bool = False


def overview(graph: Graph, options: Options) -> Scene:
    """At most about eight boxes in a row; a network that comes back up is folded into a U.

    Where one way leads into another that begins elsewhere, each has a row: an encoder above its decoder.
    A network that comes back up inside its stages is drawn as a U with a box for each size (`arms`).
    Of more stages than fit, those in the middle are one box, with what they cost together.
    """
    viewer = Viewer(graph)
    if (form := in_arms(viewer, "overview", options, costs=True)) is not None:
        return form
    for most in lengths(viewer.closed, LONG):
        for together in (False, True):
            stages = stages_of(viewer, most)
            drawing = Drawing(graph, one_for_outputs(stages) if together else stages, options.colours, options.paper)
            scene = page(graph, "overview", drawing.picture(), options, (), drawing.costs())
            if not scene.notes:
                return scene
    return scene


def one_for_outputs(stages: Sequence[Stage]) -> list[Stage]:
    """The boxes of further outputs as one, with what they cost together; a stage that several leave says how many."""
    further = [stage for stage in stages if stage.further]
    if len(further) < 2:
        return list(stages)
    shapes = tuple(value for stage in further for value in stage.made)
    one = replace(
        further[0],
        title=f"{len(further)} further outputs",
        lines=(),
        made=shapes[:MOST_SHAPES] if len(shapes) <= MOST_SHAPES else (),
        parameters=sum(stage.parameters for stage in further),
        macs=sum(stage.macs for stage in further),
        nodes=tuple(path for stage in further for path in (stage.path, *stage.nodes)),
    )
    own = {stage.path for stage in further}
    return [*(_tags_together(stage) for stage in stages if stage.path not in own), one]


def _tags_together(stage: Stage) -> Stage:
    return replace(stage, tags=(f"{len(stage.tags)} outputs",)) if len(stage.tags) > 1 else stage


def stages_of(viewer: Viewer, most: int = 0, *, training: bool = False) -> list[Stage]:
    """The stages of the way to the main output, and then of further outputs: those that are computed in evaluation too.

    If there are more than `most`, those in the middle are one. With `training`, all further outputs have stages.
    """
    graph = viewer.graph
    view = viewer.network(Detail(0, most=most))
    items = [item for item in view.items if isinstance(item, Box | OpRow)]
    used = {value for item in items for value in item.inputs} | set(view.outputs)
    order = [output.name for output in graph.outputs]
    stages: list[Stage] = []
    seen: set[str] = set()
    for item in items:
        inside = {node.id for node in nodes_of(graph, item)}
        tags = {name for value, names in viewer.taps.items() if value.node in inside for name in names}
        made = tuple(value for value in item.outputs if value in used) or item.outputs[:1]
        stages.append(_stage(graph, item, made, tuple(sorted(tags, key=order.index)), seen))
    return [*stages, *_further(viewer, training, seen)]


def _further(viewer: Viewer, training: bool, seen: set[str]) -> Iterator[Stage]:
    """A box for each further output with ops of its own; without `training`, not for those that serve it alone."""
    for scope in viewer.sides:
        *tags, item = viewer.side(scope, Detail(0)).items
        if not isinstance(item, Box | OpRow):
            continue
        if not training and all(node.id in viewer.graph.training_only for node in nodes_of(viewer.graph, item)):
            continue
        stage = _stage(viewer.graph, item, item.outputs[:1], (), seen)
        if all(node.id in viewer.graph.training_only for node in nodes_of(viewer.graph, item)):
            stage = replace(stage, title=f"{stage.title}, in training only")
        sources = ", ".join(tag.text for tag in tags if isinstance(tag, Tag))
        yield replace(stage, further=True, inputs=(), lines=(f"from {sources}", *stage.lines))


def _stage(graph: Graph, item: Box | OpRow, made: tuple[Value, ...], tags: tuple[str, ...], seen: set[str]) -> Stage:
    """`seen` are the weights of the stages before, which do not count again; those of this one are added to it."""
    nodes = nodes_of(graph, item)
    new = [node for node in nodes if node.weights not in seen]
    seen.update(node.weights for node in new)
    costs = totals.parameters(graph, new), totals.macs(graph, nodes)
    if isinstance(item, Box):
        title, lines, source, path = parts.named(item), parts.summary(graph, item), False, item.scope.path
    else:
        title, *lines = [notation(graph, node) for node in item.nodes]
        title += f" ×{item.count}" if item.count > 1 and not lines else ""
        lines += [f"×{item.count}"] if item.count > 1 and lines else []
        source, path = item.nodes[0].op.family is Family.INPUT, item.nodes[0].id
    ids = tuple(node.id for node in item.nodes) if isinstance(item, OpRow) else ()
    if isinstance(item, Box) and item.rest:
        ids = tuple(path for inner in item.view.items for path in paths(inner))
    return Stage(
        item, path, title, tuple(lines), item.inputs, item.outputs, made, *costs, ids, item.alike, tags, source
    )


class Drawing:
    """Works out how many boxes stand in a row, how wide they are, and how tall the bars below them."""

    def __init__(self, graph: Graph, stages: Sequence[Stage], theme: Theme, paper: Paper) -> None:
        self.graph, self.stages, self.theme = graph, stages, theme
        self.largest = max(stage.parameters for stage in stages) or 1, max(stage.macs for stage in stages) or 1
        self.makers = {value: i for i, stage in enumerate(stages) for value in stage.outputs}
        self.arcs = {
            (self.makers[value], i): value
            for i, stage in enumerate(stages)
            for value in stage.inputs
            if value in self.makers and self.makers[value] < i - 1
        }
        self.lanes = {arc: number for number, arc in enumerate(sorted(self.arcs))}
        room = paper.width - 44 - (10 + LANE * len(self.arcs) if self.arcs else 0)
        widest = max(self._least(stage) for stage in stages)
        fitting = max(int((room + ARROW) // (widest + ARROW)), 1)
        self.rows = self._rows(fitting)
        longest = max(len(row) for row in self.rows)
        self.wide = max(min((room + ARROW) / longest - ARROW, MOST), widest)
        self.lines = {stage.path: self._lines(stage) for stage in stages}
        self.high = 12 + 17.0 * max(len(title) + len(told) for title, told in self.lines.values())
        self.below = [self._below(row) for row in self.rows]
        self.above = LANE * self._lanes() + 14
        spare = (paper.height - 110 - sum(self.below)) / len(self.rows) - self.high - self.above - 2 * LINE
        self.tall = min(max(spare, SHORTEST), TALLEST)

    def _below(self, row: Sequence[int]) -> float:
        """From the boxes of a row to their bars: the shapes that they make, and the outputs that leave them."""
        tags = max(len(self.stages[i].tags) for i in row)
        return FOOT + self._sizes(row) + TAG * tags

    def _sizes(self, row: Sequence[int]) -> float:
        """What the shapes of a row need below the first."""
        return LINE * (max(len(self.stages[i].made) for i in row) - 1)

    def _row(self, number: int) -> int:
        return next(r for r, row in enumerate(self.rows) if number in row)

    def _least(self, stage: Stage) -> float:
        words = [width(word, SIZE, True) for word in stage.title.split()]
        words += [width(word, SIZE) for line in stage.lines for word in line.split()]
        tags = [width(tag, SIZE) + 2 * PADDING for tag in stage.tags]
        made = (width(shape(self.graph.tensor(value)), SIZE, True) + BESIDE for value in stage.made)
        return max([LEAST, *made, *(w + 2 * PADDING for w in words), *tags])

    def _lines(self, stage: Stage) -> tuple[list[str], list[str]]:
        limit = self.wide - 2 * PADDING
        return balanced(stage.title, SIZE, limit, True), [
            part for line in stage.lines for part in balanced(line, SIZE, limit)
        ]

    def _rows(self, fitting: int) -> list[list[int]]:
        """Numbers of the stages in each row, from left to right; in a U the second row runs back."""
        total = len(self.stages)
        arcs = sorted(self.arcs)
        if len(arcs) > 1 and all(a < c and d < b for (a, b), (c, d) in pairwise(arcs)):
            inner = arcs[-1]
            turn = inner[0] + 1 + (inner[1] - inner[0] - 1 + 1) // 2
            down, up = list(range(turn)), list(range(total - 1, turn - 1, -1))
            shift = self._shift(down, up)
            below = all(down.index(start) == up.index(end) + shift for start, end in arcs)
            if below and max(len(down), len(up) + shift) <= fitting:
                return [down, up]
        if len(arcs) == 1 and self._meet(*arcs[0]):
            (start, _), shift = arcs[0], self._beside()
            one, other = list(range(start + 1)), list(range(start + 1, total))
            if max(len(one), len(other) + shift) <= fitting:
                return [one, other]
        count = -(-total // fitting)
        size = -(-total // count)
        return [list(range(start, min(start + size, total))) for start in range(0, total, size)]

    def _shift(self, down: list[int], up: list[int]) -> int:
        """How many places the second row of a U lies to the right, so that the outermost skip runs straight down."""
        start, end = min(self.arcs)
        return max(down.index(start) - up.index(end), 0)

    def _meet(self, start: int, end: int) -> bool:
        """Whether the only skip leads from the end of one way into another, which begins behind it elsewhere."""
        return start > 0 and not self.stages[start + 1].inputs and end > start + 1

    def _beside(self) -> int:
        """How many places the second of two ways that meet lies to the right, so that none leads back."""
        ((start, end),) = self.arcs
        return max(start - (end - start - 1), 0)

    @property
    def folded(self) -> bool:
        """Whether the second row runs back below the first."""
        return len(self.rows) == 2 and self.rows[1][0] > self.rows[1][-1]

    @property
    def meeting(self) -> bool:
        """Whether each row is a way of its own, and the first leads into the second: an encoder and its decoder."""
        return len(self.rows) == 2 and len(self.arcs) == 1 and self.rows[1][0] == min(self.arcs)[0] + 1

    @property
    def raised(self) -> bool:
        """Whether the bars of the first row stand above it, since skips lead down from it."""
        return self.folded or self.meeting

    def _lanes(self) -> int:
        return 0 if self.raised else len(self.arcs)

    def picture(self) -> Picture:
        places = self._places()
        items: list[Item] = []
        for i, stage in enumerate(self.stages):
            items += [moved(item, *places[i]) for item in self._column(i, stage)]
        lines = list(self._lines_between(places))
        right = max([max(x for x, _ in places) + self.wide, *(x for line in lines for x, _ in line.points)])
        left = -min([0.0, *(x for line in lines for x, _ in line.points)])
        high = max(y for _, y in places) + self.high + self.below[-1] + LINE + self.tall
        return Picture(left, right, high, (*lines, *items))

    def _places(self) -> list[tuple[float, float]]:
        """The upper left corner of each box."""
        places = [(0.0, 0.0)] * len(self.stages)
        top = self.tall + LINE + 10 if self.raised else LANE * self._lanes()
        for r, row in enumerate(self.rows):
            # In a U each level stands under the one it is handed its value by.
            shift = self._shift(self.rows[0], row) if r and self.folded else self._beside() if r and self.meeting else 0
            for c, i in enumerate(row):
                places[i] = ((c + shift) * (self.wide + ARROW), top)
            top += self.high + self.below[r] + 2 * LINE + (0.0 if self.raised else self.above + self.tall)
        return places

    def _column(self, number: int, stage: Stage) -> Iterator[Item]:
        """A box, what it makes, the outputs that leave it, and its bars: below, or in the upper row of a U above."""
        r = self._row(number)
        raised = self.raised and r == 0
        theme, (title, told) = self.theme, self.lines[stage.path]
        radius = self.high / 2 if stage.source else 5.0
        fill = theme.background if stage.source else theme.stage
        back = Shape(0, 0, self.wide, self.high, fill, theme.border, 1.4, (), "round", min(radius, 14.0))
        y = (self.high - 17.0 * (len(title) + len(told))) / 2 + 8.5
        texts = [
            Text(self.wide / 2, y + 17.0 * i, line, SIZE, theme.ink, i < len(title))
            for i, line in enumerate((*title, *told))
        ]
        data = (*parts.facts("stage", stage.title), *self._costs(stage), *parts.alike(stage.alike))
        yield Group((back, *texts), stage.path, data=(*data, ("path", stage.path), ("nodes", " ".join(stage.nodes))))
        # In the upper row of a U a skip runs down near the left edge.
        beside = raised and any(number == start for start, _ in self.arcs)
        x = BESIDE if beside else self.wide / 2
        anchor: Anchor = "start" if beside else "middle"
        for i, value in enumerate(stage.made):
            made, y = shape(self.graph.tensor(value)), self.high + 14 + LINE * i
            yield Text(x, y, made, SIZE, theme.ink, True, anchor, value_name(value))
        for i, tag in enumerate(stage.tags):
            picture = parts.tag(Tag(tag, (), ()), theme)
            y = self.high + 28 + self._sizes(self.rows[r]) + TAG * i
            yield from (moved(item, self.wide / 2, y) for item in picture.items)
        if not stage.source:
            yield from self._bars(stage, -10 - self.tall if raised else self.high + self.below[r] + LINE)

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
        for (i, j), value in sorted(self.arcs.items()):
            points = self._arc(i, j, places)
            stroke = self.theme.ink if self.meeting else self.theme.skip
            yield Line(points, stroke, 1.8, arrow=True, wire=self._wire(value, i, j))
        for i, (before, stage) in enumerate(pairwise(self.stages)):
            shared = [value for value in stage.inputs if value in before.outputs]
            if shared:
                points = self._onward(places[i], places[i + 1])
                yield Line(points, self.theme.ink, arrow=True, wire=self._wire(shared[0], i, i + 1))

    def _wire(self, value: Value, start: int, end: int) -> Wire:
        return Wire(value_name(value), self.stages[start].path, self.stages[end].path)

    def _onward(self, start: Point, end: Point) -> tuple[Point, ...]:
        """From one box to the next: to the right, in the lower row of a U to the left, or around to the next row."""
        middle, wide = self.high / 2, self.wide
        if start[1] == end[1]:
            back = end[0] < start[0]
            first, last = (start[0], end[0] + wide) if back else (start[0] + wide, end[0])
            return (first, start[1] + middle), (last, end[1] + middle)
        if self.folded:
            x, aside = start[0] + wide, max(start[0], end[0]) + wide + ARROW
            turn = (x, start[1] + middle), (aside, start[1] + middle), (aside, end[1] + middle)
            return (*turn, (end[0] + wide, end[1] + middle))
        right, left, gap = start[0] + wide + 10, -10.0, end[1] - LANE * self._lanes() - 8
        points = (start[0] + wide, start[1] + middle), (right, start[1] + middle), (right, gap), (left, gap)
        return (*points, (left, end[1] + middle), (end[0], end[1] + middle))

    def _arc(self, i: int, j: int, places: list[Point]) -> tuple[Point, ...]:
        """A skip: above the boxes, to another row around the end of its own; in a U straight down."""
        (x, y), (onward, below) = places[i], places[j]
        if self.folded:
            left = x + BESIDE / 2
            return (left, y + self.high), (left, below)
        if self.meeting and x == onward:
            return (x + BESIDE / 2, y + self.high), (x + BESIDE / 2, below)
        if self.meeting:
            middle = onward + self.wide / 2
            return (x + self.wide, y + self.high / 2), (middle, y + self.high / 2), (middle, below)
        number = self.lanes[i, j]
        lane, lower = y - LANE * (number + 1), below - LANE * (number + 1)
        start, end = x + self.wide * 0.7, onward + self.wide * 0.3
        if y == below:
            return (start, y), (start, lane), (end, lane), (end, below)
        aside = (self.wide + ARROW) * (max(map(len, self.rows)) - 1) + self.wide + 18 + LANE * number
        return (start, y), (start, lane), (aside, lane), (aside, lower), (end, lower), (end, below)

    def costs(self) -> Iterator[tuple[str, tuple[Shape, ...]]]:
        """What the legend says of the bars."""
        for side, name in enumerate(("parameters", "MACs, on a scale of their own")):
            yield name, (self._bar(13, 3, 14, side),)
