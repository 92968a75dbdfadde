"""Operations with weights: convolutions, linear layers, normalizations."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from archdsl.frontends.arrangement import CHANNELS, Arrangement, along, joined, whole
from archdsl.frontends.aten.call import Call, Result, Translation, compact
from archdsl.frontends.aten.literal import channels_first, literal
from archdsl.frontends.aten.placed import Placed
from archdsl.frontends.aten.step import Source, Step, TraceNode, operation
from archdsl.ops.base import Op
from archdsl.ops.blur import BlurPool, binomial
from archdsl.ops.conv import Conv, Depthwise
from archdsl.ops.embed import Embed
from archdsl.ops.held_numbers import Applied, Reduced
from archdsl.ops.internal import RESHAPES
from archdsl.ops.linear import Linear
from archdsl.ops.merge import Add, Concat, Mul
from archdsl.ops.norm import Bn, GroupNorm, InstanceNorm, LayerNorm, RmsNorm
from archdsl.ops.position import Positions
from archdsl.ops.reshape import Split
from archdsl.ops.scale import LayerScale
from archdsl.ops.standardized import StandardizedConv
from archdsl.ops.transposed import UpConv
from archdsl.tensor import Tensor


def convolution(call: Call) -> Result:
    weights = call.weights("weight", "bias")
    if not call.dims("input"):
        return None
    if weights is None:
        return _blurred(call) or _standardized(call)
    out, per_group, *kernel = call.trace.shape(call["weight"])
    count, groups = len(kernel), call["groups"]
    channels = per_group * groups
    stride, dilation = compact(call["stride"], count), compact(call["dilation"], count)
    shared: dict[str, Any] = {
        "kernel": compact(kernel, count),
        "stride": stride,
        "padding": _padding(call["padding"], kernel, call["dilation"], count),
        "dilation": dilation,
        "bias": "bias" in weights,
    }
    if not call.trace.is_parameter(weights["weight"]):
        return None
    depthwise = groups == channels > 1 and per_group == 1
    op = Depthwise(multiplier=out // groups, **shared) if depthwise else Conv(out=out, groups=groups, **shared)
    return Step(op, (call["input"],), weights)


def _blurred(call: Call) -> Result:
    """A convolution of each channel with the same binomial filter, whose numbers are fixed."""
    table, stride = call.table("weight"), compact(call["stride"], 2)
    if table is None or table.weight is not None or call["bias"] is not None or not isinstance(stride, int):
        return None
    channels, per_group, *size = table.numbers.shape
    row = np.array(binomial(size[0]))
    is_binomial = len(size) == 2 and size[0] == size[1] and bool((table.numbers == np.outer(row, row)).all())
    if not is_binomial or (per_group, call["groups"]) != (1, channels) or len(call.dims("input")) != 3:
        return None
    if (compact(call["padding"], 2), compact(call["dilation"], 2)) != (0, 1):
        return None
    return Step(BlurPool(kernel=size[0], stride=stride), (call["input"],))


def _standardized(call: Call) -> Result:
    """A convolution whose kernels are a batch normalization of its weight, with its gain."""
    node = call["weight"]
    while operation(node) in RESHAPES or operation(node) in ("view_as", "reshape_as"):
        node = node.args[0]
    if operation(node) not in ("batch_norm", "_native_batch_norm_legit_functional"):
        return None
    norm = call.trace.call(node)
    kernels, bias = norm.weight("input"), call.weights("bias")
    gain, scale = _scaled_gain(norm)
    statistics = [norm.get(name) for name in ("bias", "running_mean", "running_var")]
    if kernels is None or bias is None or any(one is not None for one in statistics) or not norm.get("training"):
        return None
    if (gain is None) != (norm["weight"] is None):
        return None
    out, _, *kernel = call.trace.shape(kernels)
    if len(kernel) != 2 or call.trace.shape(node)[:2] != (1, out):
        return None
    op = StandardizedConv(
        out=out,
        kernel=compact(kernel, 2),
        stride=compact(call["stride"], 2),
        padding=_padding(call["padding"], kernel, call["dilation"], 2),
        dilation=compact(call["dilation"], 2),
        groups=call["groups"],
        bias=bool(bias),
        gain=gain is not None,
        scale=scale,
        eps=norm["eps"],
    )
    return Step(op, (call["input"],), {"weight": kernels, **bias, **({"gain": gain} if gain is not None else {})})


def _scaled_gain(norm: Call) -> tuple[TraceNode | None, float]:
    """The parameter and the constant whose product a normalization multiplies by."""
    node = norm.get("weight")
    while operation(node) in RESHAPES:
        node = node.args[0]
    if operation(node) != "mul":
        return norm.weight("weight"), 1.0
    product = norm.trace.call(node)
    return product.weight("self"), product.number("other") or 1.0


def _padding(padding: Any, kernel: list[int], dilation: Any, count: int) -> Any:
    """The padding as a spec writes it: `same` if that gives these pixels, else the pixels.

    Files also have `tf_same`, and pixels for each side: left, right, top, bottom.
    """
    dilations = [dilation] * count if isinstance(dilation, int) else list(dilation) * (count // len(dilation))
    totals = [d * (k - 1) for k, d in zip(kernel, dilations, strict=True)]
    if padding == "valid":
        return 0
    if padding == "tf_same" or (isinstance(padding, list) and len(padding) == 2 * count > count):
        return padding if padding == "tf_same" else tuple(padding)
    if padding == "same":
        pairs = [(total // 2, total - total // 2) for total in totals]
        return "same" if all(total % 2 == 0 for total in totals) else _sides(pairs)
    pixels = compact(padding, count)
    each = (pixels,) * count if isinstance(pixels, int) else pixels
    even = all(total % 2 == 0 and total // 2 == p for total, p in zip(totals, each, strict=True))
    return "same" if even else pixels


def _sides(pairs: list[tuple[int, int]]) -> tuple[int, ...]:
    """Left, right, top, bottom."""
    return tuple(pixels for pair in reversed(pairs) for pixels in pair)


def transposed(call: Call) -> Result:
    weights = call.weights("weight", "bias")
    if weights is None:
        return None
    _, per_group, *kernel = call.trace.shape(call["weight"])
    count = len(kernel)
    op = UpConv(
        out=per_group * call["groups"],
        kernel=compact(kernel, count),
        stride=compact(call["stride"], count),
        padding=compact(call["padding"], count),
        output_padding=compact(call["output_padding"], count),
        dilation=compact(call["dilation"], count),
        groups=call["groups"],
        bias="bias" in weights,
    )
    return Step(op, (call["input"],), weights)


def linear(call: Call) -> Result:
    """A linear layer acts on the last axis: on the channels, at each position, or on the positions of a sequence."""
    weights, placed = call.weights("weight", "bias"), call.placed("input")
    if weights is None:
        return _with_computed_bias(call)
    if placed is None:
        return None
    if not call.trace.is_batched(call["input"]):
        placed = placed.for_each_sample()
    out, last = call.trace.shape(call["weight"])[0], placed.arrangement.rank - 1
    taken = placed.with_channels(last)
    tied = _table_of_words(call)
    if tied and taken:
        op = Linear(out=out, bias="bias" in weights, weight=tied)
        return Step(op, (taken.value,), weights, (taken.arrangement.with_axis(last, along(CHANNELS, out)),))
    found = None if placed.is_learned else placed.read()
    if not taken and found and found[0].tensor.rank == 2 and found[1][2] == last:
        sequence, order = found
        lies = whole((sequence.batch, sequence.tensor.channels, out)).inverted(order)
        return Step(Linear(out=out, bias="bias" in weights, over="positions"), (sequence.value,), weights, (lies,))
    taken = taken or channels_first(placed, last) or _with_rows_apart(placed)
    if taken is None:
        return None
    says = taken.tensor.rank > 2 or taken.tensor.spatial == (1,)
    op = Linear(out=out, bias="bias" in weights, over="channels" if says else None)
    return Step(op, (taken.value,), weights, (taken.arrangement.with_axis(last, along(CHANNELS, out)),))


def _with_rows_apart(placed: Placed) -> Placed | None:
    """The value with its last axis as its channels, where rows hold positions and samples in any order."""
    *rows, last = placed.arrangement.axes
    apart = tuple((atom,) for axis in rows for atom in axis)
    taken = channels_first(placed.arranged(replace(placed.arrangement, axes=(*apart, last))), len(apart))
    if taken is None:
        return None
    found = iter(taken.arrangement.axes)
    again = tuple(joined(atom for _ in axis for atom in next(found)) for axis in rows)
    return taken.arranged(replace(taken.arrangement, axes=(*again, next(found))))


def _with_computed_bias(call: Call) -> Result:
    """A linear layer at each position, and a sum with what stands for its bias."""
    weights, placed, bias = call.weights("weight"), call.placed("input"), call.placed("bias")
    if not weights or placed is None or bias is None:
        return None
    last = placed.arrangement.rank - 1
    taken, added = placed.with_channels(last), literal(bias)
    out = call.trace.shape(call["weight"])[0]
    if taken is None or added is None or added.batch_axis is not None or added.tensor.dims != (out,):
        return None
    says = taken.tensor.rank > 2 or taken.tensor.spatial == (1,)
    layer = Step(Linear(out=out, bias=False, over="channels" if says else None), (taken.value,), weights)
    lies = taken.arrangement.with_axis(last, along(CHANNELS, out))
    return _with_joined_biases(call, layer, lies) or Step(Add(), (layer, added.value), arrangements=(lies,))


def _with_joined_biases(call: Call, layer: Step, lies: Arrangement) -> Step | None:
    """Parts of a layer's channels with a bias of their own, or with none, as queries, keys and values may have."""
    trace, joined = call.trace, call["bias"]
    nodes = list(trace.call(joined)["tensors"]) if operation(joined) == "cat" else []
    biases = [trace.placed.get(node) for node in nodes]
    is_zero = [table is not None and table.number == 0 for table in map(trace.tables.__getitem__, nodes)]
    sizes = {trace.shape(node) for node in nodes}
    is_known = all(zero or (bias and bias.is_learned) for bias, zero in zip(biases, is_zero, strict=True))
    if len(nodes) < 2 or len(sizes) > 1 or not is_known:
        return None
    parts = Step(Split(parts=len(nodes)), (replace(layer, call=call.node),), call=call.node)
    pieces = [replace(parts, port=port) for port in range(len(nodes))]
    rows = zip(pieces, biases, is_zero, strict=True)
    summed = (piece if zero or not bias else Step(Add(), (piece, bias.value)) for piece, bias, zero in rows)
    return Step(Concat(), tuple(summed), arrangements=(lies,))


