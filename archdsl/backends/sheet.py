"""Rows about several networks as text, Markdown, CSV or JSON. Values are exact; what is read by people is rounded."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from io import StringIO
from math import inf
from typing import Any, Literal, TypeAlias

from archdsl.analyses.notation import count
from archdsl.markdown import escaped, row
from archdsl.terminal import printed

Unit: TypeAlias = Literal["text", "name", "number", "share", "count", "B", "change", "change B"]
"""Of a column's values. A `name` is never broken. A `number` is written out, a `share` is in percent, `count` and
bytes (`B`) are rounded, a `change` has a sign."""

GLOBAL = "global"
"""A receptive field that is the whole input."""


@dataclass(frozen=True, slots=True)
class Column:
    """`name` is for programs, `heading` for people."""

    name: str
    heading: str
    unit: Unit = "text"

    @property
    def is_text(self) -> bool:
        return self.unit in ("text", "name")


@dataclass(frozen=True)
class Sheet:
    """A title, lines below it, a value for each row and column, and notes. None: there is nothing to say.

    `facts` are what JSON tells besides, by name.
    """

    title: str
    columns: Sequence[Column]
    rows: Sequence[Sequence[Any]]
    heading: Sequence[str] = ()
    notes: Sequence[str] = ()
    facts: Mapping[str, Any] | None = None
    exact: bool = False


def text(sheet: Sheet, width: int = 80, color: bool = False) -> str:
    """At most `width` columns wide, by wrapping; nothing is cut."""
    parts = [*_paragraphs([sheet.title], width, color), *_paragraphs(sheet.heading, width)]
    if sheet.rows:
        parts += ["", table(sheet, width, color)]
    if sheet.notes:
        parts += ["", *_paragraphs(sheet.notes, width)]
    return "\n".join(parts) + "\n"


def _paragraphs(lines: Iterable[str], width: int, bold: bool = False) -> list[str]:
    from textwrap import wrap

    pieces = [
        piece if piece.strip() else ""
        for line in lines
        for piece in wrap(line, width, subsequent_indent="  ", break_long_words=False, break_on_hyphens=False) or [""]
    ]
    return [f"\x1b[1m{piece}\x1b[0m" for piece in pieces] if bold else pieces


def table(sheet: Sheet, width: int, color: bool = False) -> str:
    """The rows alone, as text."""
    from rich.box import SIMPLE_HEAD
    from rich.table import Table

    grid = Table(box=SIMPLE_HEAD, show_edge=False, pad_edge=False, padding=(0, 1, 0, 0), header_style="bold")
    for column in sheet.columns:
        grid.add_column(
            column.heading,
            justify="left" if column.is_text else "right",
            no_wrap=column.unit != "text",
            overflow="fold",
        )
    for values in sheet.rows:
        grid.add_row(*_shown(sheet, values))
    return printed(grid, width, color)


def _shown(sheet: Sheet, values: Sequence[Any]) -> list[str]:
    return [shown(column, value, sheet.exact) for column, value in zip(sheet.columns, values, strict=True)]


def shown(column: Column, value: Any, exact: bool = False) -> str:
    """A value for people: `25.6 M`, `+1.2 MB`, `global`; nothing for None."""
    if value is None:
        return ""
    if isinstance(value, str) or column.is_text:
        return str(value)
    if value == inf:
        return GLOBAL
    if column.unit == "number":
        return f"{value:,}" if isinstance(value, int) else f"{value:.6g}"
    if column.unit == "share":
        return f"{100 * value:.5g} %"
    unit = "B" if column.unit.endswith("B") else ""
    sign = "+" if column.unit.startswith("change") and value > 0 else "-" if value < 0 else ""
    if not value and column.unit.startswith("change"):
        return "same"
    return sign + (f"{abs(value):,} {unit}".strip() if exact else count(abs(value), unit))


def markdown(sheet: Sheet) -> str:
    """A bold title, the rows, notes as a list."""
    lines = [f"**{escaped(sheet.title)}**", "", *(f"- {escaped(line)}" for line in sheet.heading)]
    lines += [""] if sheet.heading else []
    lines += [row(column.heading for column in sheet.columns)]
    lines += [row("---" if column.is_text else "---:" for column in sheet.columns)]
    for values in sheet.rows:
        lines.append(row(map(escaped, _shown(sheet, values))))
    notes = [f"- {escaped(note)}" for note in sheet.notes]
    return "\n".join([*lines, *([""] if notes else []), *notes]) + "\n"


def comma_separated(sheet: Sheet) -> str:
    """The names of the columns, then a line for each row, with every number in full."""
    file = StringIO()
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow([column.name for column in sheet.columns])
    writer.writerows([["" if value is None else plain(value) for value in values] for values in sheet.rows])
    return file.getvalue()


def to_json(sheet: Sheet) -> str:
    """One object: the rows by name of column, and whatever else is to be told."""
    names = [column.name for column in sheet.columns]
    rows = [dict(zip(names, map(plain, values), strict=True)) for values in sheet.rows]
    return json.dumps({**(sheet.facts or {}), "rows": rows}, indent=2, ensure_ascii=False) + "\n"


def plain(value: Any) -> Any:
    """A value for programs."""
    return GLOBAL if value == inf else value


FORMATS: Mapping[str, Callable[[Sheet], str]] = {
    "text": text,
    "markdown": markdown,
    "csv": comma_separated,
    "json": to_json,
}


def render(sheet: Sheet, format: str, width: int = 80, color: bool = False) -> str:
    """The sheet in one of `FORMATS`, with a line end."""
    return text(sheet, width, color) if format == "text" else FORMATS[format](sheet)
