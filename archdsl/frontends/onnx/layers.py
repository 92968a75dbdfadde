"""Operators with weights, pools and activations of one call."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from archdsl.frontends.onnx.calls import Value
from archdsl.frontends.onnx.lowering import Lower, Lowered, Lowering
from archdsl.frontends.onnx.model import OnnxNode
from archdsl.ops.activation import (
    Abs,
    Elu,
    Exp,
    Gelu,
    HardSigmoid,
    HardSwish,
    LeakyRelu,
    LogSoftmax,
    Mish,
    Relu,
    Relu6,
    Sigmoid,
    Silu,
    Softmax,
    Tanh,
)
from archdsl.ops.base import Op
from archdsl.ops.norm import Lrn

# --- convolutions and linear layers ----------------------------------------------------------


def conv(net: Lowering, node: OnnxNode) -> Lowered:
    weights = _weights(net, node, 1, 2)
    kernel = net.shape(node.inputs[1])[2:]
    net.check_channels(node, net.shape(node.inputs[1])[1] * node.get("group", 1))
    padding = _padding(node, len(kernel))
    if weights is None or not 1 <= len(kernel) <= 3 or padding is None:
        return None
    strides, dilations = (node.get(name) or [1] * len(kernel) for name in ("strides", "dilations"))
    x = net.value(node.inputs[0])
    return net.call(node, f"conv{len(kernel)}d", x, *weights, strides, padding, dilations, node.get("group", 1))


def conv_transpose(net: Lowering, node: OnnxNode) -> Lowered:
    weights = _weights(net, node, 1, 2)
    count = len(net.shape(node.inputs[1])) - 2
    net.check_channels(node, net.shape(node.inputs[1])[0])
    pads = node.get("pads") or [0] * 2 * count
    odd = node.get("auto_pad", "NOTSET") not in ("NOTSET", "VALID") or node.get("output_shape")
    if weights is None or not 1 <= count <= 3 or odd or pads[:count] != pads[count:]:
        return None
    strides, dilations = (node.get(name) or [1] * count for name in ("strides", "dilations"))
    further = pads[:count], node.get("output_padding") or [0] * count, node.get("group", 1), dilations
    return net.call(node, f"conv_transpose{count}d", net.value(node.inputs[0]), *weights, strides, *further)


def _padding(node: OnnxNode, count: int) -> Any:
    """The padding: a number of pixels for each axis, `tf_same`, or pixels at each side: left, right, top, bottom."""
    auto, pads = node.get("auto_pad", "NOTSET"), node.get("pads") or [0] * 2 * count
    if auto == "SAME_UPPER":
        return "tf_same"
    if auto not in ("NOTSET", "VALID") or len(pads) != 2 * count or min(pads) < 0:
        return None
    before, after = pads[:count], pads[count:]
    if auto == "VALID" or before == after:
        return [0] * count if auto == "VALID" else before
    return [side for pair in reversed(list(zip(before, after, strict=True))) for side in pair]


def _weights(net: Lowering, node: OnnxNode, *places: int) -> list[Value | None] | None:
    """The weights at these inputs, None for those that are left out; None if one is computed from values."""
    found = [net.weight(node.input(place), node) or net.computed_weight(node.input(place), node) for place in places]
    if any(value is None and node.input(place) for place, value in zip(places, found, strict=True)):
        return None
    return found


def gemm(net: Lowering, node: OnnxNode) -> Lowered:
    if node.get("alpha", 1) != 1 or node.get("transA", 0) or node.get("beta", 1) != 1:
        return None
    weight = net.weight(node.inputs[1], node, columns=not node.get("transB", 0))
    bias = net.weight(node.input(2), node)
    if weight is None or (node.input(2) and (bias is None or bias.meta["val"].shape != net.shape(node.outputs[0])[1:])):
        return None
    return net.call(node, "linear", net.value(node.inputs[0]), weight, bias)


def matmul(net: Lowering, node: OnnxNode) -> Lowered:
    """A product with a weight is a linear layer, and has the bias that is added to it alone."""
    one, other = node.inputs
    weight, columns = _matrix(net, other)
    if not weight or len(net.shape(one)) < 2:
        return net.call(node, "matmul", net.value(one), net.value(other))
    matrix = net.weight(weight, node, columns)
    added = net.only_user(node.outputs[0], "Add")
    bias = next(net.others(added, node.outputs[0])) if added else ""
    if added and net.is_learned(bias) and net.shape(bias) == net.shape(node.outputs[0])[-1:]:
        value = net.call(node, "linear", net.value(one), matrix, net.weight(bias, node))
        net.takes_over(added, node, value)
        return value
    return net.call(node, "linear", net.value(one), matrix, None)


def _matrix(net: Lowering, name: str) -> tuple[str, bool]:
    """The weight that is a factor, and whether it is kept transposed to PyTorch's; "" for another value."""
    turned = net.made_by(name, "Transpose")
    if turned and net.is_learned(turned.inputs[0]) and len(net.shape(name)) == 2:
        return turned.inputs[0], turned.get("perm", [1, 0]) == [0, 1]
    return (name, True) if net.is_learned(name) and len(net.shape(name)) == 2 else ("", False)


