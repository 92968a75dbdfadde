"""What a table can show: one entry a column, from a row to an exact value."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import Enum
from typing import TypeAlias

from archdsl.analyses.receptive_field import Field
from archdsl.analyses.rows import Row, nodes_in
from archdsl.analyses.summary import Facts, Summary
from archdsl.backends.table.words import members_text
from archdsl.ir.graph import Node, Scope
from archdsl.ops.arguments import spread
from archdsl.ops.base import Family, Window
from archdsl.tensor import Tensor

Value: TypeAlias = int | float | str | tuple[float, ...] | Tensor | None
"""Exact. A tuple is a size, one number a dimension; None: there is nothing to say."""


class Unit(Enum):
    """What a column's values are, which decides how they are written."""

    TEXT = "text"
    NUMBER = "number"
    COUNT = "count"
    BYTES = "bytes"
    SECONDS = "seconds"
    SHARE = "share"
    SIZE = "size"
    SHAPE = "shape"


@dataclass(frozen=True, slots=True)
class Column:
    """`total` is the value for the network as a whole. `sums` says that the rows' values add up to it."""

    name: str
    heading: str
    unit: Unit
    value: Callable[[Summary, Row], Value]
    total: Callable[[Summary], Value] = lambda summary: None
    sums: bool = False
    meaning: str = ""

    @property
    def is_text(self) -> bool:
        return self.unit is Unit.TEXT


def _fact(name: str, heading: str, unit: Unit, meaning: str, attribute: str | None = None) -> Column:
    """A column of one of the `Facts`."""

    def of(facts: Facts) -> Value:
        return getattr(facts, attribute or name)  # type: ignore[no-any-return]

    sums = name not in ("live", "intensity")
    return Column(name, heading, unit, lambda s, row: of(row.facts), lambda s: of(s.total), sums, meaning)


def _share(name: str, heading: str, attribute: str, meaning: str) -> Column:
    def of(summary: Summary, facts: Facts) -> Value:
        whole = getattr(summary.total, attribute)
        return getattr(facts, attribute) / whole if whole else None

    return Column(name, heading, Unit.SHARE, lambda s, row: of(s, row.facts), lambda s: of(s, s.total), True, meaning)


# --- what a row is -------------------------------------------------------------------------


def leading(summary: Summary, row: Row) -> Node | None:
    """The op that a row is about: its own, or the only one with multiply-adds in a closed scope."""
    if isinstance(row.main, Node):
        return row.main
    if row.opened or row.copies > 1:
        return None
    inside = nodes_in(summary, row.members)
    working = [node for node in inside if summary.nodes[node.id].macs] or [
        node for node in inside if node.op.family is Family.POOL
    ]
    return working[0] if len(working) == 1 else None


def _window(summary: Summary, row: Row) -> tuple[Node, Window] | None:
    """The row's sliding window. A global op has none."""
    node = leading(summary, row)
    window = node.op.window(*summary.graph.tensors_into(node.id)) if node else None
    has_kernel = node is not None and "kernel" in type(node.op).model_fields
    return (node, window) if node and window and has_kernel else None


def _of_window(name: str) -> Callable[[Summary, Row], Value]:
    def value(summary: Summary, row: Row) -> Value:
        found = _window(summary, row)
        if found is None:
            return None
        _, window = found
        if name == "stride" and window.stretch:
            return window.stretch
        return getattr(window, name)  # type: ignore[no-any-return]

    return value


def _padding(summary: Summary, row: Row) -> Value:
    """One number a dimension; where the ends differ, left, right, top and bottom."""
    found = _window(summary, row)
    if found is None:
        return None
    node, window = found
    if node.op.name == "up_conv":
        (x,) = summary.graph.tensors_into(node.id)
        return spread(getattr(node.op, "padding"), x, "padding")  # noqa: B009
    if all(start == end for start, end in window.padding):
        return tuple(start for start, _ in window.padding)
    return tuple(side for pair in reversed(window.padding) for side in pair)


def _groups(summary: Summary, row: Row) -> Value:
    node = leading(summary, row)
    if node is None or node.op.family is not Family.CONV:
        return None
    if node.op.name == "depthwise":
        return summary.graph.tensors_into(node.id)[0].channels
    return getattr(node.op, "groups", 1)


def _input(summary: Summary, row: Row) -> Value:
    first = nodes_in(summary, row.members[:1])[0]
    return summary.graph.tensors_into(first.id)[0]


def _inside(summary: Summary, row: Row) -> Value:
    """Weighted layers that the row adds in depth."""
    inputs = (summary.graph.inputs_of(node.id) for node in nodes_in(summary, row.members))
    before = [summary.layers[value.node] for values in inputs for value in values]
    return summary.layers[row.result.node] - min(before, default=0)


