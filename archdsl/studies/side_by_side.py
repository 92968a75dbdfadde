"""Several networks in one table, as papers print their variants: a row for each stage, a column for each network."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, NamedTuple

from archdsl.analyses.choices import choose
from archdsl.analyses.measures import MEASURES, Measure, summarize
from archdsl.analyses.memory import Schedule, flat
from archdsl.analyses.rows import Cut, Row, rows
from archdsl.analyses.summary import Summary
from archdsl.backends.figures.compare.align import align
from archdsl.backends.tables import FORMATS
from archdsl.backends.tables.costs import column, shaped
from archdsl.backends.tables.descriptions import Description
from archdsl.backends.tables.notes import conditions
from archdsl.backends.tables.request import COLUMNS, HEADINGS, LAYOUTS, Request, basis
from archdsl.backends.tables.table import Column, Line, Table, Value
from archdsl.ir.graph import Graph
from archdsl.ir.steps import counted
from archdsl.studies.contents import Contents

STAGES = Cut(1, runs=True)
"""A row for each stage and nothing more."""

CONTENT = Column("op", "", "stack", "what the stage holds: blocks in brackets, ×n for n equal copies")

PER_NETWORK: Mapping[str, Description | Measure] = {
    name: known for name, known in COLUMNS.items() if name not in ("path", "arguments", "repeats")
}
"""The columns that each network can have."""

BELOW = ("params", "macs")
"""The measures in the last lines, if no columns are asked for."""


class Side(NamedTuple):
    """One network: its `name` for programs and its `heading` for people, its rows and what is in them."""

    name: str
    heading: str
    summary: Summary
    rows: Sequence[Row]
    contents: Contents


Place = tuple[int | None, ...]
"""A line of the table: for each network the number of its row, or None if it has nothing there."""


def side_by_side(graphs: Sequence[Graph], labels: Sequence[str], request: Request, schedule: Schedule = flat) -> Table:
    """The table of several networks, whose `labels` are words of the call: `resnet@50`. Raises `CompileError`.

    Of the request the columns, the format and everything that says how costs are counted is used.
    """
    choose("format", [request.format], FORMATS)
    choose("layout", [request.layout], dict.fromkeys(LAYOUTS))
    names = [HEADINGS.get(name.lower(), name) for name in request.columns or ()]
    choose("column", names, PER_NETWORK)
    counting = basis(request, [*names, *BELOW], schedule)
    sides = []
    for name, heading, graph in zip(_unique(labels), _unique(_headings(labels)), graphs, strict=True):
        summary = summarize(counted(graph), counting)
        made = rows(summary, STAGES)
        sides.append(Side(name, heading, summary, made, Contents(summary, made)))
    return _Maker(sides, request, names).table()


@dataclass(frozen=True)
class _Maker:
    sides: Sequence[Side]
    request: Request
    asked: Sequence[str]

    def table(self) -> Table:
        """The table. If no columns are asked for, its last lines have the parameters and MACs of each network."""
        lines = [self._line(place) for place in self.places]
        sums = any(name in MEASURES for name in self.asked)
        told = {*self.asked, *(() if self.asked else BELOW)}
        return Table(
            self._title(),
            [self._stage, *self._sizes[0], *(each for side in self.sides for each in self._columns(side))],
            lines if self.asked else [*lines, *map(self._below, BELOW)],
            self._total() if sums else None,
            tuple(self._heading(told)),
            tuple(self._notes()),
            {"networks": [self._facts(side) for side in self.sides]},
            exact=self.request.exact,
            ruled="op" in self.names,
        )

    # --- columns ---------------------------------------------------------------------------

    @property
    def _stage(self) -> Column:
        return replace(column(COLUMNS["path"], self.sides[0].summary.basis), leads=True)

    @cached_property
    def names(self) -> Sequence[str]:
        """The columns of each network: what is asked for, else what stages hold, and their sizes if these differ."""
        return self.asked or (["op"] if self._sizes[0] else ["output", "op"])

    def _columns(self, side: Side) -> Iterator[Column]:
        for name in self.names:
            made = CONTENT if name == "op" else column(PER_NETWORK[name], side.summary.basis)
            above = f"{side.heading} {made.heading}".strip()
            key = side.name if len(self.names) == 1 else f"{side.name} {made.name}"
            yield replace(made, name=key, heading=above, group=side.name)

    @cached_property
    def _sizes(self) -> tuple[list[Column], list[Value]]:
        """One column for the sizes of outputs, if all networks have the same; channels may differ."""
        tensors = [{row.output for row in self._rows(place) if row is not None} for place in self.places]
        if self.asked:
            return [], [None] * len(tensors)
        whole = [{shaped(tensor, self.request.layout) for tensor in each} for each in tensors]
        spatial = [{tensor.spatial or tensor.dims for tensor in each} for each in tensors]
        for name, heading, sizes in (("output", "output", whole), ("size", "output size", spatial)):
            if all(len(each) == 1 for each in sizes):
                about = "shape of the output" if name == "output" else "size of the output, without its channels"
                return [Column(name, heading, "shape", about)], [next(iter(each)) for each in sizes]
        return [], [None] * len(tensors)

    # --- lines -----------------------------------------------------------------------------

    @cached_property
    def places(self) -> list[Place]:
        """The rows of all networks in order: those of one path share a line, and others of the same size may."""
        held = [[(number, i) for i in range(len(side.rows))] for number, side in enumerate(self.sides)]
        aligned = align(held, self._likeness)
        return [tuple(None if member is None else member[1] for member in place) for place in aligned]

    def _likeness(self, one: tuple[int, int], other: tuple[int, int]) -> float:
        first, second = (self.sides[side].rows[i] for side, i in (one, other))
        if first.path == second.path:
            return 1.0
        if first.path in self._paths[other[0]] or second.path in self._paths[one[0]]:
            return 0.0
        return 0.5 if first.output.spatial == second.output.spatial else 0.0

    @cached_property
    def _paths(self) -> list[set[str]]:
        return [{row.path for row in side.rows} for side in self.sides]

    def _rows(self, place: Place) -> list[Row | None]:
        return [None if i is None else side.rows[i] for side, i in zip(self.sides, place, strict=True)]

    def _line(self, place: Place) -> Line:
        made = [row for row in self._rows(place) if row is not None]
        path = " / ".join(dict.fromkeys(row.path for row in made))
        sizes = [self._sizes[1][self.places.index(place)]] if self._sizes[0] else []
        values = [
            None if i is None else self._value(side, name, i)
            for side, i in zip(self.sides, place, strict=True)
            for name in self.names
        ]
        return Line((path, *sizes, *values), path=path)

    def _value(self, side: Side, name: str, index: int) -> Value:
        if name == "op":
            return side.contents.text(index, self.named)
        known, row = PER_NETWORK[name], side.rows[index]
        return shaped(known.of(row.facts) if isinstance(known, Measure) else known.of(row), self.request.layout)

    def _below(self, name: str) -> Line:
        """A line with a measure of each whole network."""
        known = MEASURES[name]
        values = [known.of(side.summary.total) if each == "op" else None for side in self.sides for each in self.names]
        return Line((known.name, *([None] * len(self._sizes[0])), *values), label=known.heading, unit=known.unit)

    def _total(self) -> list[Value]:
        values: list[Value] = ["total"]
        for side in self.sides:
            for known in map(PER_NETWORK.__getitem__, self.names):
                value = known.of(side.summary.total) if isinstance(known, Measure) else known.total(side.summary)
                values.append(shaped(value, self.request.layout))
        return values

    @cached_property
    def named(self) -> set[str]:
        """The blocks that are written by their names: those whose copies differ in more than strides in any network."""
        return {block for side in self.sides for block in side.contents.uneven}

    # --- texts -----------------------------------------------------------------------------

    def _title(self) -> str:
        """`ResNet: 18, 34, 50 (specs/resnet.arch)`, or the names of all networks."""
        headers = {(side.summary.graph.header.name, side.summary.graph.header.spec) for side in self.sides}
        if len(headers) > 1:
            return ", ".join(side.heading for side in self.sides)
        ((name, spec),) = headers
        return f"{name}: {', '.join(side.heading for side in self.sides)} ({spec})"

    def _heading(self, told: set[str]) -> Iterator[str]:
        """What holds for all networks once, then what holds for each."""
        lines = [list(conditions(side.summary, told)) for side in self.sides]
        common = [line for line in lines[0] if all(line in each for each in lines)]
        yield from common
        for side, own in zip(self.sides, lines, strict=True):
            yield from (f"{side.heading}: {line}" for line in own if line not in common)

    def _notes(self) -> Iterator[str]:
        folds = [
            (side, fold)
            for side in self.sides
            for index in range(len(side.rows))
            for fold in side.contents.folds(index, self.named)
        ]
        owners: dict[str, dict[str, None]] = {}
        for side, fold in folds:
            if fold.block and len(fold.lines) > 1:
                owners.setdefault(fold.block, {})[side.heading] = None
        if "op" not in self.names:
            return
        if any(fold.copies > 1 for _, fold in folds):
            strided = any(", first " in fold.text for _, fold in folds)
            first = "; first /2: the first copy has this stride" if strided else ""
            yield f"[…] ×n: n copies, one after the other{first}"
        if owners:
            yield "Blocks: " + ", ".join(f"{block} ({', '.join(names)})" for block, names in owners.items())
        for block in sorted(self.named):
            if varying := self._varying(block):
                yield f"{block}: its arguments are {', '.join(varying)}"
        if any(line.startswith("gate ") for _, fold in folds for line in fold.lines):
            yield "gate a, b: channels are weighed, by layers with a and b outputs"
        yield "Normalization, activations and skips are not listed"

    def _varying(self, block: str) -> list[str]:
        """The arguments of a block that differ between its uses, in the order of its definition."""
        found: dict[str, None] = {}
        for side in self.sides:
            uses = [scope for scope in side.summary.graph.scopes.values() if scope.block == block]
            names = side.summary.varying.get(block, set())
            found.update(dict.fromkeys(name for use in uses[:1] for name, _ in use.arguments if name in names))
        return list(found)

    def _facts(self, side: Side) -> dict[str, Any]:
        header, total = side.summary.graph.header, side.summary.total
        return {
            "name": side.name,
            "network": header.name,
            "variant": header.variant,
            "spec": header.spec,
            "source": header.source,
            "inputs": [list(node.output.dims) for node in side.summary.graph.inputs],
            "settings": [{"name": s.name, "value": s.value, "origin": s.origin} for s in header.settings],
            **{name: MEASURES[name].of(total) for name in BELOW},
        }


def _headings(labels: Sequence[str]) -> list[str]:
    """The labels without the name of the spec, if all are of one: `18` and `34` for `resnet@18` and `resnet@34`.

    >>> _headings(["resnet@18", "resnet@34"]), _headings(["vgg", "vgg@A"]), _headings(["vgg", "resnet@18"])
    (['18', '34'], ['vgg', 'A'], ['vgg', 'resnet@18'])
    """
    specs = {label.split(" ")[0].partition("@")[0] for label in labels}
    if len(specs) > 1:
        return list(labels)
    return [label.removeprefix(next(iter(specs))).removeprefix("@").strip() or label for label in labels]


def _unique(names: Sequence[str]) -> list[str]:
    """The names, with a number behind those that were there before: `vgg`, `vgg (2)`."""
    return [f"{n} ({names[: i + 1].count(n)})" if n in names[:i] else n for i, n in enumerate(names)]
