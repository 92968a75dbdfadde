"""The arms of a U as a picture: a row for each size, skips straight across, rails around it for what enters aside."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise

from archdsl.analyses import totals
from archdsl.analyses.notation import count, shape
from archdsl.backends.figures import parts
from archdsl.backends.figures.arms.places import ARROW, ASIDE, LINE, PADDING, Places, Spot
from archdsl.backends.figures.arms.reading import Arms, Rail, Rung, Skip
from archdsl.backends.figures.arms.words import aside, takers, told
from archdsl.backends.figures.fold import paths
from archdsl.backends.figures.items import Box, OpRow, nodes_of, value_name
from archdsl.backends.figures.items import Item as Step
from archdsl.backends.figures.parts import Picture
from archdsl.backends.figures.scene import Anchor, Group, Item, Line, Point, Shape, Text, Wire
from archdsl.backends.figures.style import ORANGE, PURPLE, SIZE, VERMILLION, Theme, mix
from archdsl.backends.figures.text import balanced, width
from archdsl.ir.graph import Graph, Value
from archdsl.ops.base import Family

WIDEST = 200.0
"""Of the text in a box, in points."""
DOT = 3.0
"""Half the size of the dot where a rail is tapped."""
LOOKS = ((PURPLE, (7.0, 3.0)), (ORANGE, ()), (VERMILLION, (2.0, 3.0)))
"""Of rails, the outermost first: colour and dash."""


class Drawer:
    """Draws one U. With `costs` each box says what it costs, and no line leads out of the picture."""

    def __init__(self, graph: Graph, arms: Arms, theme: Theme, *, costs: bool) -> None:
        self.graph, self.arms, self.theme, self.costs = graph, arms, theme, costs
        self.seen: set[str] = set()
        """Weights that a box before has counted."""
        self.places = Places(arms, self._spots(), max(width(self._channels(skip), SIZE) for skip in arms.skips))

    # --- what is written ---

    def _spots(self) -> dict[int, Spot]:
        """By identity of what they are: the boxes of rungs, and of steps outside of them; in order, for the costs."""
        arms, spots = self.arms, dict[int, Spot]()
        for step in (arms.first, *(maker for rail in arms.rails for maker in rail.makers)):
            spots[id(step)] = self._aside(step)
        for rung in (*arms.down, arms.bottom, *arms.up[::-1]):
            spots[id(rung)] = self._rung(rung)
        return spots | {id(step): self._aside(step) for step in arms.last}

    def _rung(self, rung: Rung) -> Spot:
        """Its size, what works there, and beside the size the costs."""
        whole = rung is self.arms.bottom
        lines = balanced(told(self.graph, rung.items if whole else rung.steps), SIZE, WIDEST + (60 if whole else 0))
        made = shape(self.graph.tensor(rung.items[-1].outputs[0]))
        costs = self._costs(rung.items)
        beside = " · ".join(map(count, costs)) if self.costs else ""
        entry = balanced(told(self.graph, () if whole else rung.leading), SIZE, WIDEST)
        return Spot(rung.items, [(made, True), *((line, False) for line in lines)], costs, beside, entry)

    def _aside(self, step: Step) -> Spot:
        """Its name, and the shape that it makes, or what it costs."""
        name, *made = aside(self.graph, step)
        costs = self._costs((step,))
        if self.costs and not _is_input(step):
            made = [(" · ".join(map(count, costs)), False)]
        return Spot((step,), [name, *made], costs)

    def _costs(self, steps: Sequence[Step]) -> tuple[int, int]:
        """Parameters that no box before has, and multiply-adds."""
        nodes = [node for step in steps if isinstance(step, Box | OpRow) for node in nodes_of(self.graph, step)]
        new = [node for node in nodes if node.weights not in self.seen]
        self.seen.update(node.weights for node in new)
        return totals.parameters(self.graph, new), totals.macs(self.graph, nodes)

    # --- the picture ---

    def picture(self) -> Picture:
        """Boxes first, as steps of a lecture follow them."""
        places = self.places
        items: list[Item] = [self._box(spot) for spot in places.spots]
        items += [*self._trunk(), *self._skips()]
        for number, rail in enumerate(self.arms.rails):
            items += self._chain(rail)
            items += self._rail(number, rail)
        return Picture(0, places.width, places.height, tuple(items))

    def _box(self, spot: Spot) -> Group:
        theme = self.theme
        source = _is_input(spot.steps[0])
        fill, radius = (theme.background, 13.0) if source else (theme.stage, 5.0)
        back = Shape(spot.left, spot.top, spot.wide, spot.high, fill, theme.border, 1.4, (), "round", radius)
        y = spot.top + (spot.high - LINE * len(spot.lines)) / 2 + LINE / 2
        texts = list(self._texts(spot, y))
        nodes = " ".join(path for step in spot.steps for path in paths(step))
        told_costs = (
            (("parameters", str(spot.costs[0])), ("macs", str(spot.costs[1]))) if self.costs and not source else ()
        )
        data = (*parts.facts("stage", spot.lines[0][0]), *told_costs, ("path", spot.path), ("nodes", nodes))
        return Group((back, *texts), spot.path, data=data)

    def _texts(self, spot: Spot, y: float) -> Iterator[Text]:
        """The lines of a box; what stands beside the first is at the right, and the first at the left."""
        for i, (line, bold) in enumerate(spot.lines):
            parted = spot.beside and i == 0
            x = spot.left + PADDING if parted else spot.middle
            yield Text(x, y + LINE * i, line, SIZE, self.theme.ink, bold, "start" if parted else "middle")
        if spot.beside:
            yield Text(spot.right - PADDING, y, spot.beside, SIZE, self.theme.faint, False, "end")

    def _line(self, points: Sequence[Point], value: Value, source: str, target: str, *, skips: bool = False) -> Line:
        stroke, line = (self.theme.skip, 1.8) if skips else (self.theme.ink, 1.4)
        return Line(tuple(points), stroke, line, arrow=True, wire=Wire(value_name(value), source, target))

    def _handed(self, one: Spot, other: Spot) -> Value:
        """The value that leads from one box to the next."""
        return next(value for value in one.steps[-1].outputs if value in other.steps[0].inputs)

    def _trunk(self) -> Iterator[Item]:
        """Down the one arm, across, and up the other, with what makes each size beside its arrow."""
        way = self.places.way
        turn = way.index(self.places.of(self.arms.bottom))
        for i, (one, other) in enumerate(pairwise(way)):
            points = self.places.arrow(i, turn)
            yield self._line(points, self._handed(one, other), one.path, other.path)
            yield from self._entry(other.entry, points[-1][0], points[0][1], points[-1][1], left=i > turn)
        if not self.costs:
            end = way[-1]
            points = ((end.middle, end.top), (end.middle, end.top - ARROW))
            yield self._line(points, end.steps[-1].outputs[0], end.path, "")

    def _entry(self, lines: Sequence[str], x: float, start: float, end: float, *, left: bool) -> Iterator[Text]:
        """What makes a size, beside the middle of the arrow that leads to it."""
        anchor: Anchor = "end" if left else "start"
        aside = -ASIDE if left else ASIDE
        for i, line in enumerate(lines):
            y = (start + end) / 2 - 2 + LINE * (i - (len(lines) - 1) / 2)
            yield Text(x + aside, y, line, SIZE, self.theme.ink, False, anchor)

    def _skips(self) -> Iterator[Item]:
        for skip in self.arms.skips:
            one, other = (self.places.of(arm[skip.level]) for arm in (self.arms.down, self.arms.up))
            y = one.centre
            yield self._line(((one.right, y), (other.left, y)), skip.values[0], one.path, other.path, skips=True)
            middle, colour = (one.right + other.left) / 2, mix(self.theme.skip, self.theme.ink, 0.6)
            yield Text(middle, y - 10, self._channels(skip), SIZE, colour)

    def _channels(self, skip: Skip) -> str:
        """Those of each value that a skip brings, in the order in which they are taken."""
        return ", ".join(str(self.graph.tensor(value).channels) for value in skip.values)

    # --- what enters at the side ---

    def _chain(self, rail: Rail) -> Iterator[Item]:
        for one, other in pairwise(map(self.places.of, rail.makers)):
            points = ((one.middle, one.bottom), (other.middle, other.top))
            yield self._line(points, self._handed(one, other), one.path, other.path)

    def _look(self, number: int) -> tuple[str, tuple[float, ...]]:
        colour, dash = LOOKS[number]
        return mix(colour, self.theme.ink, 0.8), dash

    def _rail(self, number: int, rail: Rail) -> Iterator[Item]:
        """From tap to tap, each a branch with an arrow; at the last the rail itself ends."""
        stroke, dash = self._look(number)
        source = self.places.of(rail.makers[-1])
        taps = self.places.taps(number, rail.value)
        start: Point = (source.middle, source.bottom)
        for i, tap in enumerate(taps):
            last = i == len(taps) - 1
            wire = Wire(value_name(rail.value), source.path, tap.spot.path)
            way = self.places.along(number, start, tap.point)
            if last:
                yield Line((*way, tap.end), stroke, 1.6, dash, arrow=True, wire=wire)
                return
            yield Line(way, stroke, 1.6, dash, wire=wire)
            yield Line((tap.point, tap.end), stroke, 1.6, dash, arrow=True, branch=True, wire=wire)
            x, y = tap.point
            yield Shape(x - DOT, y - DOT, 2 * DOT, 2 * DOT, stroke, stroke, 1.0, (), "round", DOT)
            start = tap.point

    def keys(self) -> Iterator[tuple[str, Sequence[Item]]]:
        """What the legend says beside skips: of boxes, and of each rail which blocks take it."""
        if self.costs:
            yield (
                "parameters · MACs of a box",
                (Shape(0, 3, 26, 14, self.theme.stage, self.theme.border, 1.4, (), "round", 4),),
            )
        steps = [step for rung in (*self.arms.down, self.arms.bottom, *self.arms.up) for step in rung.items]
        for number, rail in enumerate(self.arms.rails):
            stroke, dash = self._look(number)
            name = self.places.of(rail.makers[-1]).lines[0][0]
            into = takers(self.graph, steps, rail.value)
            line = Line(((0, 10), (26, 10)), stroke, 1.6, dash, arrow=True)
            yield f"{name}, into {into}" if into else name, (line,)


def _is_input(step: Step) -> bool:
    return isinstance(step, OpRow) and step.nodes[0].op.family is Family.INPUT
