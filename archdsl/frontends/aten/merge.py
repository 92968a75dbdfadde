"""Arithmetic between values, with constants, and with learned factors."""

from __future__ import annotations

from math import prod
from typing import Any

from archdsl.frontends.aten.call import Call, Result, Source, Step, Translation
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
    dims, shape = call.dims(value), call.trace.shape(call[factor])
    per_channel = shape[-len(dims) :] == (dims[0], *(1 for _ in dims[1:])) if dims else False
    if not per_channel and prod(shape) != 1:
        return None
    op = LayerScale(per_channel=per_channel)
    return Step(op, (call[value],), {"weight": call.weight(factor)})


def divide(call: Call) -> Result:
    if call.get("rounding_mode") is None and _is_number(call["other"]) and call["other"]:
        return _scaled(call["self"], 1 / call["other"])
    return None


def maximum(call: Call) -> Result:
    return Step(Maximum(), (call["self"], call["other"])) if _are_joined(call) else None


def concat(call: Call) -> Result:
    parts = tuple(call["tensors"])
    if call["dim"] % (len(call.out) + 1) != 1 or any(call.trace.is_weight(part) for part in parts):
        return None
    return parts[0] if len(parts) == 1 else Step(Concat(), parts)


def _are_joined(call: Call) -> bool:
    """Whether two values are joined sample by sample: with unequal ranks, PyTorch would join other dimensions."""
    if not _are_values(call, "self", "other"):
        return False
    return len(call.trace.shape(call["self"])) == len(call.trace.shape(call["other"]))


def _are_values(call: Call, *names: str) -> bool:
    """Whether these are values of the network, one for each sample."""
    nodes = [call[name] for name in names]
    return all(hasattr(n, "meta") and call.trace.has_batch(n, call.trace.shape(n)) for n in nodes)


TRANSLATIONS: dict[str, Translation] = {
    "add": add,
    "sub": subtract,
    "mul": multiply,
    "div": divide,
    "maximum": maximum,
    "cat": concat,
}
