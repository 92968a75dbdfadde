"""LSTM and GRU layers, which a trace has as one call each: `aten.lstm`, `aten.gru`.

A call gives the sequence and the state after it, and an op one of them. What the code uses of a call decides. Where it
uses both, the op gives the sequence, at whose ends the state of the last layer is; it has no states of others.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from archdsl.frontends.arrangement import BATCH, CHANNELS, Arrangement, along, whole
from archdsl.frontends.aten.call import Call, Result, Results, Trace, Translation
from archdsl.frontends.aten.literal import in_order
from archdsl.frontends.aten.placed import Placed
from archdsl.frontends.aten.step import Made, Step, TraceNode, operation
from archdsl.ops.costs import Weight
from archdsl.ops.crop import Trim
from archdsl.ops.merge import Concat
from archdsl.ops.recurrent import Gru, Lstm, Recurrent
from archdsl.ops.recurrent_along import Along, GruAlong, LstmAlong
from archdsl.ops.reshape import Split
from archdsl.ops.tokens import Token
from archdsl.tensor import Tensor

LAYERS: dict[str, type[Recurrent]] = {"lstm": Lstm, "gru": Gru}
"""The ops by PyTorch's name of the call. Its first result is the sequence, the others are the last state."""

ALONG: dict[str, type[Along]] = {"lstm": LstmAlong, "gru": GruAlong}
"""Those for sequences that are the rows, or the columns, of a map."""

STATE = (1, 2, 0)
"""The axes of a state in PyTorch (layers and directions, batch, width) as batch, width, columns."""


def recurrent(call: Call) -> Result:
    """The op of a call; None for what no op does: both the sequence and the state used, layers without bias or with
    projections."""
    placed, order = call.placed("input"), _order(call)
    taken = in_order(placed.arranged(placed.arrangement.permuted(order))) if placed else None
    start = () if _is_zero(call) else _start(call)
    used = _used(call.node)
    op = LAYERS[operation(call.node)](
        **_settings(call), start="like" if start else None, gives="sequence" if 0 in used else "state"
    )
    both = 0 in used and used != {0}
    if taken is None or start is None or (both and not _is_of_last_layer(call, op, used)):
        return None
    tensors = (taken.tensor, *(Tensor(op.width, *one.tensor.spatial) for one in start))
    slots = _slots(call, op.weights(*tensors))
    if not slots:
        return None
    step = Step(op, (taken.value, *(one.value for one in start)), slots)
    given = op.shape(*tensors)
    if op.gives == "state":
        return Results(step, tuple(_states(call, given)))
    lies = whole((taken.batch, *given.dims)).inverted(order)
    if used <= {0}:
        return replace(step, arrangements=(lies,))
    sequence = Placed(Made(call.node), given, taken.batch, lies, call.node)
    return Results(step, (sequence, _last_state(call, op)))


def along_rows(call: Call) -> Result:
    """The op of a call whose sequences are the rows, or the columns, of a map, which are folded into the batch."""
    placed, order = call.placed("input"), _order(call)
    dim, taken = _unfolded(placed.arranged(placed.arrangement.permuted(order))) if placed else (0, None)
    if taken is None or not _is_zero(call) or _used(call.node) != {0}:
        return None
    op = ALONG[operation(call.node)](**_settings(call), dim=dim)
    slots = _slots(call, op.weights(taken.tensor))
    batch, channels, *positions = whole((taken.batch, *op.shape(taken.tensor).dims)).axes
    lies = Arrangement(((*batch, *positions[3 - dim]), channels, positions[dim - 2]))
    return Step(op, (taken.value,), slots, (lies.inverted(order),)) if slots else None


def _unfolded(placed: Placed) -> tuple[int, Placed | None]:
    """A value of batch and sequences, channels, positions as a map, and the dimension along which the sequences are.

    The positions may be rows or columns: one of the two mostly needs no op that turns the map round.
    """
    axes, rolled = placed.arrangement.axes, placed.arrangement.rolled
    if axes[0][:1] != along(BATCH, placed.batch) or len(axes[0]) == 1:
        return 0, None
    (batch, *sequences), channels, positions = axes
    ways = {3: (tuple(sequences), positions), 2: (positions, tuple(sequences))}
    lying = {
        dim: in_order(placed.arranged(Arrangement(((batch,), channels, *way), rolled))) for dim, way in ways.items()
    }
    found = [(dim, taken) for dim, taken in lying.items() if taken]
    return min(found, key=lambda pair: pair[1].value is not placed.value, default=(0, None))


