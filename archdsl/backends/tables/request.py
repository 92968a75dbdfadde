"""What a table of costs is to show: the options of `archdsl table`, and the rows and columns that follow from them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from archdsl.analyses.choices import choose, quantity
from archdsl.analyses.conventions import CONVENTIONS
from archdsl.analyses.layers import is_layer, is_step
from archdsl.analyses.machine import MACHINES, Machine, changed, own_machine
from archdsl.analyses.measures import MEASURES, Measure
from archdsl.analyses.memory import PRECISIONS, Schedule
from archdsl.analyses.rows import CUTS, Cut
from archdsl.analyses.summary import Basis
from archdsl.backends.tables.descriptions import DESCRIPTIONS, Description
from archdsl.diagnostics import CompileError, Diagnostic

COLUMNS: Mapping[str, Description | Measure] = {**DESCRIPTIONS, **MEASURES}
"""The columns that a table can show: those that describe a row, then those that measure it."""

HEADINGS = {
    **{column.heading.lower(): name for name, column in COLUMNS.items() if column.heading.lower() not in COLUMNS},
    **{cut: "path" for cut in CUTS if cut not in COLUMNS},
    "shape": "output",
}
"""Further names of columns: their headings, and words that people use for them."""

DEFAULT = ("path", "op", "output", "params", "macs", "field", "memory", "flops", "jump")
"""The default columns, most important first: those that do not fit the terminal are left out, from the end."""

ON_A_MACHINE = ("path", "op", "output", "macs", "time", "fused", "intensity", "traffic", "params", "memory")
"""The default columns if a machine is given."""

FOR_A_SHEET = ("path", "op", "kernel", "stride", "padding", "output", "params", "macs")
"""The default columns of an exercise sheet."""

FOR_ARGUMENTS = ("path", "arguments", "repeats", "output", "params", "macs", "window", "op", "layers")
"""The default columns if blocks' arguments have columns, most important first."""

LAYOUTS = ("chw", "hwc")
"""Orders of a shape's dimensions."""


@dataclass(frozen=True, slots=True)
class Request:
    """What the table is to show, each field as the option of `archdsl table` has it. `rows` and `columns` may be None.

    `peak` (FLOP/s) and `bandwidth` (bytes/s) are quantities such as `67T`, which replace those of the machine.
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
    arguments: bool = False
    weighted_only: bool = False

    @property
    def is_sheet(self) -> bool:
        """Whether it is for an exercise: with empty columns, or with the arithmetic shown."""
        return bool(self.blank) or self.solution

    @property
    def asks(self) -> bool:
        """Whether there are cells to fill in, so that nothing else may tell what belongs there."""
        return bool(self.blank) and not self.solution


def cut_of(request: Request) -> Cut:
    """The rows of a request. A sheet that names no kind of rows has one for each layer and each change of shape."""
    each = request.is_sheet or request.weighted_only
    (cut,) = choose("kind of rows", [request.rows or ("op" if each else "stage")], CUTS)
    if request.weighted_only or (request.is_sheet and request.rows is None):
        cut = replace(cut, joined=False, chosen=is_layer if request.weighted_only else is_step)
    return cut if request.depth is None else replace(cut, depth=request.depth, several=False, runs=False)


def columns_of(request: Request) -> list[str]:
    """The names of the columns: those of the request in its order, else the default ones in the order of `COLUMNS`."""
    if request.columns is None:
        return [name for name in COLUMNS if name in wanted_by(request)]
    names = named(request.columns)
    return names if not request.arguments or "arguments" in names else [*names, "arguments"]


def named(words: Sequence[str]) -> list[str]:
    """The names of columns that are asked for by name or heading. Raises `CompileError` for an unknown one."""
    names = [HEADINGS.get(word.lower(), word) for word in words]
    choose("column", names, COLUMNS)
    return names


def wanted_by(request: Request) -> Sequence[str]:
    """The default columns of a request, most important first."""
    if request.is_sheet:
        return (*FOR_A_SHEET, *(("arguments",) if request.arguments else ()), *request.blank)
    if request.arguments:
        return FOR_ARGUMENTS
    names = ON_A_MACHINE if request.machine or request.peak or request.bandwidth else DEFAULT
    return names if request.convention == "paper" else (*names[:3], "count", *names[3:])


def basis(request: Request, columns: Sequence[str], schedule: Schedule) -> Basis:
    """What costs are computed for. Raises `CompileError` for unknown words, and for columns that need a machine."""
    (convention,) = choose("convention", [request.convention], CONVENTIONS)
    choose("precision", [request.precision], PRECISIONS)
    machine = _machine(request)
    needing = [name for name in columns if getattr(COLUMNS[name], "needs", "") == "machine"]
    if machine is None and needing:
        what = f"the column `{needing[0]}` needs a machine"
        help = f"--machine may be {', '.join(MACHINES)}; or give --peak and --bandwidth"
        raise CompileError([Diagnostic("no-peak", what, help=help)])
    return Basis(convention, request.precision, request.batch, machine, request.training, schedule)


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
