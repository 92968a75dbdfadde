"""A table for a terminal: nothing is cut. What is too wide is wrapped; columns that still do not fit go below."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from textwrap import wrap
from typing import Any

from archdsl.backends.table.columns import Column
from archdsl.backends.table.document import Table, cell, total_cells
from archdsl.terminal import printed

GAP = 2
"""Blanks between columns."""

NARROWEST = 18
"""Characters that a column of text can always have."""


def text(table: Table, width: int = 80, color: bool = False) -> str:
    """The table at most `width` columns wide; `color` adds bold and dim."""
    parts = [*_paragraphs(table.heading, width, color), ""]
    parts += "\n\n".join(_panel(table, indices, width, color) for indices in _panels(table, width)).splitlines()
    if table.notes:
        parts += ["", *_paragraphs(table.notes, width, False)]
    return "\n".join(line.rstrip() for line in parts) + "\n"


def fitting(table: Table, wanted: Sequence[str], width: int) -> tuple[Column, ...]:
    """The columns that fit `width`, of `wanted` the first ones, in the order of the table."""
    chosen: list[str] = []
    for name in wanted:
        indices = [i for i, column in enumerate(table.columns) if column.name in (*chosen, name)]
        if _needed(table, indices) <= width:
            chosen.append(name)
    return tuple(column for column in table.columns if column.name in chosen)


def _paragraphs(lines: Sequence[str], width: int, color: bool) -> Iterator[str]:
    for index, line in enumerate(lines):
        for piece in wrap(line, width, subsequent_indent="  ", break_on_hyphens=False):
            piece = piece.replace("\N{NO-BREAK SPACE}", " ")
            yield f"\x1b[1m{piece}\x1b[0m" if color and not index else piece


# --- columns -------------------------------------------------------------------------------


def _panels(table: Table, width: int) -> Iterator[list[int]]:
    """Indices of the columns side by side; the path comes again in each."""
    first = [i for i, column in enumerate(table.columns) if column.name == "path"][:1]
    panel: list[int] = list(first)
    for index in range(len(table.columns)):
        if index in first:
            continue
        if len(panel) > len(first) and _needed(table, [*panel, index]) > width:
            yield sorted(panel)
            panel = list(first)
        panel.append(index)
    yield sorted(panel)


def _needed(table: Table, indices: Sequence[int]) -> int:
    return sum(_narrowest(table, index) for index in indices) + GAP * (len(indices) - 1)


def _narrowest(table: Table, index: int) -> int:
    """Columns of numbers are never broken, texts at words."""
    column, widest = table.columns[index], _widest(table, index)
    limit = 2 * NARROWEST if column.name == "path" else NARROWEST
    narrow = column.name == "path" or _is_wrapped(table, index)
    return max(len(column.heading), min(widest, limit) if narrow else widest)


def _widest(table: Table, index: int) -> int:
    texts = [*(cell(table, line, index) for line in table.lines), total_cells(table)[index]]
    return max(len(table.columns[index].heading), *map(len, texts))


def _widths(table: Table, indices: Sequence[int], width: int) -> dict[int, int]:
    """What each column gets: what it needs, and texts what is left over, the first ones first."""
    widths = {index: _narrowest(table, index) for index in indices}
    left = width - sum(widths.values()) - GAP * (len(indices) - 1)
    for index in indices:
        more = max(min(left, _widest(table, index) - widths[index]), 0)
        widths[index] += more
        left -= more
    return widths


def _is_wrapped(table: Table, index: int) -> bool:
    column = table.columns[index]
    return column.is_text or column.name in table.worked


# --- drawing -------------------------------------------------------------------------------


def _panel(table: Table, indices: Sequence[int], width: int, color: bool) -> str:
    from rich.box import SIMPLE
    from rich.table import Table as Grid

    grid = Grid(
        box=SIMPLE,
        show_edge=False,
        pad_edge=False,
        padding=(0, GAP - 1, 0, 0),
        header_style="bold",
        show_footer=bool(table.lines),
    )
    for index, space in _widths(table, indices, width).items():
        _add_column(grid, table, index, space)
    for line in table.lines:
        grid.add_row(*(cell(table, line, index) for index in indices), style="bold" if line.opened else None)
    return printed(grid, width, color)


def _add_column(grid: Any, table: Table, index: int, space: int) -> None:
    column, wrapped = table.columns[index], _is_wrapped(table, index)
    grid.add_column(
        column.heading,
        footer=total_cells(table)[index],
        footer_style="bold",
        justify="left" if wrapped else "right",
        width=space,
        no_wrap=not wrapped,
        overflow="fold",
    )
