"""Records of measurements: tables in CSV files, a row for each value of a dataclass."""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, fields
from io import StringIO
from pathlib import Path
from typing import Any, TypeVar

from archdsl.diagnostics import CompileError
from archdsl.files import write as write_files

Row = TypeVar("Row")

READERS: Mapping[str, Callable[[str], Any]] = {
    "str": str,
    "int": int,
    "int | None": lambda text: int(text) if text else None,
    "float | None": lambda text: float(text) if text else None,
}
"""How a cell is read, by the type of its field. An empty cell is None, where a field may be that."""


def read(kind: type[Row], table: Path) -> list[Row]:
    """The rows of a table, in order; none if there is no such file."""
    if not table.exists():
        return []
    kinds = {field.name: str(field.type) for field in fields(kind)}  # type: ignore[arg-type]
    with table.open(newline="", encoding="utf-8") as file:
        return [
            kind(**{name: READERS[kinds[name]](text) for name, text in line.items()}) for line in csv.DictReader(file)
        ]


def write(kind: type[Row], rows: Iterable[Row], table: Path) -> None:
    """Writes a table anew. The file is written whole or not at all, so that an interruption loses no earlier row."""
    text = StringIO()
    writer = csv.DictWriter(text, [field.name for field in fields(kind)], lineterminator="\n")  # type: ignore[arg-type]
    writer.writeheader()
    writer.writerows(asdict(row) for row in rows)  # type: ignore[call-overload]
    write_files({table: text.getvalue()})


def said(error: Exception) -> str:
    """What an error says, in one line that fits into a row."""
    if isinstance(error, CompileError):
        return error.diagnostics[0].message
    return " ".join(f"{type(error).__name__}: {error}".split())[:200]
