"""LSTM and GRU layers, which a trace has as one call each: `aten.lstm`, `aten.gru`."""

from __future__ import annotations

from archdsl.frontends.aten.call import Call, TraceNode, operation
from archdsl.ops.recurrent import Gru, Lstm, Recurrent
from archdsl.tensor import Tensor

LAYERS: dict[str, type[Recurrent]] = {"lstm": Lstm, "gru": Gru}
"""The ops by PyTorch's name of the call. Its first result is the sequence, the others are the last state."""


def recurrent(call: Call) -> tuple[Recurrent, dict[str, TraceNode]] | None:
    """The op of a call, and its weights.

    None for what no op does: a state that is given or used, layers without bias, with projections, or that have the
    batch as the second dimension.
    """
    state = call["hx"] if isinstance(call["hx"], list | tuple) else [call["hx"]]
    if not call["batch_first"] or not all(operation(node) == "zeros" for node in state) or _gives_state(call.node):
        return None
    weights = call["params"]
    op = LAYERS[operation(call.node)](
        width=call.trace.shape(weights[1])[-1],
        layers=call["num_layers"],
        bidirectional=call["bidirectional"],
        dropout=float(call["dropout"]) if call["num_layers"] > 1 else 0.0,
    )
    _, length, channels = call.trace.shape(call["input"])
    wanted = op.weights(Tensor(channels, length))
    shapes = [call.trace.shape(weight) for weight in weights]
    if shapes != [weight.shape for weight in wanted.values()] or not all(map(call.trace.is_weight, weights)):
        return None
    return op, dict(zip(wanted, weights, strict=True))


def _gives_state(node: TraceNode) -> bool:
    """Whether something uses the last state that a call gives beside the sequence."""
    return any(operation(user) != "getitem" or (user.args[1] != 0 and user.users) for user in node.users)