def _line(summary: Summary, row: Row) -> Value:
    span = row.main.span
    return f"{span.source.name}:{span.line}"


def _title(summary: Summary, row: Row) -> Value:
    return row.main.title if isinstance(row.main, Scope) else None


# --- receptive fields ----------------------------------------------------------------------


GLOBAL = "global"
"""The receptive field of what is no place any more, but the same for all."""


def _of_field(number: Callable[[Field], float], smallest: bool = False) -> Callable[[Summary, str], Value]:
    def value(summary: Summary, id: str) -> Value:
        found = summary.field(id)
        fields = found.smallest if smallest else found.largest
        if not any(field.jump for field in fields):
            return GLOBAL
        values = [number(field) for field in fields]
        whole = tuple(int(v) if v == int(v) else v for v in values)
        return whole[0] if len(set(whole)) == 1 else whole

    return value


def _field_column(
    name: str, heading: str, number: Callable[[Field], float], meaning: str, smallest: bool = False
) -> Column:
    of = _of_field(number, smallest)
    return Column(
        name,
        heading,
        Unit.SIZE,
        lambda s, row: of(s, row.result.node),
        lambda s: of(s, s.graph.outputs[0].values[0].node),
        meaning=meaning,
    )


def _last_output(summary: Summary) -> Value:
    return summary.graph.tensor(summary.graph.outputs[0].values[0])


# --- the table of columns ------------------------------------------------------------------

_ALL = (
    Column("path", "stage", Unit.TEXT, lambda s, row: row.path, lambda s: "total", meaning="path in the network"),
    Column("op", "op", Unit.TEXT, lambda s, row: members_text(s, row), meaning="what it is: ops, blocks, ×n"),
    Column("title", "title", Unit.TEXT, _title, meaning="a stage's title"),
    Column("line", "line", Unit.TEXT, _line, meaning="where the spec says it"),
    Column("kernel", "kernel", Unit.SIZE, _of_window("kernel"), meaning="window in pixels"),
    Column("stride", "stride", Unit.SIZE, _of_window("stride"), meaning="pixels from window to window"),
    Column("padding", "padding", Unit.SIZE, _padding, meaning="pixels around the input"),
    Column("dilation", "dilation", Unit.SIZE, _of_window("dilation"), meaning="pixels from tap to tap"),
    Column("groups", "groups", Unit.NUMBER, _groups, meaning="groups of a convolution"),
    Column("input", "input", Unit.SHAPE, _input, meaning="shape of what flows in"),
    Column("output", "output", Unit.SHAPE, lambda s, row: row.output[-1], _last_output, meaning="shape of the output"),
    _fact("params", "params", Unit.COUNT, "learned numbers"),
    _share("params%", "params %", "params", "share of the learned numbers"),
    _fact("buffers", "buffers", Unit.COUNT, "kept numbers that are not learned"),
    _fact("macs", "MACs", Unit.COUNT, "multiply-adds of convolutions and matrix products"),
    _share("macs%", "MACs %", "macs", "share of the multiply-adds"),
    _fact("flops", "FLOPs", Unit.COUNT, "2 × MACs and all other operations"),
    _fact("count", "count", Unit.COUNT, "operations by the convention's rule", "counted"),
    Column("layers", "layers", Unit.NUMBER, _inside, lambda s: s.depth, meaning="weighted layers in depth"),
    _field_column("field", "field", lambda f: f.size, "receptive field in pixels, over all ways"),
    _field_column("smallest", "smallest", lambda f: f.size, "receptive field by the smallest way", True),
    _field_column("jump", "jump", lambda f: f.stride, "input pixels from one position to the next"),
    _field_column("centre", "centre", lambda f: f.centre, "middle of the first position's field, in input pixels"),
    _fact("memory", "memory", Unit.BYTES, "memory of all outputs", "written"),
    _fact("live", "live", Unit.BYTES, "the most that is held at once at inference meanwhile"),
    _fact("kept", "kept", Unit.BYTES, "what training keeps for the backward pass"),
    _fact("traffic", "traffic", Unit.BYTES, "inputs, outputs and weights, read or written once", "moved"),
    _fact("intensity", "FLOPs/B", Unit.NUMBER, "operations for each byte of traffic"),
    _fact("time", "time", Unit.SECONDS, "at least, on the machine: its roofline"),
)

COLUMNS: Mapping[str, Column] = {column.name: column for column in _ALL}

DEFAULT = ("path", "op", "output", "params", "macs", "field", "memory", "flops", "jump")
"""The most wanted first: what does not fit a terminal is left out, from the end."""

ON_A_MACHINE = ("path", "op", "output", "macs", "time", "intensity", "traffic", "params", "memory")
"""The same where a machine is given."""