def _table_of_words(call: Call) -> str:
    """The module that holds a layer's weight, if that is also the table of an embedding; "" if it is not."""
    weight = call.weight("weight")
    is_table = weight is not None and any(operation(user) == "embedding" for user in weight.users)
    return call.trace.keys[weight.name].rpartition(".")[0] if weight is not None and is_table else ""


def embedding(call: Call) -> Result:
    weight = call.weight("weight")
    if weight is not None and call.table("indices"):
        return _of_positions(call, weight)
    if weight is None or len(call.dims("indices")) != 1:
        return None
    count, width = call.trace.shape(weight)
    lies = whole((call.trace.batch, width, *call.dims("indices"))).permuted((0, 2, 1))
    padding = None if call["padding_idx"] in (None, -1) else call["padding_idx"]
    return Step(Embed(count=count, width=width, padding=padding), (call["indices"],), {"weight": weight}, (lies,))


def _of_positions(call: Call, weight: TraceNode) -> Placed | None:
    """Vectors of the positions 0, 1, 2 ... of the first text of that length, the same for each sample."""
    table, (count, width) = call.table("indices"), call.trace.shape(weight)
    length = call.trace.shape(call["indices"])[-1]
    counted = table is not None and table.weight is None and bool((table.numbers == np.arange(length)).all())
    text = next((text for text in call.trace.inputs if text.tensor == Tensor(length, kind="int")), None)
    if not counted or text is None:
        return None
    step = Step(Positions(), (text.value,), call=call.node)
    vectors = Step(Embed(count=count, width=width), (step,), {"weight": weight}, call=call.node)
    samples = call.trace.shape(call.node)[0]
    lies = whole((samples, width, length)).permuted((0, 2, 1))
    return Placed(vectors, Tensor(width, length), call.trace.batch, lies)


