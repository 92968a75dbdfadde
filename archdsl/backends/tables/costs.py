"""The table of the costs of one network, made from a request in words."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

from archdsl.analyses.choices import choose
from archdsl.analyses.layers import without_row
from archdsl.analyses.machine import Machine
from archdsl.analyses.measures import GLOBAL, Measure, summarize
from archdsl.analyses.memory import Schedule, flat
from archdsl.analyses.rows import Cut, Row, rows
from archdsl.analyses.summary import Basis, Summary
from archdsl.backends.tables import FORMATS
from archdsl.backends.tables.arguments import PREFIX, Arguments
from archdsl.backends.tables.descriptions import DESCRIPTIONS, Description, kinds, members_text
from archdsl.backends.tables.notes import heading, notes, rule_of_copies, rule_of_rows, rule_of_sizes, title
from archdsl.backends.tables.request import COLUMNS, LAYOUTS, Request, basis, columns_of, cut_of, named, wanted_by
from archdsl.backends.tables.table import BLANK, Column, Line, Table, Value
from archdsl.backends.tables.text import fitting
from archdsl.backends.tables.worked import WORKED, worked_value
from archdsl.ir.graph import Graph, Node
from archdsl.ir.steps import counted
from archdsl.tensor import Tensor

OTHERS = "others"
"""The label of the line for all ops that have no row."""


def build(graph: Graph, request: Request, width: int = 80, schedule: Schedule = flat) -> Table:
    """The table that is requested. Raises `CompileError` for unknown words.

    If the request names no columns and its format is text, only columns that fit `width` are in the table. `schedule`
    says in which order inference runs the network, from which the `live` memory follows.
    """
    choose("format", [request.format], FORMATS)
    choose("layout", [request.layout], dict.fromkeys(LAYOUTS))
    request = replace(request, blank=named(request.blank))
    names = columns_of(request)
    summary = summarize(counted(graph), basis(request, names, schedule))
    cut = cut_of(request)
    made = rows(summary, cut)
    maker = _Maker(summary, request, cut, Arguments(summary, made) if "arguments" in names else None)
    names = maker.opened(maker.with_gates(maker.needed(names)))
    table = maker.table(made, names)
    if request.columns is None and request.format == "text" and not request.is_sheet:
        wanted = [names.index(name) for name in maker.opened(maker.with_gates(maker.ranked(wanted_by(request))))]
        always = [index for index, name in enumerate(names) if name.startswith(PREFIX)]
        return maker.only(table, names, sorted({*always, *fitting(table, wanted, width)}))
    return table


# --- the table -----------------------------------------------------------------------------


def column(known: Description | Measure, counting: Basis) -> Column:
    """The column of a measure. Its name ends in its unit, or in the convention by which operations are counted."""
    suffix, above = {"bytes": "_bytes", "seconds": "_seconds"}.get(known.unit, ""), known.heading
    if isinstance(known, Measure) and known.needs == "convention":
        above = counting.convention.name
        suffix = f"_{above}"
    return Column(known.name + suffix, above, known.unit, known.about)


def shaped(value: Value, layout: str) -> Value:
    """The value, with the sizes of a shape as a tuple: channels first ("chw"), or last ("hwc")."""
    if not isinstance(value, Tensor):
        return value
    return (*value.spatial, *value.dims[:1]) if layout == "hwc" and value.spatial else value.dims


@dataclass(frozen=True)
class _Maker:
    summary: Summary
    request: Request
    cut: Cut
    arguments: Arguments | None = None

    @cached_property
    def known(self) -> Mapping[str, Description | Measure]:
        """The columns by name, with one for each argument that has one; `op` leaves out what these say."""
        if self.arguments is None:
            return COLUMNS
        bare = self.arguments.blocks
        op = replace(DESCRIPTIONS["op"], of=lambda row: members_text(row, bare))
        return {**COLUMNS, "op": op, **self.arguments.columns}

    @cached_property
    def blank(self) -> frozenset[str]:
        """The columns to fill in."""
        return frozenset(self.opened(self.request.blank))

    def opened(self, names: Sequence[str]) -> list[str]:
        """The names of the columns, with those of all arguments in place of `arguments`."""
        columns = list(self.arguments.columns) if self.arguments else []
        return [each for name in names for each in (columns if name == "arguments" else [name])]

    def ranked(self, wanted: Sequence[str]) -> list[str]:
        """The default columns, most important first: `op` comes early if rows need it."""
        if self.arguments is None or not self.arguments.needs_op:
            return self.needed(wanted)
        others = [name for name in self.needed(wanted) if name != "op"]
        return [*others[:2], "op", *others[2:]]

    def needed(self, names: Sequence[str]) -> list[str]:
        """The names of the columns; by default `repeats` is left out if nothing is repeated."""
        once = self.request.columns is None and self.arguments is not None and not self.arguments.has_copies
        return [name for name in names if not (once and name == "repeats")]

    def table(self, made: Sequence[Row], names: Sequence[str]) -> Table:
        """The table of these rows and columns. If there are cells to fill in, no note tells what belongs there."""
        columns = [self._column(self.known[name]) for name in names]
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
            tuple(self._notes(made, told)),
            self._facts(columns),
            {"facts": {} if self.request.asks else self._findings()},
            self.request.exact or self.request.is_sheet,
            nested=True,
        )

    def _notes(self, made: Sequence[Row], told: set[str]) -> Iterator[str]:
        if self.arguments is not None:
            yield from self.arguments.notes()
        yield from rule_of_copies(made) if self.request.asks else notes(self.summary, made, told)

    def with_gates(self, names: Sequence[str]) -> list[str]:
        """The columns; if none were asked for, with the field by convolutions where gates make the field larger, and
        without fields where no input has positions."""
        if self.request.columns is None and not any(self.summary.field(id).largest for id in self.summary.nodes):
            names = [name for name in names if name not in ("field", "jump")]
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
        known = self.known[name]
        if isinstance(known, Measure):
            return known.of(self.summary.part(*left)) if known.adds else None
        return {"path": OTHERS, "op": kinds(left)}.get(name)

    def _column(self, known: Description | Measure) -> Column:
        asked, leads = known.name in self.blank, known.name == "path"
        worked = self.request.solution and known.name in WORKED and (asked or not self.blank)
        blank = asked and not self.request.solution
        return replace(column(known, self.summary.basis), leads=leads, blank=blank, worked=worked)

    def _line(self, row: Row, label: str, names: Sequence[str], columns: Sequence[Column]) -> Line:
        values = (self._value(name, row, column) for name, column in zip(names, columns, strict=True))
        return Line(tuple(values), row.level, label, row.path, row.copies, row.opened)

    def _value(self, name: str, row: Row, column: Column) -> Value:
        known = self.known[name]
        value = self._plain(known.of(row.facts) if isinstance(known, Measure) else known.of(row))
        if column.worked and not row.opened:
            return worked_value(name, value, row)
        return _to_fill_in(value, row.opened and not name.startswith(PREFIX)) if column.blank else value

    def _total(self, name: str, column: Column) -> Value:
        known, total = self.known[name], self.summary.total
        value = self._plain(known.of(total) if isinstance(known, Measure) else known.total(self.summary))
        return _to_fill_in(value, known.name in DESCRIPTIONS) if column.blank else value

    def _plain(self, value: Value) -> Value:
        return shaped(value, self.request.layout)

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
