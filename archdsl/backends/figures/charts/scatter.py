"""Errors of networks over their multiply-adds: discs whose areas are their parameters, each named beside it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import count as counting
from itertools import pairwise
from math import ceil, cos, floor, hypot, log10, pi, sin, sqrt

from archdsl.analyses.notation import count
from archdsl.backends.figures.charts.room import Area, Room
from archdsl.backends.figures.options import Options
from archdsl.backends.figures.page import EDGE, LINE, Head, key, slide
from archdsl.backends.figures.parts import Picture
from archdsl.backends.figures.scene import Anchor, Group, Item, Line, Point, Scene, Shape, Text
from archdsl.backends.figures.style import BLUE, GREEN, ORANGE, PURPLE, SIZE, SKY, VERMILLION, YELLOW, mix
from archdsl.backends.figures.text import width, wrap

COLOURS = (BLUE, SKY, VERMILLION, ORANGE, PURPLE, YELLOW)
"""Of families, in turn: names say which is which."""
LARGEST = 26.0
"""The radius of the largest disc, in points."""
LEFT, FOOT = 58.0, 46.0
"""Room for the numbers of the axes."""
MOST_NAMED = 30
"""With more networks, only the first and the last of each family are named."""
PLACES = ((1, 0), (-1, 0), (0, -1), (0, 1), (1, -1), (1, 1), (-1, -1), (-1, 1))
"""Around a disc, where its name is tried: right, left, above, below, and the corners."""
FAR = 3.0
"""A point further from the middle half of the errors than this many of its heights is told and not drawn."""


@dataclass(frozen=True, slots=True)
class Dot:
    """A network: its spec, what it is called in its family, its counts, and its error in % as a source prints it.

    `base` is the spec of the network that this one is another form of.
    """

    spec: str
    label: str
    family: str
    parameters: int
    macs: int
    error: float
    source: str
    base: str = ""

    @property
    def named(self) -> str:
        return f"{self.family} {self.label}".strip()


@dataclass(frozen=True, slots=True)
class Scatter:
    """The networks of a table, in its order; `name` is the table's."""

    name: str
    dots: tuple[Dot, ...]


def scatter(what: Scatter, options: Options) -> Scene:
    """Better networks stand higher, cheaper ones further to the left."""
    drawing = _Drawing(what, options)
    told = "error as its source prints it, lower is better; MACs and parameters counted"
    about = "; ".join(f"{dot.named}: {dot.error:g} %, {count(dot.macs)} MACs" for dot in what.dots)
    title = "Error over MACs"
    head = Head(title, told, f"{title}: {what.name}", f"{told}. {about}.")
    keys = [key(text, swatch, options.colours) for text, swatch in drawing.legend()]
    return slide(head, drawing.picture(), options, keys)