STATISTICS = ("weight", "bias", "running_mean", "running_var")


def batch(call: Call) -> Result:
    weights = call.weights(*STATISTICS)
    if weights is None or ("weight" in weights) != ("bias" in weights):
        return None
    op = Bn(
        eps=call["eps"],
        momentum=call["momentum"],
        affine="weight" in weights,
        track="running_mean" in weights,
    )
    placed = call.placed("input")
    taken = placed and placed.arrangement.rank > 1 and (placed.with_channels(1) or channels_first(placed, 1))
    return Step(op, (taken.value,), weights, (taken.arrangement,)) if taken else Step(op, (call["input"],), weights)


def instance(call: Call) -> Result:
    weights = call.weights(*STATISTICS)
    if weights is None or ("weight" in weights) != ("bias" in weights):
        return None
    op = InstanceNorm(
        eps=call["eps"],
        momentum=call["momentum"],
        affine="weight" in weights,
        track="running_mean" in weights,
    )
    return Step(op, (call["input"],), weights)


def group(call: Call) -> Result:
    weights = call.weights("weight", "bias")
    if weights is None or ("bias" in weights and "weight" not in weights):
        return None
    op = GroupNorm(groups=call["num_groups"], eps=call["eps"], affine=len(weights) == 2)
    return _with_scale_alone(op, call["input"], weights)


