"""A table as CSV for programs, with all digits of numbers: the names of the columns, then a record for each line.

In a nested table the lines of one level add up. A line with 1 in the column `opened` is the sum of the lines one level
deeper that follow it. The total has the word `total` in place of a level.
"""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator
from io import StringIO

from archdsl.backends.tables.table import Table, Value, plain


def write(table: Table) -> str:
    """The table as CSV."""
    file = StringIO()
    writer = csv.writer(file, lineterminator="\n")
    writer.writerows(_records(table))
    return file.getvalue()


def _records(table: Table) -> Iterator[list[str]]:
    names = [column.name for column in table.columns]
    yield ["level", "copies", "opened", *names] if table.nested else names
    for line in table.lines:
        where = [str(line.level), str(line.copies), str(int(line.opened))] if table.nested else []
        yield [*where, *_texts(table, line.values)]
    if table.total is not None:
        yield [*(["total", "", ""] if table.nested else []), *_texts(table, table.total)]


def _texts(table: Table, values: Iterable[Value]) -> Iterator[str]:
    """The values as text; shapes as `3x224x224`, the arguments of several copies as `2, 1, 1`."""
    for column, value in zip(table.columns, map(plain, values), strict=True):
        between = ", " if column.unit == "argument" else "x"
        yield between.join(map(str, value)) if isinstance(value, list) else "" if value is None else str(value)