def far(dots: Sequence[Dot]) -> list[Dot]:
    """The networks whose errors are far from all others."""
    errors = sorted(dot.error for dot in dots)
    low, high = errors[len(errors) // 4], errors[(3 * len(errors)) // 4]
    reach = FAR * (high - low)
    return [dot for dot in dots if reach and not low - reach <= dot.error <= high + reach]


class _Drawing:
    """Two axes, the discs in them, and names where there is room."""

    def __init__(self, what: Scatter, options: Options) -> None:
        self.theme = options.colours
        self.far = far(what.dots)
        self.dots = [dot for dot in what.dots if dot not in self.far]
        self.wide = options.paper.width - 2 * EDGE
        self.said = wrap(_sources(what.dots, self.far), SIZE, self.wide)
        high = options.paper.height - 2 * EDGE - 2.5 * LINE - 8 - LINE * (len(self.said) - 1)
        self.high = max(high - FOOT - LINE, 200.0)
        self.most = max(dot.parameters for dot in self.dots)
        families = [dot.family for dot in self.dots if not dot.base]
        self.colours = {name: COLOURS[i % len(COLOURS)] for i, name in enumerate(dict.fromkeys(families))}
        self.room = Room(Area(LEFT, 0, self.wide, self.high))

    def picture(self) -> Picture:
        below = self.high + FOOT
        texts = (
            Text(0, below + LINE * (i + 0.5), line, SIZE, self.theme.faint, anchor="start")
            for i, line in enumerate(self.said)
        )
        arrows = [_of(family, line) for family, line in self._arrows()]
        lines = [*(_of(family, line) for family, line in self._lines()), *arrows]
        discs = tuple(self._disc(dot) for dot in self._by_size)
        names = tuple(self._names())
        items = (*self._axes(), *lines, *discs, *arrows, *names, *self._sizes(), *texts)
        return Picture(0, self.wide, below + LINE * len(self.said), items)

    # --- where everything is ---

    @cached_property
    def _by_size(self) -> list[Dot]:
        """Smaller discs lie in front."""
        return sorted(self.dots, key=lambda dot: -dot.parameters)

    def _radius(self, dot: Dot) -> float:
        return max(LARGEST * sqrt(dot.parameters / self.most), 2.0)

    @cached_property
    def _across(self) -> tuple[float, float]:
        """The logarithms of the MACs at the ends of the axis."""
        found = [log10(max(dot.macs, 1)) for dot in self.dots]
        spare = max(max(found) - min(found), 0.3) * 0.08
        return min(found) - spare, max(found) + spare

    @cached_property
    def _down(self) -> tuple[float, float]:
        """The errors at the top and at the foot."""
        found = [dot.error for dot in self.dots]
        spare = max(max(found) - min(found), 1.0) * 0.09
        return min(found) - spare, max(found) + spare

    def _x(self, macs: float) -> float:
        low, high = self._across
        return LEFT + (log10(max(macs, 1)) - low) / (high - low) * (self.wide - LEFT)

    def _y(self, error: float) -> float:
        low, high = self._down
        return (error - low) / (high - low) * self.high

    def _at(self, dot: Dot) -> Point:
        return self._x(dot.macs), self._y(dot.error)

    # --- axes ---

    def _axes(self) -> Iterator[Item]:
        grid = self.theme.block if self.theme.block != self.theme.background else self.theme.stage
        for macs in self._ticks():
            x = self._x(macs)
            yield Line(((x, 0), (x, self.high)), grid, 1.0)
            yield Text(x, self.high + 13, _round_count(macs), SIZE, self.theme.ink)
        step = _step(*self._down)
        low, high = self._down
        for error in (number * step for number in range(ceil(low / step), floor(high / step) + 1)):
            y = self._y(error)
            yield Line(((LEFT, y), (self.wide, y)), grid, 1.0)
            yield Text(LEFT - 8, y, f"{error:g} %", SIZE, self.theme.ink, anchor="end")
        yield Text(self.wide, self.high + 33, "MACs of one image", SIZE, self.theme.faint, anchor="end")

    def _ticks(self) -> list[float]:
        """Round numbers along the axis of MACs: as few of each power of ten as make three."""
        low, high = self._across
        for steps in ((1,), (1, 3), (1, 2, 5), tuple(range(1, 10))):
            powers = range(floor(low), ceil(high) + 1)
            found = [step * 10.0**power for power in powers for step in steps if low <= log10(step) + power <= high]
            if len(found) >= 3:
                return found
        return found

    # --- discs and what joins them ---

    def _disc(self, dot: Dot) -> Group:
        (x, y), radius = self._at(dot), self._radius(dot)
        colour = GREEN if dot.base else self.colours[dot.family]
        data = (
            ("kind", "disc"),
            ("family", dot.family),
            ("spec", dot.spec),
            *((("base", dot.base),) if dot.base else ()),
            ("parameters", str(dot.parameters)),
            ("macs", str(dot.macs)),
        )
        title = f"{dot.spec}: {dot.error:g} %, {count(dot.macs)} MACs, {count(dot.parameters)} parameters"
        return Group(
            (self._round(x, y, radius, colour, bool(dot.base)),), title=title, data=(*data, ("error", f"{dot.error:g}"))
        )

    def _round(self, x: float, y: float, radius: float, colour: str, dashed: bool = False) -> Shape:
        fill = mix(colour, self.theme.background, 0.2 if dashed else 0.5)
        stroke = mix(colour, self.theme.ink, 0.7)
        side = 2 * radius
        return Shape(x - radius, y - radius, side, side, fill, stroke, 1.4, (3, 2) if dashed else (), "round", radius)

    def _lines(self) -> Iterator[tuple[str, Line]]:
        """From each member of a family to the next, by their MACs; with the family."""
        for name, colour in self.colours.items():
            for one, other in pairwise(self._members(name)):
                yield name, Line((self._at(one), self._at(other)), mix(colour, self.theme.ink, 0.7), 1.4)

    def _members(self, family: str) -> list[Dot]:
        return sorted((dot for dot in self.dots if dot.family == family), key=lambda dot: (dot.macs, -dot.error))

    def _arrows(self) -> Iterator[tuple[str, Line]]:
        """From a network to its other form, centre to centre; with the family of that form."""
        places = {dot.spec: self._at(dot) for dot in self.dots}
        for dot in self.dots:
            if dot.base in places:
                line = Line((places[dot.base], self._at(dot)), mix(GREEN, self.theme.ink, 0.8), 1.8, arrow=True)
                yield dot.family, line

    # --- names ---

    def _names(self) -> Iterator[Item]:
        """Beside each disc, the largest first: at the first of eight places that is free, else further away."""
        for dot in self.dots:
            self.room.taken += _round_areas(self._at(dot), self._radius(dot))
        for _, line in (*self._lines(), *self._arrows()):
            self.room.taken += _along(*line.points)
        for dot in self._by_size:
            if words := self._words(dot):
                yield _of(dot.family, *self._name(dot, words))

    def _words(self, dot: Dot) -> str:
        """The family stands at its first member; one alone needs no more."""
        if dot.base:
            return ""
        members = self._members(dot.family)
        if len(members) == 1:
            return dot.family
        if dot == members[0]:
            return dot.named
        inner = dot != members[-1] and len(self.dots) > MOST_NAMED
        return "" if inner else dot.label

    def _name(self, dot: Dot, words: str) -> Iterator[Item]:
        (x, y), radius = self._at(dot), self._radius(dot)
        bold = dot.family in words
        near = (_beside(x, y, radius, words, right, down, bold, self.theme.ink) for right, down in PLACES)
        found = self.room.first(near)
        if found:
            yield found
            return
        for away in range(1, 12):
            for turn in range(16):
                angle = turn * pi / 8
                px, py = x + cos(angle) * (radius + 14 * away), y + sin(angle) * (radius + 14 * away)
                text = _beside(px, py, 0, words, 1 if cos(angle) >= 0 else -1, 0, bold, self.theme.ink)
                leader = _along((x + cos(angle) * (radius + 3), y + sin(angle) * (radius + 3)), (px, py))
                texts = [taken for taken in self.room.taken if any(taken.meets(part) for part in leader)]
                if len(texts) < 3 * away and self.room.first([text]):
                    start = x + cos(angle) * radius, y + sin(angle) * radius
                    yield Line((start, (px, py)), self.theme.faint, 1.0)
                    yield text
                    return

    # --- keys ---

    def _sizes(self) -> Iterator[Item]:
        """Discs of round numbers of parameters, in a free corner of the axes."""
        scale = 10 ** floor(log10(self.most))
        sizes = [number for number in (scale // 20, scale // 4, scale) if number]
        radii = [max(LARGEST * sqrt(number / self.most), 2.0) for number in sizes]
        words = [_round_count(number) for number in sizes]
        longs = [2 * radius + 8 + width(word, SIZE) for radius, word in zip(radii, words, strict=True)]
        wide, high = max(sum(longs) + 20 * len(sizes), 90.0), 2 * max(radii) + LINE + 8
        for left, top in self._corners(wide, high):
            if self.room.is_free(Area(left, top, left + wide, top + high)):
                yield Text(left + 4, top + 10, "parameters", SIZE, self.theme.faint, anchor="start")
                x, y = left + 4, top + LINE + max(radii)
                for radius, word, long in zip(radii, words, longs, strict=True):
                    yield Shape(x, y - radius, 2 * radius, 2 * radius, None, self.theme.ink, 1.2, (), "round", radius)
                    yield Text(x + 2 * radius + 6, y, word, SIZE, self.theme.ink, anchor="start")
                    x += long + 20
                return

    def _corners(self, wide: float, high: float) -> Iterator[Point]:
        """Places from the foot upwards, in each row from the right."""
        for row in counting():
            top = self.high - high - 4 - 20 * row
            if top < 0:
                return
            for column in range(int((self.wide - LEFT - wide) // 20) + 1):
                yield self.wide - wide - 20 * column, top

    def legend(self) -> Iterator[tuple[str, Sequence[Shape]]]:
        for family in dict.fromkeys(dot.family for dot in self.dots if dot.base):
            yield family, (self._round(18, 10, 8, GREEN, True),)


def _of(family: str, *items: Item) -> Group:
    """What belongs to a family."""
    return Group(items, data=(("family", family),))


def _beside(x: float, y: float, radius: float, words: str, right: int, down: int, bold: bool, ink: str) -> Text:
    """A text at one of the places around a disc."""
    part = radius * (0.72 if right and down else 1.0)
    anchor: Anchor = "start" if right > 0 else "end" if right < 0 else "middle"
    aside, below = right * (part + 5), down * (part + (6 if right else 10))
    return Text(x + aside, y + below, words, SIZE, ink, bold, anchor)


def _round_areas(centre: Point, radius: float) -> Iterator[Area]:
    """Rectangles that together cover a disc, but for slivers."""
    x, y = centre
    for part in (0.3, 0.55, 0.8, 0.95):
        wide, high = radius * sqrt(1 - part * part), radius * part
        yield Area(x - wide, y - high, x + wide, y + high)


def _along(start: Point, end: Point) -> list[Area]:
    """Small squares along a line."""
    long = hypot(end[0] - start[0], end[1] - start[1])
    steps = max(int(long / 2.5), 1)
    places = (
        (start[0] + (end[0] - start[0]) * i / steps, start[1] + (end[1] - start[1]) * i / steps)
        for i in range(steps + 1)
    )
    return [Area(x - 1.2, y - 1.2, x + 1.2, y + 1.2) for x, y in places]


def _round_count(number: float) -> str:
    """A round number without the digits that are zero: `10 G`."""
    return re.sub(r"\.0+\b", "", count(number))


def _step(low: float, high: float) -> float:
    """A round step that divides a range in at most ten parts."""
    least = (high - low) / 10
    power = 10.0 ** floor(log10(least))
    return next(power * step for step in (1, 2, 5, 10) if power * step >= least)


def _sources(dots: Sequence[Dot], outside: Sequence[Dot]) -> str:
    """Who printed the errors of which families, and what is outside of the axes."""
    families: dict[str, dict[str, None]] = {}
    for dot in dots:
        families.setdefault(dot.source, {})[dot.family] = None
    told = "Errors: " + "; ".join(f"{source} ({', '.join(names)})" for source, names in families.items()) + "."
    if outside:
        told += f" Outside: {', '.join(f'{dot.named} ({dot.error:g} %)' for dot in outside)}."
    return told
