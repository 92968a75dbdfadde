"""A table for a README or a lecture's notes, in Markdown of GitHub's kind: a title, the table, notes as a list."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from archdsl.backends.tables.table import Table, cells, total_cells

SPECIAL = frozenset("\\|*_`<[&")
"""What begins a tag, a link, an entity, or ends a cell."""


def write(table: Table) -> str:
    return "\n".join(_lines(table)) + "\n"


def _lines(table: Table) -> Iterator[str]:
    yield f"**{escaped(table.title)}**\n"
    if table.heading:
        yield from (f"- {escaped(line)}" for line in table.heading if line)
        yield ""
    yield row(column.heading for column in table.columns)
    yield row("---" if column.unit in ("text", "name") else "---:" for column in table.columns)
    for line in table.lines:
        texts = (_indented(escaped(text)) for text in cells(table, line))
        yield row(f"**{text}**" if text and line.opened else text for text in texts)
    if table.total is not None:
        yield row(f"**{escaped(text)}**" if text else "" for text in total_cells(table))
    if table.notes:
        yield ""
        yield from (f"- {escaped(note)}" for note in table.notes)


def _indented(text: str) -> str:
    """Leading blanks are lost in Markdown."""
    inner = text.lstrip(" ")
    return "&emsp;" * ((len(text) - len(inner)) // 2) + inner


def row(cells: Iterable[str]) -> str:
    """A line of a table."""
    return f"| {' | '.join(cells)} |"


def escaped(text: str) -> str:
    """Text that is not to mean anything but itself."""
    return "".join(f"\\{character}" if character in SPECIAL else character for character in text)
