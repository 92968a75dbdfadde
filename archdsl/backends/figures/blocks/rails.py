"""A cell of sums that end in one concat, as NASNet's: values that many ops read are rails, and each sum is a column.

Inputs, and what is done to them first, stand above the rails. A dot is where an op takes from a rail; where a line
crosses a rail without a dot, it does not. A sum that other sums read is a rail below its column.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import TypeAlias

from archdsl.backends.figures import parts
from archdsl.backends.figures.blocks.rails_places import CLEAR, Spot, spots
from archdsl.backends.figures.blocks.rails_reading import Cell, Chain, Reader
from archdsl.backends.figures.items import View, value_name
from archdsl.backends.figures.layout.compose import Pen, compose, drawn
from archdsl.backends.figures.layout.route import END, STEP
from archdsl.backends.figures.parts import Picture
from archdsl.backends.figures.scene import (
    Group,
    Item,
    Line,
    Point,
    Shape,
    Text,
    Wire,
    leaves,
    moved,
    placed,
)
from archdsl.backends.figures.style import BLUE, ORANGE, PURPLE, SIZE, VERMILLION, mix
from archdsl.backends.figures.text import width
from archdsl.ir.graph import Scope, Value

WIDEST, TALLEST = 920.0, 330.0
"""Points: a larger cell is drawn in another form."""
RAIL = 20.0
"""From one rail to the next."""
SIDE = parts.SIGN / 2
Look: TypeAlias = tuple[str, tuple[float, ...]]
LOOKS: tuple[Look, ...] = (
    (VERMILLION, (5, 3)),
    (BLUE, ()),
    (PURPLE, (2, 2)),
    (ORANGE, (8, 3, 2, 3)),
)
"""Colour and dash of rails that several take from, in their order; then they repeat."""


def rails(view: View, pen: Pen, scope: Scope | None) -> Picture | None:
    """What a cell holds, without its frame; None if it has another form."""
    cell = Reader(view, pen.graph).cell()
    if cell is None:
        return None
    picture = _Drawer(cell, view, pen, scope, *spots(cell.columns, cell.concat, pen)).picture()
    return picture if picture.left + picture.right <= WIDEST and picture.height <= TALLEST else None


class _Drawer:
    """Draws a cell whose columns have their places: x from 0 to `wide`, y from the head of each tier."""

    def __init__(
        self, cell: Cell, view: View, pen: Pen, scope: Scope | None, columns: Sequence[Spot], wide: float
    ) -> None:
        self.cell, self.view, self.pen, self.placed, self.wide = cell, view, pen, columns, wide
        self.frame = scope.path if scope else ""
        self.names = {value: name for name, value in (scope.names if scope else ()) if name != "input"}
        made = {column.made for column in cell.columns if column.join}
        read = dict.fromkeys(chain.value for column in cell.columns for chain in column.chains)
        self.outer = tuple(value for value in read if value not in made)
        inner = View(cell.before, view.inputs, self.outer)
        self.head = compose(inner, replace(pen, forms=()), scope, leaving=self.outer)
        exits = dict(zip(self.head.makes, self.head.exits, strict=True))
        self.outer = tuple(sorted(self.outer, key=lambda value: exits[value]))
        self.order = (*self.outer, *(value for value in read if value in made))
        several = [value for value in self.order if len(self._taps(value)) > 1]
        self.looks: dict[Value, Look] = dict.fromkeys(self.order, (pen.theme.ink, ()))
        self.looks |= {value: LOOKS[i % len(LOOKS)] for i, value in enumerate(several)}
        self.starts: dict[Value, Point] = {}
        self.levels: dict[Value, float] = {}

    def picture(self) -> Picture:
        shift = self._shift()
        self.starts = {
            value: (x + shift, self.head.height) for value, x in zip(self.head.makes, self.head.exits, strict=True)
        }
        items = [self._coloured(item) for item in placed(self.head.items, shift)]
        tops, foot = self._heights()
        bus = self._bus(foot)
        lines = [line for i, spot in enumerate(self.placed) for line in self._lines(spot, tops[i], foot)]
        items += [*sorted(lines, key=lambda line: line.stroke == self.pen.theme.ink), *self._named()]
        items += [item for spot, top in zip(self.placed, tops, strict=True) for item in self._things(spot, top)]
        (x, high), (value,) = (bus.exits[0], foot + bus.height), self.cell.concat.outputs
        items += [*(moved(item, 0, foot) for item in bus.items)]
        wire = Wire(value_name(value), self.cell.concat.ends[1], self.frame)
        items.append(Line(((x, high), (x, high + END)), self.pen.theme.ink, wire=wire))
        left = max(0.0, self.head.left - shift, bus.left)
        right = max(self.wide + self._longest(), self.head.right + shift, bus.right)
        entries = tuple(x + shift for x in self.head.entries)
        return Picture(left, right, high + END, tuple(items), entries, (x,), headroom=self.head.headroom)

    def _coloured(self, item: Item) -> Item:
        """What comes down to a rail has its look."""
        wire = item.wire if isinstance(item, Line) else None
        value = next(
            (v for v in self.outer if wire and wire.target == self.frame and value_name(v) == wire.value), None
        )
        if value is None or not isinstance(item, Line):
            return item
        colour, dash = self.looks[value]
        return replace(item, stroke=mix(colour, self.pen.theme.ink, 0.75), dash=dash, line=1.6)

    def _taps(self, value: Value) -> list[float]:
        return [x for spot in self.placed for chain, x in spot.taps() if chain.value == value]

    def _shift(self) -> float:
        """Where the head stands: in the middle, or the nearest place from which values come down beside all taps."""
        exits = dict(zip(self.head.makes, self.head.exits, strict=True))
        above = {
            value: [x for other in self.outer[:i] for x in self._taps(other)] for i, value in enumerate(self.outer)
        }
        middle = self.wide / 2 - (min(exits.values()) + max(exits.values())) / 2
        places = [middle + sign * 2.0 * step for step in range(60) for sign in (1, -1)]

        def is_clear(place: float) -> bool:
            return all(abs(exits[value] + place - x) >= CLEAR for value in self.outer for x in above[value])

        return next(filter(is_clear, places), middle)

    def _heights(self) -> tuple[list[float], float]:
        """The top of each column's ops, and the top of the concat; on the way, the height of each rail."""
        tops, y = [0.0] * len(self.placed), self.head.height
        band: Sequence[Value] = self.outer
        for tier in range(1, 1 + max(spot.column.tier for spot in self.placed)):
            several = [value for value in band if value in self.order]
            for value in several:
                y += RAIL if value != several[0] else 10.0
                self.levels[value] = y
            y += STEP + 8
            here = [i for i, spot in enumerate(self.placed) if spot.column.tier == tier]
            high = max(self.placed[i].height for i in here)
            for i in here:
                tops[i] = y + (high - self.placed[i].height) / 2
            joined = [self.placed[i].column for i in here if self.placed[i].column.join]
            y += high + (SIDE * 2 + STEP + 6 if joined else 0.0)
            for i in here:
                spot = self.placed[i]
                spot.foot = y - SIDE if spot.column.join else y
                if spot.column.join:
                    self.starts[spot.column.made] = (spot.x, y)
            band = [column.made for column in joined]
        return tops, y + STEP + 6

    def _bus(self, foot: float) -> Picture:
        """The concat, below all columns that end in it."""
        xs = [spot.x for spot in self.placed if spot.column.made in self.cell.concat.inputs]
        middle, half = (min(xs) + max(xs)) / 2, (max(xs) - min(xs)) / 2
        items = parts.bar(self.cell.concat.nodes[0], -half, half, self.pen.theme)
        (back, *_) = (leaf for leaf in leaves(items) if isinstance(leaf, Shape))
        inner = tuple(moved(item, middle, 0) for item in items)
        return Picture(-middle - back.x, middle + back.x + back.width, back.height, inner, (), (middle,))

    def _lines(self, spot: Spot, top: float, foot: float) -> Iterator[Line]:
        column, ink = spot.column, self.pen.theme.ink
        for side, (chain, x) in zip((-1, 1), spot.taps(), strict=False):
            ends = [*chain.items, *((column.join,) if column.join else ())]
            to = ends[0].ends[0] if ends else self.cell.concat.ends[0]
            if chain.items:
                yield self._from_rail(chain.value, ((x, top + spot.above(chain)),), x, to)
                bottom, source = top + spot.above(chain) + spot.long(chain), chain.items[-1]
                wire = Wire(value_name(source.outputs[0]), source.ends[1], (column.join or self.cell.concat).ends[0])
                way = self._into(spot, x, side, foot)
                yield Line(((x, bottom), *way), ink, arrow=True, wire=wire)
                yield from self._between(spot, chain, x, top)
            else:
                yield self._from_rail(chain.value, self._into(spot, x, side, foot), x, to)
        if column.join and column.made in self.cell.concat.inputs:
            wire = Wire(value_name(column.made), column.join.ends[1], self.cell.concat.ends[0])
            yield Line(((spot.x, spot.foot + SIDE), (spot.x, foot)), ink, arrow=True, wire=wire)

    def _into(self, spot: Spot, x: float, side: int, foot: float) -> tuple[Point, ...]:
        """From above to the side of the column's sum, or else to the concat."""
        if spot.column.join is None:
            return ((x, foot),)
        return (x, spot.foot), (spot.x + side * SIDE, spot.foot)

    def _from_rail(self, value: Value, way: tuple[Point, ...], x: float, target: str) -> Line:
        (start, top), level = self.starts[value], self.levels[value]
        colour, dash = self.looks[value]
        stroke = mix(colour, self.pen.theme.ink, 0.75)
        bent = ((start, level), (x, level)) if abs(x - start) > 0.5 else ()
        wire = Wire(value_name(value), self._maker(value), target)
        return Line(((start, top), *bent, *way), stroke, 1.6, dash, arrow=True, radius=0.0, wire=wire)

    def _maker(self, value: Value) -> str:
        return next((i.ends[1] for i in self.view.items if value in i.outputs), self.frame)

    def _between(self, spot: Spot, chain: Chain, x: float, top: float) -> Iterator[Line]:
        """The lines from one op of a chain to the next."""
        y = top + spot.above(chain)
        for before, after in zip(chain.items, chain.items[1:], strict=False):
            y += spot.pictures[id(before)].height
            wire = Wire(value_name(before.outputs[0]), before.ends[1], after.ends[0])
            yield Line(((x, y), (x, y + STEP)), self.pen.theme.ink, arrow=True, wire=wire)
            y += STEP

    def _things(self, spot: Spot, top: float) -> Iterator[Item]:
        for chain, x in spot.taps():
            y = top + spot.above(chain)
            for item in chain.items:
                picture = spot.pictures[id(item)]
                yield from (moved(part, x, y) for part in picture.items)
                y += picture.height + STEP
        if spot.column.join:
            picture = drawn(spot.column.join, self.pen)
            yield from (moved(part, spot.x, spot.foot - SIDE) for part in picture.items)

    def _longest(self) -> float:
        return max([0.0, *(width(name, SIZE, True) + 14 for name in self._told().values())])

    def _told(self) -> Mapping[Value, str]:
        """The names of rails that several ops take from."""
        return {v: self.names[v] for v in self.order if v in self.names and len(self._taps(v)) > 1}

    def _named(self) -> Iterator[Item]:
        """Dots where ops take from a rail, and the rail's name at its end."""
        told, theme = self._told(), self.pen.theme
        for value in self.order:
            colour, dash = self.looks[value]
            stroke, level, taps = mix(colour, theme.ink, 0.75), self.levels[value], self._taps(value)
            if len(taps) > 1:
                yield Group(tuple(_dot(x, level, stroke) for x in taps))
            if value in told:
                start = max([*taps, self.starts[value][0]])
                yield Line(((start, level), (self.wide, level)), stroke, 1.6, dash)
                yield Text(self.wide + 8, level, told[value], SIZE, stroke, True, "start")


def _dot(x: float, y: float, fill: str) -> Shape:
    return Shape(x - 3, y - 3, 6, 6, fill, None, corner="round", radius=3)