# --- normalizations --------------------------------------------------------------------------


def batch_norm(net: Lowering, node: OnnxNode) -> Lowered:
    weights = _weights(net, node, 1, 2, 3, 4)
    if weights is None or None in weights or node.get("training_mode", 0):
        return None
    momentum = round(1 - node.get("momentum", 0.9), 9)
    x = net.value(node.inputs[0])
    return net.call(node, "batch_norm", x, *weights, False, momentum, node.get("epsilon", 1e-5))


def instance_norm(net: Lowering, node: OnnxNode) -> Lowered:
    weights = _weights(net, node, 1, 2)
    if weights is None:
        return None
    x = net.value(node.inputs[0])
    return net.call(node, "instance_norm", x, *weights, None, None, True, 0.1, node.get("epsilon", 1e-5))


def group_norm(net: Lowering, node: OnnxNode) -> Lowered:
    weights = _weights(net, node, 1, 2)
    if weights is None or net.model.version < 21:
        return None
    x, groups = net.value(node.inputs[0]), node.get("num_groups")
    return net.call(node, "group_norm", x, groups, *weights, node.get("epsilon", 1e-5))


def layer_norm(net: Lowering, node: OnnxNode) -> Lowered:
    weights, shape = _weights(net, node, 1, 2), net.shape(node.inputs[0])
    if weights is None or len(node.outputs) > 1:
        return None
    normalized = list(shape[node.get("axis", -1) % len(shape) :])
    return net.call(node, "layer_norm", net.value(node.inputs[0]), normalized, *weights, node.get("epsilon", 1e-5))


def rms_norm(net: Lowering, node: OnnxNode) -> Lowered:
    weights, shape = _weights(net, node, 1), net.shape(node.inputs[0])
    if weights is None:
        return None
    normalized = list(shape[node.get("axis", -1) % len(shape) :])
    return net.call(node, "rms_norm", net.value(node.inputs[0]), normalized, *weights, node.get("epsilon", 1e-5))


def lrn(net: Lowering, node: OnnxNode) -> Lowered:
    alpha, beta, k = (node.get(name, default) for name, default in (("alpha", 1e-4), ("beta", 0.75), ("bias", 1.0)))
    return net.layer(node, Lrn(size=node.get("size"), alpha=alpha, beta=beta, k=k), net.value(node.inputs[0]))


# --- pools -----------------------------------------------------------------------------------


def max_pool(net: Lowering, node: OnnxNode) -> Lowered:
    found = _window(net, node)
    if found is None or len(node.outputs) > 1:
        return None
    kernel, strides, padding = found
    dilations = node.get("dilations") or [1] * len(kernel)
    x, ceil = net.value(node.inputs[0]), bool(node.get("ceil_mode", 0))
    return net.call(node, f"max_pool{len(kernel)}d", x, kernel, strides, padding, dilations, ceil)


