"""Fits a table to the width of a page: the size of the font, the columns that wrap, the columns that go below.

A table is set as large as it can be: at 10 points, else 9, else 8. If it is too wide even at 8 points, it is cut into
several, one below the other, each with the leading columns.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from archdsl.backends.tables.latex_widths import width
from archdsl.backends.tables.table import Blank, Table, cells, together, total_cells

PAGE = 469.0
"""The width of the text of an article with margins of one inch on letter paper, in points."""

GAPS: Mapping[int, float] = {10: 10.0, 9: 9.0, 8: 6.0}
"""Sizes of the font that are tried, in points, each with the gap between two columns."""

SIZES = tuple(GAPS)

COMFORTABLE = 12.0
"""The least width of a column of text for which the font is not made smaller, in sizes of the font. A leading column
keeps twice as much."""

LINE = 60.0
"""The length of a line to write on, in points."""

LONGEST = 24
"""A word of more letters is broken after so many."""

BREAKS = re.compile(r"(?<=[._·])(?=\S)")
"""Places in a word at which it may be broken: in a path, in a product."""


@dataclass(frozen=True, slots=True)
class Fit:
    """How a table is set: the `size` of its font in points, and one or several `panels`.

    A panel has the numbers of its columns, each with the width in points to which it is wrapped; None for a column that
    is as wide as its content.
    """

    size: int
    panels: Sequence[Mapping[int, float | None]]

    @property
    def gap(self) -> float:
        """Points between two columns."""
        return GAPS[self.size]


def fit(table: Table) -> Fit:
    """How the table is set to be at most `PAGE` wide."""
    everything = range(len(table.columns))
    for size in SIZES:
        widths = _Measured(table, size).fitted(everything, COMFORTABLE * size)
        if widths is not None:
            return Fit(size, [widths])
    return Fit(SIZES[-1], list(_Measured(table, SIZES[-1]).panels()))


def words(text: str) -> list[str]:
    """The words of a text, between which it is wrapped; no-break spaces are inside words."""
    return re.split("[ \n]", text)


def pieces(text: str) -> list[str]:
    """The parts of a word, between which it may be broken.

    >>> pieces("conv2.unit.0"), pieces("5·5·3·64")
    (['conv2.', 'unit.', '0'], ['5·', '5·', '3·', '64'])
    """
    return [part[i : i + LONGEST] for part in BREAKS.split(text) for i in range(0, len(part), LONGEST)]


@dataclass(frozen=True)
class _Measured:
    table: Table
    size: int

    @cached_property
    def _texts(self) -> list[list[tuple[str, bool]]]:
        """The texts of each column with their weight: heading, lines, total."""
        rows = [[(column.heading, False) for column in self.table.columns]]
        rows += [[(text, line.opened) for text in cells(self.table, line)] for line in self.table.lines]
        rows += [[(text, False) for text in total_cells(self.table)]] if self.table.total is not None else []
        return [list(texts) for texts in zip(*rows, strict=True)]

    @cached_property
    def widest(self) -> list[float]:
        """The width of each column if nothing is wrapped."""
        return [max(self._width(*text) for text in texts) for texts in self._texts]

    def _width(self, text: str, bold: bool) -> float:
        if isinstance(text, Blank):
            return LINE
        inner = text.lstrip(" ")
        indent = (len(text) - len(inner)) // 2 * self.size
        return indent + max(width(line, self.size, bold) for line in inner.split("\n"))

    def _least(self, index: int, comfortable: float) -> float:
        """The least width of a column: of one with text, that of its longest word, or `comfortable` if this is more.

        The lines of a stack are short: they keep nothing but their words whole. Of numbers only the heading wraps.
        """
        column = self.table.columns[index]
        heading, *content = self._texts[index]
        if not column.wraps:
            return max(self._longest(*heading), *(self._width(*text) for text in content), 0)
        words = (self._longest(text, bold) for text, bold in self._texts[index])
        kept = 0 if column.unit == "stack" else 2 * comfortable if column.leads else comfortable
        return min(max(kept, *words), self.widest[index])

    def _longest(self, text: str, bold: bool) -> float:
        indent = self._width(" " * (len(text) - len(text.lstrip(" "))), bold)
        return indent + max((width(part, self.size, bold) for word in words(text) for part in pieces(word)), default=0)

    def fitted(self, indices: Sequence[int], comfortable: float = 0) -> dict[int, float | None] | None:
        """The columns with the widths to which they are wrapped. None if they do not fit the page."""
        least = {index: self._least(index, comfortable) for index in indices}
        widths = {index: self.widest[index] for index in indices}
        excess = sum(widths.values()) + GAPS[self.size] * (len(widths) - 1) - PAGE
        while excess > 0:
            able = [index for index in widths if widths[index] > least[index]]
            if not able:
                return None
            headed = [index for index in able if not self.table.columns[index].wraps]
            index = max(headed or able, key=lambda i: widths[i])
            step = min(2.0, widths[index] - least[index])
            widths[index] -= step
            excess -= step
        return {i: widths[i] if widths[i] < self.widest[i] else None for i in indices}

    def panels(self) -> Iterator[dict[int, float | None]]:
        """Splits the columns into tables that fit the page, each with the leading columns."""
        first = [index for index, column in enumerate(self.table.columns) if column.leads]
        panel, found = list(first), self.fitted(first)
        for group in self._groups(first):
            wider = self.fitted(sorted([*panel, *group]))
            if wider is None and len(panel) > len(first) and found is not None:
                yield found
                panel = list(first)
                wider = self.fitted(sorted([*panel, *group]))
            panel += group
            found = wider if wider is not None else dict.fromkeys(sorted(panel), PAGE / 2)
        yield found or dict.fromkeys(first, None)

    def _groups(self, first: Sequence[int]) -> Iterator[list[int]]:
        """The columns that stay in one table: those of a group, if they fit the page beside the leading ones."""
        for group in together(self.table.columns):
            fits = self.fitted(sorted([*first, *group])) is not None
            yield from [group] if fits else [[index] for index in group]
