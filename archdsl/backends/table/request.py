"""What is asked of a table, in words, and the table that answers."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from importlib import import_module

from archdsl.analyses.choices import choose, quantity
from archdsl.analyses.conventions import CONVENTIONS
from archdsl.analyses.machine import MACHINES, Machine, changed, own_machine
from archdsl.analyses.memory import PRECISIONS
from archdsl.analyses.rows import CUTS, Cut, rows
from archdsl.analyses.summary import Basis, summarize
from archdsl.backends.table.columns import COLUMNS, DEFAULT, ON_A_MACHINE, Column
from archdsl.backends.table.document import Table, make_table
from archdsl.backends.table.text import fitting, text
from archdsl.backends.table.values import Style
from archdsl.diagnostics import CompileError, Diagnostic
from archdsl.ir.graph import Graph

FORMATS: Mapping[str, str] = {
    "text": "text.text",
    "markdown": "markdown.markdown",
    "csv": "data.comma_separated",
    "latex": "latex.latex",
    "html": "html.html",
    "json": "data.to_json",
}
"""What writes each, in this package; it is imported when it is wanted."""

STYLES = {"chw": Style("chw"), "hwc": Style("hwc")}

FOR_A_SHEET = ("path", "op", "kernel", "stride", "padding", "output", "params", "macs")
"""What an exercise is about."""


@dataclass(frozen=True, slots=True)
class Request:
    """Every field as a word of a command. `rows`, `columns` and `format` are chosen to fit where they are None.

    `peak` and `bandwidth` are quantities (`67T`), the machine's instead of its own.
    """

    rows: str | None = None
    depth: int | None = None
    columns: Sequence[str] | None = None
    format: str = "text"
    layout: str = "chw"
    exact: bool = False
    convention: str = "paper"
    precision: str = "fp32"
    batch: int = 1
    training: bool = False
    machine: str | None = None
    peak: str | None = None
    bandwidth: str | None = None
    blank: Sequence[str] = ()
    solution: bool = False

    @property
    def is_sheet(self) -> bool:
        """Whether it is for an exercise: to be filled in, or worked out."""
        return bool(self.blank) or self.solution


def build(graph: Graph, request: Request, width: int = 80) -> Table:
    """The table asked for; as text with the columns that fit `width`. Raises `CompileError` for unknown words."""
    choose("format", [request.format], FORMATS)
    (style,) = choose("layout", [request.layout], STYLES)
    columns, blank = _columns(request), [column.name for column in choose("column", request.blank, COLUMNS)]
    summary = summarize(graph, _basis(request, columns))
    cut = rows(summary, _cut(request))

    look = replace(style, exact=request.exact)
    table = make_table(summary, cut, columns, look, blank=blank, solution=request.solution)
    if request.columns is None and request.format == "text" and not request.is_sheet:
        return table.only(fitting(table, _wanted(request), width))
    return table


def render(table: Table, format: str, width: int = 80, color: bool = False) -> str:
    """The table in one of `FORMATS`, with a line end."""
    if format == "text":
        return text(table, width, color)
    module, _, name = FORMATS[format].partition(".")
    write: Callable[[Table], str] = getattr(import_module(f"archdsl.backends.table.{module}"), name)
    return write(table)


def _cut(request: Request) -> Cut:
    (cut,) = choose("kind of rows", [request.rows or ("op" if request.is_sheet else "stage")], CUTS)
    return cut if request.depth is None else replace(cut, depth=request.depth, several=False, runs=False)


def _columns(request: Request) -> tuple[Column, ...]:
    """The columns in order: as asked, else the wanted ones as they are listed."""
    names = request.columns
    if names is None:
        names = [name for name in COLUMNS if name in _wanted(request)]
    return choose("column", names, COLUMNS)


def _wanted(request: Request) -> Sequence[str]:
    """Columns where none are named, the most wanted first."""
    if request.is_sheet:
        return FOR_A_SHEET
    names = ON_A_MACHINE if request.machine or request.peak or request.bandwidth else DEFAULT
    return names if request.convention == "paper" else (*names[:3], "count", *names[3:])


def _basis(request: Request, columns: Sequence[Column]) -> Basis:
    (convention,) = choose("convention", [request.convention], CONVENTIONS)
    choose("precision", [request.precision], PRECISIONS)
    machine = _machine(request)
    if machine is None and any(column.name == "time" for column in columns):
        what = "the column `time` needs a machine"
        help = f"--machine may be {', '.join(MACHINES)}; or give --peak and --bandwidth"
        raise CompileError([Diagnostic("no-peak", what, help=help)])
    return Basis(convention, request.precision, request.batch, machine, request.training)


def _machine(request: Request) -> Machine | None:
    known = choose("machine", [request.machine] if request.machine else [], MACHINES)
    peak = quantity("--peak", request.peak) if request.peak else None
    bandwidth = quantity("--bandwidth", request.bandwidth) if request.bandwidth else None
    if known:
        return changed(known[0], peak, bandwidth, request.precision)
    if peak and bandwidth:
        return own_machine(peak, bandwidth, request.precision)
    if peak or bandwidth:
        missing = "--bandwidth" if peak else "--peak"
        help = f"a machine has both; --machine may be {', '.join(MACHINES)}"
        raise CompileError([Diagnostic("no-peak", f"{missing} is not given", help=help)])
    return None
