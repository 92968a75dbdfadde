"""Tensors as oblique boxes: how large each is, and its faces.

Every doubling is the same step: of height and width up the page and into it, of channels across. Depth is drawn up and
to the right. A vector is a thin column, as high as the log of its length. A row of positions is a row of such columns,
one more for each doubling of the positions; of token ids the columns are as low as one number. Of a clip one frame is
drawn: captions have the number of frames.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from math import log2

from archdsl.backends.figures.scene import Point, Polygon
from archdsl.backends.figures.style import BLUE, GREEN, PURPLE, SKY, VERMILLION, Theme, mix
from archdsl.backends.figures.volumes.stacks import Column, Kind, Run
from archdsl.ir.graph import Graph
from archdsl.tensor import Tensor

LEAST = 14.0
"""The height of one pixel, in points."""
RIGHT, UP = 0.24, 0.2
"""How far the back of a box lies to the right and up, of the height that its width would have."""
THIN = 4.0
"""The depth of what has none: a vector, a sequence."""
VECTOR = 10.0
"""Across a vector's front."""
CELL, WIDER = 2.0, 0.8
"""Across one column of a row, and how much of what a doubling of channels adds across elsewhere."""
MOST_SLABS = 3
"""Volumes that are drawn of a run; the text says how many there are."""
TIGHT, APART = 3.0, 4.0
"""From a stack to the one before it: to its front where it hides the side, else to its side."""
ALONE = 10.0
"""From a vector, or a row of them, to the one before it."""

COLOURS = {
    Kind.CONV: SKY,
    Kind.BLOCK: SKY,
    Kind.UP: BLUE,
    Kind.LINEAR: BLUE,
    Kind.RECURRENT: GREEN,
    Kind.POOL: VERMILLION,
    Kind.EMBED: PURPLE,
    Kind.FILL: GREEN,
}
DASHES: dict[Kind, tuple[float, ...]] = {Kind.FILL: (3, 2), Kind.OTHER: (3, 2), Kind.UP: (6, 1.5)}
HEAVY = frozenset({Kind.BLOCK, Kind.LINEAR})
"""Kinds with a thick outline, so that they differ from others of their colour in print too."""


@dataclass(frozen=True, slots=True)
class Solid:
    """A box by the size of its front, and how far its back lies to the right and up; `cells` columns make its front."""

    width: float
    height: float
    right: float
    up: float
    cells: int = 1

    @property
    def whole(self) -> float:
        """The height of all that is seen."""
        return self.height + self.up


@dataclass(frozen=True, slots=True)
class Measure:
    """From tensors to points: `tall` is the height of the largest, `step` what a doubling of channels adds."""

    smallest: int
    largest: int
    tall: float
    step: float

    @staticmethod
    def of(graph: Graph, columns: Iterable[Column], tall: float, step: float) -> Measure:
        """For all volumes of a figure."""
        tensors = (graph.tensor(run.value) for column in columns for run in column.runs)
        sizes = [size for tensor in tensors if not is_row(tensor) for size in tensor.frame] or [1]
        return Measure(min(sizes), max(sizes), tall, step)

    def length(self, pixels: int) -> float:
        """A height, or what a width is foreshortened from."""
        least = LEAST if self.smallest == 1 else LEAST + 10
        if self.largest == self.smallest:
            return min(self.tall, 120.0)
        part = log2(pixels / self.smallest) / log2(self.largest / self.smallest)
        return least + (max(self.tall, least + 10) - least) * part

    def across(self, channels: int) -> float:
        return 4 + self.step * log2(max(channels, 1))

    def solid(self, tensor: Tensor, kind: Kind) -> Solid:
        if is_row(tensor):
            return self._row(tensor)
        if tensor.rank == 1:
            return Solid(VECTOR, self._column(tensor.channels), THIN, THIN)
        wide = self.across(tensor.channels) * (0.5 if kind is Kind.POOL else 1.0)
        high = self.length(tensor.frame[0])
        deep = min(self.length(tensor.frame[1]), 4 * high)
        return Solid(wide, high, RIGHT * deep, UP * deep)

    def _column(self, numbers: int) -> float:
        """The height of a vector of so many numbers."""
        return 16 + 10 * log2(max(numbers, 1)) * min(1.0, self.tall / 160)

    def _row(self, tensor: Tensor) -> Solid:
        numbers, positions = (1, tensor.dims[0]) if tensor.kind == "int" else tensor.dims
        cells = 1 + round(log2(positions))
        return Solid(cells * (CELL + WIDER * self.step), self._column(numbers), THIN, THIN, cells)


