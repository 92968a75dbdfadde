"""Tables in several formats, each written by a module of its own.

This file imports little, since help texts and completion need it.
"""

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
"""Formats, and the suffix of their files. Each is a module of this package that is imported when it is needed."""


def render(format: str, *tables: Table, width: int = 80, color: bool = False) -> str:
    """The tables as text in one of `FORMATS`, with a line end.

    `width`, in columns, and `color` are used by the format `text` only.
    """
    writer: Any = import_module(f"archdsl.backends.tables.{format}")
    match format:
        case "text":
            return "\n".join(writer.write(table, width, color) for table in tables)
        case "html":
            return str(writer.write(*tables))
        case _:
            return "\n".join(map(writer.write, tables))
