"""What is written below a column of volumes, and in the legend: names, true sizes, what made how many."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from archdsl.analyses.notation import shape
from archdsl.backends.figures import parts
from archdsl.backends.figures.items import Tag, value_name
from archdsl.backends.figures.scene import Anchor, Item, Polygon, Text, moved
from archdsl.backends.figures.style import SIZE, VERMILLION, Theme, mix
from archdsl.backends.figures.text import balanced, width
from archdsl.backends.figures.volumes.oblique import MOST_SLABS, Solid, box, is_row
from archdsl.backends.figures.volumes.stacks import Column, Kind, Run, together
from archdsl.ir.graph import Graph

LINE = 17.0
"""From one line to the next."""
LEAST, MOST = 104.0, 150.0
"""Where names and ops are broken, in points, by how many columns there are; sizes are not broken."""
MOST_COLUMNS = 9
"""In a row."""
MOST_LINES = 4
"""Of ops, below one column."""
TAG = 26.0
"""From one tag to the next."""
SWATCH = Solid(14, 10, 10, 6)


@dataclass(frozen=True, slots=True)
class Caption:
    """Lines below a column, each with its colour, and tags for further outputs below them."""

    lines: tuple[Text, ...]
    tags: tuple[str, ...] = ()

    @property
    def width(self) -> float:
        texts = [width(line.text, SIZE, line.bold) for line in self.lines]
        return max([*texts, *(width(tag, SIZE) + 4 * parts.PADDING for tag in self.tags)], default=0.0)

    @property
    def height(self) -> float:
        return LINE * len(self.lines) + TAG * len(self.tags)

    def at(self, x: float, y: float, theme: Theme, anchor: Anchor = "middle") -> Iterator[Item]:
        """From its upper edge downwards, to the left, right or both sides of `x`."""
        for i, line in enumerate(self.lines):
            yield Text(x, y + LINE * (i + 0.5), line.text, SIZE, line.fill, line.bold, anchor, line.of)
        half = self.width / 2
        middle = x + {"start": half, "middle": 0.0, "end": -half}[anchor]
        for i, tag in enumerate(self.tags):
            picture = parts.tag(Tag(tag, (), ()), theme)
            yield from (moved(item, middle, y + LINE * len(self.lines) + TAG * i + 3) for item in picture.items)


def in_a_row(count: int) -> int:
    """How many of `count` columns stand in a row at most."""
    return -(-count // -(-count // MOST_COLUMNS))


class Writer:
    """Writes captions and the legend of one figure. What is alike for a kind in all columns is in the legend alone.

    `room` is the width of a row, in points.
    """

    def __init__(self, graph: Graph, columns: Sequence[Column], theme: Theme, room: float) -> None:
        self.graph, self.columns, self.theme = graph, columns, theme
        self.widest = min(max(room / in_a_row(len(columns)) - 24, LEAST), MOST)
        texts: dict[Kind, set[str]] = {}
        for column in columns:
            for run in column.runs:
                texts.setdefault(run.kind, set()).update(maker.text for maker in run.told)
        self.common = {kind: next(iter(told)) for kind, told in texts.items() if len(told) == 1}

    def caption(self, column: Column, *, brief: bool = False) -> Caption:
        """`brief`: of the ops of a stage only those that are drawn fewer times than they are there."""
        theme, title = self.theme, column.stage.title
        lines = [self._line(part, bold=True) for part in balanced(title, SIZE, self.widest, True)]
        lines.append(self._size(column.main))
        told = list(self._told(column, brief))
        if len(told) > MOST_LINES:
            told = [*told[: MOST_LINES - 1], f"{len(told) - MOST_LINES + 1} more"]
        lines += [self._line(part) for text in told for part in balanced(text, SIZE, self.widest)]
        if column.pooled:
            fill = mix(VERMILLION, theme.ink, 0.75)
            lines.append(self._size(column.pooled, "→ ", fill))
        return Caption(tuple(lines), column.stage.tags)

    def _line(self, text: str, *, bold: bool = False) -> Text:
        return Text(0, 0, text, SIZE, self.theme.ink if bold else self.theme.faint, bold)

    def _size(self, run: Run, before: str = "", fill: str = "") -> Text:
        """A true size; `of` says of which value."""
        size = shape(self.graph.tensor(run.value))
        return Text(0, 0, f"{before}{size}", SIZE, fill or self.theme.ink, not before, of=value_name(run.value))

    def _told(self, column: Column, brief: bool) -> Iterator[str]:
        """What made the volumes, but for what the legend says of all of their kind."""
        shown = not brief or bool(column.stage.nodes)
        runs = [run for run in column.runs if shown or run.count > MOST_SLABS]
        pool = Kind.POOL in self.common and len(column.runs) > 1
        for maker in together(maker for run in runs if not (pool and run.kind is Kind.POOL) for maker in run.told):
            if maker.text and (maker.count > 1 or maker.text != column.stage.title):
                yield maker.text + (f" ×{maker.count}" if maker.count > 1 else "")

    def keys(self) -> Iterator[tuple[str, tuple[Polygon, ...]]]:
        """The legend: each kind that is drawn, and what a run of more than three looks like."""
        used = {run.kind for column in self.columns for run in column.runs}
        for kind in Kind:
            if kind in used and kind is not Kind.INPUT:
                yield self._named(kind), tuple(box(1, 8, SWATCH, kind, self.theme))
        if any(run.count > MOST_SLABS for column in self.columns for run in column.runs):
            yield f"×n: at most {MOST_SLABS} are drawn", tuple(self._several())
        tensors = (self.graph.tensor(run.value) for column in self.columns for run in column.runs)
        if any(is_row(tensor) for tensor in tensors):
            cells = Solid(20, 10, 4, 4, 5)
            yield "positions, ×2: one column more", tuple(box(1, 7, cells, Kind.INPUT, self.theme))

    def _named(self, kind: Kind) -> str:
        if kind in (Kind.POOL, Kind.UP) and kind in self.common:
            arrow = " (→ size)" if kind is Kind.POOL and any(column.pooled for column in self.columns) else ""
            return self.common[kind] + arrow
        if kind is Kind.POOL and any(column.pooled for column in self.columns):
            return f"{kind} (→ size)"
        return str(kind)

    def _several(self) -> Iterator[Polygon]:
        """Three boxes in a row."""
        for i in range(MOST_SLABS):
            yield from box(1 + 6.0 * i, 8, Solid(6, 10, 8, 6), Kind.INPUT, self.theme, side=i == MOST_SLABS - 1)
