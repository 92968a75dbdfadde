"""What each type of Caffe layer computes: one function for each, in the table `LAYERS`.

The rules are those of Caffe's `caffe.proto` and of the code of its layers. Convolutions and pools are in `windows.py`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from itertools import pairwise
from math import prod
from typing import Any

from archdsl.frontends.caffe.network import Layer
from archdsl.frontends.caffe.windows import convolution, crop, deconvolution, depthwise, pooling
from archdsl.frontends.caffe.work import Made, Work
from archdsl.frontends.flat import not_read, wrong
from archdsl.ops.internal import Opaque

Function = Callable[[Work, Layer], Made]


# --- weighted ------------------------------------------------------------------------------------


def inner_product(work: Work, layer: Layer) -> Made:
    given = layer.parameters
    work.expect(given, "axis", 1)
    x = work.vector(layer)
    return work.put(layer, "linear", x, out=work.outputs(layer), bias=given.flag("bias_term", True))


def batch_norm(work: Work, layer: Layer) -> Made:
    """The normalization, with the learned scale and shift where the only layer after it is such a `Scale`."""
    affine = any(is_affine(user, layer) for user in layer.users.get(0, ()))
    return work.put(layer, "bn", work.only(layer), eps=layer.parameters.number("eps", 1e-5), affine=affine)


def is_affine(layer: Layer, before: Layer) -> bool:
    """Whether a layer is the learned scale and shift of the normalization before it."""
    return (
        (layer.type, before.type) == ("SCALE", "BATCHNORM")
        and len(layer.bottoms) == 1
        and layer.bottoms[0][0] is before
        and len(before.users[0]) == 1
        and layer.parameters.flag("bias_term", False)
    )


def scale(work: Work, layer: Layer) -> Made:
    """Learned factors for the channels; with a second input, a product."""
    given = layer.parameters
    if len(layer.bottoms) == 2:
        return work.put(layer, "mul", *work.all(layer))
    x = work.only(layer)
    if is_affine(layer, layer.bottoms[0][0]):
        return x
    work.expect(given, "axis", 1)
    scaled = work.put(layer, "layer_scale", x, init=given.message("filler").number("value", 1))
    return work.shifted(layer, scaled) if given.flag("bias_term", False) else scaled


def bias(work: Work, layer: Layer) -> Made:
    if len(layer.bottoms) == 2:
        return work.put(layer, "add", *work.all(layer))
    return work.shifted(layer, work.only(layer))


# --- activations ---------------------------------------------------------------------------------


def plain(op: str, **arguments: Any) -> Function:
    """A layer that is one op."""
    return lambda work, layer: work.put(layer, op, work.only(layer), **arguments)


def relu(work: Work, layer: Layer) -> Made:
    slope = layer.parameters.number("negative_slope", 0)
    return plain("leaky_relu", slope=slope)(work, layer) if slope else plain("relu")(work, layer)


def prelu(work: Work, layer: Layer) -> Made:
    given = layer.parameters
    slope = given.message("filler").number("value", 0.25)
    return plain("prelu", per_channel=not given.flag("channel_shared", False), slope=slope)(work, layer)


def elu(work: Work, layer: Layer) -> Made:
    return plain("elu", alpha=layer.parameters.number("alpha", 1))(work, layer)


def softmax(work: Work, layer: Layer) -> Made:
    work.expect(layer.parameters, "axis", 1)
    return plain("softmax")(work, layer)


def power(work: Work, layer: Layer) -> Made:
    """(shift + scale * x) ^ power."""
    given = layer.parameters
    x = work.only(layer)
    if (factor := given.number("scale", 1)) != 1:
        x = work.helper(layer, "scale", x, factor=factor)
    for name, function, usual in (("shift", "shift", 0), ("power", "pow", 1)):
        if (number := given.number(name, usual)) != usual:
            x = work.helper(layer, "applied", x, function=function, first=number)
    return x


def exponential(work: Work, layer: Layer) -> Made:
    _expect_plain(layer)
    return plain("exp")(work, layer)


def logarithm(work: Work, layer: Layer) -> Made:
    _expect_plain(layer)
    return plain("applied", function="log")(work, layer)


def _expect_plain(layer: Layer) -> None:
    """Refuses a base besides e, a scale or a shift."""
    for name, usual in (("base", -1.0), ("scale", 1.0), ("shift", 0.0)):
        if layer.parameters.number(name, usual) != usual:
            raise not_read(f"`{layer.type}` with `{name}` is not read", layer.parameters.place(name))


def clip(work: Work, layer: Layer) -> Made:
    low, high = layer.parameters.number("min", 0), layer.parameters.number("max", 0)
    if (low, high) == (0, 6):
        return plain("relu6")(work, layer)
    x = work.helper(layer, "applied", work.only(layer), function="at_least", first=low)
    return work.put(layer, "applied", x, function="at_most", first=high)


def dropout(work: Work, layer: Layer) -> Made:
    return plain("dropout", p=layer.parameters.number("dropout_ratio", 0.5))(work, layer)


def lrn(work: Work, layer: Layer) -> Made:
    given = layer.parameters
    size, alpha, beta = given.whole("local_size", 5, 1), given.number("alpha", 1), given.number("beta", 0.75)
    if given.text("norm_region", "ACROSS_CHANNELS") in ("WITHIN_CHANNEL", "1"):
        return opaque(f"caffe.LRN(within_channel, local_size={size})")(work, layer)
    return plain("lrn", size=size, alpha=alpha, beta=beta, k=given.number("k", 1))(work, layer)


def opaque(target: str) -> Function:
    """A layer that the language has no op for, and that learns nothing and keeps its shape."""

    def made(work: Work, layer: Layer) -> Made:
        x = work.only(layer)
        return work.enter(layer, Opaque(target=target, results=(work.tensor(x).dims,)), x)

    return made


# --- joins ---------------------------------------------------------------------------------------


def eltwise(work: Work, layer: Layer) -> Made:
    """A sum, perhaps with factors, a product or a maximum."""
    given, values = layer.parameters, work.all(layer)
    operation = given.text("operation", "SUM")
    if operation in ("PROD", "0", "MAX", "2"):
        return work.put(layer, "mul" if operation in ("PROD", "0") else "maximum", *values)
    if operation not in ("SUM", "1"):
        raise wrong(f"`operation` is SUM, PROD or MAX, got `{operation}`", given.place("operation"))
    factors = given.numbers("coeff") or [1.0] * len(values)
    if len(factors) != len(values):
        message = f"{len(values)} values are added with {len(factors)} numbers `coeff`"
        raise wrong(message, given.place("coeff"), "write one for each, or none")
    if len(set(factors)) == 1 and abs(factors[0] * len(values) - 1) < 1e-6 and len(values) > 1:
        return work.put(layer, "mean", *values)
    if factors[0] == 1 and all(factor == -1 for factor in factors[1:]) and len(values) > 1:
        return work.put(layer, "sub", *values)
    scaled = [x if f == 1 else work.helper(layer, "scale", x, factor=f) for x, f in zip(values, factors, strict=True)]
    # The order does not matter. Text reads best with the long branch first, which was made last.
    return work.put(layer, "add", *sorted(scaled, reverse=True))


def concat(work: Work, layer: Layer) -> Made:
    given = layer.parameters
    name = "concat_dim" if given.has("concat_dim") else "axis"
    work.expect(given, name, 1)
    values = work.all(layer)
    return values[0] if len(values) == 1 else work.put(layer, "concat", *values)


def axpy(work: Work, layer: Layer) -> Made:
    """Of three inputs, the first times the second, plus the third: the gate of a residual unit."""
    values = work.all(layer)
    if len(values) != 3:
        raise wrong(f"`Axpy` takes three values, got {len(values)}", layer.span)
    return work.put(layer, "add", work.helper(layer, "mul", values[1], values[0]), values[2])


# --- shapes --------------------------------------------------------------------------------------


def split(work: Work, layer: Layer) -> Made:
    """The same value under several names."""
    return (work.only(layer),) * max(len(layer.tops), 1)


def sliced(work: Work, layer: Layer) -> Made:
    """Parts of the channels, each under a name."""
    given, x = layer.parameters, work.only(layer)
    work.expect(given, "slice_dim" if given.has("slice_dim") else "axis", 1)
    channels, points = work.tensor(x).channels, given.wholes("slice_point", 1)
    parts: Any = len(layer.tops)
    if points:
        ends = [0, *points, channels]
        parts = [end - start for start, end in pairwise(ends)]
        if len(parts) != len(layer.tops) or min(parts) < 1:
            message = f"{channels} channels are cut at {', '.join(map(str, points))} for {len(layer.tops)} parts"
            raise wrong(message, given.place("slice_point"), "the numbers rise, and there is one less than parts")
    elif parts < 1 or channels % parts:
        raise wrong(f"{channels} channels do not split into {parts} parts", layer.span)
    return (x,) if len(layer.tops) == 1 else work.several(layer, "split", x, parts=parts)


def flatten(work: Work, layer: Layer) -> Made:
    work.expect(layer.parameters, "axis", 1)
    return work.vector(layer)


def reshape(work: Work, layer: Layer) -> Made:
    """Another shape, where 0 stands for what is there already, and -1 for what is left."""
    given, x = layer.parameters, work.only(layer)
    work.expect(given, "axis", 0)
    shape = given.message("shape")
    batch, *dims = shape.wholes("dim", -1) or [1]
    old = work.tensor(x).dims
    if batch not in (0, 1) or not dims or dims.count(-1) > 1:
        raise not_read("a `Reshape` is read that keeps the batch, `dim: 0`, and leaves one number open", shape.span)
    filled = [old[place] if dim == 0 and place < len(old) else dim for place, dim in enumerate(dims)]
    known = prod(dim for dim in filled if dim != -1)
    if -1 in filled and known > 0:
        filled[filled.index(-1)] = prod(old) // known
    return x if tuple(filled) == old else work.put(layer, "reshape", x, dims=filled)


def shuffle(work: Work, layer: Layer) -> Made:
    return plain("channel_shuffle", groups=layer.parameters.whole("group", 1, 1))(work, layer)


def same(work: Work, layer: Layer) -> Made:
    return work.only(layer)


LAYERS: Mapping[str, Function] = {
    "CONVOLUTION": convolution,
    **dict.fromkeys(("DEPTHWISECONVOLUTION", "CONVOLUTIONDEPTHWISE"), depthwise),
    "DECONVOLUTION": deconvolution,
    "INNERPRODUCT": inner_product,
    "POOLING": pooling,
    "CROP": crop,
    "BATCHNORM": batch_norm,
    "SCALE": scale,
    "BIAS": bias,
    "RELU": relu,
    "RELU6": plain("relu6"),
    "PRELU": prelu,
    "ELU": elu,
    "SIGMOID": plain("sigmoid"),
    "TANH": plain("tanh"),
    "SWISH": plain("silu"),
    "ABSVAL": plain("abs"),
    "BNLL": plain("applied", function="softplus"),
    "EXP": exponential,
    "LOG": logarithm,
    "POWER": power,
    "CLIP": clip,
    "SOFTMAX": softmax,
    "DROPOUT": dropout,
    "LRN": lrn,
    "MVN": opaque("caffe.MVN"),
    "ELTWISE": eltwise,
    "CONCAT": concat,
    "AXPY": axpy,
    "SPLIT": split,
    "SLICE": sliced,
    "FLATTEN": flatten,
    "RESHAPE": reshape,
    "SHUFFLECHANNEL": shuffle,
    "IDENTITY": same,
}
"""The function for each type of layer, besides those that give data or measure a loss."""
