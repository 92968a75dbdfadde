"""Non-linearities."""

from __future__ import annotations

from archdsl.frontends.aten.call import Call, Result, Step, Translation
from archdsl.ops.activation import (
    Elu,
    Gelu,
    HardSigmoid,
    HardSwish,
    LeakyRelu,
    LogSoftmax,
    Prelu,
    Relu,
    Relu6,
    Sigmoid,
    Silu,
    Softmax,
    Tanh,
)
from archdsl.ops.base import Op


def plain(op: Op) -> Translation:
    """An operation that is `op`, whatever its arguments."""
    return lambda call: Step(op, (call["self"],))


def clamp(call: Call) -> Result:
    low, high = call.get("min"), call.get("max")
    return _between(call, low, high)


def hardtanh(call: Call) -> Result:
    return _between(call, call["min_val"], call["max_val"])


def _between(call: Call, low: object, high: object) -> Result:
    if low == 0 and high in (None, 6):
        return Step(Relu() if high is None else Relu6(), (call["self"],))
    return None


def leaky_relu(call: Call) -> Result:
    return Step(LeakyRelu(slope=float(call["negative_slope"])), (call["self"],))


def elu(call: Call) -> Result:
    if call["scale"] != 1 or call["input_scale"] != 1:
        return None
    return Step(Elu(alpha=float(call["alpha"])), (call["self"],))


def gelu(call: Call) -> Result:
    return Step(Gelu(approximate=call["approximate"] == "tanh"), (call["self"],))


def prelu(call: Call) -> Result:
    weights = call.weights("weight")
    if weights is None:
        return None
    return Step(Prelu(per_channel=call.trace.size(call["weight"]) > 1), (call["self"],), weights)


def over_channels(op: Op) -> Translation:
    """Softmax and the like, where they are over the channels."""
    return lambda call: Step(op, (call["self"],)) if call.axes("dim") == (1,) else None


TRANSLATIONS: dict[str, Translation] = {
    "relu": plain(Relu()),
    "relu6": plain(Relu6()),
    "silu": plain(Silu()),
    "hardswish": plain(HardSwish()),
    "hardsigmoid": plain(HardSigmoid()),
    "sigmoid": plain(Sigmoid()),
    "tanh": plain(Tanh()),
    "clamp": clamp,
    "clamp_min": clamp,
    "hardtanh": hardtanh,
    "leaky_relu": leaky_relu,
    "elu": elu,
    "gelu": gelu,
    "prelu": prelu,
    "softmax": over_channels(Softmax()),
    "log_softmax": over_channels(LogSoftmax()),
}
