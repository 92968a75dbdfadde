"""An hourglass as one: from left to right, each thing as high as its maps are large, and skips above at equal size."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import pairwise

from archdsl.analyses import totals
from archdsl.analyses.notation import count, plain, shape
from archdsl.backends.figures import parts
from archdsl.backends.figures.blocks.again import call, differing
from archdsl.backends.figures.blocks.glass_reading import Glass, Skip
from archdsl.backends.figures.blocks.inset import MARGIN, OUTSIDE, Extent, Key, Title, inset
from archdsl.backends.figures.items import LIGHT, Box, OpRow, is_bar, value_name
from archdsl.backends.figures.label import notation, scope_name, short
from archdsl.backends.figures.page import LINE
from archdsl.backends.figures.parts import PADDING, SIGN, Picture
from archdsl.backends.figures.scene import Anchor, Group, Item, Line, Polygon, Shape, Text, Wire
from archdsl.backends.figures.style import LOOKS, SIZE, Theme
from archdsl.backends.figures.text import width
from archdsl.ir.graph import Graph, Node, Scope
from archdsl.ops.base import Family

HIGH, LOW = 170.0, 44.0
"""Of what has the largest maps and of what has the smallest; each halving between is the same step."""
THICK, THIN = 26.0, 14.0
"""Across a thing with its name upright, and across a pooling or upsampling."""
GAP, FORK = 13.0, 22.0
"""From one thing to the next, and where a skip leaves between them."""
LANE = 36.0
"""From one skip to the next."""


class GlassDrawer:
    """Draws one hourglass around its axis, the line y = 0 on which all things stand."""

    def __init__(self, graph: Graph, scope: Scope, glass: Glass, theme: Theme) -> None:
        self.graph, self.scope, self.glass, self.theme = graph, scope, glass, theme
        self.deepest = max(glass.levels)
        self.forks = {skip.start for skip in glass.skips}
        self.lefts: list[float] = []
        self.rights: list[float] = []
        self.title = self._title()
        natural = self._lay_out(MARGIN)
        self.wide = max(natural, self.title.width)
        self._lay_out(MARGIN + (self.wide - natural) / 2)

    def _lay_out(self, first: float) -> float:
        """Places all from left to right, and gives where the right margin ends."""
        self.lefts, self.rights = [], []
        x = first + (FORK if 0 in self.forks else GAP)
        for i in range(len(self.glass.way)):
            self.lefts.append(x)
            self.rights.append(x + self._across(i))
            x = self.rights[-1] + (FORK if i + 1 in self.forks else GAP)
        return self.rights[-1] + GAP + MARGIN

    def picture(self, note: str) -> Picture:
        """The whole in its frame, with its costs and `note` below."""
        lanes = self._lanes()
        sizes = list(self._sizes())
        bottom = max([HIGH / 2, *(text.y for text in sizes)]) + 14
        top = min(lanes) - 17 - LINE - 8
        items: list[Item] = [*sizes]
        for skip, y in zip(self.glass.skips, lanes, strict=True):
            items += self._skipping(skip, y)
        items += self._wires()
        items += [self._dot(skip) for skip in self.glass.skips]
        items += [self._thing(i) for i in range(len(self.glass.way))]
        notes = [*self._told(), note]
        return inset(self.scope, self.title, Extent(self.wide, top, bottom), items, notes, self.theme)

    def keys(self) -> Iterator[Key]:
        """What the things that have no room for their names are."""
        seen: dict[str, int] = {}
        for i, item in enumerate(self.glass.way):
            if self._resampled(i) and isinstance(item, OpRow):
                seen.setdefault(self._told_of(item), i)
        for text, i in seen.items():
            item = self.glass.way[i]
            assert isinstance(item, OpRow)
            falls = self.glass.levels[i] > self.glass.before(i)
            near, far = (7.0, 4.0) if falls else (4.0, 7.0)
            yield text, (self._face(self._main(item), 7, 19, 10, near, far),)

    def _main(self, row: OpRow) -> Node:
        return next((node for node in row.nodes if node.op.family not in LIGHT), row.nodes[0])

    def _told_of(self, row: OpRow) -> str:
        """The ops of a row, but for normalizations and their like."""
        told = [node for node in row.nodes if node.op.family not in parts.SLIM] or list(row.nodes)
        return ", ".join(notation(self.graph, node) for node in told)

    def _resampled(self, i: int) -> bool:
        return self.glass.levels[i] != self.glass.before(i)

    def _high(self, level: int) -> float:
        return HIGH - (HIGH - LOW) * level / self.deepest

    def _name(self, i: int) -> str:
        item = self.glass.way[i]
        if isinstance(item, Box) and self._is_itself(item):
            return call(item.scope, self.scope)
        if isinstance(item, Box):
            return parts.named(item)
        told = short(item.nodes[0].op) if self._joins(i) else self._told_of(item)
        return told + (f" ×{item.count}" if item.count > 1 else "")

    def _is_itself(self, item: OpRow | Box) -> bool:
        """Whether it is the block that the figure shows, too deep inside to be opened."""
        return isinstance(item, Box) and item.scope.block is not None and item.scope.block == self.scope.block

    def _joins(self, i: int) -> bool:
        item = self.glass.way[i]
        return isinstance(item, OpRow) and item.nodes[0].op.family is Family.MERGE

    def _is_sign(self, i: int) -> bool:
        item = self.glass.way[i]
        return self._joins(i) and isinstance(item, OpRow) and not is_bar(item.nodes[0], self.graph)

    def _upright(self, i: int) -> bool:
        return width(self._name(i), SIZE) + 8 <= self._high(self.glass.levels[i])

    def _across(self, i: int) -> float:
        if self._is_sign(i):
            return SIGN
        if self._resampled(i) and isinstance(self.glass.way[i], OpRow):
            return THIN
        return THICK if self._upright(i) else width(self._name(i), SIZE) + 3 * PADDING

    def _half(self, i: int) -> float:
        """How far a thing reaches above and below the axis."""
        if self._is_sign(i):
            return SIGN / 2
        return max(self._high(self.glass.levels[i]), self._high(self.glass.before(i)) * self._resampled(i)) / 2

    def _thing(self, i: int) -> Item:
        item, x, wide = self.glass.way[i], self.lefts[i], self.rights[i] - self.lefts[i]
        high, inner = self._high(self.glass.levels[i]), list[Item]()
        if self._is_sign(i):
            inner += parts.sign(x + wide / 2, 0, self._name(i), self.theme)
        elif self._resampled(i) and isinstance(item, OpRow):
            ends = self._high(self.glass.before(i)) / 2, high / 2
            inner.append(self._face(self._main(item), x, x + wide, 0, *ends))
        else:
            inner.append(self._bar(item, x, wide, high))
            if self._is_itself(item):
                inner.append(self._bar(item, x + 3, wide - 6, high - 6))
            upright = self._upright(i)
            middle = width(self._name(i), SIZE) / 2 if upright else 0.0
            anchor: Anchor = "start" if upright else "middle"
            ink = self.theme.ink
            inner.append(Text(x + wide / 2, middle, self._name(i), SIZE, ink, anchor=anchor, upright=upright))
        return _group(item, self.graph, tuple(inner))

    def _bar(self, item: OpRow | Box, x: float, wide: float, high: float) -> Shape:
        if isinstance(item, Box):
            return Shape(x, -high / 2, wide, high, self.theme.stage, self.theme.border, 1.4, (), "round", 5)
        family = self._main(item).op.family
        if family is Family.MERGE:
            return Shape(
                x, -high / 2, wide, high, self.theme.stage, self.theme.ink, 1.4, (), "round", min(wide, high) / 2
            )
        return parts.box(x, -high / 2, wide, high, family, self.theme)

    def _face(self, node: Node, left: float, right: float, y: float, near: float, far: float) -> Polygon:
        """A pooling or upsampling, as high at each side as the maps there."""
        family = node.op.family
        corners = (left, y - near), (right, y - far), (right, y + far), (left, y + near)
        return Polygon(corners, self.theme.fill(family), self.theme.stroke(family), 1.2, LOOKS[family].dash)

    def _wires(self) -> Iterator[Item]:
        """The way itself, on the axis."""
        way, ink = self.glass.way, self.theme.ink
        entering, leaving = value_name(self.glass.entering), value_name(self.glass.leaving)
        wire = Wire(entering, "", way[0].ends[0])
        yield Line(((-OUTSIDE, 0), (self.lefts[0], 0)), ink, 1.8, arrow=True, wire=wire)
        for i, (before, after) in enumerate(pairwise(way)):
            wire = Wire(value_name(before.outputs[0]), before.ends[1], after.ends[0])
            yield Line(((self.rights[i], 0), (self.lefts[i + 1], 0)), ink, 1.8, arrow=True, wire=wire)
        wire = Wire(leaving, way[-1].ends[1])
        yield Line(((self.rights[-1], 0), (self.wide + OUTSIDE, 0)), ink, 1.8, arrow=True, wire=wire)

    def _start(self, skip: Skip) -> tuple[float, float]:
        """Where the skip's value begins, and where the skip leaves the way."""
        start = self.rights[skip.start - 1] if skip.start else -OUTSIDE
        return start, self.lefts[skip.start] - FORK + 7

    def _lanes(self) -> list[float]:
        """The height of each skip: above all that it spans, and above the skips inside it."""
        found: list[float] = []
        for skip in reversed(self.glass.skips):
            over = max(self._half(i) for i in range(skip.start, skip.end))
            found.append(min([-over - 22, *(y - LANE for y in found[-1:])]))
        return found[::-1]

    def _skipping(self, skip: Skip, y: float) -> Iterator[Item]:
        start, fork = self._start(skip)
        join = self.glass.way[skip.end]
        onto, top = (self.lefts[skip.end] + self.rights[skip.end]) / 2, -self._half(skip.end)
        source = self.glass.way[skip.start - 1].ends[1] if skip.start else ""
        name, end = value_name(skip.value), join.ends[0]
        green, corner = self.theme.skip, ((start, 0.0), (fork, 0.0), (fork, y))
        if skip.through is None:
            line = (*corner, (onto, y), (onto, top))
            yield Line(line, green, 1.8, arrow=True, branch=True, wire=Wire(name, source, end))
            return
        item = skip.through
        told = parts.named(item) if isinstance(item, Box) else self._told_of(item)
        wide, middle = width(told, SIZE) + 4 * PADDING, (fork + onto) / 2
        back = self._bar(item, middle - wide / 2, wide, 24)
        shapes = (replace(back, y=y - 12), Text(middle, y, told, SIZE, self.theme.ink))
        wire = Wire(name, source, item.ends[0])
        yield Line((*corner, (middle - wide / 2, y)), green, 1.8, arrow=True, branch=True, wire=wire)
        wire = Wire(value_name(item.outputs[0]), item.ends[1], end)
        yield Line(((middle + wide / 2, y), (onto, y), (onto, top)), green, 1.8, arrow=True, wire=wire)
        yield _group(item, self.graph, shapes)

    def _dot(self, skip: Skip) -> Group:
        """Where a skip leaves the way."""
        _, fork = self._start(skip)
        return Group((Shape(fork - 3, -3, 6, 6, self.theme.ink, None, corner="round", radius=3),))

    def _sizes(self) -> Iterator[Text]:
        """The shapes of what is made, below each run of things that make the same."""
        runs, placed = list[list[int]](), list[tuple[float, float]]()
        for i, item in enumerate(self.glass.way):
            if self._is_sign(i) or (self._resampled(i) and isinstance(item, OpRow)):
                continue
            known = bool(runs) and runs[-1][-1] == i - 1 and self._shape(i) == self._shape(i - 1)
            runs = [*runs[:-1], [*runs[-1], i]] if known else [*runs, [i]]
        for run in runs:
            middle, half = (self.lefts[run[0]] + self.rights[run[-1]]) / 2, width(self._shape(run[0]), SIZE, True) / 2
            over = [i for i in range(len(self.lefts)) if self._spans(i, middle - half - 4, middle + half + 4)]
            y = max(self._half(i) for i in over) + 12
            while any(middle - half < right + 4 and abs(y - other) < 15 for right, other in placed):
                y += 15
            placed.append((middle + half, y))
            yield Text(middle, y, self._shape(run[0]), SIZE, self.theme.ink, True)

    def _spans(self, i: int, left: float, right: float) -> bool:
        return self.lefts[i] < right and left < self.rights[i]

    def _shape(self, i: int) -> str:
        return shape(self.graph.tensor(self.glass.way[i].outputs[0]))

    def _title(self) -> Title:
        given = ", ".join(f"{name} = {plain(value)}" for name, value in self.scope.arguments)
        name = scope_name(self.scope) + (f"({given})" if given and self.scope.block else "")
        came, made = (shape(self.graph.tensor(v)) for v in (self.glass.entering, self.glass.leaving))
        return Title(name, f"{came} in and out" if came == made else f"{came} in, {made} out")

    def _told(self) -> Iterator[str]:
        nodes = totals.nodes_in(self.graph, self.scope.path)
        yield f"{count(totals.parameters(self.graph, nodes))} parameters, {count(totals.macs(self.graph, nodes))} MACs"
        if any(self._is_itself(item) for item in self.glass.way):
            yield "in a double outline: this block again"
        if self.glass.held:
            yield f"unrolled: it holds itself with {', then '.join(self._differing())}"

    def _differing(self) -> Sequence[str]:
        """The arguments that differ from those of the use around, of each use inside."""
        uses = pairwise((self.scope, *self.glass.held))
        return [differing(inner, outer) or "the same arguments" for outer, inner in uses]


def _group(item: OpRow | Box, graph: Graph, items: tuple[Item, ...]) -> Group:
    """One thing to the reader, which stands for all nodes of a row."""
    if isinstance(item, Box):
        named = parts.facts(item.scope.kind, scope_name(item.scope))
        data = (*named, ("path", item.scope.path), *parts.alike(item.alike))
        return Group(items, item.scope.path, data=data)
    first, title = item.nodes[0], ", ".join(notation(graph, node) for node in item.nodes)
    data = (("kind", "op"), ("path", first.id), ("op", first.op.name), ("nodes", " ".join(n.id for n in item.nodes)))
    data = (*data, *parts.alike(item.alike))
    return Group(items, first.id, title=title, data=data)
