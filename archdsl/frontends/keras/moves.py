"""What layers that move numbers do together: the op that does the same.

Channels are last in Keras, as a rule, and first here. So a view there may be another order here, and one op here may be
several layers there: `Permute`, `Reshape`, `Permute`.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import prod
from typing import Any

from archdsl.frontends.arrangement import Arrangement, joined, whole
from archdsl.frontends.keras.arguments import Arguments, made
from archdsl.ops.base import Op
from archdsl.tensor import Tensor


def moved(steps: Sequence[Arguments], x: Tensor) -> list[Op]:
    """The op that does what the layers do, one after the other; none if all numbers stay where they are.

    A vector that is made of a map, or a map of a vector, may have its numbers in another order, since weights that are
    learned for one order are as good in the other. Raises `CompileError` where there is no such op.
    """
    last = steps[-1].last
    start = lies = Arrangement(_theirs(whole(x.dims).axes, last))
    for a in steps:
        lies = _step(a, lies)
    dims = _ours(lies.shape, last)
    found = Arrangement(_ours(lies.axes, last))
    if found == whole(x.dims):
        return []
    is_vector = 1 in (x.rank, len(dims))
    if whole(x.dims).reshaped(dims) == found or (is_vector and start.reshaped(lies.shape) == lies):
        return [_view(x, dims)]
    shuffle = _channel_shuffle(x, found) or _pixel_shuffle(x, found)
    if shuffle is None:
        raise steps[-1].wrong(
            "dims" if steps[-1].kind == "Permute" else "target_shape",
            "one that flattens a map, shuffles channels, or keeps the order of the numbers with the channels first",
        )
    return [shuffle]


def _theirs(dims: Sequence[Any], last: bool) -> tuple[Any, ...]:
    """Dimensions of ours in the order of Keras."""
    return (*dims[1:], dims[0]) if last else tuple(dims)


def _ours(shape: Sequence[Any], last: bool) -> tuple[Any, ...]:
    return (shape[-1], *shape[:-1]) if last else tuple(shape)


def _step(a: Arguments, lies: Arrangement) -> Arrangement:
    size = prod(lies.shape)
    if a.kind == "Permute":
        return lies.permuted(_order(a, lies.rank))
    shape = [size] if a.kind == "Flatten" else _target(a, size)
    found = lies.reshaped(shape)
    if found is None:
        raise a.wrong("target_shape", "a shape that joins whole axes, or cuts them evenly")
    return found


def _order(a: Arguments, rank: int) -> list[int]:
    order = a.config.get("dims")
    if not isinstance(order, list) or sorted(map(str, order)) != sorted(str(axis + 1) for axis in range(rank)):
        raise a.wrong("dims", f"each of the axes 1 to {rank} once")
    return [int(axis) - 1 for axis in order]


def _target(a: Arguments, size: int) -> list[int]:
    """The shape that a `Reshape` gives; one size may be -1, which is what is left."""
    target = a.config.get("target_shape")
    if not isinstance(target, list) or not target or not all(type(n) is int and -1 <= n <= 10**9 for n in target):
        raise a.wrong("target_shape", "a list of sizes")
    if target.count(-1) == 1 and (known := prod(n for n in target if n != -1)) > 0:
        target = [size // known if n == -1 else n for n in target]
    if min(target) < 1 or prod(target) != size:
        raise a.wrong("target_shape", f"a shape of {size:,} numbers")
    return target


def _view(x: Tensor, dims: tuple[int, ...]) -> Op:
    """The op that gives the same numbers in another shape."""
    if len(dims) == 1:
        return made("flatten")
    if len(dims) == 2 < x.rank and dims[0] == x.channels:
        return made("tokens")
    return made("reshape", dims=dims)


def _channel_shuffle(x: Tensor, found: Arrangement) -> Op | None:
    """The shuffle that makes this arrangement, if there is one: it takes channels of each group in turns."""
    if found.shape != x.dims or len(found.axes[0]) != 2 or {atom.dim for atom in found.axes[0]} != {0}:
        return None
    groups = found.axes[0][1].size
    (channels,) = whole(x.dims).axes[0]
    same = Arrangement((joined(reversed(channels.split(groups))), *whole(x.dims).axes[1:]))
    return made("channel_shuffle", groups=groups) if found == same else None


def _pixel_shuffle(x: Tensor, found: Arrangement) -> Op | None:
    """The shuffle that makes this arrangement, if there is one: it makes squares of pixels of channels."""
    if x.rank != 3 or found.rank != 3 or found.shape[1] % x.dims[1]:
        return None
    height, width = x.spatial
    factor = found.shape[1] // height
    channels = found.shape[0]
    if found.shape != (channels, height * factor, width * factor):
        return None
    pieces = whole(x.dims).reshaped((channels, factor, factor, height, width))
    same = pieces and pieces.permuted((0, 3, 1, 4, 2)).reshaped(found.shape)
    return made("pixel_shuffle", factor=factor) if found == same else None
