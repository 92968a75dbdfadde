"""The table of the costs of one network, made from a request in words."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from archdsl.analyses.choices import choose, quantity
from archdsl.analyses.conventions import CONVENTIONS
from archdsl.analyses.layers import is_layer, is_step, without_row
from archdsl.analyses.machine import MACHINES, Machine, changed, own_machine
from archdsl.analyses.measures import GLOBAL, MEASURES, Measure, summarize
from archdsl.analyses.memory import PRECISIONS, Schedule, flat
from archdsl.analyses.rows import CUTS, Cut, Row, rows
from archdsl.analyses.summary import Basis, Summary
from archdsl.analyses.working import field_working, macs_working, output_working, params_working
from archdsl.backends.tables import FORMATS
from archdsl.backends.tables.descriptions import DESCRIPTIONS, Description, kinds
from archdsl.backends.tables.notes import heading, notes, rule_of_copies, rule_of_rows, rule_of_sizes, title
from archdsl.backends.tables.table import BLANK, Column, Line, Table, Value, shown
from archdsl.backends.tables.text import fitting
from archdsl.diagnostics import CompileError, Diagnostic
from archdsl.ir.graph import Graph, Node
from archdsl.ir.steps import counted
from archdsl.tensor import Tensor

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

ON_A_MACHINE = ("path", "op", "output", "macs", "time", "intensity", "traffic", "params", "memory")
"""The default columns if a machine is given."""

FOR_A_SHEET = ("path", "op", "kernel", "stride", "padding", "output", "params", "macs")
"""The default columns of an exercise sheet."""

WORKED = frozenset({"params", "macs", "output", "conv_field", "field"})
"""The columns of which `solution` shows the arithmetic."""

OTHERS = "others"
"""The label of the line for all ops that have no row."""

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
    weighted_only: bool = False

    @property
    def is_sheet(self) -> bool:
        """Whether it is for an exercise: with empty columns, or with the arithmetic shown."""
        return bool(self.blank) or self.solution

    @property
    def asks(self) -> bool:
        """Whether there are cells to fill in, so that nothing else may tell what belongs there."""
        return bool(self.blank) and not self.solution


def build(graph: Graph, request: Request, width: int = 80, schedule: Schedule = flat) -> Table:
    """The table that is requested. Raises `CompileError` for unknown words.

    If the request names no columns and its format is text, only columns that fit `width` are in the table. `schedule`
    says in which order inference runs the network, from which the `live` memory follows.
    """
    choose("format", [request.format], FORMATS)
    choose("layout", [request.layout], dict.fromkeys(LAYOUTS))
    request = replace(request, blank=_named(request.blank))
    names = _columns(request)
    maker = _Maker(summarize(counted(graph), _basis(request, names, schedule)), request, _cut(request))
    names, wanted = maker.with_gates(names), maker.with_gates(_wanted(request))
    table = maker.table(rows(maker.summary, maker.cut), names)
    if request.columns is None and request.format == "text" and not request.is_sheet:
        return maker.only(table, names, fitting(table, [names.index(name) for name in wanted], width))
    return table


def _cut(request: Request) -> Cut:
    """The rows of a request. A sheet that names no kind of rows has one for each layer and each change of shape."""
    each = request.is_sheet or request.weighted_only
    (cut,) = choose("kind of rows", [request.rows or ("op" if each else "stage")], CUTS)
    if request.weighted_only or (request.is_sheet and request.rows is None):
        cut = replace(cut, joined=False, chosen=is_layer if request.weighted_only else is_step)
    return cut if request.depth is None else replace(cut, depth=request.depth, several=False, runs=False)


def _columns(request: Request) -> list[str]:
    """The names of the columns: those of the request in its order, else the default ones in the order of `COLUMNS`."""
    if request.columns is None:
        return [name for name in COLUMNS if name in _wanted(request)]
    return _named(request.columns)


def _named(words: Sequence[str]) -> list[str]:
    """The names of columns that are asked for by name or heading. Raises `CompileError` for an unknown one."""
    names = [HEADINGS.get(word.lower(), word) for word in words]
    choose("column", names, COLUMNS)
    return names


def _wanted(request: Request) -> Sequence[str]:
    """The default columns of a request, most important first."""
    if request.is_sheet:
        return (*FOR_A_SHEET, *request.blank)
    names = ON_A_MACHINE if request.machine or request.peak or request.bandwidth else DEFAULT
    return names if request.convention == "paper" else (*names[:3], "count", *names[3:])


def _basis(request: Request, columns: Sequence[str], schedule: Schedule) -> Basis:
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


# --- the table -----------------------------------------------------------------------------


@dataclass(frozen=True)
class _Maker:
    summary: Summary
    request: Request
    cut: Cut

    def table(self, made: Sequence[Row], names: Sequence[str]) -> Table:
        """The table of these rows and columns. If there are cells to fill in, no note tells what belongs there."""
        columns = [self._column(COLUMNS[name]) for name in names]
        told = set(names)
        return Table(
            title(self.summary.graph.header),
            columns,
            [
                *(self._line(row, label, names, columns) for row, label in zip(made, _labels(made), strict=True)),
                *self._others(names),
            ],
            tuple(self._total(name, column) for name, column in zip(names, columns, strict=True)),
            self._heading(told),
            tuple(rule_of_copies(made) if self.request.asks else notes(self.summary, made, told)),
            self._facts(columns),
            {"facts": {} if self.request.asks else self._findings()},
            self.request.exact or self.request.is_sheet,
            nested=True,
        )

    def with_gates(self, names: Sequence[str]) -> list[str]:
        """The columns; if none were asked for, with the field by convolutions where gates make the field larger."""
        gates = self.request.columns is None and self.summary.has_gates
        return [both for name in names for both in (("conv_field", name) if gates and name == "field" else (name,))]

    def only(self, table: Table, names: Sequence[str], kept: Sequence[int]) -> Table:
        """The same table with fewer columns; its notes stay as they are."""
        assert table.total is not None
        return replace(
            table,
            columns=[table.columns[i] for i in kept],
            lines=[replace(line, values=tuple(line.values[i] for i in kept)) for line in table.lines],
            total=[table.total[i] for i in kept],
            heading=self._heading({names[i] for i in kept}),
        )

    def _heading(self, told: set[str]) -> tuple[str, ...]:
        lines = list(heading(self.summary, told))
        if self.request.asks and "output" in self.request.blank:
            lines.append(rule_of_sizes(self.summary))
        if self.cut.chosen is not None:
            lines.append(rule_of_rows(self.request.weighted_only))
        return tuple(lines)

    def _others(self, names: Sequence[str]) -> Iterator[Line]:
        """A line for the ops that have no row, so that the lines add up to the total."""
        left = without_row(self.summary, self.cut.chosen) if self.cut.chosen else []
        if left:
            values = (self._of_others(name, left) for name in names)
            yield Line(tuple(values), label=OTHERS)

    def _of_others(self, name: str, left: Sequence[Node]) -> Value:
        known = COLUMNS[name]
        if isinstance(known, Measure):
            return known.of(self.summary.part(*left)) if known.adds else None
        return {"path": OTHERS, "op": kinds(left)}.get(name)

    def _column(self, known: Description | Measure) -> Column:
        """The column of a measure. Its name ends in its unit, or in the convention by which operations are counted."""
        suffix, above = {"bytes": "_bytes", "seconds": "_seconds"}.get(known.unit, ""), known.heading
        if isinstance(known, Measure) and known.needs == "convention":
            above = self.summary.basis.convention.name
            suffix = f"_{above}"
        asked, leads = known.name in self.request.blank, known.name == "path"
        worked = self.request.solution and known.name in WORKED and (asked or not self.request.blank)
        blank = asked and not self.request.solution
        return Column(known.name + suffix, above, known.unit, known.about, leads, blank, worked)

    def _line(self, row: Row, label: str, names: Sequence[str], columns: Sequence[Column]) -> Line:
        values = (self._value(name, row, column) for name, column in zip(names, columns, strict=True))
        return Line(tuple(values), row.level, label, row.path, row.copies, row.opened)

    def _value(self, name: str, row: Row, column: Column) -> Value:
        known = COLUMNS[name]
        value = self._plain(known.of(row.facts) if isinstance(known, Measure) else known.of(row))
        if column.worked and not row.opened:
            return _working(name, value, row)
        return _to_fill_in(value, row.opened) if column.blank else value

    def _total(self, name: str, column: Column) -> Value:
        known, total = COLUMNS[name], self.summary.total
        value = self._plain(known.of(total) if isinstance(known, Measure) else known.total(self.summary))
        return _to_fill_in(value, known.name in DESCRIPTIONS) if column.blank else value

    def _plain(self, value: Value) -> Value:
        """The value, with the sizes of a shape as a tuple: channels first, or last."""
        if not isinstance(value, Tensor):
            return value
        return (*value.spatial, *value.dims[:1]) if self.request.layout == "hwc" and value.spatial else value.dims

    def _facts(self, columns: Sequence[Column]) -> dict[str, Any]:
        graph, basis = self.summary.graph, self.summary.basis
        header, rule = graph.header, basis.convention
        return {
            "network": header.name,
            "variant": header.variant,
            "spec": header.spec,
            "source": header.source,
            "inputs": [list(node.output.dims) for node in graph.inputs],
            "layout": self.request.layout,
            "batch": basis.batch,
            "precision": basis.precision,
            "convention": {"name": rule.name, "unit": rule.unit, "rule": rule.rule},
            "machine": _described(basis.machine, basis.precision) if basis.machine else None,
            "settings": [{"name": s.name, "value": s.value, "origin": s.origin} for s in header.settings],
            "columns": [{"name": column.name, "meaning": column.about} for column in columns],
        }

    def _findings(self) -> dict[str, Any]:
        summary, batch = self.summary, self.summary.basis.batch
        return {
            "layers": summary.depth,
            "flops": {"macs": summary.flops.macs * batch, **{k: n * batch for k, n in summary.flops.rest.items()}},
            "live_bytes": summary.inference.peak * batch,
            "live_at": summary.inference.at,
            "largest_op_bytes": summary.largest_op[1] * batch,
            "largest_op": summary.largest_op[0],
            "kept_bytes": summary.training.total,
            "training_only_params": summary.training_only,
        }


def _described(machine: Machine, precision: str) -> dict[str, Any]:
    return {
        "name": machine.name,
        "title": machine.title,
        "peak": machine.peak(precision),
        "bandwidth": machine.bandwidth,
        "source": machine.source,
    }


def _labels(rows: Sequence[Row]) -> list[str]:
    """The label of each row: its path relative to the row that it is a part of."""
    around: list[str] = []
    labels = []
    for row in rows:
        del around[row.level :]
        prefix = f"{around[-1]}." if around else ""
        first, last = row.path, row.last
        if last != first:
            last = last.rpartition(".")[2]
            labels.append(f"{first.removeprefix(prefix)}–{last}")
        else:
            labels.append(first.removeprefix(prefix))
        if row.opened:
            around.append(first)
    return labels


def _to_fill_in(value: Value, empty: bool) -> Value:
    """A cell of a blank column. What need not be worked out is shown: a zero, and that a field is global."""
    if empty:
        return None
    return value if value in (None, 0, GLOBAL) else BLANK


# --- working -------------------------------------------------------------------------------


def _working(name: str, value: Value, row: Row) -> Value:
    """The value, with its arithmetic if the column has some."""
    summary = row.facts.summary
    graph, nodes = summary.graph, _first_copy(row)
    alone = nodes[0] if len(nodes) == 1 else row.main if isinstance(row.main, Node) else None
    match name:
        case "params":
            return _times(params_working(graph, [node for node in nodes if summary.nodes[node.id].params]), value)
        case "macs":
            return _times(macs_working(graph, nodes), value)
        case "output" if alone is not None and output_working(graph, alone):
            return f"{shown('shape', value)}: {output_working(graph, alone)}"
        case "field" if alone is not None and not isinstance(value, str):
            return field_working(graph, summary.fields, alone)
        case "conv_field" if alone is not None and not isinstance(value, str):
            return field_working(graph, summary.conv_fields, alone)
    return value


def _first_copy(row: Row) -> list[Node]:
    """The nodes whose costs the row has; those of the first copy, if it has several."""
    summary = row.facts.summary
    counted = {node.id for node in summary.nodes_in(row.facts.members)}
    members = row.members[:1] if row.copies > 1 else row.members
    return [node for node in summary.nodes_in(members) if node.id in counted]


def _times(text: str, value: int) -> Value:
    """The arithmetic `text` of one copy. If `value` is the sum over several copies, only `3 × 64 = 192`."""
    one = text.rpartition(" = ")[2]
    single = int(one.replace(",", ""))
    return text if value == single else f"{value // single} × {one} = {value:,}"
