"""Attention as ONNX nodes: between all positions, and inside windows of a map.

Queries, keys and values become batch, heads, positions, size of a head. Where several heads of queries read the same
head of keys, heads are two dimensions, of which the second is 1 for keys and values, so that products repeat it.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product
from math import prod
from operator import mul

from archdsl.ops.nodes import Nodes
from archdsl.ops.windows import Windows
from archdsl.tensor import Tensor


@dataclass(frozen=True, slots=True)
class Grouped:
    """How many heads the queries have, how many keys and values, and what the scores are multiplied by."""

    heads: int
    shared: int
    scale: float

    @property
    def dims(self) -> tuple[int, ...]:
        """The dimensions of the heads of queries."""
        return (self.heads,) if self.heads == self.shared else (self.shared, self.heads // self.shared)

    @property
    def keys(self) -> tuple[int, ...]:
        """The dimensions of the heads of keys and values."""
        return (self.heads,) if self.heads == self.shared else (self.shared, 1)


def weighted(to: Nodes, q: str, k: str, v: str, scale: float, *added: str) -> str:
    """softmax(scale * q k + added) v: `q` and `v` are positions x size in the last dimensions, `k` size x positions."""
    scores = to("MatMul", to("Mul", q, to.number(scale)), k)
    for one in added:
        scores = to("Add", scores, one)
    return to("MatMul", to("Softmax", scores, axis=-1), v)


def causal(to: Nodes, length: int) -> str:
    """What is added to scores so that no position sees a later one: minus infinity above the diagonal."""
    everywhere = to("Expand", to.number(float("-inf")), to.ints(length, length))
    return to("Trilu", everywhere, to.places([1]), upper=1)


def swapped(to: Nodes, x: str, rank: int) -> str:
    """A value with the last two of `rank` dimensions exchanged."""
    return to.transpose(x, *range(rank - 2), rank - 1, rank - 2)


def rolled(to: Nodes, x: str, axis: int, shift: int) -> str:
    """A value whose first `shift` places along an axis are moved behind the others; if negative, the last ones to the
    front."""
    if not shift:
        return x
    first, last = to.cut(x, (axis, 0, shift)), to.cut(x, (axis, shift, 2**31 - 1))
    return to("Concat", last, first, axis=axis)


def attend_last(to: Nodes, q: Tensor, v: Tensor, heads: Grouped, *added: str) -> str:
    """Attention between all positions of sequences, which have their channels last."""
    count = len(heads.dims)
    ahead, back = (0, *range(2, 2 + count), 1, 2 + count), (0, 1 + count, *range(1, 1 + count), 2 + count)
    size, wide = q.channels // heads.heads, v.channels // heads.shared
    one = to.transpose(to.reshape(to[0], 0, 0, *heads.dims, size), *ahead)
    other = to.transpose(to.reshape(to[1], 0, 0, *heads.keys, size), 0, *range(2, 3 + count), 1)
    values = to.transpose(to.reshape(to[2], 0, 0, *heads.keys, wide), *ahead)
    x = weighted(to, one, other, values, heads.scale, *added)
    return to.reshape(to.transpose(x, *back), 0, 0, heads.heads * wide)


def attend_first(to: Nodes, q: Tensor, v: Tensor, heads: Grouped, *added: str) -> str:
    """Attention between all positions of maps and sequences, which have their channels first."""
    rank = len(heads.dims) + 3
    size, wide = q.channels // heads.heads, v.channels // heads.shared
    one = swapped(to, to.reshape(to[0], 0, *heads.dims, size, -1), rank)
    other = to.reshape(to[1], 0, *heads.keys, size, -1)
    values = swapped(to, to.reshape(to[2], 0, *heads.keys, wide, -1), rank)
    x = weighted(to, one, other, values, heads.scale, *added)
    return to.reshape(swapped(to, x, rank), 0, heads.heads * wide, *q.spatial)


# --- inside windows --------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Tiling:
    """How a map or a clip of these lengths falls into windows; with `grid`, positions of one are spread over all."""

    lengths: tuple[int, ...]
    windows: Windows
    grid: bool

    @property
    def counts(self) -> tuple[int, ...]:
        """How many windows there are in each dimension."""
        return tuple(length // size for length, size in zip(self.lengths, self.windows.size, strict=True))

    @property
    def split(self) -> tuple[int, ...]:
        """The lengths, each as two dimensions."""
        pairs = zip(self.counts, self.windows.size, strict=True)
        return tuple(number for pair in pairs for number in (reversed(pair) if self.grid else pair))

    @property
    def axes(self) -> tuple[int, ...]:
        """Where in `split` the windows are, and then where the positions inside."""
        places = range(2 * len(self.lengths))
        one, other = places[::2], places[1::2]
        return (*other, *one) if self.grid else (*one, *other)

    def parts(self) -> tuple[int, ...]:
        """For each position of each window, in which part of it that lies: windows at the border are cut."""
        return tuple(
            sum(
                (at * size + i >= length - shift) << place
                for place, (at, i, size, length, shift) in enumerate(
                    zip(window, inside, self.windows.size, self.lengths, self.windows.shift, strict=True)
                )
            )
            for window in product(*map(range, self.counts))
            for inside in product(*map(range, self.windows.size))
        )


def attend_windows(to: Nodes, q: Tensor, v: Tensor, heads: Grouped, tiling: Tiling, relative: bool) -> str:
    """Attention inside windows of maps or clips, which have their channels last."""
    size, wide = q.channels // heads.heads, v.channels // heads.shared
    each = [_moved(to, to[place], tiling.windows.shift) for place in range(3)]
    one = _windows(to, each[0], tiling, heads.dims, size)
    other = swapped(to, _windows(to, each[1], tiling, heads.keys, size), len(heads.dims) + 4)
    values = _windows(to, each[2], tiling, heads.keys, wide)
    x = weighted(to, one, other, values, heads.scale, *_added(to, tiling, heads, relative))
    x = _joined(to, x, tiling, heads.dims, wide)
    return _moved(to, x, tuple(-shift for shift in tiling.windows.shift))


def _moved(to: Nodes, x: str, shifts: tuple[int, ...]) -> str:
    """A map or a clip that is rolled in each of its dimensions."""
    for axis, shift in enumerate(shifts, 1):
        x = rolled(to, x, axis, shift)
    return x


def _windows(to: Nodes, x: str, tiling: Tiling, heads: tuple[int, ...], size: int) -> str:
    """A map or a clip as batch, windows, heads, positions, size of a head."""
    x = to.reshape(x, 0, *tiling.split, *heads, size)
    rank, count = len(tiling.lengths), len(heads)
    axes = [1 + axis for axis in tiling.axes]
    first = 1 + 2 * rank
    x = to.transpose(x, 0, *axes[:rank], *range(first, first + count), *axes[rank:], first + count)
    return to.reshape(x, 0, prod(tiling.counts), *heads, prod(tiling.windows.size), size)


def _joined(to: Nodes, x: str, tiling: Tiling, heads: tuple[int, ...], size: int) -> str:
    """The map or the clip of these windows: what `_windows` does, the other way."""
    x = to.reshape(x, 0, *tiling.counts, *heads, *tiling.windows.size, size)
    rank, count = len(tiling.lengths), len(heads)
    first, inside = 1 + rank, 1 + rank + count
    parts = dict(zip(tiling.axes, (*range(1, first), *range(inside, inside + rank)), strict=True))
    x = to.transpose(x, 0, *(parts[axis] for axis in range(2 * rank)), *range(first, inside), inside + rank)
    return to.reshape(x, 0, *tiling.lengths, prod(heads) * size)


def _added(to: Nodes, tiling: Tiling, heads: Grouped, relative: bool) -> list[str]:
    """What is added to the scores: a learned bias, and minus infinity between the parts of a window that is cut."""
    count, positions = prod(tiling.counts), prod(tiling.windows.size)
    added = []
    if relative:
        table = to("Gather", to.weight("bias_table"), offsets(to, *tiling.windows.size), axis=0)
        added.append(to.reshape(to.transpose(table, 2, 0, 1), *heads.dims, positions, positions))
    if any(tiling.windows.shift):
        one, other = (to.places(tiling.parts(), dims) for dims in ((count, positions, 1), (count, 1, positions)))
        cut = to("Where", to("Equal", one, other), to.number(0), to.number(float("-inf")))
        added.append(to.unsqueeze(cut, *range(1, 1 + len(heads.dims))))
    return added


def offsets(to: Nodes, *lengths: int) -> str:
    """For each query and key of a map or a clip, the row of a table that has one for every offset between two
    positions."""
    steps = [prod(2 * length - 1 for length in lengths[place + 1 :]) for place in range(len(lengths))]
    places = [sum(map(mul, steps, place)) for place in product(*map(range, lengths))]
    last = places[-1]
    queries = to.places([place + last for place in places], (len(places), 1))
    return to("Sub", queries, to.places(places, (1, len(places))))
