"""Which inputs are sequences of features: positions x features, with the features last, as transformers take them."""

from __future__ import annotations

from typing import Any

from archdsl.frontends.aten.call import bound
from archdsl.frontends.aten.step import TraceNode, operation

ATTENTION = frozenset({"scaled_dot_product_attention", "softmax", "_softmax"})

ON_FEATURES = frozenset({"linear", "layer_norm", "rms_norm"})
"""Operations that act on the last axis."""

ALIKE = frozenset({"add", "sub", "mul", "div", "dropout", "contiguous", "clone", "detach", "alias", "to", "_to_copy"})
"""Operations whose result has the axes of its inputs."""


def has_features_last(graph: Any, node: TraceNode) -> bool:
    """Whether an input of batch x positions x features goes to layers of features, in a network that attends."""
    is_sequence = len(node.meta["val"].shape) == 3 and node.meta["val"].is_floating_point()
    if not is_sequence or not any(operation(call) in ATTENTION for call in graph.nodes):
        return False
    pending = [(node, 2)]
    seen = {node}
    while pending:
        value, axis = pending.pop(0)
        for user in value.users:
            if operation(user) in ON_FEATURES and user.args[0] is value:
                return axis == 2
            after = _axis_after(user, axis)
            if after is not None and user not in seen:
                seen.add(user)
                pending.append((user, after))
    return False


def _axis_after(call: TraceNode, axis: int) -> int | None:
    """Where a call puts the axis; None if the call is more than a change of order."""
    if operation(call) in ALIKE:
        return axis if call.meta["val"].dim() == 3 else None
    if operation(call) == "permute":
        order = [int(place) % 3 for place in call.args[1]]
        return order.index(axis)
    if operation(call) == "transpose":
        one, other = (int(bound(call)[name]) % 3 for name in ("dim0", "dim1"))
        return {one: other, other: one}.get(axis, axis)
    return None
