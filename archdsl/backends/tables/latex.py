"""A table as LaTeX for a paper or a handout: it fits the page and goes on over pages. `\\input` includes the file."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from archdsl.backends.tables.latex_fit import LINE, Fit, fit, pieces
from archdsl.backends.tables.table import Blank, Table, cells, total_cells
from archdsl.latex import escaped


def write(table: Table) -> str:
    """A `longtable` with the heading as its caption, or several if not all columns fit the page side by side.

    A comment names the packages that it needs. The page is that of an article with margins of one inch.
    """
    return "\n".join(_lines(table)) + "\n"


def _lines(table: Table) -> Iterator[str]:
    found = fit(table)
    yield r"% needs \usepackage{array,booktabs,longtable}; fits text that is 6.5 inches wide, in one column"
    yield r"\begingroup"
    yield rf"\fontsize{{{found.size}}}{{{found.size + 2}}}\selectfont\sloppy"
    yield rf"\setlength\tabcolsep{{{found.gap / 2:g}pt}}\setlength\LTcapwidth{{\textwidth}}"
    for number, panel in enumerate(found.panels):
        yield from _Panel(table, found, panel, first=number == 0).lines()
    yield from (f"% {note}" for note in table.notes)
    yield r"\endgroup"


@dataclass(frozen=True)
class _Panel:
    """Columns that stand side by side."""

    table: Table
    fit: Fit
    widths: Mapping[int, float | None]
    first: bool

    def lines(self) -> Iterator[str]:
        yield rf"\begin{{longtable}}{{@{{}}{''.join(map(self._column, self.widths))}@{{}}}}"
        yield from self._heads()
        for number, line in enumerate(self.table.lines):
            if number and self.table.ruled:
                yield r"  \midrule"
            elif number and line.opened:
                yield r"  \addlinespace"
            yield _row(self._cells(cells(self.table, line), line.opened))
        if self.table.total is not None:
            yield r"  \midrule"
            yield _row(self._cells(total_cells(self.table)))
        yield r"\end{longtable}"
        if not self._is_numbered:
            yield r"\addtocounter{table}{-1}"

    def _column(self, index: int) -> str:
        limit = self.widths[index]
        return _kind(limit, self.table.columns[index].is_text)

    # --- heads and feet --------------------------------------------------------------------

    def _heads(self) -> Iterator[str]:
        """What stands at the top and the foot of the first page and of the others."""
        columns, head = len(self.widths), list(self._head())
        if self._is_numbered:
            yield rf"  \caption[{_escaped(self.table.title)}]{{{self._caption}}}\\"
        elif not self.first:
            yield rf"  \multicolumn{{{columns}}}{{@{{}}l@{{}}}}{{{self._name}further columns}}\\"
        yield from (r"  \toprule", *head, r"  \endfirsthead")
        yield rf"  \multicolumn{{{columns}}}{{@{{}}l@{{}}}}{{{self._name}continued}}\\"
        yield from (r"  \toprule", *head, r"  \endhead")
        yield r"  \midrule"
        yield rf"  \multicolumn{{{columns}}}{{@{{}}r@{{}}}}{{continued on the next page}}\\"
        yield from (r"  \endfoot", r"  \bottomrule", r"  \endlastfoot")

    def _head(self) -> Iterator[str]:
        headings = [self.table.columns[index].heading for index in self.widths]
        if any(headings):
            yield _row(map(_escaped, headings))
            yield r"  \midrule"

    @property
    def _is_numbered(self) -> bool:
        return self.first and bool(self.table.title or self.table.heading)

    @property
    def _caption(self) -> str:
        return " ".join(f"{_escaped(text.rstrip('.'))}." for text in (self.table.title, *self.table.heading) if text)

    @property
    def _name(self) -> str:
        return r"\tablename~\thetable, " if self.table.title or self.table.heading else ""

    # --- cells -----------------------------------------------------------------------------

    def _cells(self, texts: list[str], bold: bool = False) -> Iterator[str]:
        for index, limit in self.widths.items():
            if isinstance(texts[index], Blank):
                yield rf"\rule{{0pt}}{{18pt}}\rule{{{LINE}pt}}{{0.4pt}}"
                continue
            inner = texts[index].lstrip(" ")
            indent = (len(texts[index]) - len(inner)) // 2 * self.fit.size
            before = rf"\hspace*{{{indent}pt}}" if limit is None else rf"\leftskip{indent}pt\relax "
            made = _cell(inner, limit, self.table.columns[index].wraps)
            yield (before if indent else "") + (rf"\textbf{{{made}}}" if made and bold else made)


def _cell(text: str, limit: float | None, wraps: bool) -> str:
    """A cell that is wrapped to `limit` points, or not at all. One of several lines is a table of one column."""
    lines = [_breakable(line) if limit is not None and wraps else _escaped(line) for line in text.split("\n")]
    if len(lines) == 1:
        return lines[0]
    content = r" \\ ".join(lines)
    return rf"\begin{{tabular}}[t]{{@{{}}{_kind(limit)}@{{}}}}{content}\end{{tabular}}"


def _kind(limit: float | None, is_text: bool = True) -> str:
    """The kind of a column; `limit` is its width if it is wrapped."""
    if limit is None:
        return "l" if is_text else "r"
    return rf">{{\ragged{'right' if is_text else 'left'}\arraybackslash}}p{{{limit:.1f}pt}}"


def _row(cells: Iterable[str]) -> str:
    return f"  {' & '.join(cells)} \\\\"


def _breakable(text: str) -> str:
    """The text with the places marked at which its words may be broken."""
    return " ".join(r"\allowbreak{}".join(map(_escaped, pieces(word))) for word in text.split(" "))


def _escaped(text: str) -> str:
    """The text as LaTeX. In braces, what stands first is no argument of the `\\\\` or the rule before it."""
    return f"{{{text[0]}}}{escaped(text[1:])}" if text[:1] in ("[", "*") else escaped(text)
