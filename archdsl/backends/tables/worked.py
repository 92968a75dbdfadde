"""Cells of a solution: a value with the arithmetic that comes to it."""

from __future__ import annotations

from archdsl.analyses.rows import Row
from archdsl.analyses.working import field_working, macs_working, output_working, params_working
from archdsl.backends.tables.table import Value, shown
from archdsl.ir.graph import Node

WORKED = frozenset({"params", "macs", "output", "conv_field", "field"})
"""The columns of which `solution` shows the arithmetic."""


def worked_value(name: str, value: Value, row: Row) -> Value:
    """The value, with its arithmetic if the column has some."""
    summary = row.facts.summary
    graph, nodes = summary.graph, _first_copy(row)
    alone = nodes[0] if len(nodes) == 1 else row.main if isinstance(row.main, Node) else None
    match name:
        case "params":
            return _times(params_working(graph, [node for node in nodes if summary.nodes[node.id].params]), value)
        case "macs":
            return _times(macs_working(graph, nodes), value)
        case "output" if alone is not None and output_working(graph, alone):
            return f"{shown('shape', value)}: {output_working(graph, alone)}"
        case "field" if alone is not None and not isinstance(value, str):
            return field_working(graph, summary.fields, alone)
        case "conv_field" if alone is not None and not isinstance(value, str):
            return field_working(graph, summary.conv_fields, alone)
    return value


def _first_copy(row: Row) -> list[Node]:
    """The nodes whose costs the row has; those of the first copy, if it has several."""
    summary = row.facts.summary
    counted = {node.id for node in summary.nodes_in(row.facts.members)}
    members = row.members[:1] if row.copies > 1 else row.members
    return [node for node in summary.nodes_in(members) if node.id in counted]


def _times(text: str, value: int) -> Value:
    """The arithmetic `text` of one copy. If `value` is the sum over several copies, only `3 × 64 = 192`."""
    one = text.rpartition(" = ")[2]
    single = int(one.replace(",", ""))
    return text if value == single else f"{value // single} × {one} = {value:,}"
