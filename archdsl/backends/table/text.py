"""A table for a terminal: nothing is cut. What is too wide is wrapped; columns that still do not fit go below."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from io import StringIO
from textwrap import wrap
from typing import Any

from archdsl.backends.table.columns import DEFAULT, Column
from archdsl.backends.table.document import Line, Table
from archdsl.backends.table.values import shown

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


def fitting(table: Table, width: int) -> tuple[Column, ...]:
    """Of the default columns those that fit, the most wanted first, in the order of the table."""
    chosen: list[str] = []
    for name in DEFAULT:
        indices = [i for i, column in enumerate(table.columns) if column.name in (*chosen, name)]
        if _needed(table, indices) <= width:
            chosen.append(name)
    return tuple(column for column in table.columns if column.name in chosen)


def _paragraphs(lines: Sequence[str], width: int, color: bool) -> Iterator[str]:
    for index, line in enumerate(lines):
        for piece in wrap(line, width, subsequent_indent="  ", break_long_words=False, break_on_hyphens=False):
            yield f"\x1b[1m{piece}\x1b[0m" if color and not index else piece


# --- columns -------------------------------------------------------------------------------


def cell(table: Table, line: Line, index: int) -> str:
    """A cell as it is read: the path indented under the row around it."""
    column = table.columns[index]
    if column.name == "path" and column.name not in table.blank:
        return "  " * line.level + line.label
    return shown(column, line.values[index], table.style)


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
    column = table.columns[index]
    texts = [*(cell(table, line, index) for line in table.lines), shown(column, table.total[index], table.style)]
    heading = max(map(len, column.heading.split()))
    widest = max(map(len, texts), default=0)
    if column.name == "path":
        return max(heading, min(widest, 2 * NARROWEST))
    if column.is_text or any(" = " in each for each in texts):
        return max(heading, min(widest, NARROWEST))
    return max(heading, widest)


# --- drawing -------------------------------------------------------------------------------


def _panel(table: Table, indices: Sequence[int], width: int, color: bool) -> str:
    from rich.box import SIMPLE
    from rich.console import Console
    from rich.table import Table as Grid

    grid = Grid(
        box=SIMPLE,
        show_edge=False,
        pad_edge=False,
        padding=(0, GAP - 1, 0, 0),
        header_style="bold",
        show_footer=bool(table.lines),
    )
    for index in indices:
        _add_column(grid, table, index)
    for line in table.lines:
        grid.add_row(*(cell(table, line, index) for index in indices), style="bold" if line.opened else None)
    file = StringIO()
    console = Console(
        file=file,
        width=width,
        highlight=False,
        markup=False,
        emoji=False,
        force_terminal=color,
        color_system="standard" if color else None,
        legacy_windows=False,
    )
    console.print(grid)
    return file.getvalue().rstrip("\n")


def _add_column(grid: Any, table: Table, index: int) -> None:
    column = table.columns[index]
    narrowest = _narrowest(table, index)
    wrapped = column.is_text or any(" = " in cell(table, line, index) for line in table.lines)
    grid.add_column(
        column.heading,
        footer=shown(column, table.total[index], table.style),
        footer_style="bold",
        justify="left" if wrapped else "right",
        min_width=narrowest,
        no_wrap=not wrapped,
        overflow="fold",
    )
