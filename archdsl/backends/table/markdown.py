"""A table for a README or a lecture's notes, in Markdown of GitHub's kind."""

from __future__ import annotations

from collections.abc import Iterator

from archdsl.backends.table.document import Table, cell, total_cells
from archdsl.markdown import escaped, row


def markdown(table: Table) -> str:
    """A bold title, the table, and a list of notes."""
    return "\n".join(_lines(table)) + "\n"


def _lines(table: Table) -> Iterator[str]:
    title, *facts = table.heading
    yield f"**{escaped(title)}**\n"
    yield from (f"- {escaped(fact)}" for fact in facts)
    yield ""
    yield row(column.heading for column in table.columns)
    yield row("---" if column.is_text else "---:" for column in table.columns)
    for line in table.lines:
        texts = (escaped(cell(table, line, index)) for index in range(len(table.columns)))
        indented = (_indented(text) for text in texts)
        yield row(f"**{text}**" if text and line.opened else text for text in indented)
    yield row(f"**{escaped(text)}**" if text else "" for text in total_cells(table))
    if table.notes:
        yield ""
        yield from (f"- {escaped(note)}" for note in table.notes)


def _indented(text: str) -> str:
    """Leading blanks are lost in Markdown."""
    inner = text.lstrip(" ")
    return "&emsp;" * ((len(text) - len(inner)) // 2) + inner
