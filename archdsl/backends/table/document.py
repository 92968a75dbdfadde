"""A table as data, before any format: its heading, lines of exact values, a total, notes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from archdsl.analyses.rows import Row, nodes_in
from archdsl.analyses.summary import Summary
from archdsl.analyses.working import field_working, macs_working, output_working, params_working
from archdsl.backends.table.columns import Column, Value
from archdsl.backends.table.heading import heading, notes
from archdsl.backends.table.values import Style, shown
from archdsl.ir.graph import Graph, Node


@dataclass(frozen=True, slots=True)
class Line:
    """One row: a value a column. `label` is the path as seen from the row around it: `1–3` in `conv3`."""

    level: int
    label: str
    path: str
    copies: int
    opened: bool
    values: tuple[Value, ...]


@dataclass(frozen=True, slots=True)
class Table:
    """`blank` columns are there and empty, for others to fill. `heading` is text, its first line the title."""

    graph: Graph
    summary: Summary
    columns: tuple[Column, ...]
    lines: tuple[Line, ...]
    total: tuple[Value, ...]
    heading: tuple[str, ...]
    notes: tuple[str, ...]
    style: Style
    blank: frozenset[str] = frozenset()
    worked: frozenset[str] = frozenset()
    """Columns that show how a number comes about."""

    def is_blank(self, column: Column) -> bool:
        return column.name in self.blank

    def only(self, columns: Sequence[Column]) -> Table:
        """The same with fewer columns; the notes stay."""
        kept = [index for index, column in enumerate(self.columns) if column in columns]
        return replace(
            self,
            columns=tuple(columns),
            lines=tuple(replace(line, values=tuple(line.values[i] for i in kept)) for line in self.lines),
            total=tuple(self.total[i] for i in kept),
            heading=heading(self.summary, columns),
        )


WORKED = frozenset({"params", "macs", "output", "field"})
"""Columns that can be worked out."""


def cell(table: Table, line: Line, index: int) -> str:
    """A cell as it is read: the path indented by two blanks for each row around it."""
    column = table.columns[index]
    if column.name == "path" and not table.is_blank(column):
        return "  " * line.level + line.label
    return shown(column, line.values[index], table.style)


def total_cells(table: Table) -> list[str]:
    return [shown(column, value, table.style) for column, value in zip(table.columns, table.total, strict=True)]


def make_table(
    summary: Summary,
    rows: Sequence[Row],
    columns: Sequence[Column],
    style: Style | None = None,
    *,
    blank: Sequence[str] = (),
    solution: bool = False,
) -> Table:
    """A table of these rows. `solution` writes parameters, MACs, sizes and fields as they are worked out.

    A table with blank columns has no notes: they would tell the answer.
    """
    style = replace(style or Style(), exact=True) if solution else style or Style()
    columns = tuple(_headed(column, summary) for column in columns)
    lines = [
        Line(
            row.level, label, row.path, row.copies, row.opened, tuple(column.value(summary, row) for column in columns)
        )
        for row, label in zip(rows, _labels(rows), strict=True)
    ]
    if solution:
        lines = [
            line if row.opened else _worked(line, row, columns, summary, style)
            for line, row in zip(lines, rows, strict=True)
        ]
    empty = frozenset(blank)
    return Table(
        summary.graph,
        summary,
        columns,
        tuple(replace(line, values=_blanked(line.values, columns, empty)) for line in lines),
        _blanked(tuple(column.total(summary) for column in columns), columns, empty),
        heading(summary, columns),
        () if empty else notes(summary, rows, columns),
        style,
        empty,
        WORKED if solution else frozenset(),
    )


def _headed(column: Column, summary: Summary) -> Column:
    """The convention's column is called after it."""
    if column.name != "count":
        return column
    return replace(column, heading=summary.basis.convention.name)


def _blanked(values: tuple[Value, ...], columns: Sequence[Column], blank: frozenset[str]) -> tuple[Value, ...]:
    return tuple(None if column.name in blank else value for value, column in zip(values, columns, strict=True))


def _labels(rows: Sequence[Row]) -> list[str]:
    """Paths as seen from the rows around them."""
    around: list[str] = []
    labels = []
    for row in rows:
        del around[row.level :]
        prefix = f"{around[-1]}." if around else ""
        first, last = row.path, row.last
        if last != first:
            last = last.rpartition(".")[2]
            labels.append(f"{first.removeprefix(prefix)}–{last}")
        else:
            labels.append(first.removeprefix(prefix))
        if row.opened:
            around.append(first)
    return labels


# --- working -------------------------------------------------------------------------------


def _worked(line: Line, row: Row, columns: Sequence[Column], summary: Summary, style: Style) -> Line:
    values = (_working(column, value, row, summary, style) for column, value in zip(columns, line.values, strict=True))
    return replace(line, values=tuple(values))


def _working(column: Column, value: Value, row: Row, summary: Summary, style: Style) -> Value:
    """The value, with its arithmetic where there is some."""
    graph, nodes = summary.graph, nodes_in(summary, row.members)
    alone = nodes[0] if len(nodes) == 1 else row.main if isinstance(row.main, Node) else None
    match column.name:
        case "params":
            counted = [node for node in nodes if summary.nodes[node.id].params]
            return _times(params_working(graph, _first_copy(counted, row)), value)
        case "macs":
            return _times(macs_working(graph, _first_copy(nodes, row)), value)
        case "output" if alone is not None and output_working(graph, alone):
            return f"{shown(column, value, style)}: {output_working(graph, alone)}"
        case "field" if alone is not None and not isinstance(value, str):
            return field_working(graph, summary.fields, alone)
    return value


def _first_copy(nodes: Sequence[Node], row: Row) -> Sequence[Node]:
    """Of copies the nodes of the first: they come one copy after the other, and are alike."""
    return nodes[: len(nodes) // row.copies]


def _times(text: str, value: Value) -> Value:
    """The working of one copy, or where `value` is that of several, how many."""
    one = text.rpartition(" = ")[2]
    single = int(one.replace(",", ""))
    assert isinstance(value, int)
    return text if value == single else f"{value // single} × {one} = {value:,}"
