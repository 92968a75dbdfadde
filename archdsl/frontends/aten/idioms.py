"""Ops that PyTorch code computes by several calls; matched backwards from the last call."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from archdsl.frontends.aten.call import Call, Result, Step, TraceNode, Translation, bound, operation
from archdsl.frontends.aten.recurrent import LAYERS, recurrent
from archdsl.ops.activation import HardSigmoid
from archdsl.ops.embed import Embed
from archdsl.ops.internal import RESHAPES
from archdsl.ops.norm import LayerNorm, Lrn
from archdsl.ops.reshape import ChannelShuffle


def channel_shuffle(call: Call) -> Result:
    """Zhang et al. 2018: view as groups x channels, transpose, flatten again."""
    turned = _through(call["self"], "contiguous", "clone")
    if operation(turned) not in ("transpose", "permute") or call.trace.shape(turned)[2:3] == ():
        return None
    opened = turned.args[0]
    if operation(opened) not in RESHAPES:
        return None
    batch, groups, each, *spatial = call.trace.shape(opened)
    source = opened.args[0]
    if call.trace.shape(source) != (batch, groups * each, *spatial) or call.trace.shape(source) != call.trace.shape(
        call.node
    ):
        return None
    order = _order(turned, len(call.trace.shape(opened)))
    if order[:3] != (0, 2, 1) or order[3:] != tuple(range(3, len(order))):
        return None
    return Step(ChannelShuffle(groups=groups), (source,))


def channels_first(call: Call) -> Result:
    """An op on the last dimension whose result is transposed to channels first."""
    source, rank = call["self"], len(call.trace.shape(call.node))
    order = _order(call.node, rank)
    if order != (0, rank - 1, *range(1, rank - 1)):
        return None
    match operation(source):
        case "embedding":
            return _embedding(call, source)
        case "layer_norm":
            return _layer_norm(call, source, order)
        case "getitem" if operation(source.args[0]) in LAYERS and source.args[1] == 0:
            return _recurrent(call, source.args[0], order)
    return None


def _recurrent(call: Call, source: TraceNode, order: tuple[int, ...]) -> Result:
    inner = call.trace.call(source)
    found, turned = recurrent(inner), _turned_back(inner["input"], order)
    return Step(found[0], (turned,), found[1]) if found and turned is not None else None


def _turned_back(node: TraceNode, order: tuple[int, ...]) -> TraceNode | None:
    """The value that was transposed to channels last; None if it was not."""
    inverse = tuple(sorted(range(len(order)), key=order.__getitem__))
    if operation(node) not in ("transpose", "permute", "movedim") or _order(node, len(order)) != inverse:
        return None
    return node.args[0]


def _embedding(call: Call, source: TraceNode) -> Result:
    inner = call.trace.call(source)
    weight = inner.weight("weight")
    if weight is None or len(inner.dims("indices")) != 1:
        return None
    count, width = call.trace.shape(weight)
    padding = None if inner["padding_idx"] in (None, -1) else inner["padding_idx"]
    return Step(Embed(count=count, width=width, padding=padding), (inner["indices"],), {"weight": weight})


def _layer_norm(call: Call, source: TraceNode, order: tuple[int, ...]) -> Result:
    inner = call.trace.call(source)
    weights = inner.weights("weight", "bias")
    turned = _turned_back(inner["input"], order)
    if weights is None or len(weights) == 1 or len(inner["normalized_shape"]) != 1 or turned is None:
        return None
    return Step(LayerNorm(eps=inner["eps"], affine=bool(weights)), (turned,), weights)


def _order(node: TraceNode, rank: int) -> tuple[int, ...]:
    """The dimensions of the source in the order of the result."""
    arguments = bound(node)
    if operation(node) == "permute":
        return tuple(axis % rank for axis in arguments["dims"])
    order = list(range(rank))
    if operation(node) == "transpose":
        one, other = arguments["dim0"] % rank, arguments["dim1"] % rank
        order[one], order[other] = order[other], order[one]
    elif operation(node) == "movedim":
        (source,), (target,) = _listed(arguments["source"]), _listed(arguments["destination"])
        order.insert(target % rank, order.pop(source % rank))
    return tuple(order)


def _listed(value: Any) -> list[int]:
    return [value] if isinstance(value, int) else list(value)


def local_response_norm(call: Call) -> Result:
    """torch.nn.functional.local_response_norm: x / (k + alpha * mean of squares) ** beta."""
    power = call["other"]
    if operation(power) != "pow" or operation(power.args[0]) != "add":
        return None
    total, beta = power.args[:2]
    product, k = total.args[:2]
    if operation(product) != "mul" or not all(isinstance(n, int | float) for n in (beta, k, product.args[1])):
        return None
    pooled = _through(product.args[0], *RESHAPES)
    if operation(pooled) not in ("avg_pool2d", "avg_pool3d"):
        return None
    size = bound(pooled)["kernel_size"][0]
    squares = _through(pooled.args[0], "pad", "constant_pad_nd", *RESHAPES)
    if operation(squares) != "mul" or set(squares.args) != {call["self"]}:
        return None
    op = Lrn(size=size, alpha=float(product.args[1]), beta=float(beta), k=float(k))
    return Step(op, (call["self"],))


def hard_sigmoid(call: Call) -> Result:
    """min(max(x + 3, 0), 6) / 6."""
    clipped = call["self"]
    six = {"relu6": True, "hardtanh": clipped.args[1:3] == (0.0, 6.0), "clamp": clipped.args[1:3] == (0, 6)}
    if call["other"] != 6 or not six.get(operation(clipped)) or operation(clipped.args[0]) != "add":
        return None
    shifted = clipped.args[0]
    return Step(HardSigmoid(), (shifted.args[0],)) if shifted.args[1] == 3 else None


def _through(node: TraceNode, *operations: str) -> TraceNode:
    """Follows first arguments backwards, past calls of these operations."""
    while operation(node) in operations:
        node = node.args[0]
    return node


def _each(names: tuple[str, ...], idiom: Translation) -> Iterator[tuple[str, tuple[Translation, ...]]]:
    return ((name, (idiom,)) for name in names)


IDIOMS: dict[str, tuple[Translation, ...]] = {
    **dict(_each(("view", "reshape", "_unsafe_view", "flatten"), channel_shuffle)),
    **dict(_each(("transpose", "permute", "movedim"), channels_first)),
    "div": (local_response_norm, hard_sigmoid),
}
"""Translations by the last call."""
