"""Convolutions and pools of maps in windows or heads that are folded into the batch.

The windows are one more dimension of positions, in which the kernel has size 1: a convolution of 3 x 3 is one of
1 x 3 x 3 on channels x windows x rows x columns, with the same numbers as weights. Clips have no dimension left, so
their convolution is held as it is.
"""

from __future__ import annotations

from typing import Any

from archdsl.frontends.arrangement import BATCH, CHANNELS, Arrangement, along, whole
from archdsl.frontends.aten import pool, recurrent, weighted
from archdsl.frontends.aten.call import Call, Result, Translation, compact
from archdsl.frontends.aten.literal import in_order
from archdsl.frontends.aten.placed import Placed
from archdsl.frontends.aten.step import Step
from archdsl.ops.base import Op
from archdsl.ops.conv import Conv, Depthwise
from archdsl.ops.folded_conv import FoldedConv
from archdsl.tensor import Tensor


def folded(translate: Translation) -> Translation:
    """The translation of an operation on maps, for maps in windows."""

    def in_windows(call: Call) -> Result:
        step = translate(call)
        placed = call.trace.placed.get(step.inputs[0]) if isinstance(step, Step) else None
        if not isinstance(step, Step) or placed is None:
            return None
        count = len(call.trace.shape(call.node)) - 2
        return _at_each_place(step, placed) or (_of_clips if count == 3 else _in_depth)(step, placed)

    return in_windows


def _at_each_place(step: Step, placed: Placed) -> Step | None:
    """A convolution of kernel 1, which computes the same wherever a place lies."""
    op = step.op
    taken = placed.with_channels(1) if isinstance(op, Conv) and (op.kernel, op.stride) == (1, 1) else None
    if not isinstance(op, Conv) or op.padding not in (0, "same") or taken is None:
        return None
    return Step(op, (taken.value,), step.weights, (taken.arrangement.with_axis(1, along(CHANNELS, op.out)),))


def _in_depth(step: Step, placed: Placed) -> Step | None:
    taken = _unfolded(placed, windows_first=False)
    op = _deeper(step.op, taken.tensor) if taken else None
    if taken is None or op is None:
        return None
    batch, channels, windows, *positions = whole((taken.batch, *op.outputs(taken.tensor)[0].dims)).axes
    lies = Arrangement(((*batch, *windows), channels, *positions))
    return Step(op, (taken.value,), step.weights, (lies,))


def _of_clips(step: Step, placed: Placed) -> Step | None:
    """A convolution of a clip in each window."""
    taken = _unfolded(placed, windows_first=True)
    if taken is None or not isinstance(step.op, Conv | Depthwise):
        return None
    given = dict(step.op)
    channels = taken.tensor.dims[1]
    if isinstance(step.op, Depthwise):
        given |= {"out": channels * given.pop("multiplier"), "groups": channels}
    del given["init"]
    op = FoldedConv(**given)
    batch, windows, *rest = whole((taken.batch, *op.shape(taken.tensor).dims)).axes
    return Step(op, (taken.value,), step.weights, (Arrangement(((*batch, *windows), *rest)),))


def _unfolded(placed: Placed, windows_first: bool) -> Placed | None:
    """A value of batch and windows, channels, positions with the windows as an axis of their own, before the channels
    or after them."""
    lies = placed.arrangement
    if lies.rank < 3 or lies.axes[0][:1] != along(BATCH, placed.batch) or len(lies.axes[0]) == 1:
        return None
    batch, *windows = lies.axes[0]
    first, second = (tuple(windows), lies.axes[1]) if windows_first else (lies.axes[1], tuple(windows))
    axes = ((batch,), first, second, *lies.axes[2:])
    return in_order(placed.arranged(Arrangement(axes, lies.rolled)))


def _deeper(op: Op, x: Tensor) -> Op | None:
    """The op on maps with one dimension more, in which it does nothing; None for borders that differ by side."""
    count = len(x.spatial) - 1
    given = dict(op)
    for name, size in (("kernel", 1), ("stride", 1), ("dilation", 1), ("padding", 0)):
        value: Any = given.get(name)
        if isinstance(value, tuple) and len(value) != count:
            return None
        if isinstance(value, int | tuple):
            given[name] = compact((size, *((value,) * count if isinstance(value, int) else value)), count + 1)
    return type(op)(**given)


TRANSLATIONS: dict[str, Translation] = {
    **{f"conv{count}d": folded(weighted.convolution) for count in (1, 2, 3)},
    **{f"max_pool{count}d": folded(pool.maximum) for count in (1, 2)},
    **{f"avg_pool{count}d": folded(pool.average) for count in (1, 2)},
    **recurrent.FOLDED,
}
"""Translations to try where the batch is not an axis of its own."""
