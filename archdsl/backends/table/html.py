"""A table as a web page of its own: no scripts, nothing loaded, light or dark as the reader has it."""

from __future__ import annotations

from collections.abc import Iterator
from html import escape

from archdsl.backends.table.document import Line, Table, cell, total_cells

STYLE = """\
:root { color-scheme: light dark; --line: #8888; --soft: #8882; }
body { font: 16px/1.4 system-ui, sans-serif; margin: 2rem; }
h1 { font-size: 1.25rem; margin: 0 0 .5rem; }
p { margin: 0; max-width: 60rem; }
.scroll { overflow-x: auto; margin: 1rem 0; }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; }
th, td { padding: .25rem .75rem; text-align: left; vertical-align: top; font-weight: inherit; }
thead th { border-bottom: 2px solid var(--line); font-weight: 600; }
.number { text-align: right; white-space: nowrap; }
tr.opened { font-weight: 600; background: var(--soft); }
tfoot td, tfoot th { border-top: 2px solid var(--line); font-weight: 600; }
td.blank { min-width: 6rem; border: 1px solid var(--line); }
tbody th { white-space: nowrap; }
"""


def html(table: Table) -> str:
    """The whole page. Rows have their path as `data-path`, as figures have it as id."""
    return "\n".join(_lines(table)) + "\n"


def _lines(table: Table) -> Iterator[str]:
    title, *facts = table.heading
    yield "<!DOCTYPE html>"
    yield '<html lang="en">'
    yield "<head>"
    yield '<meta charset="utf-8">'
    yield '<meta name="viewport" content="width=device-width, initial-scale=1">'
    yield f"<title>{escape(title)}</title>"
    yield f"<style>\n{STYLE}</style>"
    yield "</head>"
    yield "<body>"
    yield f"<h1>{escape(title)}</h1>"
    yield from (f"<p>{escape(fact)}</p>" for fact in facts)
    yield '<div class="scroll">'
    yield "<table>"
    yield from _head(table)
    yield "<tbody>"
    yield from (_line(table, line) for line in table.lines)
    yield "</tbody>"
    yield from _foot(table)
    yield "</table>"
    yield "</div>"
    yield from (f"<p>{escape(note)}</p>" for note in table.notes)
    yield "</body>"
    yield "</html>"


def _head(table: Table) -> Iterator[str]:
    cells = (
        f'<th scope="col"{_class(table, index)} title="{escape(column.meaning)}">{escape(column.heading)}</th>'
        for index, column in enumerate(table.columns)
    )
    yield f"<thead><tr>{''.join(cells)}</tr></thead>"


def _line(table: Table, line: Line) -> str:
    opened = ' class="opened"' if line.opened else ""
    cells = "".join(_cell(table, line, index) for index in range(len(table.columns)))
    return f'<tr{opened} data-path="{escape(line.path)}">{cells}</tr>'


def _cell(table: Table, line: Line, index: int) -> str:
    column, text = table.columns[index], cell(table, line, index)
    if column.name == "path" and not table.is_blank(column):
        indent = f' style="padding-left: {0.75 + 1.25 * line.level:g}rem"' if line.level else ""
        return f'<th scope="row"{indent}>{escape(text.strip())}</th>'
    return f"<td{_class(table, index)}>{escape(text)}</td>"


def _foot(table: Table) -> Iterator[str]:
    cells = (f"<td{_class(table, index)}>{escape(text)}</td>" for index, text in enumerate(total_cells(table)))
    yield f"<tfoot><tr>{''.join(cells)}</tr></tfoot>"


def _class(table: Table, index: int) -> str:
    column = table.columns[index]
    names = ["number"] if not column.is_text and column.name not in table.worked else []
    names += ["blank"] if table.is_blank(column) else []
    return f' class="{" ".join(names)}"' if names else ""