def average_pool(net: Lowering, node: OnnxNode) -> Lowered:
    found = _window(net, node)
    if found is None or any(size != 1 for size in node.get("dilations", ())):
        return None
    kernel, strides, padding = found
    x, ceil, counted = net.value(node.inputs[0]), bool(node.get("ceil_mode", 0)), bool(node.get("count_include_pad", 0))
    # Without padding, both ways to count are the same; PyTorch's usual one is written without an argument.
    counted = counted or not any(padding)
    return net.call(node, f"avg_pool{len(kernel)}d", x, kernel, strides, padding, ceil, counted, None)


def _window(net: Lowering, node: OnnxNode) -> tuple[list[int], list[int], Any] | None:
    kernel = node.get("kernel_shape") or []
    padding = _padding(node, len(kernel))
    if not 1 <= len(kernel) <= 3 or padding is None or isinstance(padding, str):
        return None
    return kernel, node.get("strides") or [1] * len(kernel), padding


def global_pool(operation: str) -> Lower:
    def lower(net: Lowering, node: OnnxNode) -> Lowered:
        axes = list(range(2, len(net.shape(node.inputs[0]))))
        return net.call(node, operation, net.value(node.inputs[0]), axes, True)

    return lower


def reduced(operation: str) -> Lower:
    """A mean, a sum or the like over the axes that an attribute or an input names."""

    def lower(net: Lowering, node: OnnxNode) -> Lowered:
        axes = node.get("axes") or net.integers(node.input(1)) or []
        if not axes and (node.input(1) or node.get("noop_with_empty_axes", 0)):
            return None
        axes = axes or list(range(len(net.shape(node.inputs[0]))))
        return net.call(node, operation, net.value(node.inputs[0]), axes, bool(node.get("keepdims", 1)))

    return lower


# --- activations -----------------------------------------------------------------------------


def plain(op: Op) -> Lower:
    return lambda net, node: net.layer(node, op, net.value(node.inputs[0]))


def named(operation: str, *arguments: Any) -> Lower:
    """An operation of PyTorch's of one value."""
    return lambda net, node: net.call(node, operation, net.value(node.inputs[0]), *arguments)


def gelu(net: Lowering, node: OnnxNode) -> Lowered:
    return net.layer(node, Gelu(approximate=node.get("approximate", "none") == "tanh"), net.value(node.inputs[0]))


def hard_sigmoid(net: Lowering, node: OnnxNode) -> Lowered:
    """PyTorch's is the one of slope 1/6; ONNX's usual slope is 0.2."""
    same = abs(node.get("alpha", 0.2) - 1 / 6) < 1e-6 and node.get("beta", 0.5) == 0.5
    return net.layer(node, HardSigmoid(), net.value(node.inputs[0])) if same else None


def leaky_relu(net: Lowering, node: OnnxNode) -> Lowered:
    return net.layer(node, LeakyRelu(slope=node.get("alpha", 0.01)), net.value(node.inputs[0]))


def elu(net: Lowering, node: OnnxNode) -> Lowered:
    return net.layer(node, Elu(alpha=node.get("alpha", 1.0)), net.value(node.inputs[0]))


def swish(net: Lowering, node: OnnxNode) -> Lowered:
    return net.layer(node, Silu(), net.value(node.inputs[0])) if node.get("alpha", 1.0) == 1 else None


def clip(net: Lowering, node: OnnxNode) -> Lowered:
    if net.model.version < 11:
        low, high = node.get("min"), node.get("max")
    else:
        low, high = net.number(node.input(1)), net.number(node.input(2))
        if (node.input(1) and low is None) or (node.input(2) and high is None):
            return None
    high = None if high is not None and high >= LARGEST else high
    if low == 0 and high in (None, 6):
        return net.layer(node, Relu() if high is None else Relu6(), net.value(node.inputs[0]))
    return net.call(node, "clamp", net.value(node.inputs[0]), low, high)


