"""Tables as one web page without scripts or other files, light or dark as the reader's browser is set.

A notebook has a table as a part of its own page (`inside`).
"""

from __future__ import annotations

from collections.abc import Iterator
from html import escape

from archdsl.backends.tables.table import Blank, Column, Line, Table, cells, total_cells

LINES = "--line: #8888; --soft: #8882;"
TABLE = """\
.scroll { overflow-x: auto; margin: 1rem 0; }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; }
th, td { padding: .25rem .75rem; text-align: left; vertical-align: top; font-weight: inherit; }
thead th { border-bottom: 2px solid var(--line); font-weight: 600; }
.number { text-align: right; white-space: nowrap; }
tr.opened { font-weight: 600; background: var(--soft); }
tfoot td, tfoot th { border-top: 2px solid var(--line); font-weight: 600; }
td.blank { min-width: 6rem; height: 1.75rem; border: 1px solid var(--line); }
tbody th { white-space: nowrap; }
table.ruled tbody tr { border-top: 1px solid var(--line); }
"""
STYLE = f"""\
:root {{ color-scheme: light dark; {LINES} }}
body {{ font: 16px/1.4 system-ui, sans-serif; margin: 2rem; }}
h1 {{ font-size: 1.25rem; margin: 0 0 .5rem; }}
p {{ margin: 0; max-width: 60rem; }}
{TABLE}\
@media print {{
  :root {{ color-scheme: light; --line: #000; --soft: #eee; }}
  body {{ margin: 0; font-size: 10pt; }}
  .scroll {{ overflow: visible; }}
  thead {{ display: table-header-group; }}
  tfoot {{ display: table-row-group; }}
  tr {{ break-inside: avoid; }}
  td.blank {{ height: 24pt; min-width: 4rem; }}
  th, td {{ padding: .25rem .5rem; vertical-align: middle; }}
}}
"""


def inside(table: Table) -> str:
    """A table as a part of another page, with a style that changes nothing else there."""
    # Named twice, since notebooks have rules for all tables, which count more than those of one class.
    style = f"<style>\n.archdsl-table.archdsl-table {{ {LINES}\n{TABLE}}}\n</style>"
    return "\n".join(['<div class="archdsl-table">', style, *_rows(table), "</div>"]) + "\n"


def write(*tables: Table) -> str:
    """The whole page; its title is that of the first table."""
    return "\n".join(_lines(tables)) + "\n"


def element(table: Table) -> str:
    """One table with its title and notes, to stand in another page."""
    return "\n".join(_table(table))


def _lines(tables: tuple[Table, ...]) -> Iterator[str]:
    yield "<!DOCTYPE html>"
    yield '<html lang="en">'
    yield "<head>"
    yield '<meta charset="utf-8">'
    yield '<meta name="viewport" content="width=device-width, initial-scale=1">'
    yield f"<title>{escape(tables[0].title)}</title>"
    yield f"<style>\n{STYLE}</style>"
    yield "</head>"
    yield "<body>"
    for table in tables:
        yield from _table(table)
    yield "</body>"
    yield "</html>"


def _table(table: Table) -> Iterator[str]:
    yield f"<h1>{escape(table.title)}</h1>"
    yield from (f"<p>{escape(line)}</p>" for line in table.heading)
    yield from _rows(table)
    yield from (f"<p>{escape(note)}</p>" for note in table.notes)


def _rows(table: Table) -> Iterator[str]:
    yield '<div class="scroll">'
    yield '<table class="ruled">' if table.ruled else "<table>"
    yield _head(table)
    yield "<tbody>"
    yield from (_line(table, line) for line in table.lines)
    yield "</tbody>"
    if table.total is not None:
        yield f"<tfoot><tr>{''.join(map(_cell, table.columns, total_cells(table)))}</tr></tfoot>"
    yield "</table>"
    yield "</div>"


def _head(table: Table) -> str:
    texts = (
        f'<th scope="col"{_class(column)}{_title(column)}>{escape(column.heading)}</th>' for column in table.columns
    )
    return f"<thead><tr>{''.join(texts)}</tr></thead>"


def _title(column: Column) -> str:
    return f' title="{escape(column.about)}"' if column.about else ""


def _line(table: Table, line: Line) -> str:
    """A row of the table. Its attribute `data-path` is the path in the network, which figures have as id."""
    opened = ' class="opened"' if line.opened else ""
    path = f' data-path="{escape(line.path)}"' if line.path else ""
    texts = zip(table.columns, cells(table, line), strict=True)
    return f"<tr{opened}{path}>{''.join(_cell(column, text, line) for column, text in texts)}</tr>"


def _cell(column: Column, text: str, line: Line | None = None) -> str:
    if line is not None and column.leads and not column.blank:
        indent = f' style="padding-left: {0.75 + 1.25 * line.level:g}rem"' if line.level else ""
        return f'<th scope="row"{indent}>{escape(text.strip())}</th>'
    blank = isinstance(text, Blank)
    return f"<td{_class(column, blank)}>{'' if blank else escape(text).replace(chr(10), '<br>')}</td>"


def _class(column: Column, blank: bool = False) -> str:
    names = ["number"] if not column.is_text else []
    names += ["blank"] if blank else []
    return f' class="{" ".join(names)}"' if names else ""
