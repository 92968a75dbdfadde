"""Keras's layers, and the ops that each of them is.

To read another layer, write a function and enter it in `LAYERS`: from the arguments of the layer and the value that it
takes to the ops that it is, one after the other. What takes several values stands in `JOINS`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from math import prod

from archdsl.frontends.keras.arguments import Arguments, made
from archdsl.frontends.keras.config import refused
from archdsl.ops.base import Op
from archdsl.tensor import Tensor
from archdsl.text import shown

Maker = Callable[[Arguments, Tensor], list[Op]]


def _conv(a: Arguments, x: Tensor) -> list[Op]:
    count = x.rank - 1
    kernel, stride, dilation = a.sizes("kernel_size", count), a.sizes("strides", count), a.sizes("dilation_rate", count)
    conv = made(
        "conv",
        out=a.whole("filters"),
        kernel=kernel,
        stride=stride,
        dilation=dilation,
        padding=a.padding(x, kernel, stride, dilation),
        groups=a.whole("groups", 1),
        bias=a.truth("use_bias", True),
    )
    return [conv, *a.activation()]


def _depthwise_op(a: Arguments, x: Tensor, bias: bool) -> Op:
    count = x.rank - 1
    kernel, stride, dilation = a.sizes("kernel_size", count), a.sizes("strides", count), a.sizes("dilation_rate", count)
    return made(
        "depthwise",
        kernel=kernel,
        stride=stride,
        dilation=dilation,
        padding=a.padding(x, kernel, stride, dilation),
        multiplier=a.whole("depth_multiplier", 1),
        bias=bias,
    )


def _depthwise(a: Arguments, x: Tensor) -> list[Op]:
    return [_depthwise_op(a, x, a.truth("use_bias", True)), *a.activation()]


def _separable(a: Arguments, x: Tensor) -> list[Op]:
    depthwise = _depthwise_op(a, x, bias=False)
    return [depthwise, made("conv", out=a.whole("filters"), kernel=1, bias=a.truth("use_bias", True)), *a.activation()]


def _transposed(a: Arguments, x: Tensor) -> list[Op]:
    """With `same`, the output is `stride` times as large, and what is cut is one pixel more at the end if it is odd."""
    count = x.rank - 1
    kernel, stride = a.sizes("kernel_size", count), a.sizes("strides", count)
    a.refuse_other("output_padding", None)
    if set(a.sizes("dilation_rate", count)) != {1}:
        raise a.wrong("dilation_rate", "1")
    more = tuple(max(s - k, 0) for k, s in zip(kernel, stride, strict=True))
    cut = [max(k - s, 0) if a.config.get("padding") == "same" else 0 for k, s in zip(kernel, stride, strict=True)]
    a.padding(x, kernel, stride, stride)
    even = all(one % 2 == 0 for one in cut)
    conv = made(
        "up_conv",
        out=a.whole("filters"),
        kernel=kernel,
        stride=stride,
        padding=tuple(one // 2 for one in cut) if even else 0,
        output_padding=more,
        bias=a.truth("use_bias", True),
    )
    sides = [side for one in reversed(cut) for side in (one // 2, one - one // 2)]
    return [conv, *([] if even else [made("trim", sides=sides)]), *a.activation()]


def _dense(a: Arguments, x: Tensor) -> list[Op]:
    over = {"over": "channels"} if x.rank > 2 else {}
    return [made("linear", out=a.whole("units"), bias=a.truth("use_bias", True), **over), *a.activation()]


def _embedding(a: Arguments, x: Tensor) -> list[Op]:
    return [made("embedding", count=a.whole("input_dim"), width=a.whole("output_dim"))]


def _bn(a: Arguments, x: Tensor) -> list[Op]:
    """Without a learned scale, the shift is a learned value that is added."""
    _over_channels(a, x)
    shifts, scales = a.truth("center", True), a.truth("scale", True)
    if scales and not shifts:
        raise a.wrong("center", "true, unless `scale` is false too")
    arguments = {"eps": a.number("epsilon", 1e-3), "momentum": round(1 - a.number("momentum", 0.99), 9)}
    bn = made("bn", affine=scales, **arguments)
    return [bn] if scales or not shifts else [bn, made("learned", dims=(x.channels,)), made("add")]


def _layer_norm(a: Arguments, x: Tensor) -> list[Op]:
    _over_channels(a, x)
    shifts, scales = a.truth("center", True), a.truth("scale", True)
    if shifts != scales:
        raise a.wrong("center", "the same as `scale`")
    return [made("layer_norm", eps=a.number("epsilon", 1e-3), affine=scales)]


def _group_norm(a: Arguments, x: Tensor) -> list[Op]:
    _over_channels(a, x)
    groups = a.whole("groups", 32, least=-1)
    return [made("group_norm", groups=x.channels if groups == -1 else groups, eps=a.number("epsilon", 1e-3))]


def _over_channels(a: Arguments, x: Tensor) -> None:
    if a.axis(x.rank) != 0:
        raise a.wrong("axis", "the axis of the channels")


def _pool(op: str) -> Maker:
    """A pooling. With `same`, TensorFlow leaves the padding out of the mean."""

    def make(a: Arguments, x: Tensor) -> list[Op]:
        count = x.rank - 1
        kernel = a.sizes("pool_size", count, 2)
        stride = kernel if a.config.get("strides") is None else a.sizes("strides", count)
        padding = a.padding(x, kernel, stride, (1,) * count)
        borders = {"include_padding": False} if op == "avg_pool" and padding != "valid" else {}
        return [made(op, kernel=kernel, stride=stride, padding=padding, **borders)]

    return make


def _global_pool(op: str) -> Maker:
    def make(a: Arguments, x: Tensor) -> list[Op]:
        keeps = a.truth("keepdims", False)
        return [made(op), *([] if keeps else [made("flatten")])]

    return make


def _flatten(a: Arguments, x: Tensor) -> list[Op]:
    return [made("flatten")]


def _reshape(a: Arguments, x: Tensor) -> list[Op]:
    """A vector becomes a map, or all sizes of positions are 1; else the numbers would come in another order."""
    target = a.config.get("target_shape")
    if not isinstance(target, list) or not target or not all(type(n) is int and -1 <= n <= 10**9 for n in target):
        raise a.wrong("target_shape", "a list of sizes")
    if target.count(-1) == 1 and (known := prod(n for n in target if n != -1)) > 0:
        target = [x.size // known if n == -1 else n for n in target]
    dims = (target[-1], *target[:-1]) if a.last else tuple(target)
    if any(n < 1 for n in dims) or prod(dims) != x.size:
        raise a.wrong("target_shape", f"a shape of {x.size:,} numbers")
    keeps_order = x.rank == 1 or (x.channels == x.size and dims[0] == x.size)
    if dims == x.dims:
        return []
    if a.last and not keeps_order:
        raise a.wrong("target_shape", "one that keeps the channels, since channels are last in Keras and first here")
    return [made("flatten")] if len(dims) == 1 else [made("reshape", dims=dims)]


def _pad(a: Arguments, x: Tensor) -> list[Op]:
    return [made("pad", sides=a.sides("padding", x.rank - 1))]


def _trim(a: Arguments, x: Tensor) -> list[Op]:
    return [made("trim", sides=a.sides("cropping", x.rank - 1))]


def _upsample(a: Arguments, x: Tensor) -> list[Op]:
    a.refuse_other("interpolation", "nearest", "bilinear")
    return [made("upsample", factor=a.sizes("size", x.rank - 1, 2), mode=a.config.get("interpolation", "nearest"))]


def _activation(a: Arguments, x: Tensor) -> list[Op]:
    return a.activation() or [made("identity")]


def _relu(a: Arguments, x: Tensor) -> list[Op]:
    highest, slope = a.config.get("max_value"), a.number("negative_slope", 0.0)
    if a.number("threshold") or (slope and highest is not None) or highest not in (None, 6):
        raise a.wrong("max_value", "none or 6, without a threshold")
    return [made("leaky_relu", slope=slope) if slope else made("relu" if highest is None else "relu6")]


def _leaky_relu(a: Arguments, x: Tensor) -> list[Op]:
    key = "alpha" if "alpha" in a.config else "negative_slope"
    return [made("leaky_relu", slope=a.number(key, 0.3))]


def _elu(a: Arguments, x: Tensor) -> list[Op]:
    a.refuse_other("alpha", 1, 1.0)
    return [made("elu")]


def _prelu(a: Arguments, x: Tensor) -> list[Op]:
    if x.rank > 1 and a.config.get("shared_axes") != list(range(1, x.rank) if a.last else range(2, x.rank + 1)):
        raise a.wrong("shared_axes", "all axes of the positions: a slope for each channel")
    return [made("prelu", per_channel=True, slope=0.0)]


def _softmax(a: Arguments, x: Tensor) -> list[Op]:
    _over_channels(a, x)
    return [made("softmax")]


def _dropout(a: Arguments, x: Tensor) -> list[Op]:
    """Noise of one number for a sample drops the whole of it: stochastic depth."""
    noise = a.config.get("noise_shape")
    if noise is None:
        return [made("dropout", p=a.number("rate"))]
    if not isinstance(noise, list) or set(noise[1:]) != {1}:
        raise a.wrong("noise_shape", "none, or 1 for all but the batch")
    return [made("drop_path", p=a.number("rate"))]


def _channel_dropout(a: Arguments, x: Tensor) -> list[Op]:
    return [made("channel_dropout", p=a.number("rate"))]


def _layer_scale(a: Arguments, x: Tensor) -> list[Op]:
    return [made("layer_scale", init=a.number("init_values", 1e-6))]


def _identity(a: Arguments, x: Tensor) -> list[Op]:
    return []


def _each(names: str, maker: Maker, dimensions: str = "123") -> dict[str, Maker]:
    """The same function for the layers of one, two and three dimensions."""
    return {name.replace("*", f"{count}D"): maker for name in names.split() for count in dimensions}


LAYERS: Mapping[str, Maker] = {
    **_each("Conv* Convolution*", _conv),
    **_each("DepthwiseConv*", _depthwise, "12"),
    **_each("SeparableConv* SeparableConvolution*", _separable, "12"),
    **_each("Conv*Transpose Convolution*Transpose", _transposed),
    **_each("MaxPooling* MaxPool*", _pool("max_pool")),
    **_each("AveragePooling* AvgPool*", _pool("avg_pool")),
    **_each("GlobalAveragePooling* GlobalAvgPool*", _global_pool("global_avg_pool")),
    **_each("GlobalMaxPooling* GlobalMaxPool*", _global_pool("global_max_pool")),
    **_each("ZeroPadding*", _pad),
    **_each("Cropping*", _trim),
    **_each("UpSampling*", _upsample),
    **_each("SpatialDropout*", _channel_dropout),
    "Dense": _dense,
    "Embedding": _embedding,
    "BatchNormalization": _bn,
    "LayerNormalization": _layer_norm,
    "GroupNormalization": _group_norm,
    "Flatten": _flatten,
    "Reshape": _reshape,
    "Activation": _activation,
    "ReLU": _relu,
    "LeakyReLU": _leaky_relu,
    "ELU": _elu,
    "PReLU": _prelu,
    "Softmax": _softmax,
    "Dropout": _dropout,
    "LayerScale": _layer_scale,
    "Identity": _identity,
}

IDENTITIES = frozenset(
    "GaussianNoise GaussianDropout AlphaDropout ActivityRegularization RandomFlip RandomRotation RandomZoom RandomCrop "
    "RandomTranslation RandomContrast RandomBrightness".split()
)
"""Layers that act in training alone."""

PREPARATIONS = frozenset({"Rescaling", "Normalization"})
"""Layers that change the numbers of images by constants before a network begins. They are left out, which is said."""

JOINS: Mapping[str, str] = {
    "Add": "add",
    "Subtract": "sub",
    "Multiply": "mul",
    "Average": "mean",
    "Maximum": "maximum",
    "Concatenate": "concat",
}


def ops_of(a: Arguments, inputs: tuple[Tensor, ...]) -> list[Op]:
    """The ops of a layer, one after the other. Raises `CompileError` for a layer that is not read."""
    if a.kind in JOINS:
        return _join(a, inputs)
    if len(inputs) != 1:
        raise refused(f"the layer `{shown(a.layer, 60)}` ({a.kind}) takes one value, not {len(inputs)}")
    if a.kind in IDENTITIES | PREPARATIONS:
        return []
    return LAYERS[a.kind](a, inputs[0])


def _join(a: Arguments, inputs: tuple[Tensor, ...]) -> list[Op]:
    if a.kind != "Concatenate":
        return [made(JOINS[a.kind])]
    place = a.axis(inputs[0].rank)
    if place == 0:
        return [made("concat")]
    if inputs[0].rank != 2:
        raise a.wrong("axis", "the axis of the channels")
    return [made("concat", over="positions")]
