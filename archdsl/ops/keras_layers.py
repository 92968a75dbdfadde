"""How each op is written in Keras, channels last. `LAYERS` has a function for each op that can be.

The functions take the op and the tensors of its inputs, as `Op.torch` does. They raise `Mismatch` for arguments that
Keras has no layer for. In the text of an expression, `LAYER_NAME` stands for the name of the layer.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from archdsl.ops import keras_helpers as helpers
from archdsl.ops.activation import Gelu, Prelu
from archdsl.ops.arguments import Mismatch, compact, sides, spread
from archdsl.ops.base import Expression, Module, Op, Support, Window
from archdsl.ops.conv import Conv, Depthwise
from archdsl.ops.crop import CenterCrop, Crop, Pad, Trim
from archdsl.ops.linear import Linear
from archdsl.ops.merge import Concat, with_positions
from archdsl.ops.norm import Bn, GroupNorm, InstanceNorm, LayerNorm, Lrn
from archdsl.ops.pool import AvgPool, MaxPool, Pool, reaching
from archdsl.ops.reshape import ChannelSlice, Reshape, Split
from archdsl.ops.resize import Resize, Upsample
from archdsl.ops.scale import LayerScale
from archdsl.ops.spatial import follows_input
from archdsl.ops.transposed import UpConv
from archdsl.tensor import Tensor

LAYER_NAME = "LAYER_NAME"

Written = Module | Expression


def layer(op: Op, tensors: Sequence[Tensor]) -> Written:
    """An op as a layer of Keras, a function of `keras_helpers`, or an expression. Raises `Mismatch` if it cannot be."""
    if op.name not in LAYERS:
        raise Mismatch("Keras has no layer that computes it")
    if op.takes == "float" and any(tensor.rank not in (1, 3) for tensor in tensors):
        raise Mismatch(f"only vectors and maps are written in Keras, got {', '.join(map(str, tensors))}")
    return LAYERS[op.name](op, *tensors)


def helper(support: Support, *args: Any, **options: Any) -> Module:
    """A call of a function that the file defines. Each option is a pair of its value and its default there."""
    return Module.of(support.name, *args, support=support, **options)


def borders(window: Window) -> Any:
    """The padding of a window as an argument: a number, one for each dimension, or two for each."""
    if all(before == after for before, after in window.padding):
        return compact(tuple(before for before, _ in window.padding))
    return window.padding


# --- convolutions ------------------------------------------------------------------------------


def _convolution(op: Conv | Depthwise, window: Window) -> dict[str, tuple[Any, Any]]:
    return _border_options(op, window, op.padding) | {"dilation_rate": (compact(window.dilation), 1)}


def _border_options(op: Conv | Pool | Depthwise, window: Window, rule: Any) -> dict[str, tuple[Any, Any]]:
    padding = "same" if follows_input(rule, window) else borders(window)
    return {"strides": (compact(window.stride), 1), "padding": (padding, 0)}


def conv(op: Conv, x: Tensor) -> Module:
    window = op.window(x)
    if op.groups == x.channels > 1:
        return depthwise(
            Depthwise.model_construct(
                kernel=op.kernel,
                stride=op.stride,
                multiplier=op.out // x.channels,
                padding=op.padding,
                dilation=op.dilation,
                bias=op.bias,
            ),
            x,
        )
    return helper(
        helpers.CONV2D,
        op.out,
        compact(window.kernel),
        **_convolution(op, window),
        groups=(op.groups, 1),
        use_bias=(op.bias, True),
    )


def depthwise(op: Depthwise, x: Tensor) -> Module:
    window = op.window(x)
    return helper(
        helpers.DEPTHWISE,
        compact(window.kernel),
        **_convolution(op, window),
        depth_multiplier=(op.multiplier, 1),
        use_bias=(op.bias, True),
    )


def up_conv(op: UpConv, x: Tensor) -> Module:
    kernel, stride = spread(op.kernel, x, "kernel"), spread(op.stride, x, "stride")
    cut, more = spread(op.padding, x, "padding"), spread(op.output_padding, x, "output_padding")
    ends = tuple(before - added for before, added in zip(cut, more, strict=True))
    if op.groups > 1 or any(rate > 1 for rate in spread(op.dilation, x, "dilation")):
        raise Mismatch("a transposed convolution with groups or dilation is not written in Keras")
    if any(k < s for k, s in zip(kernel, stride, strict=True)) or min(ends) < 0:
        raise Mismatch("a transposed convolution that leaves pixels without a window is not written in Keras")
    window = Window(kernel, stride, (1, 1), tuple(zip(cut, ends, strict=True)))
    return helper(
        helpers.UP_CONV,
        op.out,
        compact(kernel),
        strides=(compact(stride), 1),
        cropping=(borders(window), 0),
        use_bias=(op.bias, True),
    )


def linear(op: Linear, x: Tensor) -> Module:
    if op.over == "positions" or op.weight is not None:
        raise Mismatch("a layer over positions, or with the weight of another step, is not written in Keras")
    return Module.of("layers.Dense", op.out, use_bias=(op.bias, True))


# --- pools -------------------------------------------------------------------------------------


def max_pool(op: MaxPool, x: Tensor) -> Module:
    if any(rate > 1 for rate in op.window(x).dilation):
        raise Mismatch("Keras has no pool with dilation")
    return _pool(helpers.MAX_POOL, op, op.window(x), x)


def average_pool(op: AvgPool, x: Tensor) -> Module:
    asked = op.window(x)
    window = reaching(asked, x, op.shape(x))
    counts_zeros = op.include_padding and window == asked and not follows_input(op.padding, asked)
    if counts_zeros or not any(map(any, window.padding)):
        return _pool(helpers.AVERAGE_POOL, op, asked, x)
    if not op.include_padding and _is_same(window, x):
        kernel, strides, same = compact(window.kernel), compact(window.stride), ("same", "valid")
        if any(before != after for before, after in window.padding):
            return helper(helpers.SAME_AVERAGE_POOL, kernel, strides=(strides, kernel), padding=same)
        return Module.of("layers.AveragePooling2D", kernel, strides=(strides, kernel), padding=same)
    raise Mismatch("Keras has no average pool that counts its border like this")


def _pool(support: Support, op: Pool, asked: Window, x: Tensor) -> Module:
    window = reaching(asked, x, op.shape(x))
    options = _border_options(op, window, op.padding) | {"strides": (compact(window.stride), compact(window.kernel))}
    return helper(support, compact(window.kernel), **options)


def _is_same(window: Window, x: Tensor) -> bool:
    """Whether Keras' "same" puts this border around the input."""
    rows = zip(x.spatial, window.kernel, window.stride, window.padding, strict=True)
    return all(
        sides == ((total := max((-(-n // s) - 1) * s + k - n, 0)) // 2, total - total // 2) for n, k, s, sides in rows
    )


def global_pool(target: str) -> Callable[..., Module]:
    return lambda op, x: Module.of(target, keepdims=(True, False))


def adaptive_pool(target: str) -> Callable[..., Module]:
    return lambda op, x: Module(target, (compact(spread(op.size, x, "size")),))


# --- normalizations ----------------------------------------------------------------------------


def _learned(op: Bn | LayerNorm | GroupNorm | InstanceNorm) -> dict[str, Any]:
    """What all normalizations are told: what is added to the variance, and whether a scale and a shift are learned."""
    return {"epsilon": (op.eps, 1e-3), "center": (op.affine, True), "scale": (op.affine, True)}


def batch_norm(op: Bn, x: Tensor) -> Module:
    if not op.track:
        raise Mismatch("Keras' batch normalization always has running statistics")
    return Module.of(
        "layers.BatchNormalization",
        momentum=(1 - op.momentum, 0.99),
        **_learned(op),
    )


def layer_norm(op: LayerNorm, x: Tensor) -> Module:
    return Module.of("layers.LayerNormalization", **_learned(op))


def group_norm(op: GroupNorm, x: Tensor) -> Module:
    return Module.of(
        "layers.GroupNormalization",
        op.groups,
        **_learned(op),
    )


def instance_norm(op: InstanceNorm, x: Tensor) -> Module:
    if op.track:
        raise Mismatch("Keras' instance normalization has no running statistics")
    return Module.of(
        "layers.GroupNormalization",
        -1,
        **_learned(op),
    )


def lrn(op: Lrn, x: Tensor) -> Module:
    return helper(helpers.LRN, op.size, alpha=(op.alpha, 1e-4), beta=(op.beta, 0.75), k=(op.k, 1.0))


def layer_scale(op: LayerScale, x: Tensor) -> Module:
    if not op.per_channel:
        raise Mismatch("a single learned factor is not written in Keras")
    return helper(helpers.LAYER_SCALE, init=(op.init, 1e-6))


# --- activations -------------------------------------------------------------------------------


def activation(name: str) -> Callable[..., Module]:
    return lambda op, x: Module("layers.Activation", (name,))


def gelu(op: Gelu, x: Tensor) -> Written:
    return Expression("ops.gelu({0})") if op.approximate else Module("layers.Activation", ("gelu",))


def prelu(op: Prelu, x: Tensor) -> Module:
    axes = tuple(range(1, x.rank + 1))
    shared = axes[:-1] if op.per_channel else axes
    return Module.of("layers.PReLU", shared_axes=(shared or None, None))


# --- moving numbers ----------------------------------------------------------------------------


def flatten(op: Op, x: Tensor) -> Module:
    return helper(helpers.FLATTEN)


def reshape(op: Reshape, x: Tensor) -> Module:
    if len(op.dims) == 1:
        return helper(helpers.FLATTEN)
    if len(op.dims) != 3:
        raise Mismatch("only vectors and maps are written in Keras")
    return helper(helpers.RESHAPE, *op.dims)


def split(op: Split, x: Tensor) -> Expression:
    if op.is_one:
        return Expression("{0}")
    if isinstance(op.parts, tuple):
        ends = [sum(op.parts[: count + 1]) for count in range(len(op.parts) - 1)]
        return Expression("ops.split({0}, {ends}, axis=-1)", values=(("ends", ends),))
    return Expression("ops.split({0}, {parts}, axis=-1)", values=(("parts", op.parts),))


def channel_slice(op: ChannelSlice, x: Tensor) -> Expression:
    stop = x.channels if op.stop is None else op.stop
    return Expression("{0}[..., {start}:{stop}]", values=(("start", op.start), ("stop", stop)))


def cropped(pairs: tuple[tuple[int, int], ...]) -> Module:
    return Module("layers.Cropping2D", (pairs,))


def crop(op: Crop | CenterCrop, x: Tensor, like: Tensor | None = None) -> Written:
    size = op.shape(x, like).spatial
    starts = [-before for before, _ in op.window(x, like).padding]
    ends = [n - start - kept for n, start, kept in zip(x.spatial, starts, size, strict=True)]
    pairs = tuple(zip(starts, ends, strict=True))
    if like is None:
        return cropped(pairs)
    return Expression(f"layers.Cropping2D({{sides}}, name={LAYER_NAME})({{0}})", values=(("sides", pairs),))


def trim(op: Trim, x: Tensor) -> Module:
    return cropped(sides(op.sides, x, "sides"))


def pad(op: Pad, x: Tensor) -> Written:
    pairs = sides(op.sides, x, "sides")
    if op.mode == "constant" and not op.value:
        return Module("layers.ZeroPadding2D", (pairs,))
    if op.mode not in ("constant", "reflect"):
        raise Mismatch(f"a border of the kind `{op.mode}` is not written in Keras")
    option = f"constant_values={op.value!r}" if op.mode == "constant" else 'mode="reflect"'
    return Expression(f"ops.pad({{0}}, ((0, 0), {pairs[0]}, {pairs[1]}, (0, 0)), {option})")


def upsample(op: Upsample, x: Tensor) -> Module:
    if op.align_corners:
        raise Mismatch("Keras has no resampling that aligns the corners")
    return _enlarged(spread(op.factor, x, "factor"), op.mode)


def resize(op: Resize, x: Tensor, like: Tensor | None = None) -> Written:
    if op.align_corners:
        raise Mismatch("Keras has no resampling that aligns the corners")
    size = op.shape(x, like).spatial
    if all(out % n == 0 for n, out in zip(x.spatial, size, strict=True)):
        made = _enlarged(tuple(out // n for n, out in zip(x.spatial, size, strict=True)), op.mode)
    elif op.mode == "bilinear":
        made = Module("layers.Resizing", size)
    else:
        raise Mismatch("Keras takes other pixels as the nearest ones, if the factor is not whole")
    if like is None:
        return made
    options = "".join(f", {key}={value!r}" for key, value in made.kwargs)
    given = ", ".join(map(repr, made.args))
    return Expression(f"{made.target}({given}{options}, name={LAYER_NAME})({{0}})")


def _enlarged(factors: tuple[int, ...], mode: str) -> Module:
    return Module.of("layers.UpSampling2D", compact(factors), interpolation=(mode, "nearest"))


# --- joins -------------------------------------------------------------------------------------


def join(name: str) -> Callable[..., Expression]:
    """A layer that joins values of equal shapes, or with sizes of 1; vectors get positions."""

    def joined(op: Op, *inputs: Tensor) -> Expression:
        rank = max(tensor.rank for tensor in inputs)
        if len(inputs) == 1:
            return Expression("{0}")
        if all(tensor.rank == rank for tensor in inputs):
            return Expression(f"layers.{name}(name={LAYER_NAME})([{{all}}])")
        each = (
            f"{{{place}}}"
            if tensor.rank == rank
            else f"layers.Reshape((1, 1, {with_positions(tensor, 3)[0]}))({{{place}}})"
            for place, tensor in enumerate(inputs)
        )
        return Expression(f"layers.{name}(name={LAYER_NAME})([{', '.join(each)}])")

    return joined


def subtract(op: Op, *inputs: Tensor) -> Expression:
    if len(inputs) != 2 or inputs[0].dims != inputs[1].dims:
        raise Mismatch("only the difference of two values of equal shape is written in Keras")
    return Expression(f"layers.Subtract(name={LAYER_NAME})([{{all}}])")


def concat(op: Concat, x: Tensor, *others: Tensor) -> Expression:
    if op.over == "positions":
        raise Mismatch("only the concatenation of channels is written in Keras")
    return Expression(f"layers.Concatenate(name={LAYER_NAME})([{{all}}])")


LAYERS: Mapping[str, Callable[..., Written]] = {
    "conv": conv,
    "depthwise": depthwise,
    "up_conv": up_conv,
    "linear": linear,
    "max_pool": max_pool,
    "avg_pool": average_pool,
    "global_avg_pool": global_pool("layers.GlobalAveragePooling2D"),
    "global_max_pool": global_pool("layers.GlobalMaxPooling2D"),
    "adaptive_avg_pool": adaptive_pool("layers.AdaptiveAveragePooling2D"),
    "adaptive_max_pool": adaptive_pool("layers.AdaptiveMaxPooling2D"),
    "bn": batch_norm,
    "layer_norm": layer_norm,
    "group_norm": group_norm,
    "instance_norm": instance_norm,
    "lrn": lrn,
    "layer_scale": layer_scale,
    "relu": lambda op, x: Module("layers.ReLU"),
    "relu6": lambda op, x: Module("layers.ReLU", (6,)),
    "leaky_relu": lambda op, x: Module("layers.LeakyReLU", (op.slope,)),
    "elu": lambda op, x: Module.of("layers.ELU", alpha=(op.alpha, 1.0)),
    "silu": activation("silu"),
    "hard_swish": activation("hard_silu"),
    "hard_sigmoid": activation("hard_sigmoid"),
    "mish": activation("mish"),
    "sigmoid": activation("sigmoid"),
    "tanh": activation("tanh"),
    "exp": activation("exponential"),
    "gelu": gelu,
    "prelu": prelu,
    "softmax": lambda op, x: Module("layers.Softmax"),
    "log_softmax": activation("log_softmax"),
    "scale": lambda op, x: Module("layers.Rescaling", (op.factor,)),
    "dropout": lambda op, x: Module("layers.Dropout", (op.p,)),
    "channel_dropout": lambda op, x: Module("layers.SpatialDropout2D", (op.p,)),
    "drop_path": lambda op, x: helper(helpers.DROP_PATH, op.p),
    "identity": lambda op, x: Expression("{0}"),
    "flatten": flatten,
    "reshape": reshape,
    "split": split,
    "channel_slice": channel_slice,
    "channel_shuffle": lambda op, x: helper(helpers.SHUFFLE, op.groups),
    "pixel_shuffle": lambda op, x: helper(helpers.PIXEL_SHUFFLE, op.factor),
    "crop": crop,
    "center_crop": crop,
    "trim": trim,
    "pad": pad,
    "upsample": upsample,
    "resize": resize,
    "add": join("Add"),
    "mul": join("Multiply"),
    "mean": join("Average"),
    "maximum": join("Maximum"),
    "sub": subtract,
    "concat": concat,
}
"""By the name of an op: how it is written."""