def _order(call: Call) -> tuple[int, int, int]:
    """The axes of a sequence as batch, channels, positions."""
    return (0, 2, 1) if call["batch_first"] else (1, 2, 0)


def _settings(call: Call) -> dict[str, Any]:
    """The arguments that an op has whatever it reads."""
    return {
        "width": call.trace.shape(call["params"][1])[-1],
        "layers": call["num_layers"],
        "bidirectional": call["bidirectional"],
        "dropout": float(call["dropout"]) if call["num_layers"] > 1 else 0.0,
    }


def _slots(call: Call, wanted: Mapping[str, Weight]) -> dict[str, TraceNode]:
    """The parameters of a call by the op's names for them; none if they are not those that the op learns."""
    weights = call["params"]
    shapes = [call.trace.shape(weight) for weight in weights]
    if shapes != [weight.shape for weight in wanted.values()] or not all(map(call.trace.is_weight, weights)):
        return {}
    return dict(zip(wanted, weights, strict=True))


def _used(node: TraceNode) -> set[int]:
    """Which results of a call something uses; the first, if none or if it is not known."""
    parts = [user for user in node.users if operation(user) == "getitem"]
    return {part.args[1] for part in parts if part.users} or {0}


def _is_of_last_layer(call: Call, op: Recurrent, used: set[int]) -> bool:
    """Whether what is used of the state, beside the sequence, is what the last layer's directions end with."""
    if used != {0, 1}:
        return False
    users = [user for part in _parts(call.node, 1) for user in part.users]
    last = op.layers * (1 + op.bidirectional) - 1 - op.bidirectional
    return op.layers == 1 or all(_row(call.trace, user) >= last for user in users)


def _parts(node: TraceNode, place: int) -> list[TraceNode]:
    """The calls that take one of the results of a call."""
    return [user for user in node.users if operation(user) == "getitem" and user.args[1] == place]


def _row(trace: Trace, node: TraceNode) -> int:
    """Which layer and direction of a state a call selects; -1 if it does something else."""
    if operation(node) != "select" or trace.call(node)["dim"] != 0:
        return -1
    return int(trace.call(node)["index"]) % trace.shape(node.args[0])[0]


def _last_state(call: Call, op: Recurrent) -> Placed:
    """The state of the last layer, which the sequence has: forwards at its last position, backwards at its first.

    Of earlier layers nothing is known, nor used.
    """
    batch = along(BATCH, call.trace.batch)
    rows = [_end(call, op, direction) for direction in range(1 + op.bidirectional)]
    if len(rows) == 1:
        return Placed(rows[0], Tensor(op.width), call.trace.batch, Arrangement(((), batch, along(CHANNELS, op.width))))
    both = Step(Concat(), tuple(rows), call=call.node)
    lies = Arrangement((along(CHANNELS, 2, op.width), batch, along(CHANNELS, op.width)))
    return Placed(both, Tensor(2 * op.width), call.trace.batch, lies)


def _end(call: Call, op: Recurrent, direction: int) -> Step:
    """What the last layer remembers at the end of a direction."""
    value: Made | Step = Made(call.node)
    if op.bidirectional:
        value = Step(Split(parts=2), (value,), call=call.node, port=direction)
    return Step(Token(index=-1 if direction == 0 else 0), (value,), call=call.node)


def selected(call: Call) -> Result:
    """The state of the last layer in one direction, where the sequence is used too."""
    source = _named(call["self"])
    made = call.trace.steps.get(source.args[0]) if operation(source) == "getitem" and source.args[1] == 1 else None
    row = _row(call.trace, call.node)
    if made is None or not isinstance(made.op, Recurrent) or made.op.gives != "sequence" or row < 0:
        return None
    value = _end(call.trace.call(source.args[0]), made.op, row % (1 + made.op.bidirectional))
    return Placed.plain(value, Tensor(made.op.width), call.trace.batch)