LARGEST = 3.4e38
"""A bound from here on is none: single precision has no larger numbers."""


def prelu(net: Lowering, node: OnnxNode) -> Lowered:
    """A slope for each channel, or one for all."""
    x, slope = node.inputs
    weight = net.weight(slope, node)
    if weight is None or not (net.is_by_channel(slope, x) or all(size == 1 for size in net.shape(slope))):
        return None
    return net.call(node, "prelu", net.value(x), weight)


def softmax(op: Op) -> Lower:
    """Over the channels it is our op; over other axes it is that of scores, or held as it is."""

    def lower(net: Lowering, node: OnnxNode) -> Lowered:
        shape, newer = net.shape(node.inputs[0]), net.model.version >= 13
        axis = node.get("axis", -1 if newer else 1) % max(len(shape), 1)
        if not newer and axis != len(shape) - 1:
            return None
        if axis == 1:
            return net.layer(node, op, net.value(node.inputs[0]))
        return net.call(node, "softmax", net.value(node.inputs[0]), axis) if isinstance(op, Softmax) else None

    return lower


def dropout(net: Lowering, node: OnnxNode) -> Lowered:
    ratio = node.get("ratio", 0.5) if net.model.version < 12 else net.number(node.input(1))
    # The second output tells which numbers are kept; what is not in training needs none.
    if len(node.outputs) > 1 and net.users[node.outputs[1]]:
        return None
    return net.call(node, "dropout", net.value(node.inputs[0]), 0.5 if ratio is None else ratio, False)


def attention(net: Lowering, node: OnnxNode) -> Lowered:
    """Attention of queries, keys and values in heads, without keys of the past."""
    x = [net.value(name) for name in node.inputs[:3]]
    odd = any(node.input(place) for place in (3, 4, 5)) or node.get("softcap", 0) or len(node.outputs) > 1
    if odd or any(len(value.meta["val"].shape) != 4 for value in x):
        return None
    return net.call(
        node, "scaled_dot_product_attention", *x, None, 0.0, bool(node.get("is_causal", 0)), node.get("scale"), False
    )


LAYERS: dict[str, Sequence[Lower]] = {
    name: (lower,)
    for name, lower in {
        "Conv": conv,
        "ConvTranspose": conv_transpose,
        "Gemm": gemm,
        "MatMul": matmul,
        "BatchNormalization": batch_norm,
        "InstanceNormalization": instance_norm,
        "GroupNormalization": group_norm,
        "LayerNormalization": layer_norm,
        "RMSNormalization": rms_norm,
        "LRN": lrn,
        "MaxPool": max_pool,
        "AveragePool": average_pool,
        "GlobalAveragePool": global_pool("mean"),
        "GlobalMaxPool": global_pool("amax"),
        "ReduceMean": reduced("mean"),
        "ReduceSum": reduced("sum"),
        "ReduceMax": reduced("amax"),
        "ReduceMin": reduced("amin"),
        "Relu": plain(Relu()),
        "Sigmoid": plain(Sigmoid()),
        "Tanh": plain(Tanh()),
        "Exp": plain(Exp()),
        "Abs": plain(Abs()),
        "HardSwish": plain(HardSwish()),
        "Mish": plain(Mish()),
        "HardSigmoid": hard_sigmoid,
        "Gelu": gelu,
        "LeakyRelu": leaky_relu,
        "Elu": elu,
        "Swish": swish,
        "Clip": clip,
        "PRelu": prelu,
        "Softmax": softmax(Softmax()),
        "LogSoftmax": softmax(LogSoftmax()),
        "Softplus": named("softplus", 1, 20),
        "Dropout": dropout,
        "Attention": attention,
    }.items()
}
"""What operators become, by name."""
