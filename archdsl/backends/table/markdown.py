"""A table for a README or a lecture's notes, in Markdown of GitHub's kind."""

from __future__ import annotations

from collections.abc import Iterator

from archdsl.backends.table.document import Table, cell, total_cells


def markdown(table: Table) -> str:
    """A bold title, the table, and a list of notes."""
    return "\n".join(_lines(table)) + "\n"


def _lines(table: Table) -> Iterator[str]:
    title, *facts = table.heading
    yield f"**{_escaped(title)}**\n"
    yield from (f"- {_escaped(fact)}" for fact in facts)
    yield ""
    yield _row(column.heading for column in table.columns)
    yield _row("---" if column.is_text else "---:" for column in table.columns)
    for line in table.lines:
        texts = (_escaped(cell(table, line, index)) for index in range(len(table.columns)))
        indented = (_indented(text) for text in texts)
        yield _row(f"**{text}**" if text and line.opened else text for text in indented)
    yield _row(f"**{_escaped(text)}**" if text else "" for text in total_cells(table))
    if table.notes:
        yield ""
        yield from (f"- {_escaped(note)}" for note in table.notes)


def _row(cells: Iterator[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _escaped(text: str) -> str:
    for character in "\\|*_`<[":
        text = text.replace(character, f"\\{character}")
    return text


def _indented(text: str) -> str:
    """Leading blanks are lost in Markdown."""
    inner = text.lstrip(" ")
    return "&emsp;" * ((len(text) - len(inner)) // 2) + inner
