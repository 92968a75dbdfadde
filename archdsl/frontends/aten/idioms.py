"""Ops that PyTorch code computes by several calls; matched backwards from the last call."""

from __future__ import annotations

from archdsl.frontends.aten import recurrent
from archdsl.frontends.aten.call import Call, Result, Translation, bound
from archdsl.frontends.aten.rotation import rotary
from archdsl.frontends.aten.step import Step, TraceNode, operation
from archdsl.ops.activation import HardSigmoid
from archdsl.ops.internal import RESHAPES
from archdsl.ops.norm import Lrn, RmsNorm


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


def rms_norm(call: Call) -> Result:
    """The scale times x / sqrt(mean of squares + eps), as Hugging Face's LLaMA has it."""
    for scale, value in (("self", "other"), ("other", "self")):
        found = _over_root_mean_square(call[value])
        weight, placed = (call.weight(scale), call.trace.placed.get(found[0])) if found else (None, None)
        taken = placed.with_channels(placed.arrangement.rank - 1) if placed else None
        if weight is not None and found and taken:
            return Step(RmsNorm(eps=found[1]), (taken.value,), {"weight": weight}, (taken.arrangement,))
    return None


def _over_root_mean_square(node: TraceNode) -> tuple[TraceNode, float] | None:
    """The value x and eps, if this is x / sqrt(mean of squares of the last axis + eps)."""
    product = _through(node, "to")
    if operation(product) != "mul" or operation(product.args[1]) != "rsqrt":
        return None
    x, root = product.args
    (total,) = root.args
    if operation(total) != "add" or operation(total.args[0]) != "mean" or not isinstance(total.args[1], float):
        return None
    mean = bound(total.args[0])
    last = [axis % mean["self"].meta["val"].dim() for axis in mean.get("dim") or ()] == [x.meta["val"].dim() - 1]
    squares = mean["self"]
    is_squared = operation(squares) == "pow" and squares.args == (x, 2)
    return (x, total.args[1]) if last and mean["keepdim"] and is_squared else None


def _through(node: TraceNode, *operations: str) -> TraceNode:
    """Follows first arguments backwards, past calls of these operations."""
    while operation(node) in operations:
        node = node.args[0]
    return node


IDIOMS: dict[str, tuple[Translation, ...]] = {
    "div": (local_response_norm, hard_sigmoid),
    "mul": (rms_norm,),
    "add": (rotary,),
    "select": (recurrent.selected,),
}
"""Translations by the last call."""
