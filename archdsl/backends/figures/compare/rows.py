"""Long networks, a row each: layers are bars, in columns of one resolution; layers that belong together are in line."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cached_property
from itertools import pairwise
from re import fullmatch
from typing import NamedTuple

from archdsl.analyses.notation import count
from archdsl.analyses.totals import nodes_in
from archdsl.backends.figures.compare.grid import Column, Numbered, alone, grid
from archdsl.backends.figures.compare.look import Drawing, counter, path
from archdsl.backends.figures.compare.look import alone as coloured
from archdsl.backends.figures.compare.names import Told
from archdsl.backends.figures.compare.places import (
    SIGN,
    Arc,
    Places,
    arcs_of,
    headers,
    lanes_of,
    pushed_apart,
    spots_of,
)
from archdsl.backends.figures.compare.track import Track, track
from archdsl.backends.figures.options import Options
from archdsl.backends.figures.page import EDGE, LINE, Key, key
from archdsl.backends.figures.parts import Picture, sign
from archdsl.backends.figures.scene import Group, Item, Line, Point, Shape, Text, Wire, moved
from archdsl.backends.figures.style import BLUE, LOOKS, SIZE, VERMILLION, mix
from archdsl.backends.figures.text import balanced, width, wrap
from archdsl.ir.graph import Graph, Node

LANE = 9.0
"""From one arc to that above it."""
LINES = 16.0
"""From one line of text in a bar to the next."""
TALLEST, SHORTEST = 150.0, 58.0
"""Of a bar."""
COSTS = 46.0
"""Room for the bars of costs and their numbers."""
SIGNS = {"+": "sum", "×": "product", "concat": "concat"}
MANY = 40
"""Layers of a network of which equal blocks are folded, though all might fit."""


def rows(graphs: Sequence[Graph], about: Told, options: Options) -> Drawing | None:
    """The rows with as much detail as fits: all layers, equal blocks folded, or a bar a block. None if none fits."""
    for closed in (False, True):
        tracks = [track(graph, closed=closed, gates=True) for graph in graphs]
        for folded in (False, True):
            if folded or max(len(of.layers) for of in tracks) <= MANY:
                drawing = _Rows(tracks, grid(tracks, folded), about, options)
                if drawing.fits:
                    return Drawing(drawing.picture(), list(drawing.keys()))
    return None


class Thing(NamedTuple):
    """What stands on a row's wire: a bar or a sign, with its path."""

    left: float
    right: float
    path: str


