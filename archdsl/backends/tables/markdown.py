"""A table in GitHub's Markdown, for a README or lecture notes: a title, the table, its notes as a list."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from archdsl.backends.tables.table import Table, cells, total_cells

SPECIAL = frozenset("\\|*_`<[&")
"""Characters with a meaning in Markdown, which are escaped: they begin a tag, a link or an entity, or end a cell."""


def write(table: Table) -> str:
    """The table as Markdown, with its title, heading and notes."""
    return "\n".join(_lines(table)) + "\n"


def _lines(table: Table) -> Iterator[str]:
    yield f"**{escaped(table.title)}**\n"
    if table.heading:
        yield from (f"- {escaped(line)}" for line in table.heading if line)
        yield ""
    yield row(escaped(column.heading) for column in table.columns)
    yield row("---" if column.unit in ("text", "name", "stack") else "---:" for column in table.columns)
    for line in table.lines:
        texts = (_indented(escaped(text)) for text in cells(table, line))
        yield row(f"**{text}**" if text and line.opened else text for text in texts)
    if table.total is not None:
        yield row(f"**{escaped(text)}**" if text else "" for text in total_cells(table))
    if table.notes:
        yield ""
        yield from (f"- {escaped(note)}" for note in table.notes)


def _indented(text: str) -> str:
    """The text with its leading blanks as em spaces, since Markdown drops blanks."""
    inner = text.lstrip(" ")
    return "&emsp;" * ((len(text) - len(inner)) // 2) + inner


def row(cells: Iterable[str]) -> str:
    """A line of a table with these cells."""
    return f"| {' | '.join(cells)} |"


def escaped(text: str) -> str:
    """The text with all characters escaped that mean something in Markdown."""
    lines = text.split("\n")
    return "<br>".join("".join(f"\\{c}" if c in SPECIAL else c for c in line) for line in lines)