def _with_scale_alone(op: Op, value: Source, weights: dict[str, TraceNode]) -> Step:
    """A normalization; one with a scale and without a shift has the scale as an op of its own."""
    if len(weights) != 1:
        return Step(op, (value,), weights)
    return Step(LayerScale(init=1.0), (Step(op, (value,)),), weights)


def layer(call: Call) -> Result:
    """Layer normalization of the last axis, where that is the channels."""
    weights, placed = call.weights("weight", "bias"), call.placed("input")
    if weights is None or len(call["normalized_shape"]) != 1 or placed is None:
        return None
    taken = _with_channels_last(placed)
    if taken is None or ("bias" in weights and "weight" not in weights):
        return None
    step = _with_scale_alone(LayerNorm(eps=call["eps"], affine=len(weights) == 2), taken.value, weights)
    return replace(step, arrangements=(taken.arrangement,))


def _with_channels_last(placed: Placed) -> Placed | None:
    """The value whose channels are the last axis."""
    placed, last = placed.for_each_sample(), placed.arrangement.rank - 1
    return placed.with_channels(last) or channels_first(placed, last)


def root_mean_square(call: Call) -> Result:
    """Division by the root mean square of the last axis."""
    weights, placed = call.weights("weight"), call.placed("input")
    if weights is None or placed is None or len(call["normalized_shape"]) != 1 or call["eps"] is None:
        return None
    taken = _with_channels_last(placed)
    if taken is None:
        return None
    if weights:
        return Step(RmsNorm(eps=call["eps"]), (taken.value,), weights, (taken.arrangement,))
    mean = Step(Reduced(function="mean", dims=(1,)), (Step(Applied(function="square"), (taken.value,)),))
    root = Step(Applied(function="rsqrt"), (Step(Applied(function="shift", first=call["eps"]), (mean,)),))
    return Step(Mul(), (taken.value, root), arrangements=(taken.arrangement,))


TRANSLATIONS: dict[str, Translation] = {
    "conv1d": convolution,
    "conv2d": convolution,
    "conv3d": convolution,
    "conv_transpose1d": transposed,
    "conv_transpose2d": transposed,
    "conv_transpose3d": transposed,
    "linear": linear,
    "embedding": embedding,
    "batch_norm": batch,
    "_native_batch_norm_legit_no_training": batch,
    "_native_batch_norm_legit_functional": batch,
    "instance_norm": instance,
    "group_norm": group,
    "layer_norm": layer,
    "rms_norm": root_mean_square,
}
