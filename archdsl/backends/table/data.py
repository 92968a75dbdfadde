"""A table for programs: CSV and JSON, with every number in full."""

from __future__ import annotations

import csv
import json
from io import StringIO
from typing import Any

from archdsl.backends.table.columns import GLOBAL, Unit, Value
from archdsl.backends.table.document import Table
from archdsl.backends.table.values import dims, plain
from archdsl.tensor import Tensor

UNITS = {Unit.BYTES: "bytes", Unit.SECONDS: "seconds"}


def comma_separated(table: Table) -> str:
    """A line of column names, one line a row with its `level` and `copies`, and the total.

    Rows of one level add up; `opened` rows (1) are the sums of those one level deeper that follow.
    """
    file = StringIO()
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow(["level", "copies", "opened", *_names(table)])
    for line in table.lines:
        values = (plain(value, table.style) for value in line.values)
        writer.writerow([line.level, line.copies, int(line.opened), *values])
    writer.writerow(["total", "", "", *(plain(value, table.style) for value in table.total)])
    return file.getvalue()


def to_json(table: Table) -> str:
    """One object: what the table is about, its rows, the total, and the facts that stand below it."""
    return json.dumps(_object(table), indent=2, ensure_ascii=False) + "\n"


def _object(table: Table) -> dict[str, Any]:
    header, basis = table.graph.header, table.summary.basis
    names = _names(table)
    return {
        "network": header.name,
        "variant": header.variant,
        "spec": header.spec,
        "source": header.source,
        "inputs": [list(node.output.dims) for node in table.graph.inputs],
        "layout": table.style.layout,
        "batch": basis.batch,
        "precision": basis.precision,
        "convention": {"name": basis.convention.name, "unit": basis.convention.unit, "rule": basis.convention.rule},
        "machine": _machine(table),
        "settings": [{"name": s.name, "value": s.value, "origin": s.origin} for s in header.settings],
        "columns": [{"name": name, "meaning": c.meaning} for name, c in zip(names, table.columns, strict=True)],
        "rows": [
            {"level": line.level, "copies": line.copies, "opened": line.opened, **_values(table, line.values)}
            for line in table.lines
        ],
        "total": _values(table, table.total),
        "facts": {} if table.blank else _facts(table),
    }


def _names(table: Table) -> list[str]:
    """Columns by name, with the unit of what is measured and the rule of what is counted."""
    further = {"count": table.summary.basis.convention.name}
    suffixes = (further.get(column.name) or UNITS.get(column.unit) for column in table.columns)
    return [f"{c.name}_{suffix}" if suffix else c.name for c, suffix in zip(table.columns, suffixes, strict=True)]


def _values(table: Table, values: tuple[Value, ...]) -> dict[str, Any]:
    return {name: _json(value, table) for name, value in zip(_names(table), values, strict=True)}


def _json(value: Value, table: Table) -> Any:
    match value:
        case Tensor():
            return list(dims(value, table.style.layout))
        case tuple():
            return list(value)
        case _ if value == GLOBAL:
            return GLOBAL
        case _:
            return value


def _machine(table: Table) -> dict[str, Any] | None:
    machine, precision = table.summary.basis.machine, table.summary.basis.precision
    if machine is None:
        return None
    return {
        "name": machine.name,
        "title": machine.title,
        "peak": machine.peak(precision),
        "bandwidth": machine.bandwidth,
        "source": machine.source,
    }


def _facts(table: Table) -> dict[str, Any]:
    summary, batch = table.summary, table.summary.basis.batch
    return {
        "layers": summary.depth,
        "flops": {"macs": summary.flops.macs * batch, **{k: n * batch for k, n in summary.flops.rest.items()}},
        "live_bytes": summary.inference.peak * batch,
        "live_at": summary.inference.at,
        "largest_op_bytes": summary.largest_op[1] * batch,
        "largest_op": summary.largest_op[0],
        "kept_bytes": summary.training.total,
        "training_only_params": summary.training_only,
    }