class _Rows:
    """Places everything. Heights: lines of sizes, then for each row its arcs, bars, counts, costs and name."""

    def __init__(self, tracks: Sequence[Track], columns: Sequence[Column], about: Told, options: Options) -> None:
        self.tracks, self.columns, self.about, self.options = tracks, columns, about, options
        self.theme, self.count = options.colours, len(tracks)
        self.room = options.paper.width - 2 * EDGE
        self.spots = spots_of(columns)
        self.arcs = [arcs_of(of, self.spots, i) for i, of in enumerate(tracks)]
        self.lanes = [lanes_of(of) for of in self.arcs]
        self.heads = list(headers(columns, self.count))
        self.head = LINE * max(map(len, self.heads)) + 4
        self.folds = any(block.count > 1 for column in columns for block in column.blocks)
        self.labels = [self._label(i, self.room) for i in range(self.count)]
        self.high = self._bar_height()
        lines = [max(len(self._lines(m)) for m in spot.place if m is not None) for spot in self.spots]
        self.places = Places(self.spots, self.arcs, lines, 52.0 if options.cost else 0.0, self.room)
        self.wide = self.places.columns[-1][1]
        self.labels = [self._label(i, max(self.wide, 300.0)) for i in range(self.count)]

    # --- what fits ---

    def _label(self, network: int, wide: float) -> list[str]:
        """What is said of a row, in lines: its counts, and its skips where they are not as many in all rows."""
        told = [self.about.own[network]] if self.about.own[network] else []
        each = [{(skip.start, skip.end, skip.path): skip.text for skip in of.all_skips} for of in self.tracks]
        skips = [len(of) for of in each]
        if len(set(skips)) > 1 and skips[network]:
            texts = [text for text in each[network].values() if text]
            many = "all" if len(texts) == skips[network] else f"{len(texts)} of them"
            told.append(f"{skips[network]} skips" + (f", {many} through {ways(texts)}" if texts else ""))
        room = wide - width(self.about.names[network], SIZE, True) - 28
        return wrap(" · ".join(told), SIZE, room) or [""]

    def _above(self, network: int) -> float:
        return 12 + LANE * max(self.lanes[network]) + 6 if self.arcs[network] else 6.0

    def _below(self, network: int) -> float:
        return 18.0 * self.folds + COSTS * bool(self.options.cost) + LINE * len(self.labels[network]) + 10

    def _bar_height(self) -> float:
        """As tall as the longest text asks for, and as the page allows."""
        free = self.options.paper.height - 2 * EDGE - 1.5 * LINE - 8 - LINE * 2 - self.head
        free -= sum(self._above(i) + self._below(i) for i in range(self.count))
        longest = max(width(layer.text, SIZE) for of in self.tracks for layer in of.layers) + 12
        return min(max(longest, min(free / self.count, longest * 1.4)), free / self.count, TALLEST)

    def _lines(self, member: Numbered) -> list[str]:
        return balanced(member.layer.text, SIZE, max(self.high - 8, 1.0)) or [""]

    @property
    def fits(self) -> bool:
        words = [word for of in self.tracks for layer in of.layers for word in layer.text.split()]
        if self.high < max([SHORTEST, *(width(word, SIZE) + 8 for word in words)]):
            return False
        heads = sum(self._head_width(lines) + 8 for lines in self.heads) - 8
        return self.places.least <= self.room and heads <= self.room

    def _head_width(self, lines: list[tuple[str, bool]]) -> float:
        return max(width(text, SIZE, bold) for text, bold in lines)

    # --- the picture ---

    def picture(self) -> Picture:
        items: list[Item] = []
        y = self.head
        for i in range(self.count):
            items += [moved(item, 0, y + self._above(i)) for item in self._row(i)]
            y += self._above(i) + self.high + self._below(i)
        bands = [
            Shape(left, self.head, right - left, y - self.head, self.theme.stage, None, 0, (), "round", 5)
            for left, right in self.places.columns
        ]
        heads = list(self._heads())
        right = max([self.wide, *(width(n, SIZE, True) + 20 + width(max(t, key=len), SIZE) for n, t in self._named())])
        return Picture(0, max(right, self._right), y, (*bands, *heads, *items))

    def _named(self) -> Iterator[tuple[str, list[str]]]:
        return zip(self.about.names, self.labels, strict=True)

    @cached_property
    def _middles(self) -> list[float]:
        wanted = [
            ((left + right) / 2, self._head_width(lines))
            for (left, right), lines in zip(self.places.columns, self.heads, strict=True)
        ]
        return pushed_apart(wanted, self.wide, 8.0)

    @property
    def _right(self) -> float:
        return max(x + self._head_width(lines) / 2 for x, lines in zip(self._middles, self.heads, strict=True))

    def _heads(self) -> Iterator[Item]:
        for x, lines in zip(self._middles, self.heads, strict=True):
            for i, (text, bold) in enumerate(lines):
                yield Text(x, LINE * (i + 0.5), text, SIZE, self.theme.ink, bold)

    def _row(self, network: int) -> Iterator[Item]:
        """One network; y = 0 is the upper edge of its bars."""
        yield from self._wires(network)
        for lane, arc in zip(self.lanes[network], self.arcs[network], strict=True):
            yield self._arc(network, arc, lane)
        for i, spot in enumerate(self.spots):
            member = spot.place[network]
            if member is not None:
                yield self._bar(network, i, member)
        yield from self._signs(network)
        y = self.high
        if self.folds:
            yield from self._counts(network, y + 10)
            y += 18
        if self.options.cost:
            yield from self._costs(network, self.options.cost, y)
            y += COSTS
        name = self.about.names[network]
        yield Text(8, y + 12, name, SIZE, self.theme.ink, True, "start")
        for i, line in enumerate(self.labels[network]):
            if line:
                x = 20 + width(name, SIZE, True)
                yield Text(x, y + 12 + LINE * i, line, SIZE, self.theme.ink, False, "start")

    def _bar(self, network: int, i: int, member: Numbered) -> Group:
        layer, theme = member.layer, self.theme
        look = LOOKS[layer.family] if layer.family else None
        corner = look.corner if look else "round"
        shape = Shape(
            self.places.left[i], 0, self.places.bar(i), self.high, theme.background, theme.border,
            look.line if look else 1.2, look.dash if look else (), corner, 5,
        )  # fmt: skip
        only = alone(self.spots[i].place, network)
        shape = coloured(shape, theme) if only else shape
        lines = self._lines(member)
        middle = self.places.left[i] + self.places.bar(i) / 2
        texts = (
            Text(middle + LINES * (k - (len(lines) - 1) / 2), self.high / 2, line, SIZE, theme.ink, upright=True)
            for k, line in enumerate(lines)
        )
        data = (("kind", "layer"), ("path", path(network, layer.path)), ("text", layer.text), ("only", str(int(only))))
        count = ("count", str(self.spots[i].block.count))
        return Group((shape, *texts), path(network, layer.path), layer.text, (*data, count))

    # --- wires ---

    def _things(self, network: int) -> list[Thing]:
        """All on the wire, from left to right."""
        found: list[Thing] = []
        for i, spot in enumerate(self.spots):
            member = spot.place[network]
            if member is not None:
                found.append(Thing(self.places.left[i], self.places.right[i], path(network, member.layer.path)))
            for arc in self.places.signs[network][i]:
                x = self.places.sign(network, arc)
                found.append(Thing(x - SIGN / 2, x + SIGN / 2, path(network, arc.skip.path)))
        return found

    def _wires(self, network: int) -> Iterator[Line]:
        things, y = self._things(network), self.high / 2
        begin = min([things[0].left - 5, *(self.places.begin(arc) for arc in self.arcs[network])])
        source = path(network, self.tracks[network].graph.inputs[0].id)
        yield Line(((begin, y), (things[0].left, y)), self.theme.ink, 1.3, wire=Wire(source, source, things[0].path))
        for one, other in pairwise(things):
            wire = Wire(one.path, one.path, other.path)
            yield Line(((one.right, y), (other.left, y)), self.theme.ink, 1.3, wire=wire)

    def _arc(self, network: int, arc: Arc, lane: int) -> Line:
        start, end = self.places.begin(arc), self.places.sign(network, arc)
        top, y = -10 - LANE * lane, self.high / 2
        points: tuple[Point, ...] = ((start, y), (start, top), (end, top), (end, y - SIGN / 2))
        before = [thing.path for thing in self._things(network) if thing.right <= start]
        source = before[-1] if before else ""
        stroke, dash = self._stroke(network, arc)
        wire = Wire(path(network, arc.skip.value), source, path(network, arc.skip.path))
        return Line(points, stroke, 1.8, dash, True, True, 4, wire)

    def _only(self, network: int, arc: Arc) -> bool:
        return not any(arc.key == other.key for i, of in enumerate(self.arcs) if i != network for other in of)

    def _stroke(self, network: int, arc: Arc) -> tuple[str, tuple[float, ...]]:
        """Dashed for what is no identity; in colour for what no other row has."""
        dash = (4.0, 2.5) if arc.skip.text else ()
        if not self._only(network, arc):
            return self.theme.faint, dash
        return (mix(VERMILLION, self.theme.ink, 0.8) if arc.skip.text else self.theme.skip), dash

    def _signs(self, network: int) -> Iterator[Item]:
        for at in self.places.signs[network]:
            for arc in at:
                stroke, _ = self._stroke(network, arc)
                x, y = self.places.sign(network, arc), self.high / 2
                own, only = path(network, arc.skip.path), str(int(self._only(network, arc)))
                data = (("kind", "sign"), ("path", own), ("only", only))
                yield Group(self._sign(x, y, arc.skip.sign, stroke), own, data=data)

    def _sign(self, x: float, y: float, text: str, stroke: str) -> tuple[Item, ...]:
        if text not in ("+", "×"):
            return (Shape(x - SIGN / 2, y - SIGN / 2, SIGN, SIGN, stroke, stroke, 1.2, (), "round", SIGN / 2),)
        return sign(x, y, text, self.theme, SIGN)

    # --- numbers ---

    def _counts(self, network: int, y: float) -> Iterator[Text]:
        for number in dict.fromkeys(spot.number for spot in self.spots):
            own = [i for i, spot in enumerate(self.spots) if spot.number == number]
            block = self.spots[own[0]].block
            if block.count > 1 and any(place[network] is not None for place in block.places):
                x = (self.places.left[own[0]] + self.places.right[own[-1]]) / 2
                yield Text(x, y, f"×{block.count}", SIZE, self.theme.ink, True)

    @cached_property
    def sums(self) -> list[list[int]]:
        """What the layers in each column cost, of each network."""
        cost = self.options.cost or "macs"
        return [column_sums(of, self.columns, i, cost) for i, of in enumerate(self.tracks)]

    def _costs(self, network: int, cost: str, y: float) -> Iterator[Item]:
        most, floor = max(max(sums) for sums in self.sums) or 1, y + COSTS - 4
        for (left, right), value in zip(self.places.columns, self.sums[network], strict=True):
            tall, x = max(value / most * 22, 1.0), (left + right) / 2
            shape = Shape(x - 14, floor - tall, 28, tall, *self._cost_colours(), 1.0)
            text = Text(x, floor - tall - 9, count(value), SIZE, self.theme.ink)
            if value:
                yield Group((shape, text), data=(("kind", "cost"), ("network", str(network + 1)), (cost, str(value))))

    def _cost_colours(self) -> tuple[str, str]:
        return mix(BLUE, self.theme.background, 0.5), mix(BLUE, self.theme.ink, 0.75)

    # --- the legend ---

    def keys(self) -> Iterator[Key]:
        theme = self.theme
        plain = Shape(0, 3, 26, 14, theme.background, theme.border, 1.2)
        whose = "both" if self.count == 2 else "several"
        yield key(f"in {whose}, by kernel, channels and stride", (plain,), theme)
        lone = {i for spot in self.spots for i in range(self.count) if alone(spot.place, i)}
        if lone:
            yield key(self._whose(lone), (coloured(plain, theme),), theme)
        yield from self._arc_keys()
        for text in dict.fromkeys(arc.skip.sign for of in self.arcs for arc in of):
            yield key(SIGNS.get(text, text), self._sign(13, 10, text, theme.ink), theme)
        if any(layer.family is None for of in self.tracks for layer in of.layers):
            yield key("block", (Shape(0, 3, 26, 14, theme.background, theme.border, 1.2, (), "round", 5),), theme)
        if self.options.cost:
            bar = Shape(6, 3, 14, 14, *self._cost_colours(), 1.0)
            yield key(counter(self.options.cost)[0], (bar,), theme)

    def _whose(self, networks: set[int]) -> str:
        if len(networks) == 1:
            return f"only in {self.about.names[min(networks)]}"
        return "in one of them" if self.count == 2 else "in one alone"

    def _arc_keys(self) -> Iterator[Key]:
        kinds: dict[tuple[str, tuple[float, ...]], list[tuple[int, Arc]]] = {}
        for i, of in enumerate(self.arcs):
            for arc in of:
                kinds.setdefault(self._stroke(i, arc), []).append((i, arc))
        for (stroke, dash), members in kinds.items():
            _, first = members[0]
            name = f"skip through {ways([arc.skip.text for _, arc in members])}" if first.skip.text else "skip"
            only = self._only(*members[0])
            name += f", {self._whose({i for i, _ in members})}" if only else ""
            yield key(name, (Line(((0, 10), (26, 10)), stroke, 1.8, dash, True),), self.theme)


def ways(texts: Sequence[str]) -> str:
    """What skips do that are no identities.

    >>> ways(["1×1, 64", "1×1, 128, /2"]), ways(["1×1, 64", "max pool 3×3"])
    ('a 1×1 convolution', 'an op')
    """
    kernels = {found[1] if (found := fullmatch(r"(\d+×\d+), \d+(, /\d+)?", text)) else "" for text in texts}
    (kernel,) = kernels if len(kernels) == 1 else ("",)
    return f"a {kernel} convolution" if kernel else "an op"


def column_sums(track: Track, columns: Sequence[Column], network: int, cost: str) -> list[int]:
    """What the ops in each column cost; weights that several share count once, in the first."""
    _, of = counter(cost)
    homes = {
        number: c
        for c, column in enumerate(columns)
        for unit in column.units[network]
        for number in range(unit.start, unit.end)
    }
    held: list[list[Node]] = [[] for _ in columns]
    known: set[str] = set()
    for node in nodes_in(track.graph):
        if cost != "params" or node.weights not in known:
            held[homes[track.homes[node.id]]].append(node)
        known.add(node.weights)
    return [of(track.graph, nodes) for nodes in held]
