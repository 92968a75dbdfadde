"""LSTM and GRU layers, which a trace has as one call each: `aten.lstm`, `aten.gru`."""

from __future__ import annotations

from archdsl.frontends.arrangement import whole
from archdsl.frontends.aten.call import Call, Result, Translation
from archdsl.frontends.aten.step import Step, TraceNode, operation
from archdsl.ops.recurrent import Gru, Lstm, Recurrent

LAYERS: dict[str, type[Recurrent]] = {"lstm": Lstm, "gru": Gru}
"""The ops by PyTorch's name of the call. Its first result is the sequence, the others are the last state."""


def recurrent(call: Call) -> Result:
    """The op of a call; None for what no op does: a state that is given or used, layers without bias or with
    projections."""
    state = call["hx"] if isinstance(call["hx"], list | tuple) else [call["hx"]]
    placed, weights = call.placed("input"), call["params"]
    order = (0, 2, 1) if call["batch_first"] else (1, 2, 0)
    taken = placed.standard(order) if placed else None
    if taken is None or not all(operation(node) == "zeros" for node in state) or _gives_state(call.node):
        return None
    op = LAYERS[operation(call.node)](
        width=call.trace.shape(weights[1])[-1],
        layers=call["num_layers"],
        bidirectional=call["bidirectional"],
        dropout=float(call["dropout"]) if call["num_layers"] > 1 else 0.0,
    )
    wanted = op.weights(taken.tensor)
    shapes = [call.trace.shape(weight) for weight in weights]
    if shapes != [weight.shape for weight in wanted.values()] or not all(map(call.trace.is_weight, weights)):
        return None
    lies = whole((taken.batch, *op.shape(taken.tensor).dims)).inverted(order)
    return Step(op, (taken.value,), dict(zip(wanted, weights, strict=True)), (lies,))


def _gives_state(node: TraceNode) -> bool:
    """Whether something uses the last state that a call gives beside the sequence."""
    return any(operation(user) != "getitem" or (user.args[1] != 0 and user.users) for user in node.users)


TRANSLATIONS: dict[str, Translation] = dict.fromkeys(LAYERS, recurrent)
