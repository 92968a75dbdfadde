"""A dense block: layers in a row, and an arc from each value to every later concat, which has a stripe for it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from archdsl.analyses import totals
from archdsl.analyses.notation import count, shape
from archdsl.backends.figures.blocks.dense_reading import Dense, Layer
from archdsl.backends.figures.blocks.inset import MARGIN, OUTSIDE, Extent, Key, Title, inset
from archdsl.backends.figures.items import LIGHT, value_name
from archdsl.backends.figures.label import notation, scope_name
from archdsl.backends.figures.page import LINE
from archdsl.backends.figures.parts import Picture
from archdsl.backends.figures.scene import Curve, Group, Item, Line, Polygon, Shape, Text, Wire
from archdsl.backends.figures.style import BLUE, GREEN, ORANGE, PURPLE, SIZE, VERMILLION, Theme, mix
from archdsl.backends.figures.text import width
from archdsl.ir.graph import Graph, Node, Scope
from archdsl.ops.base import Family

MOST, FIRST = 6, 3
"""Layers that are all drawn; of more, the first so many and the last."""


class Sizes(NamedTuple):
    """In points: across the part of a concat that is one value; from one thing to the next; across a value."""

    stripe: float
    gap: float
    across: float


ROOMY, TIGHT = Sizes(7.0, 16.0, 15.0), Sizes(5.0, 13.0, 13.0)
WAYS = ((ROOMY, MOST), (TIGHT, MOST), (ROOMY, FIRST + 1), (TIGHT, FIRST + 1))
"""How to draw the same in less room: sizes, and how many layers are all drawn."""
TALL, DEEP = 54.0, 6.0
"""Along the front of a value, and how far its back lies to the right and up."""
INTO = 4.0
"""From a concat to the layer that reads it."""
HIGH = 60.0
"""Of a layer and of a concat."""
APEX = 30.0
"""What each layer that an arc passes adds to its height."""
FAN = 3.0
"""Between two arcs that leave one value."""
MOST_LINES = 3
"""In a layer's box."""
COLOURS = (None, BLUE, VERMILLION, GREEN, PURPLE, ORANGE)
"""Of the block's input and of what each layer adds; those of the layers repeat."""


@dataclass(slots=True)
class _Part:
    """Something in the row: a layer, or all that are left out, with the values before it on the concat it reads."""

    layers: tuple[Layer, ...]
    number: int
    lines: list[str]
    stripes: tuple[int, ...] = ()
    """The numbers of the values in the concat before it, the nearest first; none: it reads the block's input."""
    concat: Node | None = None
    left: float = 0.0
    box: float = 0.0
    end: float = 0.0
    value: float = 0.0
    right: float = 0.0

    @property
    def path(self) -> str:
        return self.layers[0].nodes[0].id


