"""Learned biases of attention by distance, recognized by which number of their table each query and key gets.

Code looks them up in many ways: by an index that is a buffer, or computed with logarithms, in an embedding. What it
comes to is a table of numbers, which is compared with that of the ops.
"""

from __future__ import annotations

from collections.abc import Iterator
from math import ceil, inf, prod

import numpy as np

from archdsl.frontends.aten.added import Added, Numbers
from archdsl.frontends.aten.call import Trace
from archdsl.frontends.aten.placed import Placed
from archdsl.frontends.aten.step import Made, Step
from archdsl.ops.relative import BucketBias, OffsetBias
from archdsl.tensor import Tensor

USUAL_FARTHEST = 128
"""From which distance on T5 has one bucket. Short texts tell of no other number, and then it is taken."""


def bias_of(trace: Trace, added: Added) -> Placed | None:
    """The op that gives what was added to scores, with a value whose positions are those of queries and keys."""
    weight, rows = added.bias, _rows(trace, added)
    if weight is None or rows is None or rows.shape[0] != rows.shape[1]:
        return None
    count, heads = trace.shape(weight)
    for source, positions in _sources(trace, len(rows)):
        for op in _ops(rows, count, heads, positions, added.causal):
            step = Step(op, (source.value,), {"weight": weight}, call=next(iter(weight.users)))
            return Placed.plain(step, op.shape(source.tensor), trace.batch)
    return None


def _rows(trace: Trace, added: Added) -> Numbers | None:
    """The row of the weight, which has one for each distance and a column for each head, that a query and a key get; -1
    where any will do. None if heads get different rows, or the weight lies otherwise."""
    assert added.picked is not None
    shape, (heads, *_) = trace.shape(added.bias), added.picked.shape
    if len(shape) != 2 or shape[1] != heads:
        return None
    is_seen = added.picked >= 0
    rows = np.where(is_seen, added.picked // heads, -1)
    columns = np.where(is_seen, added.picked % heads, np.arange(heads)[:, None, None])
    is_usual = (rows == rows[0]).all() and (columns == np.arange(heads)[:, None, None]).all()
    return rows[0] if is_usual else None


def _sources(trace: Trace, positions: int) -> Iterator[tuple[Placed, tuple[int, ...]]]:
    """The values, earlier ones first, that have as many positions as there are queries, or one fewer."""
    for placed in trace.placed.values():
        found = _positions(placed.tensor)
        if len(found) in (1, 2) and prod(found) in (positions, positions - 1) and isinstance(placed.value, Made):
            yield placed, found


def _positions(tensor: Tensor) -> tuple[int, ...]:
    return tensor.dims if tensor.kind == "int" else tensor.spatial


def _ops(
    rows: Numbers, count: int, heads: int, positions: tuple[int, ...], causal: bool
) -> Iterator[BucketBias | OffsetBias]:
    """The ops that give these rows of a table with `count` of them, for these positions."""
    *height, width = positions
    size = (height[0] if height else 1), width
    has_token = len(rows) > prod(size)
    if count == prod(2 * n - 1 for n in size) + 3 * has_token and _agree(rows, _by_offset(size, has_token)):
        yield OffsetBias(heads=heads, class_token=has_token)
    if len(positions) == 1 and not has_token:
        for only_before in (True, False) if causal else (False, True):
            op = _buckets(rows, count, heads, only_before)
            if op is not None:
                yield op


def _agree(rows: Numbers, expected: Numbers) -> bool:
    return bool(((rows == expected) | (rows < 0)).all())


def _by_offset(size: tuple[int, int], has_token: bool) -> Numbers:
    """The rows of `offset_bias`: the offset in rows of the map, and in columns, from the key to the query."""
    height, width = size
    y, x = np.arange(height).repeat(width), np.tile(np.arange(width), height)
    down, right = (place[:, None] - place + n - 1 for place, n in ((y, height), (x, width)))
    rows = down * (2 * width - 1) + right
    if not has_token:
        return rows
    asks, asked, itself = ((2 * height - 1) * (2 * width - 1) + place for place in range(3))
    found = np.full((len(rows) + 1, len(rows) + 1), itself)
    found[0, 1:], found[1:, 0], found[1:, 1:] = asks, asked, rows
    return found


def _buckets(rows: Numbers, count: int, heads: int, causal: bool) -> BucketBias | None:
    """`bucket_bias`, if it gives these rows."""
    half = count if causal else count // 2
    if half < 2 or (not causal and count % 2):
        return None
    farthest = _farthest(rows, half)
    if farthest is None:
        return None
    op, length = BucketBias(heads=heads, buckets=count, farthest=farthest, causal=causal), len(rows)
    by_distance = np.array(op.buckets_of(length))
    place = np.arange(length)
    return op if _agree(rows, by_distance[place - place[:, None] + length - 1]) else None


def _farthest(rows: Numbers, count: int) -> int | None:
    """From which distance on all are one bucket: the smallest number, or the usual one, that agrees with the buckets of
    the keys before the last query. Bucket `near + i` begins at `near * (farthest / near) ** (i / far)`."""
    near, far = count // 2, count - count // 2
    low, high, before = float(near), inf, 0
    for distance, bucket in enumerate(rows[-1][::-1].tolist()):
        for i in range(max(before - near, 0) + 1, min(bucket - near, far - 1) + 1):
            low = max(low, near * ((distance - 1) / near) ** (far / i))
            high = min(high, near * (distance / near) ** (far / i))
        before = max(before, bucket)
    if low < USUAL_FARTHEST <= high:
        return USUAL_FARTHEST
    found = int(low) + 1
    return found if found <= high or ceil(low) == found else None
