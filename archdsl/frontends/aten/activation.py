"""Activations that one call computes. Most are recognized by their own trace instead (`traced.py`)."""

from __future__ import annotations

from archdsl.frontends.aten.call import Call, Result, Translation
from archdsl.frontends.aten.step import Step
from archdsl.ops.activation import Prelu, Relu, Relu6


def clamp(call: Call) -> Result:
    return _between(call, call.get("min"), call.get("max"))


def hardtanh(call: Call) -> Result:
    return _between(call, call["min_val"], call["max_val"])


def _between(call: Call, low: object, high: object) -> Result:
    if low == 0 and high in (None, 6):
        return Step(Relu() if high is None else Relu6(), (call["self"],))
    return None


def relu6(call: Call) -> Result:
    return Step(Relu6(), (call["self"],))


def prelu(call: Call) -> Result:
    weights = call.weights("weight")
    if weights is None:
        return None
    return Step(Prelu(per_channel=call.trace.size(call["weight"]) > 1), (call["self"],), weights)


TRANSLATIONS: dict[str, Translation] = {
    "relu6": relu6,
    "clamp": clamp,
    "clamp_min": clamp,
    "hardtanh": hardtanh,
    "prelu": prelu,
}