class DenseDrawer:
    """Draws one dense block around its axis, the line y = 0."""

    def __init__(
        self, graph: Graph, scope: Scope, dense: Dense, theme: Theme, sizes: Sizes = ROOMY, most: int = MOST
    ) -> None:
        """Of more than `most` layers the first and the last are drawn."""
        self.graph, self.scope, self.dense, self.theme, self.sizes = graph, scope, dense, theme, sizes
        self.most = most
        self.parts = list(self._parts())
        self.out = (tuple(range(len(self.parts), -1, -1)), dense.concats[-1])
        nodes = totals.nodes_in(graph, scope.path, training=True)
        costs = f"{count(totals.parameters(graph, nodes))} parameters, {count(totals.macs(graph, nodes))} MACs"
        told = f"each of {len(dense.layers)} layers reads the concat of all values before it · {costs}"
        self.title = Title(scope_name(scope), told)
        natural = self._lay_out(MARGIN)
        self.wide = max(natural, self.title.width)
        self._lay_out(MARGIN + (self.wide - natural) / 2)

    def _lay_out(self, first: float) -> float:
        """Places all from left to right, and gives where the right margin ends."""
        self.first, value, gap = first, self.sizes.across + DEEP, self.sizes.gap
        x = first + value + gap
        for part in self.parts:
            part.left = x
            part.box = x + (self.sizes.stripe * len(part.stripes) + INTO if part.concat else 0.0)
            part.end = part.box + max(width(line, SIZE) for line in part.lines) + 8
            part.value = part.end + gap - 2
            part.right = part.value + value if len(part.layers) == 1 else part.end
            x = part.right + gap
        self.last = x
        return x + self.sizes.stripe * len(self.out[0]) + MARGIN

    def _parts(self) -> Iterator[_Part]:
        layers = self.dense.layers
        left_out = len(layers) - FIRST - 1 if len(layers) > self.most else 0
        for i, layer in enumerate(layers):
            number = i + 1
            if left_out and FIRST < number < len(layers):
                if number == FIRST + 1:
                    lines = [f"… {left_out} more layers,", "each reads the concat", "of all before it"]
                    yield _Part(layers[i : i + left_out], number, lines, self._stripes(number), self._concat(i))
                continue
            place = FIRST + 2 if left_out and number == len(layers) else number
            yield _Part((layer,), number, self._lines(layer), self._stripes(place), self._concat(i))

    def _stripes(self, place: int) -> tuple[int, ...]:
        return tuple(range(place - 1, -1, -1)) if place > 1 else ()

    def _concat(self, i: int) -> Node | None:
        return self.graph.node(self.dense.layers[i].reads.node) if i else None

    def _lines(self, layer: Layer) -> list[str]:
        """The ops of weight; a longer layer is said to have so many ops."""
        told = [notation(self.graph, node) for node in layer.nodes if node.op.family not in LIGHT]
        told = told or [notation(self.graph, node) for node in layer.nodes]
        return told if len(told) <= MOST_LINES else [*told[: MOST_LINES - 1], f"{len(told) - MOST_LINES + 1} more"]

    # --- the picture ---------------------------------------------------------------------------

    def picture(self, note: str) -> Picture:
        """The whole in its frame, with what each layer reads and costs, and `note`, below."""
        top = -HIGH / 2 - DEEP - APEX * (len(self.parts) + 1) - LINE
        captions = list(self._captions())
        bottom = max(text.y for text in captions) + 14
        items: list[Item] = [*captions, *self._arcs(), *self._wires(), Group(tuple(self._volume(0, self.first)))]
        for i, part in enumerate(self.parts):
            if part.concat:
                items.append(self._bar(part.concat, part.left, part.stripes))
            items.append(self._layer(part, i + 1))
        items.append(self._bar(self.out[1], self.last, self.out[0]))
        return inset(self.scope, self.title, Extent(self.wide, top, bottom), items, [note], self.theme)

    def _stroke(self, number: int) -> str:
        colour = COLOURS[(number - 1) % (len(COLOURS) - 1) + 1 if number else 0]
        return mix(colour, self.theme.ink, 0.75) if colour else self.theme.faint

    def _fill(self, number: int, part: float = 0.5) -> str:
        return mix(self._stroke(number), self.theme.background, part)

    def _volume(self, number: int, x: float) -> Iterator[Polygon]:
        """A value as a box: its top, its side, its front."""
        top, foot, right = -TALL / 2, TALL / 2, x + self.sizes.across
        faces = (
            (((x, top), (x + DEEP, top - DEEP), (right + DEEP, top - DEEP), (right, top)), 0.25),
            (((right, top), (right + DEEP, top - DEEP), (right + DEEP, foot - DEEP), (right, foot)), 0.7),
            (((x, top), (right, top), (right, foot), (x, foot)), 0.5),
        )
        for corners, part in faces:
            yield Polygon(corners, self._fill(number, part), self._stroke(number))

    def _bar(self, node: Node, x: float, stripes: Sequence[int]) -> Group:
        """A concat: a stripe for each value, and an outline around them."""
        shapes = [
            Shape(
                x + self.sizes.stripe * i,
                -HIGH / 2,
                self.sizes.stripe,
                HIGH,
                self._fill(number, 0.6),
                self._stroke(number),
            )
            for i, number in enumerate(stripes)
        ]
        outline = Shape(x, -HIGH / 2, self.sizes.stripe * len(stripes), HIGH, None, self.theme.ink, 1.0)
        data = (("kind", "op"), ("path", node.id), ("op", node.op.name), ("joins", "all"))
        return Group((*shapes, outline), node.id, title=f"concat of {len(stripes)} values", data=data)

    def _layer(self, part: _Part, number: int) -> Group:
        """A layer's box and the value that it makes, which are one thing: the arcs begin at the value."""
        nodes = [node for layer in part.layers for node in layer.nodes]
        single = len(part.layers) == 1
        if not single:
            inner = self.dense.concats[part.number - 1 : part.number - 2 + len(part.layers)]
            nodes += inner
        right, wide, middle = part.end, part.end - part.box, (part.box + part.end) / 2
        value = [*self._volume(number, part.value)] if single else []
        link = [Line(((right, 0), (part.value, 0)), self.theme.ink, arrow=True)] if single else []
        dash = () if single else (4.0, 2.0)
        fill = self.theme.fill(Family.CONV) if single else self.theme.stage
        back = Shape(part.box, -HIGH / 2, wide, HIGH, fill, self.theme.stroke(Family.CONV), 1.2, dash)
        step, lines = 17.0, part.lines
        texts = [
            Text(middle, step * (i - (len(lines) - 1) / 2), line, SIZE, self.theme.ink) for i, line in enumerate(lines)
        ]
        data = (
            ("kind", "block"),
            ("name", f"layer {part.number}"),
            ("path", part.path),
            ("nodes", " ".join(node.id for node in nodes)),
            ("parameters", str(totals.parameters(self.graph, nodes))),
            ("macs", str(totals.macs(self.graph, nodes))),
            *((("joins", "more"),) if not single else ()),
        )
        title = ", ".join(notation(self.graph, node) for node in part.layers[0].nodes)
        return Group((*value, *link, back, *texts), part.path, title=title, data=data)

    # --- lines ---------------------------------------------------------------------------------

    def _source(self, number: int) -> tuple[str, str]:
        """The path of the box that makes a value, and the value's name."""
        if number == 0:
            return "", value_name(self.dense.entering)
        part = self.parts[number - 1]
        return part.path, value_name(part.layers[-1].makes)

    def _readers(self) -> list[tuple[tuple[int, ...], float, str]]:
        """Of each concat: the numbers of its values, its left edge, its path."""
        bars = [(part.stripes, part.left, part.concat.id) for part in self.parts if part.concat]
        return [*bars, (self.out[0], self.last, self.out[1].id)]

    def _arcs(self) -> Iterator[Item]:
        """From each value to its stripe in every concat but the next one, which it reaches on the axis."""
        readers = self._readers()
        for number in range(len(self.parts)):
            further = [bar for bar in readers if number in bar[0] and bar[0][0] != number]
            begin, top, level = self._top(number)
            for i, (stripes, left, path) in enumerate(further):
                far = left + self.sizes.stripe * (stripes.index(number) + 0.5)
                near = begin - FAN * (i - (len(further) - 1) / 2)
                rise = APEX * (stripes[0] - number) * 4 / 3
                source, value = self._source(number)
                points = (near, level), (near, top - rise), (far, -HIGH / 2 - rise), (far, -HIGH / 2)
                yield Curve(points, self._stroke(number), 1.5, arrow=True, wire=Wire(value, source, path))

    def _top(self, number: int) -> tuple[float, float, float]:
        """The middle of the upper edge of what makes a value; how high it is; where its arcs begin."""
        if number and len(self.parts[number - 1].layers) > 1:
            part = self.parts[number - 1]
            return (part.box + part.end) / 2, -HIGH / 2, -HIGH / 2
        x = self.parts[number - 1].value if number else self.first
        return x + (self.sizes.across + DEEP) / 2 + 1, -TALL / 2 - DEEP, -TALL / 2 - DEEP

    def _wires(self) -> Iterator[Item]:
        """What runs on the axis: values into the next concat, concats into layers, and the block's input and output."""
        entering, ink = value_name(self.dense.entering), self.theme.ink
        yield Line(((-OUTSIDE, 0), (self.first, 0)), ink)
        way = (self.first + self.sizes.across + DEEP, 0.0), (self.parts[0].left, 0.0)
        yield Line(way, self._stroke(0), 1.6, arrow=True, wire=Wire(entering, "", self.parts[0].path))
        for number, part in enumerate(self.parts, 1):
            source, value = self._source(number)
            onto = self.parts[number] if number < len(self.parts) else None
            left, path = (onto.left, onto.concat.id) if onto and onto.concat else (self.last, self.out[1].id)
            start = part.right - (DEEP if len(part.layers) == 1 else 0.0)
            way = (start, 0.0), (left, 0.0)
            yield Line(way, self._stroke(number), 1.6, arrow=True, wire=Wire(value, source, path))
            if part.concat:
                wire = Wire(value_name(part.layers[0].reads), part.concat.id, part.path)
                yield Line(((part.box - INTO, 0), (part.box, 0)), ink, wire=wire)
        end = self.last + self.sizes.stripe * len(self.out[0])
        wire = Wire(value_name(self.dense.made), self.out[1].id)
        yield Line(((end, 0), (self.wide + OUTSIDE, 0)), ink, 1.6, arrow=True, wire=wire)

    # --- texts ---------------------------------------------------------------------------------

    def _captions(self) -> Iterator[Text]:
        """The shape of each value below it; lower down, what each layer reads and costs."""
        y = HIGH / 2 + 14
        ink, faint = self.theme.ink, self.theme.faint
        yield Text(self.first, y, shape(self.graph.tensor(self.dense.entering)), SIZE, ink, True, "start")
        for part in self.parts:
            if len(part.layers) == 1:
                made = shape(self.graph.tensor(part.layers[0].makes))
                yield Text(part.value + self.sizes.across / 2, y, made, SIZE, ink, True)
            for i, line in enumerate(self._costs(part)):
                middle = (part.box + part.end) / 2
                yield Text(middle, y + 6 + 17 * (i + 1), line, SIZE, faint if i else ink, not i)
        made = shape(self.graph.tensor(self.dense.made))
        told = f"{made} out"
        yield Text(self.wide - MARGIN, y + 6 + 17 * 5, told, SIZE, ink, True, "end")

    def keys(self) -> Iterator[Key]:
        """What a value and a concat look like."""
        shapes = [Shape(5 + 6.0 * i, 3, 6, 16, self._fill(n, 0.6), self._stroke(n)) for i, n in enumerate((2, 1, 0))]
        yield "concat: a stripe for each value, in its colour, the nearest first", tuple(shapes)

    def _costs(self, part: _Part) -> Iterator[str]:
        first, last = part.layers[0], part.layers[-1]
        several = len(part.layers) > 1
        nodes = [node for layer in part.layers for node in layer.nodes]
        low, high = (self.graph.tensor(layer.reads).channels for layer in (first, last))
        yield f"layers {part.number} to {part.number + len(part.layers) - 1}" if several else f"layer {part.number}"
        yield f"read {low} to {high}" if several else f"reads {low}"
        yield f"{count(totals.parameters(self.graph, nodes))} params"
        yield f"{count(totals.macs(self.graph, nodes))} MACs"
