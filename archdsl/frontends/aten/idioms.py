"""Ops that PyTorch code computes by several calls; matched backwards from the last call."""

from __future__ import annotations

from archdsl.frontends.aten.call import Call, Result, Translation, bound
from archdsl.frontends.aten.step import Step, TraceNode, operation
from archdsl.ops.activation import HardSigmoid
from archdsl.ops.internal import RESHAPES
from archdsl.ops.norm import Lrn


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


IDIOMS: dict[str, tuple[Translation, ...]] = {
    "div": (local_response_norm, hard_sigmoid),
}
"""Translations by the last call."""
