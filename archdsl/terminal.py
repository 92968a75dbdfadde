"""A table of rich's as text, as every command prints it."""

from __future__ import annotations

from io import StringIO
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.table import Table


def printed(table: Table, width: int, color: bool = False) -> str:
    """At most `width` columns wide, in the terminal's colors or in none, without blanks at the ends of lines."""
    from rich.console import Console

    file = StringIO()
    console = Console(
        file=file,
        width=width,
        highlight=False,
        markup=False,
        emoji=False,
        force_terminal=color,
        color_system="standard" if color else None,
        legacy_windows=False,
    )
    console.print(table)
    return "\n".join(line.rstrip() for line in file.getvalue().splitlines())