def _states(call: Call, state: Tensor) -> list[Placed]:
    """The results of a call of which only the state is used: h of an LSTM are the first columns, c the others."""
    count = len(call.node.meta["val"]) - 1
    columns = state.spatial[0] // count
    placed = []
    for part in range(count):
        cut = part * columns, (count - part - 1) * columns
        value = Step(Trim(sides=cut), (Made(call.node),), call=call.node) if count > 1 else Made(call.node)
        placed.append(Placed.plain(value, Tensor(state.channels, columns), call.trace.batch))
    output = Placed(Made(call.node), state, call.trace.batch, Arrangement(()))  # for the sequence, which nothing uses
    return [output, *(one.arranged(one.arrangement.permuted((2, 0, 1))) for one in placed)]


def _state_nodes(call: Call) -> list[TraceNode]:
    return list(call["hx"]) if isinstance(call["hx"], list | tuple) else [call["hx"]]


def _is_zero(call: Call) -> bool:
    tables = map(call.trace.tables.__getitem__, _state_nodes(call))
    return all(table is not None and table.number == 0 for table in tables)


def _start(call: Call) -> tuple[Placed] | None:
    """The state that a call begins with, as one value: what another call gives, or h and c side by side."""
    trace, nodes = call.trace, _state_nodes(call)
    whole_state = _given_state(trace, nodes)
    if whole_state:
        return (whole_state,)
    placed = [trace.placed.get(node) for node in nodes]
    turned = [one and one.arranged(one.arrangement.permuted(STATE)).for_each_sample() for one in placed]
    taken = [found for one in turned if (found := in_order(one))]
    if len(taken) < len(nodes) or any(one.tensor.rank != 2 for one in taken):
        return None
    if len(taken) == 1:
        return (taken[0],)
    columns = sum(one.tensor.spatial[0] for one in taken)
    value = Step(Concat(over="positions"), tuple(one.value for one in taken), call=call.node)
    return (Placed.plain(value, Tensor(taken[0].tensor.channels, columns), trace.batch),)


def _given_state(trace: Trace, nodes: list[TraceNode]) -> Placed | None:
    """The state of which these are all parts: what another call gives, or h and c that were side by side."""
    parts = [_named(node) for node in nodes]
    source = _source(parts)
    if source is None:
        return None
    state = state_of(trace, parts)
    if state:
        return Placed.plain(state.value, state.tensor, trace.batch)
    if operation(source) not in ("chunk", "split") or [part.args[1] for part in parts] != [0, 1]:
        return None
    call = trace.call(source)
    placed = call.placed("self")
    is_halved = len(source.meta["val"]) == 2 and call["dim"] == 0
    return in_order(placed.arranged(placed.arrangement.permuted(STATE))) if is_halved and placed else None


def state_of(trace: Trace, parts: Sequence[TraceNode]) -> Placed | None:
    """The state of a recurrent layer, if these are all its parts: PyTorch's layers, one after the other, h before c."""
    source = _source(parts)
    step = trace.steps.get(source)
    if source is None or step is None or not isinstance(step.op, Recurrent) or step.op.gives != "state":
        return None
    count = len(source.meta["val"]) - 1
    if [part.args[1] for part in parts] != list(range(1, count + 1)):
        return None
    columns = count * trace.shape(parts[0])[0]
    placed = Placed.plain(Made(source), Tensor(step.op.width, columns), trace.batch)
    return placed.arranged(placed.arrangement.permuted((2, 0, 1)))


def _source(parts: Sequence[TraceNode]) -> TraceNode | None:
    """The call of which all of these are results."""
    sources = {part.args[0] if operation(part) == "getitem" else None for part in parts}
    return next(iter(sources)) if len(sources) == 1 else None


def _named(node: TraceNode) -> TraceNode:
    """The call whose result a call only copies."""
    while operation(node) in ("contiguous", "clone"):
        node = node.args[0]
    return node


TRANSLATIONS: dict[str, Translation] = dict.fromkeys(LAYERS, recurrent)
FOLDED: dict[str, Translation] = dict.fromkeys(ALONG, along_rows)
"""Translations to try where the batch is not an axis of its own."""
