"""Places on a line: each as near as may be to where it wants to be, none nearer to its neighbour than it must.

Dwyer, Marriott & Stuckey 2006, Fast node overlap removal: variables that touch move as one block.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

TOLERANCE = 1e-6


class Gap(NamedTuple):
    """`right` lies at least `size` beyond `left` (indices of variables)."""

    left: int
    right: int
    size: float


@dataclass(slots=True)
class _Block:
    members: dict[int, float]
    """Each variable's distance from the block's place."""
    place: float
    weight: float


def separate(wanted: Sequence[float], weights: Sequence[float], gaps: Sequence[Gap]) -> list[float]:
    """Places that keep every gap. `gaps` have no cycle.

    >>> separate([0.0, 0.0], [1.0, 1.0], [Gap(0, 1, 10.0)])
    [-5.0, 5.0]
    """
    blocks = [_Block({i: 0.0}, place, weight) for i, (place, weight) in enumerate(zip(wanted, weights, strict=True))]
    before: list[list[Gap]] = [[] for _ in wanted]
    for gap in gaps:
        before[gap.right].append(gap)
    for variable in _sorted(len(wanted), gaps):
        _merge(blocks[variable], blocks, before)
    return [blocks[i].place + blocks[i].members[i] for i in range(len(wanted))]


def _merge(block: _Block, blocks: list[_Block], before: list[list[Gap]]) -> None:
    """Joins a block with those on its left that it would overlap, the worst first."""
    while True:
        worst, excess = None, TOLERANCE
        for member, offset in block.members.items():
            for gap in before[member]:
                left = blocks[gap.left]
                over = left.place + left.members[gap.left] + gap.size - block.place - offset
                if left is not block and over > excess:
                    worst, excess = gap, over
        if worst is None:
            return
        _join(block, blocks[worst.left], worst)
        for member in block.members:
            blocks[member] = block


def _join(block: _Block, left: _Block, gap: Gap) -> None:
    shift = block.members[gap.right] - left.members[gap.left] - gap.size
    weight = block.weight + left.weight
    block.place = (block.place * block.weight + (left.place - shift) * left.weight) / weight
    block.weight = weight
    block.members.update({member: offset + shift for member, offset in left.members.items()})


def _sorted(count: int, gaps: Sequence[Gap]) -> list[int]:
    """Variables, each after all that are to its left."""
    after: list[list[int]] = [[] for _ in range(count)]
    waiting = [0] * count
    for gap in gaps:
        after[gap.left].append(gap.right)
        waiting[gap.right] += 1
    ready = [i for i in range(count) if not waiting[i]]
    for variable in ready:
        for right in after[variable]:
            waiting[right] -= 1
            if not waiting[right]:
                ready.append(right)
    assert len(ready) == count, "the gaps have a cycle"
    return ready
