"""Sliding pools, adaptive pools, and means and maxima over whole maps."""

from __future__ import annotations

from typing import Any

from archdsl.frontends.arrangement import whole
from archdsl.frontends.aten.call import Call, Result, Translation, bound, compact
from archdsl.frontends.aten.step import Step, TraceNode, operation
from archdsl.ops.base import Op
from archdsl.ops.pool import AvgPool, MaxPool
from archdsl.ops.pool_adaptive import AdaptiveAvgPool, AdaptiveMaxPool, GlobalAvgPool, GlobalMaxPool


def _window(call: Call) -> dict[str, Any]:
    count = len(call.out) - 1
    kernel = compact(call["kernel_size"], count)
    stride = compact(call["stride"], count) if call["stride"] else kernel
    return {
        "kernel": kernel,
        "stride": None if stride == kernel else stride,
        "padding": compact(call["padding"], count),
        "ceil": call["ceil_mode"],
    }


def maximum(call: Call) -> Result:
    if not call.takes_first_result_only:
        return None
    count = len(call.out) - 1
    window = _window(call) | {"dilation": compact(call["dilation"], count)}
    source = call["self"]
    borders = _borders_that_never_win(source, count)
    if borders is None or any(_each(call["padding"], count)):
        return Step(MaxPool(**window), (source,))
    return Step(MaxPool(**window | {"padding": borders}), (source.args[0],))


def _borders_that_never_win(node: TraceNode, count: int) -> tuple[int, ...] | None:
    """The borders (left, right, top, bottom ...) of a value padded with minus infinity; None for other values."""
    if operation(node) not in ("pad", "constant_pad_nd"):
        return None
    arguments = bound(node)
    sides = arguments["pad"]
    if arguments["value"] != float("-inf") or min(sides) < 0 or len(sides) != 2 * count:
        return None
    return tuple(sides)


def _each(value: int | list[int], count: int) -> list[int]:
    return [value] * count if isinstance(value, int) else value


def average(call: Call) -> Result:
    if call.get("divisor_override") is not None:
        return None
    return Step(AvgPool(include_padding=call["count_include_pad"], **_window(call)), (call["self"],))


def adaptive_average(call: Call) -> Result:
    size = compact(call["output_size"], len(call.out) - 1)
    return Step(GlobalAvgPool() if size == 1 else AdaptiveAvgPool(size=size), (call["self"],))


def adaptive_maximum(call: Call) -> Result:
    if not call.takes_first_result_only:
        return None
    size = compact(call["output_size"], len(call.out) - 1)
    return Step(GlobalMaxPool() if size == 1 else AdaptiveMaxPool(size=size), (call["self"],))


def mean(call: Call) -> Result:
    return _over_map(call, GlobalAvgPool(), call["dim"]) if call.get("dim") not in (None, []) else None


def largest(call: Call) -> Result:
    return _over_map(call, GlobalMaxPool(), call["dim"]) if call.get("dim") not in (None, []) else None


def _over_map(call: Call, pool: Op, axes: Any) -> Result:
    """A pool over all positions, in whichever order the axes are."""
    placed = call.placed("self")
    if axes is None or placed is None or not call.takes_first_result_only:
        return None
    pooled = call.axes("dim")
    for order in placed.orders():
        taken = placed.standard(order)
        if taken and taken.tensor.spatial and sorted(order[2:]) == list(pooled):
            dims = (taken.batch, taken.tensor.channels, *(1 for _ in taken.tensor.spatial))
            lies = whole(dims).inverted(order) if call["keepdim"] else whole(dims[:2])
            return Step(pool, (taken.value,), arrangements=(lies,))
    return None


TRANSLATIONS: dict[str, Translation] = {
    "max_pool1d": maximum,
    "max_pool2d": maximum,
    "max_pool3d": maximum,
    "avg_pool1d": average,
    "avg_pool2d": average,
    "avg_pool3d": average,
    "adaptive_avg_pool1d": adaptive_average,
    "adaptive_avg_pool2d": adaptive_average,
    "adaptive_avg_pool3d": adaptive_average,
    "adaptive_max_pool1d": adaptive_maximum,
    "adaptive_max_pool2d": adaptive_maximum,
    "adaptive_max_pool3d": adaptive_maximum,
    "mean": mean,
    "amax": largest,
    "max": largest,
}
