"""A table as plain data, before any format: columns, lines of exact values, a total, and text around them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from math import inf
from typing import Any, Literal, TypeAlias

from archdsl.analyses.measures import GLOBAL
from archdsl.analyses.measures import Unit as MeasureUnit
from archdsl.analyses.notation import count, seconds

Unit: TypeAlias = MeasureUnit | Literal["text", "name", "shape", "budget", "change", "change bytes"]
"""Of a column's values, beside the units of measures: a `text` is broken at words where it is too wide, a `name` never.
A `shape` tells all its dimensions, a `size` those that differ. A `budget` is a share with more digits. A `change` has a
sign."""

Value: TypeAlias = Any
"""Exact: a number, a text or a tuple, one number a dimension. None: there is nothing to say."""


@dataclass(frozen=True, slots=True)
class Column:
    """`name` is for programs, `heading` for people, `about` says what the values mean.

    `leads`: it says what each line is about, and comes again where a table is cut into several. `blank`: its cells are
    to be filled in by the reader. `worked`: it shows how numbers come about.
    """

    name: str
    heading: str
    unit: Unit = "text"
    about: str = ""
    leads: bool = False
    blank: bool = False
    worked: bool = False

    @property
    def is_text(self) -> bool:
        """Whether its values stand at the left."""
        return self.unit in ("text", "name") or self.worked

    @property
    def wraps(self) -> bool:
        """Whether its values may take several lines."""
        return self.unit == "text" or self.worked


@dataclass(frozen=True, slots=True)
class Line:
    """A value for each column. `label` is what people see in the leading column, in place of its value.

    In a nested table `level` is how deep the line lies; the lines after an `opened` one, a level deeper, are its parts.
    A line stands for `copies` that are alike. `path` is that of the network's part which the line is about.
    """

    values: tuple[Value, ...]
    level: int = 0
    label: str | None = None
    path: str = ""
    copies: int = 1
    opened: bool = False


@dataclass(frozen=True)
class Table:
    """`heading` are the lines below the title, `notes` those below the table; `total` has a value for each column.

    `facts` are told by JSON before the lines, `findings` after them. `exact` writes numbers in full for people too:
    programs always get them so. Of a `nested` table programs get the level, the copies and whether a line is opened.
    """

    title: str
    columns: Sequence[Column]
    lines: Sequence[Line]
    total: Sequence[Value] | None = None
    heading: Sequence[str] = ()
    notes: Sequence[str] = ()
    facts: Mapping[str, Any] = field(default_factory=dict)
    findings: Mapping[str, Any] = field(default_factory=dict)
    exact: bool = False
    nested: bool = False


def lines(rows: Sequence[Sequence[Value]]) -> list[Line]:
    """Lines of values alone."""
    return [Line(tuple(values)) for values in rows]


# --- for people ------------------------------------------------------------------------------


def cells(table: Table, line: Line) -> list[str]:
    """A line as it is read; the leading cell has two blanks before it for each line around it."""
    texts = [shown(column.unit, value, table.exact) for column, value in zip(table.columns, line.values, strict=True)]
    for index, column in enumerate(table.columns):
        if column.leads and not column.blank and line.label is not None:
            texts[index] = "  " * line.level + line.label
    return texts


def total_cells(table: Table) -> list[str]:
    """The total as it is read."""
    assert table.total is not None
    return [shown(column.unit, value, table.exact) for column, value in zip(table.columns, table.total, strict=True)]


def shown(unit: Unit, value: Value, exact: bool = False) -> str:
    """A value for people: `25.6 M`, `64×112×112`, `+1.2 MB`, `12.3 %`, `global`; nothing for None.

    >>> shown("count", 25_557_032), shown("count", 25_557_032, exact=True), shown("size", (7, 7)), shown("share", 0.5)
    ('25.6 M', '25,557,032', '7', '50.0 %')
    """
    match value:
        case None:
            return ""
        case str():
            return value
        case tuple():
            return _dimensions(unit, value)
        case _ if value == inf:
            return GLOBAL
    match unit:
        case "count" | "bytes":
            return _amount(value, "B" if unit == "bytes" else "", exact)
        case "change" | "change bytes":
            amount = _amount(abs(value), "B" if unit == "change bytes" else "", exact)
            return f"{'+' if value > 0 else '-'}{amount}" if value else "same"
        case "seconds":
            return seconds(value)
        case "share":
            return f"{100 * value:.1f} %"
        case "budget":
            return f"{100 * value:.5g} %"
        case "ratio":
            return f"{value:.3g}"
        case "text" | "name":
            return str(value)
        case _:
            return f"{value:,}" if isinstance(value, int) else f"{value:.6g}"


def _amount(value: float, unit: str, exact: bool) -> str:
    return f"{value:,} {unit}".rstrip() if exact else count(value, unit)


def _dimensions(unit: Unit, value: tuple[float, ...]) -> str:
    """One number where all are equal, but for shapes."""
    if unit == "size" and len(set(value)) == 1:
        return f"{value[0]:g}"
    return "×".join(f"{number:g}" for number in value)


# --- for programs ----------------------------------------------------------------------------


def plain(value: Value) -> Any:
    """A value for programs: numbers in full, several as a list."""
    if isinstance(value, tuple):
        return list(value)
    return GLOBAL if value == inf else value
