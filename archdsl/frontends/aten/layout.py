"""Operations that give the same numbers in another shape or order: they change how a value lies in the graph."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from archdsl.frontends.arrangement import BATCH, REPEATED, Arrangement, Axis, along
from archdsl.frontends.aten.call import Call, Result, Translation
from archdsl.frontends.aten.placed import Placed
from archdsl.frontends.aten.step import operation
from archdsl.ops.internal import RESHAPES


def reshaped(call: Call, lies: Arrangement) -> Arrangement | None:
    return lies.reshaped(call.trace.shape(call.node))


def permuted(call: Call, lies: Arrangement) -> Arrangement:
    return lies.permuted([axis % len(call["dims"]) for axis in call["dims"]])


def transposed(call: Call, lies: Arrangement) -> Arrangement:
    order = list(range(lies.rank))
    one, other = (call.get(f"dim{i}") if "dim0" in call.arguments else call[f"axis{i}"] for i in (0, 1))
    order[one], order[other] = order[other], order[one]
    return lies.permuted(order)


def turned(call: Call, lies: Arrangement) -> Arrangement:
    return lies.permuted(range(lies.rank)[::-1])


def matrices_turned(call: Call, lies: Arrangement) -> Arrangement:
    *lead, row, column = range(lies.rank)
    return lies.permuted([*lead, column, row])


def moved(call: Call, lies: Arrangement) -> Arrangement:
    sources, targets = ([axis % lies.rank for axis in _listed(call[name])] for name in ("source", "destination"))
    order = [axis for axis in range(lies.rank) if axis not in sources]
    for target, source in sorted(zip(targets, sources, strict=True)):
        order.insert(target, source)
    return lies.permuted(order)


def expanded(call: Call, lies: Arrangement) -> Arrangement:
    return lies.expanded(call.trace.shape(call.node))


def repeated(call: Call, lies: Arrangement) -> Arrangement | None:
    """With each axis repeated as a whole, as `Tensor.repeat` and `Tensor.tile` do; None for samples that are."""
    given = call["repeats"] if "repeats" in call.arguments else call["dims"]
    rank = max(len(given), lies.rank)
    counts = (*(1,) * (rank - len(given)), *given)
    axes = lies.expanded((1,) * (rank - lies.rank) + lies.shape).axes
    if any(count > 1 and _holds_batch(axis) for count, axis in zip(counts, axes, strict=True)):
        return None
    return replace(lies, axes=tuple((*along(REPEATED, n, 0), *axis) for n, axis in zip(counts, axes, strict=True)))


def interleaved(call: Call, lies: Arrangement) -> Arrangement | None:
    """With each place of one axis repeated. Of samples, that gives windows that are folded into the batch."""
    if call["dim"] is None or not isinstance(call["repeats"], int):
        return None
    axis = call["dim"] % lies.rank
    return lies.with_axis(axis, (*lies.axes[axis], *along(REPEATED, call["repeats"], 0)))


def _holds_batch(axis: Axis) -> bool:
    return any(atom.dim == BATCH for atom in axis)


def rolled(call: Call, lies: Arrangement) -> Arrangement | None:
    """With places moved along whole dimensions of positions."""
    found: Arrangement | None = lies if call["dims"] else None
    for axis, places in zip(_listed(call["dims"]), _listed(call["shifts"]), strict=False):
        found = found.roll(axis % lies.rank, places) if found else None
    return found


def _listed(value: Any) -> list[int]:
    return [value] if isinstance(value, int) else list(value)


CHANGES: dict[str, Callable[[Call, Arrangement], Arrangement | None]] = {
    **dict.fromkeys((*RESHAPES, "view_as", "reshape_as"), reshaped),
    "permute": permuted,
    "transpose": transposed,
    "swapaxes": transposed,
    "swapdims": transposed,
    "t": turned,
    "numpy_T": turned,
    "mT": matrices_turned,
    "movedim": moved,
    "expand": expanded,
    "repeat": repeated,
    "repeat_interleave": interleaved,
    "tile": repeated,
    "expand_as": expanded,
    "roll": rolled,
}
"""What calls do to the arrangement of their input; None where that is no arrangement."""


UNCHANGED = ("contiguous", "clone", "alias", "detach", "lift_fresh_copy", "to", "_to_copy")
"""Operations that return their input, perhaps in another precision."""


def arranged(call: Call) -> Result:
    placed = call.placed("self")
    return _arranged(call, placed) if placed else None


def moved_places(call: Call) -> Result:
    """A value whose places are moved: as it lies, or, if positions are pieces of a sequence there, as a map."""
    placed = call.placed("self")
    found = placed.read() if placed else None
    if placed is None or found is None:
        return arranged(call)
    taken, order = found
    return _arranged(call, placed) or _arranged(call, taken.arranged(taken.arrangement.inverted(order)))


def _arranged(call: Call, placed: Placed) -> Placed | None:
    arrangement = CHANGES[operation(call.node)](call, placed.arrangement)
    return placed.arranged(arrangement, call.node) if arrangement else None


def unchanged(call: Call) -> Result:
    """The input, if a call returns it in the same precision."""
    value = call["self"]
    return value if value.meta["val"].dtype == call.node.meta["val"].dtype else None


TRANSLATIONS: dict[str, Translation] = {
    **dict.fromkeys(CHANGES, arranged),
    **dict.fromkeys(UNCHANGED, unchanged),
    "roll": moved_places,
}
"""Translations by name of operation."""
