"""Operations that give the same numbers in another shape or order: they change how a value lies in the graph."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from archdsl.frontends.arrangement import Arrangement
from archdsl.frontends.aten.call import Call, Result, Translation
from archdsl.ops.internal import RESHAPES


def reshaped(call: Call) -> Result:
    return _arranged(call, lambda lies: lies.reshaped(call.trace.shape(call.node)))


def permuted(call: Call) -> Result:
    return _permuted(call, [axis % len(call["dims"]) for axis in call["dims"]])


def transposed(call: Call) -> Result:
    rank = len(call.trace.shape(call.node))
    order = list(range(rank))
    one, other = ((call.get(f"dim{i}") if "dim0" in call.arguments else call[f"axis{i}"]) % rank for i in (0, 1))
    order[one], order[other] = order[other], order[one]
    return _permuted(call, order)


def matrix_transposed(call: Call) -> Result:
    return _permuted(call, list(range(len(call.trace.shape(call.node))))[::-1])


def last_two_transposed(call: Call) -> Result:
    rank = len(call.trace.shape(call.node))
    return _permuted(call, [*range(rank - 2), rank - 1, rank - 2])


def moved(call: Call) -> Result:
    rank = len(call.trace.shape(call.node))
    sources, targets = ([axis % rank for axis in _listed(call[name])] for name in ("source", "destination"))
    order = [axis for axis in range(rank) if axis not in sources]
    for target, source in sorted(zip(targets, sources, strict=True)):
        order.insert(target, source)
    return _permuted(call, order)


def _listed(value: Any) -> list[int]:
    return [value] if isinstance(value, int) else list(value)


def _permuted(call: Call, order: list[int]) -> Result:
    return _arranged(call, lambda lies: lies.permuted(order))


def expanded(call: Call) -> Result:
    return _arranged(call, lambda lies: lies.expanded(call.trace.shape(call.node)))


def unchanged(call: Call) -> Result:
    """The input, if a call returns it in the same precision."""
    value = call["self"]
    return value if value.meta["val"].dtype == call.node.meta["val"].dtype else None


def _arranged(call: Call, change: Callable[[Arrangement], Arrangement | None]) -> Result:
    placed = call.placed("self")
    arrangement = change(placed.arrangement) if placed else None
    return placed.arranged(arrangement, call.node) if placed and arrangement else None


TRANSLATIONS: dict[str, Translation] = {
    **dict.fromkeys((*RESHAPES, "view_as", "reshape_as"), reshaped),
    "permute": permuted,
    "transpose": transposed,
    "swapaxes": transposed,
    "swapdims": transposed,
    "t": matrix_transposed,
    "mT": last_two_transposed,
    "movedim": moved,
    "expand": expanded,
    "expand_as": expanded,
    **dict.fromkeys(("contiguous", "clone", "alias", "detach", "lift_fresh_copy", "to", "_to_copy"), unchanged),
}
