"""A table as plain data, independent of its format: columns, lines of exact values, a total, text above and below."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from math import inf
from typing import Any, Literal, TypeAlias

from archdsl.analyses.measures import GLOBAL
from archdsl.analyses.measures import Unit as MeasureUnit
from archdsl.analyses.notation import count, seconds

NO_BREAK = "\N{NO-BREAK SPACE}"

Unit: TypeAlias = (
    MeasureUnit | Literal["text", "name", "stack", "shape", "argument", "budget", "change", "change bytes"]
)
"""The unit of a column's values: that of a measure, or one of these. A `text` is wrapped at words if it is too wide, a
`name` is not. A `stack`, `[3×3, 64; 3×3, 64] ×2; max pool 2×2`, has a line for each part. A `shape` shows all its
dimensions, a `size` only one if all are equal. An `argument` has a value for each copy if they differ. A `budget` is a
share with more digits. A `change` has a sign."""

Value: TypeAlias = Any
"""An exact value: a number, a text, or a tuple with one number for each dimension. None for an empty cell."""


class Blank(str):
    """A line to write on: the value of a cell that the reader fills in. Programs get an empty cell."""

    __slots__ = ()


BLANK = Blank("_" * 12)


@dataclass(frozen=True, slots=True)
class Column:
    """A column: `name` is for programs, `heading` for people, and `about` says what the values mean.

    `leads`: it names what each line is about, and is repeated if a wide table is cut into several. `blank`: the reader
    fills in its cells. `worked`: its cells show how the numbers are computed. Columns of one `group` are not parted if
    a wide table is cut into several and they fit one.
    """

    name: str
    heading: str
    unit: Unit = "text"
    about: str = ""
    leads: bool = False
    blank: bool = False
    worked: bool = False
    group: str = ""

    @property
    def is_text(self) -> bool:
        """Whether its values are text, which is aligned to the left."""
        return self.unit in ("text", "name", "stack") or self.worked

    @property
    def wraps(self) -> bool:
        """Whether its values may take several lines."""
        return self.unit in ("text", "stack") or self.worked


@dataclass(frozen=True, slots=True)
class Line:
    """A line: a value for each column. `label` is what people see in the leading column, instead of its value.

    In a nested table `level` is the depth of the line; the lines one level deeper after an `opened` line are its parts.
    `unit` is the unit of its values if it is not that of the columns.
    The line stands for that many equal `copies`. `path` is the path of the stage, block or op that the line is about.
    """

    values: tuple[Value, ...]
    level: int = 0
    label: str | None = None
    path: str = ""
    copies: int = 1
    opened: bool = False
    unit: Unit | None = None


@dataclass(frozen=True)
class Table:
    """A table: `heading` are the lines below the title, `notes` those below the table; `total` has a value a column.

    JSON has `facts` before the lines and `findings` after them. With `exact`, formats for people show all digits too,
    as those for programs always do. If the table is `nested`, formats for programs have the fields `level`, `copies`
    and `opened` of each line. If it is `ruled`, there is a rule between lines.
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
    ruled: bool = False


def lines(rows: Sequence[Sequence[Value]]) -> list[Line]:
    """Lines that have values and nothing else."""
    return [Line(tuple(values)) for values in rows]


def together(columns: Sequence[Column]) -> list[list[int]]:
    """The numbers of the columns that follow each other in a group; those that lead are left out."""
    others = [index for index, column in enumerate(columns) if not column.leads]
    return [list(group) for _, group in groupby(others, key=lambda index: columns[index].group or index)]


# --- for people ------------------------------------------------------------------------------


def cells(table: Table, line: Line) -> list[str]:
    """The cells of a line as text; the leading cell is indented by two blanks for each level."""
    texts = [
        shown(line.unit or column.unit, value, table.exact)
        for column, value in zip(table.columns, line.values, strict=True)
    ]
    for index, column in enumerate(table.columns):
        if column.leads and not column.blank and line.label is not None:
            texts[index] = "  " * line.level + line.label
    return texts


def total_cells(table: Table) -> list[str]:
    """The cells of the total as text."""
    assert table.total is not None
    return [shown(column.unit, value, table.exact) for column, value in zip(table.columns, table.total, strict=True)]


def shown(unit: Unit, value: Value, exact: bool = False) -> str:
    """A value as text for people: `25.6 M`, `64×112×112`, `+1.2 MB`, `12.3 %`, `global`; empty for None.

    >>> shown("count", 25_557_032), shown("count", 25_557_032, exact=True), shown("size", (7, 7)), shown("share", 0.5)
    ('25.6 M', '25,557,032', '7', '50.0 %')
    """
    match value:
        case None:
            return ""
        case str():
            return _stacked(value) if unit == "stack" else value
        case bool():
            return str(value).lower()
        case tuple() if unit == "argument":
            return _runs(value)
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
        case "argument":
            return f"{value:g}" if isinstance(value, float) else str(value)
        case _:
            return f"{value:,}" if isinstance(value, int) else f"{value:.6g}"


def _amount(value: float, unit: str, exact: bool) -> str:
    return f"{value:,} {unit}".rstrip() if exact else count(value, unit)


def _stacked(text: str) -> str:
    """The parts of a stack in lines of their own. Within a part, blanks before arguments are no-break spaces.

    >>> print(_stacked("max pool 3×3, /2; [3×3, 64; 3×3, 64] ×2, first /2").replace(NO_BREAK, "_"))
    max pool 3×3,_/2
    [3×3,_64
    _3×3,_64] ×2, first_/2
    """
    lines, inside = list[str](), False
    for part in text.split("; "):
        lines.append(
            (NO_BREAK if inside else "") + re.sub(r"(?<=,) (?!first)|(?<=first) | (?=\d+\]?$)", NO_BREAK, part)
        )
        inside = "]" not in part if part.startswith("[") else inside and "]" not in part
    return "\n".join(lines)


def _runs(values: tuple[Value, ...]) -> str:
    """The values of copies one after the other.

    >>> _runs((2, 1, 1)), _runs((3, 3, 1))
    ('2, 1 ×2', '3 ×2, 1')
    """
    runs = ((text, len(list(run))) for text, run in groupby(shown("argument", value) for value in values))
    return ", ".join(f"{text} ×{count}" if count > 1 else text for text, count in runs)


def _dimensions(unit: Unit, value: tuple[float, ...]) -> str:
    """`3×224×224`; for a size whose dimensions are equal, only one number."""
    if unit == "size" and len(set(value)) == 1:
        return f"{value[0]:g}"
    return "×".join(f"{number:g}" for number in value)


# --- for programs ----------------------------------------------------------------------------


def plain(value: Value) -> Any:
    """A value for programs: numbers with all digits, tuples as lists."""
    if isinstance(value, tuple):
        return list(value)
    return GLOBAL if value == inf else None if isinstance(value, Blank) else value
