"""A table as one JSON object for programs: facts on the network, a row for each line, the total, further findings."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from archdsl.backends.tables.table import Line, Table, Value, plain


def write(table: Table) -> str:
    """The table as JSON, indented."""
    rows = [{**_place(table, line), **_values(table, line.values)} for line in table.lines]
    total = {} if table.total is None else {"total": _values(table, table.total)}
    whole = {**table.facts, "rows": rows, **total, **table.findings}
    return json.dumps(whole, indent=2, ensure_ascii=False) + "\n"


def _place(table: Table, line: Line) -> dict[str, Any]:
    return {"level": line.level, "copies": line.copies, "opened": line.opened} if table.nested else {}


def _values(table: Table, values: Sequence[Value]) -> dict[str, Any]:
    return {column.name: plain(value) for column, value in zip(table.columns, values, strict=True)}
