"""Several sequences -> one sequence of places, in each of which stand the members that belong together."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeVar

T = TypeVar("T")

Place = tuple[T | None, ...]
"""What stands in one place: a member of each sequence, or None of one that has nothing there."""

MOST = 160_000
"""Pairs of members that are looked at; longer sequences are paired in order."""


def align(sequences: Sequence[Sequence[T]], likeness: Callable[[T, T], float]) -> list[tuple[T | None, ...]]:
    """Places in order, so that members that are alike share one as far as the order allows.

    `likeness` is 1 of equal members, 0 of such as may not share a place. Where several ways are as good, members share
    the first place that they can: what one sequence has more of stands at the end.

    >>> align(["abc", "axxc"], lambda a, b: 1.0 if a == b else 0.1)
    [('a', 'a'), ('b', 'x'), (None, 'x'), ('c', 'c')]
    """
    places: list[Place[T]] = []
    for count, members in enumerate(sequences):
        places = _joined(places, list(members), count, likeness)
    return places


def _joined(places: list[Place[T]], members: list[T], count: int, likeness: Callable[[T, T], float]) -> list[Place[T]]:
    """One more sequence in the places of the `count` ones before."""

    def like(i: int, j: int) -> float:
        return max((likeness(other, members[j]) for other in places[i] if other is not None), default=0.0)

    none: Place[T] = (None,) * count
    joined: list[Place[T]] = []
    for i, j in _pairs(len(places), len(members), like):
        joined.append((*(none if i is None else places[i]), None if j is None else members[j]))
    return joined


def _pairs(first: int, second: int, like: Callable[[int, int], float]) -> list[tuple[int | None, int | None]]:
    """The numbers that share a place, in order: those whose likeness sums to the most."""
    start = 0
    while start < min(first, second) and like(start, start) >= 1:
        start += 1
    same: list[tuple[int | None, int | None]] = [(i, i) for i in range(start)]
    high, wide = first - start, second - start
    if high * wide > MOST:
        shared = min(first, second)
        rest = [(i, None) for i in range(shared, first)] + [(None, j) for j in range(shared, second)]
        return [*((i, i) for i in range(shared)), *rest]
    return same + _best(start, high, wide, like)


def _best(start: int, high: int, wide: int, like: Callable[[int, int], float]) -> list[tuple[int | None, int | None]]:
    """The same for what follows `start` in both, by a table of the best sum from each pair on."""
    likes = [[like(start + i, start + j) for j in range(wide)] for i in range(high)]
    best = [[0.0] * (wide + 1) for _ in range(high + 1)]
    for i in range(high - 1, -1, -1):
        for j in range(wide - 1, -1, -1):
            shared = likes[i][j] + best[i + 1][j + 1] if likes[i][j] > 0 else 0.0
            best[i][j] = max(shared, best[i + 1][j], best[i][j + 1])
    found: list[tuple[int | None, int | None]] = []
    i = j = 0
    while i < high and j < wide:
        if likes[i][j] > 0 and best[i][j] <= likes[i][j] + best[i + 1][j + 1] + 1e-9:
            found.append((start + i, start + j))
            i, j = i + 1, j + 1
        elif best[i + 1][j] >= best[i][j + 1]:
            found.append((start + i, None))
            i += 1
        else:
            found.append((None, start + j))
            j += 1
    found += [(start + k, None) for k in range(i, high)]
    return found + [(None, start + k) for k in range(j, wide)]
