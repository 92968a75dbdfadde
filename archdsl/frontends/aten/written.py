"""Parts of a value that code writes over: `x[:, 1:] += y`.

A trace without in-place operations has the part, the sum, and a copy of `x` in which the sum is at the part's place.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from archdsl.frontends.arrangement import CHANNELS
from archdsl.frontends.aten.call import Call, Result, Trace, Translation
from archdsl.frontends.aten.held import bordered, fitting, one_axis
from archdsl.frontends.aten.layout import UNCHANGED
from archdsl.frontends.aten.literal import Literal, as_it_lies, literal
from archdsl.frontends.aten.step import Made, Step, TraceNode, operation
from archdsl.ops.base import Op
from archdsl.ops.fixed import Fixed, packed
from archdsl.ops.held import Joined, Part
from archdsl.ops.merge import Concat
from archdsl.ops.reshape import ChannelSlice


@dataclass(frozen=True, slots=True)
class Region:
    """What a call gives is a part of what another one gives: along some axes the places from one number to another."""

    whole: TraceNode
    places: tuple[tuple[int, tuple[int, int]], ...] = ()

    def part(self, axis: int, start: int, stop: int) -> Region:
        places = dict(self.places)
        first, _ = places.get(axis, (0, 0))
        return replace(self, places=tuple(sorted((places | {axis: (first + start, first + stop)}).items())))


def region(trace: Trace, node: TraceNode) -> Region | None:
    """What a call takes a part of; None for a call that gives something else."""
    name = operation(node)
    if name not in (*UNCHANGED, "copy", "slice", "slice_scatter"):
        return None
    call = trace.call(node)
    if name in UNCHANGED or name == "copy":
        source = call["src" if name == "copy" else "self"]
        same = source.meta["val"].dtype == node.meta["val"].dtype and trace.shape(source) == trace.shape(node)
        return _region(trace, source) if same else None
    axis, start, stop = _places(call)
    if start < 0:
        return None
    before = _region(trace, call["self"])
    part = before if (start, stop) == (0, trace.shape(call["self"])[axis]) else before.part(axis, start, stop)
    if name != "slice_scatter":
        return part
    return before if _region(trace, call["src"]) == part else None


def _region(trace: Trace, node: TraceNode) -> Region:
    return trace.regions.get(node) or Region(node)


def _places(call: Call) -> tuple[int, int, int]:
    """The axis of a part in a row, where it begins and where it ends; begins at -1 if it skips places."""
    shape = call.trace.shape(call["self"])
    axis = call["dim"] % len(shape)
    start, stop, step = slice(call["start"], call["end"], call["step"]).indices(shape[axis])
    return axis, start if step == 1 else -1, stop


def overwritten(call: Call) -> Result:
    """aten.slice_scatter: a value with another one at the places of a part."""
    return _unchanged(call) or _zeroed(call) or _increased(call) or _replaced(call)


def _unchanged(call: Call) -> Result:
    """The value itself, if what is written is what was there."""
    return call["self"] if region(call.trace, call.node) else None


def _zeroed(call: Call) -> Result:
    """Zeros at some places: a product with fixed numbers, which are 0 there and 1 elsewhere."""
    found, zeros = one_axis(call), call.table("src")
    if found is None or zeros is None or zeros.number != 0:
        return None
    value, axis, dim = found
    factors = np.ones(value.sizes[axis] or 1, np.float32)
    factors[call["start"] : call["end"] : call["step"]] = 0
    dims = tuple(size if place == dim else 1 for place, size in enumerate(value.tensor.dims, 1))
    op = Fixed(dims=dims, numbers=packed(factors.tobytes()))
    product = fitting("mul", [value, replace(value, tensor=op.shape())])
    return Step(product, (value.value, Step(op, ())), arrangements=(value.lies(),))


def _increased(call: Call) -> Result:
    """A sum with what was added to the part, and zeros around it."""
    trace, value = call.trace, as_it_lies(call.placed("self"))
    added = _added(trace, call.node, _region(trace, call["self"]), value.order) if value else None
    if value is None or added is None or (value.sizes, value.batch_axis) != (added.sizes, added.batch_axis):
        return None
    op = fitting("add", [value, added])
    return Step(op, (value.value, added.value), arrangements=(value.lies(),))


def _added(trace: Trace, node: TraceNode, wanted: Region, order: tuple[int, ...]) -> Literal | None:
    """What a call adds to a part of a value; None if it gives something else than a sum with that part."""
    name, call = operation(node), trace.call(node)
    if name == "copy":
        return _added(trace, call["src"], wanted, order) if trace.shape(call["src"]) == trace.shape(node) else None
    if name == "slice_scatter" and _region(trace, call["self"]) == wanted:
        axis, start, stop = _places(call)
        part = wanted.part(axis, start, stop)
        inner = _added(trace, call["src"], part, order) if start >= 0 else None
        return bordered(inner, axis, start, trace.shape(node)[axis] - stop) if inner else None
    if name != "add" or call["alpha"] != 1:
        return None
    for one, other in (("self", "other"), ("other", "self")):
        is_value = hasattr(call[other], "meta") and trace.shape(call[other]) == trace.shape(node)
        if is_value and _region(trace, call[one]) == wanted:
            return literal(call.placed(other), order)
    return None


def _replaced(call: Call) -> Result:
    """What is before the part, the part as it is written, and what is after it."""
    found, (axis, start, stop) = one_axis(call), _places(call)
    part = literal(call.placed("src"), found[0].order) if found else None
    if found is None or part is None or start < 0:
        return None
    value, _, dim = found
    sizes = (*value.sizes[:axis], stop - start, *value.sizes[axis + 1 :])
    if (part.sizes, part.batch_axis) != (sizes, value.batch_axis):
        return None
    size = value.tensor.dims[dim - 1]
    ends = [(first, last) for first, last in ((0, start), (stop, size)) if first < last]
    pieces: list[Made | Step] = [Step(_cut(dim, first, last, size), (value.value,)) for first, last in ends]
    pieces.insert(int(start > 0), part.value)
    return Step(Concat() if dim == CHANNELS else Joined(dim=dim), tuple(pieces), arrangements=(value.lies(),))


def _cut(dim: int, first: int, last: int, size: int) -> Op:
    """The op that takes the places from `first` to `last` of a dimension of this size."""
    if dim == CHANNELS:
        return ChannelSlice(start=first, stop=None if last == size else last)
    return Part(dim=dim, start=first, stop=last)


def copied(call: Call) -> Result:
    """aten.copy: the second value in the shape of the first."""
    placed, value = call.placed("src"), call.node.meta["val"]
    if placed is None or call["src"].meta["val"].dtype != value.dtype:
        return None
    return placed.arranged(placed.arrangement.expanded(call.trace.shape(call.node)), call.node)


TRANSLATIONS: dict[str, Translation] = {"slice_scatter": overwritten, "copy": copied}
"""Translations by name of operation."""
