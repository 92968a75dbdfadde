"""A table for a terminal. Text that is too wide is wrapped; columns that still do not fit follow in a table below."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from archdsl.backends.tables.table import NO_BREAK, Column, Table, cells, together, total_cells
from archdsl.terminal import columns, wrap

GAP = 2
"""Blanks between columns."""

NARROWEST = 18
"""The width to which a column of text may be narrowed, in characters; a leading column keeps twice as many."""

BOLD = "\x1b[1m{}\x1b[0m"


def write(table: Table, width: int = 80, color: bool = False) -> str:
    """The table, at most `width` characters wide where it can be wrapped; `color` makes titles and sums bold."""
    title = [table.title] if table.title else []
    parts = [[*_paragraphs(title, width, color), *_paragraphs(table.heading, width)]]
    if table.lines or table.total is not None:
        grid = Grid(table)
        parts += [list(grid.drawn(indices, width, color)) for indices in grid.panels(width)]
    if table.notes:
        parts.append(list(_paragraphs(table.notes, width)))
    return "\n\n".join("\n".join(part) for part in parts if part) + "\n"


def _paragraphs(texts: Iterable[str], width: int, bold: bool = False) -> Iterator[str]:
    for text in texts:
        for piece in wrap(text, width, "  ", fold=True) if text else [""]:
            piece = piece.replace("\N{NO-BREAK SPACE}", " ")
            yield BOLD.format(piece) if bold else piece


def fitting(table: Table, wanted: Sequence[int], width: int) -> list[int]:
    """Indices of the columns that fit `width`: the first ones of `wanted`, returned in the order of the table."""
    grid, chosen = Grid(table), list[int]()
    for index in wanted:
        if grid.needed([*chosen, index]) <= width:
            chosen.append(index)
    return sorted(chosen)


@dataclass(frozen=True)
class Grid:
    """The cells of a table as text, and the widths of its columns."""

    table: Table

    @cached_property
    def rows(self) -> list[list[str]]:
        """The cells of each line."""
        return [cells(self.table, line) for line in self.table.lines]

    @cached_property
    def foot(self) -> list[str] | None:
        """The cells of the total; None if there is none."""
        return None if self.table.total is None else total_cells(self.table)

    @cached_property
    def head(self) -> list[str]:
        """The headings of the columns."""
        return [column.heading for column in self.table.columns]

    @cached_property
    def widest(self) -> list[int]:
        """The width of each column if nothing is wrapped."""
        rows = [self.head, *self.rows, *([self.foot] if self.foot else [])]
        parts = ([max(map(columns, cell.split("\n"))) for cell in row] for row in rows)
        return [max(widths) for widths in zip(*parts, strict=True)]

    @cached_property
    def narrowest(self) -> list[int]:
        """The least width of each column. Texts and headings may be wrapped at words, numbers not."""
        return [self._least(index, column) for index, column in enumerate(self.table.columns)]

    def _least(self, index: int, column: Column) -> int:
        if column.wraps and column.unit != "stack":
            return min(self.widest[index], 2 * NARROWEST if column.leads else NARROWEST)
        cells = [row[index] for row in (*self.rows, *([self.foot] if self.foot else []))]
        words = (word for cell in cells for word in re.split("[ \n]", cell)) if column.wraps else cells
        return max(map(columns, [*words, *column.heading.split(" ")]))

    def needed(self, indices: Sequence[int]) -> int:
        """The least width of a table with these columns."""
        return sum(self.narrowest[index] for index in indices) + GAP * (len(indices) - 1)

    def panels(self, width: int) -> Iterator[list[int]]:
        """Splits the columns into tables that fit `width`: indices of columns. Each has the leading columns."""
        first = [i for i, column in enumerate(self.table.columns) if column.leads]
        panel = list(first)
        for group in together(self.table.columns):
            if len(panel) > len(first) and self.needed([*panel, *group]) > width:
                yield sorted(panel)
                panel = list(first)
            panel += group
        yield sorted(panel)

    def widths(self, indices: Sequence[int], width: int) -> list[int]:
        """The width of each column: its widest or, if the table is too wide, less, as `_narrowed` chooses."""
        widths = {index: self.widest[index] for index in indices}
        excess = sum(widths.values()) + GAP * (len(indices) - 1) - width
        while excess > 0 and (index := self._narrowed(widths)) is not None:
            widths[index] -= 1
            excess -= 1
        return [widths[index] for index in indices]

    def _narrowed(self, widths: Mapping[int, int]) -> int | None:
        """The column to make narrower by one.

        This is the widest column whose heading can be wrapped, then the widest text that is above its least width,
        then the last column with arithmetic that is; after these the widest of all, texts before numbers.
        """
        known = self.table.columns
        able = [i for i in widths if widths[i] > self.narrowest[i]]
        if headed := [i for i in able if not known[i].wraps]:
            return max(headed, key=lambda i: (widths[i], i))
        if texts := [i for i in able if not known[i].worked]:
            return max(texts, key=lambda i: (widths[i], i))
        if able:
            return able[-1]
        left = [i for i in widths if widths[i] > 1]
        return max(left, key=lambda i: (known[i].wraps, widths[i]), default=None)

    # --- drawing ---------------------------------------------------------------------------

    def drawn(self, indices: Sequence[int], width: int, color: bool) -> Iterator[str]:
        """The lines of a table with these columns, at most `width` characters wide if possible."""
        widths = self.widths(indices, width)
        rule = "─" * (sum(widths) + GAP * (len(widths) - 1))
        if any(self.head[index] for index in indices):
            yield from self._row(self.head, indices, widths, color)
            yield rule
        for number, (line, row) in enumerate(zip(self.table.lines, self.rows, strict=True)):
            if number and self.table.ruled:
                yield rule
            yield from self._row(row, indices, widths, color and line.opened)
        if self.foot:
            yield rule
            yield from self._row(self.foot, indices, widths, color)

    def _row(self, row: Sequence[str], indices: Sequence[int], widths: Sequence[int], bold: bool) -> Iterator[str]:
        """The lines of a row: as many as its longest cell takes."""
        wrapped = [list(wrap(row[index], width, fold=True)) for index, width in zip(indices, widths, strict=True)]
        for number in range(max(map(len, wrapped))):
            parts = [lines[number].replace(NO_BREAK, " ") if number < len(lines) else "" for lines in wrapped]
            pieces = [self._placed(*triple) for triple in zip(parts, indices, widths, strict=True)]
            text = (" " * GAP).join(pieces).rstrip()
            yield BOLD.format(text) if bold else text

    def _placed(self, text: str, index: int, width: int) -> str:
        blanks = " " * (width - columns(text))
        return text + blanks if self.table.columns[index].is_text else blanks + text
