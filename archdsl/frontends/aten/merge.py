"""Arithmetic between values, with constants, and with learned factors."""

from __future__ import annotations

from math import prod
from typing import Any

from archdsl.frontends.arrangement import CHANNELS, along, whole
from archdsl.frontends.aten.call import Call, Result, Translation
from archdsl.frontends.aten.pieces import together
from archdsl.frontends.aten.placed import Placed
from archdsl.frontends.aten.recurrent import state_of
from archdsl.frontends.aten.step import Source, Step
from archdsl.ops.base import Op
from archdsl.ops.merge import Add, Concat, Maximum, Mul, Sub
from archdsl.ops.scale import LayerScale, Scale


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _scaled(value: Source, factor: float) -> Source:
    return value if factor == 1 else Step(Scale(factor=float(factor)), (value,))


def add(call: Call) -> Result:
    return _sum(call, Add())


def subtract(call: Call) -> Result:
    return _sum(call, Sub())


def _sum(call: Call, op: Op) -> Result:
    alpha = call["alpha"]
    if _is_number(call["other"]):
        return call["self"] if call["other"] * alpha == 0 else None
    if not _are_joined(call):
        return None
    return Step(op, (call["self"], _scaled(call["other"], alpha)))


def multiply(call: Call) -> Result:
    for one, other in (("self", "other"), ("other", "self")):
        if _is_number(call[other]):
            return _scaled(call[one], call[other])
        factor = call.weight(other)
        if factor is not None and _are_values(call, one):
            return _learned_factor(call, one, other)
    return Step(Mul(), (call["self"], call["other"])) if _are_joined(call) else None


def _learned_factor(call: Call, value: str, factor: str) -> Result:
    """A learned factor for each channel (in a shape that broadcasts over positions), or one for all."""
    placed, shape, weights = call.placed(value), call.trace.shape(call[factor]), {"weight": call.weight(factor)}
    if placed is None or prod(shape) == 1:
        return Step(LayerScale(per_channel=False), (call[value],), weights)
    axis = placed.arrangement.rank - len(shape) + shape.index(max(shape))
    taken = placed.with_channels(axis) if axis > 0 else None
    if taken is None or prod(shape) != taken.tensor.channels:
        return None
    return Step(LayerScale(per_channel=True), (taken.value,), weights, (taken.arrangement,))


def divide(call: Call) -> Result:
    if call.get("rounding_mode") is None and _is_number(call["other"]) and call["other"]:
        return _scaled(call["self"], 1 / call["other"])
    return None


def maximum(call: Call) -> Result:
    return Step(Maximum(), (call["self"], call["other"])) if _are_joined(call) else None


def concat(call: Call) -> Result:
    nodes = call.joined
    if len(nodes) == 1:
        return nodes[0]
    if any(table and table.number == 0 for table in map(call.trace.tables.__getitem__, nodes)):
        return None
    axis = call["dim"] % len(call.trace.shape(call.node))
    whole_again = together(call.trace, nodes, axis) or (state_of(call.trace, nodes) if axis == 0 else None)
    if whole_again:
        return whole_again
    placed = [call.trace.placed.get(node) for node in nodes]
    parts = [part.for_each_sample() for part in placed if part]
    if len(parts) < len(nodes):
        return None
    return _channels_in_a_row(parts, axis) or _positions_in_a_row(parts, axis)


def _channels_in_a_row(parts: list[Placed], axis: int) -> Step | None:
    kept, read = (part.with_channels(axis) for part in parts), (part.reads_channels(axis) for part in parts)
    return _concatenated(list(filter(None, kept)), parts, axis) or _concatenated(list(filter(None, read)), parts, axis)


def _concatenated(taken: list[Placed], parts: list[Placed], axis: int) -> Step | None:
    if len(taken) < len(parts) or len({part.arrangement.with_axis(axis, None) for part in taken}) > 1:
        return None
    channels = sum(part.tensor.channels for part in taken)
    lies = taken[0].arrangement.with_axis(axis, along(CHANNELS, channels))
    return Step(Concat(), tuple(part.value for part in taken), arrangements=(lies,))


def _positions_in_a_row(parts: list[Placed], axis: int) -> Step | None:
    """Sequences of which one follows the other."""
    batch, rest = parts[-1].batch_axis, parts[-1].other_axes
    if len(rest) != 2 or axis not in rest:
        return None
    order = (batch, *(other for other in rest if other != axis), axis)
    taken = [found for part in parts if part.arrangement.rank == 3 and (found := part.standard(order))]
    if len(taken) < len(parts):
        return None
    length = sum(part.tensor.spatial[0] for part in taken)
    lies = whole((taken[0].batch, taken[0].tensor.channels, length)).inverted(order)
    return Step(Concat(over="positions"), tuple(part.value for part in taken), arrangements=(lies,))


def _are_joined(call: Call) -> bool:
    """Whether two values are joined sample by sample: with unequal ranks, PyTorch would join other dimensions."""
    if not _are_values(call, "self", "other"):
        return False
    return len(call.trace.shape(call["self"])) == len(call.trace.shape(call["other"]))


def _are_values(call: Call, *names: str) -> bool:
    """Whether these are values of the network, one for each sample."""
    return all(call.is_value(name) for name in names)


TRANSLATIONS: dict[str, Translation] = {
    "add": add,
    "sub": subtract,
    "mul": multiply,
    "div": divide,
    "maximum": maximum,
    "cat": concat,
}
