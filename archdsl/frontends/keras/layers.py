"""Keras's layers, and the ops that each of them is.

To read another layer, write a function and enter it in `LAYERS`: from the arguments of the layer and the value that it
takes to the ops that it is, one after the other. What takes several values stands in `JOINS`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from itertools import pairwise

from archdsl.frontends.keras.arguments import Arguments, made
from archdsl.frontends.keras.borders import bordered, padded
from archdsl.frontends.keras.chains import MOVES
from archdsl.frontends.keras.config import refused
from archdsl.frontends.keras.moves import moved
from archdsl.ops.arguments import compact
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
    return [made("layer_norm", eps=a.number("epsilon", 1e-3), affine=_affine(a))]


def _group_norm(a: Arguments, x: Tensor) -> list[Op]:
    """With groups of one channel, -1, it is an instance normalization."""
    _over_channels(a, x)
    groups = a.whole("groups", 32, least=-1)
    learned = {"eps": a.number("epsilon", 1e-3), "affine": _affine(a)}
    return [made("instance_norm", **learned) if groups == -1 else made("group_norm", groups=groups, **learned)]


def _affine(a: Arguments) -> bool:
    """Whether a normalization has a learned scale and a learned shift. Raises `CompileError` if it has one of them."""
    shifts, scales = a.truth("center", True), a.truth("scale", True)
    if shifts != scales:
        raise a.wrong("center", "the same as `scale`")
    return scales


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
    return [made("elu", alpha=a.number("alpha", 1.0))]


def _prelu(a: Arguments, x: Tensor) -> list[Op]:
    """A slope for each channel, or one for all."""
    positions = list(range(1, x.rank) if a.last else range(2, x.rank + 1))
    shared = a.config.get("shared_axes") or []
    if shared == list(range(1, x.rank + 1)):
        return [made("prelu", slope=0.0)]
    if shared != positions:
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
    return [made("layer_scale", init=a.number("init_values" if "init_values" in a.config else "init", 1e-6))]


def _rescaling(a: Arguments, x: Tensor) -> list[Op]:
    a.refuse_other("offset", 0, 0.0)
    return [made("scale", factor=a.number("scale"))]


def _normalization(a: Arguments, x: Tensor) -> list[Op]:
    raise refused(
        f"the layer `{shown(a.layer, 60)}` (Normalization) changes numbers by constants of its own, which the file "
        "does not have; it is left out only where it takes the input of the network"
    )


def _lrn(a: Arguments, x: Tensor) -> list[Op]:
    """The layer that emitted files define, since Keras has none."""
    weights = {"alpha": a.number("alpha", 1e-4), "beta": a.number("beta", 0.75), "k": a.number("k", 1.0)}
    return [made("lrn", size=a.whole("size"), **weights)]


def _adaptive_pool(op: str) -> Maker:
    return lambda a, x: [made(op, size=compact(a.sizes("output_size", x.rank - 1)))]


def _resize(a: Arguments, x: Tensor) -> list[Op]:
    for key in ("antialias", "crop_to_aspect_ratio", "pad_to_aspect_ratio"):
        a.refuse_other(key, False)
    a.refuse_other("interpolation", "bilinear")
    return [made("resize", size=compact((a.whole("height"), a.whole("width"))), mode="bilinear")]


def _gelu(a: Arguments, x: Tensor) -> list[Op]:
    return [made("gelu", approximate=a.truth("approximate", True))]


def _split(a: Arguments, x: Tensor) -> list[Op]:
    """Channels in equal parts, or cut at given places."""
    _over_channels(a, x)
    parts = a.config.get("indices_or_sections")
    if type(parts) is int and 0 < parts <= x.channels:
        return [made("split", parts=parts)]
    ends = [0, *parts, x.channels] if isinstance(parts, list) and all(type(one) is int for one in parts) else [0, 0]
    sizes = tuple(end - start for start, end in pairwise(ends))
    if min(sizes) < 1:
        raise a.wrong("indices_or_sections", f"a number of parts, or places between {x.channels} channels, in order")
    return [made("split", parts=sizes)]


def _channel_slice(a: Arguments, x: Tensor) -> list[Op]:
    """`x[..., start:stop]`."""
    keys = a.config.get("given")
    keys = keys[0] if isinstance(keys, list) and len(keys) == 1 else None
    if not a.last or not isinstance(keys, list) or len(keys) != 2 or not all(isinstance(one, Mapping) for one in keys):
        raise a.wrong("given", "a slice of the channels, `x[..., start:stop]`")
    (every, part), cut = keys, keys[1].get("config")
    kinds = [every.get("class_name"), part.get("class_name")]
    if kinds != ["__ellipsis__", "__slice__"] or not isinstance(cut, Mapping) or cut.get("step") not in (None, 1):
        raise a.wrong("given", "a slice of the channels, `x[..., start:stop]`")
    bounds = [cut.get("start") or 0, x.channels if cut.get("stop") is None else cut["stop"]]
    if not all(type(one) is int for one in bounds) or not 0 <= bounds[0] < bounds[1] <= x.channels:
        raise a.wrong("given", f"a part of the {x.channels} channels")
    return [made("channel_slice", start=bounds[0], stop=bounds[1])]


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
    **_each("AveragePooling* AvgPool* SameAveragePooling*", _pool("avg_pool")),
    **_each("GlobalAveragePooling* GlobalAvgPool*", _global_pool("global_avg_pool")),
    **_each("GlobalMaxPooling* GlobalMaxPool*", _global_pool("global_max_pool")),
    **_each("AdaptiveAveragePooling*", _adaptive_pool("adaptive_avg_pool")),
    **_each("AdaptiveMaxPooling*", _adaptive_pool("adaptive_max_pool")),
    **_each("ZeroPadding*", padded),
    "ops.Pad": padded,
    **_each("Cropping*", _trim),
    **_each("UpSampling*", _upsample),
    **_each("SpatialDropout*", _channel_dropout),
    "Dense": _dense,
    "Embedding": _embedding,
    "BatchNormalization": _bn,
    "LayerNormalization": _layer_norm,
    "GroupNormalization": _group_norm,
    "Activation": _activation,
    "ReLU": _relu,
    "LeakyReLU": _leaky_relu,
    "ELU": _elu,
    "PReLU": _prelu,
    "Softmax": _softmax,
    "Dropout": _dropout,
    "Rescaling": _rescaling,
    "Normalization": _normalization,
    "Resizing": _resize,
    "LayerScale": _layer_scale,
    "LocalResponseNormalization": _lrn,
    "Identity": _identity,
    "ops.Gelu": _gelu,
    "ops.Split": _split,
    "ops.GetItem": _channel_slice,
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
    "ops.Add": "add",
    "ops.Subtract": "sub",
    "ops.Multiply": "mul",
    "ops.Maximum": "maximum",
    "ops.Concatenate": "concat",
}
"""Layers that take several values, and functions such as that which `x + y` calls."""


def ops_of(steps: Sequence[Arguments], inputs: tuple[Tensor, ...]) -> list[Op]:
    """The ops of a layer, after layers that are read with it. Raises `CompileError` for a layer that is not read."""
    a = steps[-1]
    if a.kind in JOINS:
        return _join(a, inputs)
    if len(inputs) != 1:
        raise refused(f"the layer `{shown(a.layer, 60)}` ({a.kind}) takes one value, not {len(inputs)}")
    if a.kind in IDENTITIES:
        return []
    if a.kind in MOVES:
        return moved(steps, inputs[0])
    maker = LAYERS[a.kind]
    return bordered(steps[0], a, inputs[0], maker) if len(steps) > 1 else maker(a, inputs[0])


def _join(a: Arguments, inputs: tuple[Tensor, ...]) -> list[Op]:
    if a.config.get("given"):
        raise a.wrong("given", "values of layers alone: a number that is added or multiplied is not read")
    if JOINS[a.kind] != "concat":
        return [made(JOINS[a.kind])]
    place = a.axis(inputs[0].rank)
    if place == 0:
        return [made("concat")]
    if inputs[0].rank != 2:
        raise a.wrong("axis", "the axis of the channels")
    return [made("concat", over="positions")]
