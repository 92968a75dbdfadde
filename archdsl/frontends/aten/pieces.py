"""Every second place of a map, and the like: slices with a step, which are only read when they are put together again.

The patch merging of Swin takes the four pixels of each square apart, and makes them channels of one.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import permutations, product

from archdsl.frontends.arrangement import Atom, along, joined
from archdsl.frontends.aten.call import Trace
from archdsl.frontends.aten.placed import Placed
from archdsl.frontends.aten.step import TraceNode, operation


@dataclass(frozen=True, slots=True)
class Pieces:
    """Places of a value: along each of some axes one of every few, as pairs of how few and which, by axis."""

    placed: Placed
    taken: tuple[tuple[int, tuple[int, int]], ...] = ()


def pieces(trace: Trace, node: TraceNode) -> Pieces | None:
    """What a slice with a step takes of a value, or of what an earlier one takes; None for other calls."""
    if operation(node) != "slice":
        return None
    call = trace.call(node)
    placed = call.placed("self")
    before = trace.pieces.get(call["self"]) or (Pieces(placed) if placed else None)
    shape = trace.shape(call["self"])
    if before is None or trace.shape(node) == shape:
        return before
    axis, step = call["dim"] % len(shape), call["step"]
    start, stop, _ = slice(call["start"], call["end"]).indices(shape[axis])
    every = range(shape[axis])[start::step] == range(start, stop, step) and start < step and not shape[axis] % step
    if step < 2 or not every or axis in dict(before.taken) or len(before.placed.arrangement.axes[axis]) != 1:
        return None
    return replace(before, taken=tuple(sorted([*before.taken, (axis, (step, start))])))


def together(trace: Trace, nodes: Sequence[TraceNode], axis: int) -> Placed | None:
    """Pieces one after the other along another axis: if they are all there are, the value in another arrangement."""
    found = [trace.pieces.get(node) for node in nodes]
    parts = [dict(piece.taken) for piece in found if piece and piece.taken]
    if found[0] is None or len(parts) < len(nodes) or axis in parts[0]:
        return None
    if any(piece.placed != found[0].placed for piece in found if piece):
        return None
    steps = {cut: step for cut, (step, _) in parts[0].items()}
    if any({cut: step for cut, (step, _) in part.items()} != steps for part in parts):
        return None
    for order in permutations(steps):
        if [tuple(part[cut][1] for cut in order) for part in parts] == list(product(*(range(steps[c]) for c in order))):
            return _interleaved(found[0].placed, steps, order, axis)
    return None


def _interleaved(placed: Placed, steps: dict[int, int], order: tuple[int, ...], axis: int) -> Placed:
    lies, inner = placed.arrangement, []
    for cut in order:
        (atom,) = lies.axes[cut]
        inner.append(Atom(atom.dim, steps[cut], atom.step))
        lies = lies.with_axis(cut, along(atom.dim, atom.size // steps[cut], atom.step * steps[cut]))
    return placed.arranged(lies.with_axis(axis, joined((*inner, *lies.axes[axis]))))
