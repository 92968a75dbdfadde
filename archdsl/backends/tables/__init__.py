"""Tables in several formats: one module writes each. Light to import, for help texts and completion."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from archdsl.backends.tables.table import Table

FORMATS: Mapping[str, str] = {
    "text": ".txt",
    "markdown": ".md",
    "csv": ".csv",
    "latex": ".tex",
    "html": ".html",
    "json": ".json",
}
"""Each is a module of this package, which is imported when it is wanted; and what its files are called."""


def render(format: str, *tables: Table, width: int = 80, color: bool = False) -> str:
    """The tables in one of `FORMATS`, with a line end. `width` and `color` are about text alone."""
    writer: Any = import_module(f"archdsl.backends.tables.{format}")
    match format:
        case "text":
            return "\n".join(writer.write(table, width, color) for table in tables)
        case "html":
            return str(writer.write(*tables))
        case _:
            return "\n".join(map(writer.write, tables))