def is_row(tensor: Tensor) -> bool:
    """Whether a value is numbers, or one id, at each of several positions in a row."""
    return tensor.rank == (1 if tensor.kind == "int" else 2)


@dataclass(frozen=True, slots=True)
class Stack:
    """A run of volumes side by side: `x` is the left edge of the first one's front, `slabs` how many are drawn."""

    run: Run
    solid: Solid
    x: float
    slabs: int
    gap: float = 0.0

    @property
    def front(self) -> float:
        """The right edge of the last front."""
        return self.x + self.slabs * self.solid.width + (self.slabs - 1) * self.gap

    @property
    def right(self) -> float:
        return self.front + self.solid.right

    @property
    def top(self) -> float:
        """How far it reaches above its axis, and below."""
        return self.solid.whole / 2

    def back(self, part: float) -> float:
        """A place on the upper edge of the back, from left to right."""
        return self.x + self.solid.right + part * (self.front - self.x)


@dataclass(frozen=True, slots=True)
class Standing:
    """A column's stacks around a common axis at y = 0, from x = 0."""

    column: Column
    stacks: tuple[Stack, ...]

    @property
    def width(self) -> float:
        return max(stack.right for stack in self.stacks)

    @property
    def height(self) -> float:
        return 2 * max(stack.top for stack in self.stacks)


def standing(graph: Graph, column: Column, measure: Measure, slabs: int = MOST_SLABS) -> Standing:
    """A column's stacks, each right of the one before: close where it covers that one's side."""
    stacks: list[Stack] = []
    for run in column.runs:
        tensor = graph.tensor(run.value)
        solid, vector = measure.solid(tensor, run.kind), tensor.rank == 1 or is_row(tensor)
        x = 0.0
        if stacks:
            before = stacks[-1]
            covers = solid.height >= 0.9 * before.solid.height and not vector
            x = before.front + TIGHT if covers else before.right + (ALONE if vector else APART)
        gap = THIN + ALONE if vector else 0.0
        stacks.append(Stack(run, solid, x, min(run.count, slabs), gap))
    return Standing(column, tuple(stacks))


def faces(stack: Stack, x: float, axis: float, theme: Theme) -> Iterator[Polygon]:
    """All slabs of a stack, from left to right: tops, the side of the last, fronts."""
    solid, kind = stack.solid, stack.run.kind
    for i in range(stack.slabs):
        left = x + stack.x + i * (solid.width + stack.gap)
        last = i == stack.slabs - 1 or stack.gap > 0
        yield from box(left, axis - solid.whole / 2 + solid.up, solid, kind, theme, side=last)


def box(x: float, y: float, solid: Solid, kind: Kind, theme: Theme, *, side: bool = True) -> Iterator[Polygon]:
    """Top, side and front of one box, of which the front's upper left corner is given."""
    right, foot, back, above = x + solid.width, y + solid.height, solid.right, y - solid.up
    front, top, dark = (_tint(kind, theme, part) for part in (0.42, 0.22, 0.64))
    yield _face(((x, y), (x + back, above), (right + back, above), (right, y)), top, kind, theme)
    if side:
        corners = (right, y), (right + back, above), (right + back, foot - solid.up), (right, foot)
        yield _face(corners, dark, kind, theme)
    yield _face(((x, y), (right, y), (right, foot), (x, foot)), front, kind, theme)
    for i in range(1, solid.cells):
        middle = x + solid.width * i / solid.cells
        yield replace(
            _face(((middle, foot), (middle, y), (middle + back, above), (middle, y)), None, kind, theme), line=0.8
        )


def _face(points: tuple[Point, ...], fill: str | None, kind: Kind, theme: Theme) -> Polygon:
    colour = COLOURS.get(kind)
    stroke = mix(colour, theme.ink, 0.75) if colour else theme.ink
    return Polygon(points, fill, stroke, 1.6 if kind in HEAVY else 1.0, DASHES.get(kind, ()))


def _tint(kind: Kind, theme: Theme, part: float) -> str:
    """`part` of a kind's colour; of a block's, half as much."""
    colour = COLOURS.get(kind)
    if colour is None:
        return mix(theme.ink, theme.background, max(part - 0.42, 0.0) * 0.6)
    return mix(colour, theme.background, part * (0.5 if kind is Kind.BLOCK else 1.0))
