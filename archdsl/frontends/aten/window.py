"""Windows that a trace attends in: pieces of positions that lie beside the batch."""

from __future__ import annotations

from dataclasses import dataclass

from archdsl.frontends.arrangement import BATCH, CHANNELS, Atom, Axis, along
from archdsl.frontends.aten.scores import KEYS, Scores


@dataclass(frozen=True, slots=True)
class Cut:
    """How positions fall into windows: their size (None: all positions attend to all), and how far they are moved."""

    size: tuple[int, ...] | None
    shift: tuple[int, ...]
    grid: bool


def windows_of(scores: Scores, queries: Axis) -> Cut | None:
    """The windows of scores whose queries lie along these positions; None if they are none that the op has."""
    beside = [a for axis in scores.lies.axes[:-2] for a in axis if a.dim not in (BATCH, CHANNELS)]
    q, k = scores.q, scores.k
    if not beside and not (q.arrangement.rolled or k.arrangement.rolled or _is_map_with_bias(scores)):
        return Cut(None, (), False)
    spatial = q.tensor.spatial
    if len(spatial) not in (2, 3) or q.arrangement.rolled != k.arrangement.rolled or k.tensor.spatial != spatial:
        return None
    dims = range(2, 2 + len(spatial))
    size = tuple(_inner(queries, dim) for dim in dims)
    keys = tuple(Atom(a.dim - KEYS, a.size, a.step) for a in scores.lies.axes[-1])
    if sorted(keys, key=_dim) != sorted(queries, key=_dim):
        return None
    for grid in (False, True) if len(spatial) == 2 else (False,):
        if (sorted(beside, key=_dim), sorted(queries, key=_dim)) == _expected(spatial, size, grid):
            moved = dict(q.arrangement.rolled)
            shift = tuple(moved.get(dim, 0) for dim in dims)
            # The op does not move a window that is as large as the map or the clip.
            moves = any(s and window == n for s, window, n in zip(shift, size, spatial, strict=True))
            return None if moves else Cut(size, shift, grid)
    return None


def _is_map_with_bias(scores: Scores) -> bool:
    """Whether all pixels of a map or a clip attend to all, with a table of biases: it is the only window."""
    return len(scores.q.tensor.spatial) in (2, 3) and any(table.weight is not None for table, _ in scores.added)


def _inner(queries: Axis, dim: int) -> int:
    return next((atom.size for atom in queries if atom.dim == dim), 1)


def _expected(spatial: tuple[int, ...], size: tuple[int, ...], grid: bool) -> tuple[list[Atom], list[Atom]]:
    """The pieces of positions from window to window, and those of a window."""
    beside: list[Atom] = []
    inside: list[Atom] = []
    for dim, (length, window) in enumerate(zip(spatial, size, strict=True), 2):
        count = length // window
        beside += along(dim, count, 1 if grid else window)
        inside += along(dim, window, count if grid else 1)
    return beside, inside


def _dim(atom: Atom) -> tuple[int, int, int]:
    return atom.dim, atom.step, atom.size
