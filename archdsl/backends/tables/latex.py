"""A table as LaTeX for a paper, with the package booktabs; `\\input` includes the file."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from archdsl.backends.tables.table import Table, cells, total_cells
from archdsl.latex import escaped


def write(table: Table) -> str:
    """A `table` environment with the heading as its caption. A comment names the package that it needs."""
    return "\n".join(_lines(table)) + "\n"


def _lines(table: Table) -> Iterator[str]:
    caption = " ".join(f"{escaped(text.rstrip('.'))}." for text in (table.title, *table.heading) if text)
    alignment = "".join("l" if column.is_text else "r" for column in table.columns)
    yield r"% needs \usepackage{booktabs}"
    yield r"\begin{table}"
    yield r"  \centering"
    yield rf"  \caption{{{caption}}}"
    yield rf"  \begin{{tabular}}{{@{{}}{alignment}@{{}}}}"
    yield r"    \toprule"
    yield _row(escaped(column.heading) for column in table.columns)
    yield r"    \midrule"
    for index, line in enumerate(table.lines):
        if index and table.ruled:
            yield r"    \midrule"
        elif line.opened and index:
            yield r"    \addlinespace"
        texts = map(_indented, cells(table, line))
        yield _row(rf"\textbf{{{text}}}" if text and line.opened else text for text in texts)
    if table.total is not None:
        yield r"    \midrule"
        yield _row(map(escaped, total_cells(table)))
    yield r"    \bottomrule"
    yield r"  \end{tabular}"
    yield from (f"  % {note}" for note in table.notes)
    yield r"\end{table}"


def _row(cells: Iterable[str]) -> str:
    return f"    {' & '.join(cells)} \\\\"


def _indented(text: str) -> str:
    inner = text.lstrip(" ")
    return r"\quad " * ((len(text) - len(inner)) // 2) + _escaped(inner)


def _escaped(text: str) -> str:
    """The text as LaTeX; several lines as a table of one column. A bracket after `\\\\` would be an argument of it."""
    if "\n" in text:
        lines = r" \\ ".join(map(_escaped, text.split("\n")))
        return rf"\begin{{tabular}}[t]{{@{{}}l@{{}}}}{lines}\end{{tabular}}"
    return "{[}" + escaped(text[1:]) if text.startswith("[") else escaped(text)
