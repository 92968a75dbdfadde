"""Copies that differ by number: the first of them apart, or each a step further than the one before."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from archdsl.backends.torch.vectors import ANY, Vector, same

SHORT = 8
"""Characters of a fraction that a person would still write."""

MOST_PARTS = 1000

MOST_WRITTEN_OUT = 4
"""Copies that are all different are written one by one up to this many."""


@dataclass(frozen=True, slots=True)
class Progression:
    """start, start + step, start + 2 * step …: one of each for every use of the class."""

    start: Vector
    step: Vector


@dataclass(frozen=True, slots=True)
class Segment:
    """Some of the copies: in each use of the class `counts` of them, with one entry of `series` for each number."""

    counts: Vector
    series: tuple[Progression, ...]


Row = tuple[int, tuple[Vector, ...]]
"""How many copies there are in one use of the class, and for each open number one for each copy."""


def segments(rows: Sequence[Row], apart: bool) -> tuple[Segment, ...] | None:
    """The copies as few segments alike in every use of the class; None where their numbers follow no rule.

    `apart` asks for segments of one copy each.
    """
    counts = [count for count, _ in rows]
    for cuts in [(*range(counts[0]), END)] if apart else _cuts(counts):
        found = [_segment(rows, start, stop) for start, stop in pairwise(cuts)]
        if all(found):
            return tuple(segment for segment in found if segment is not None)
    return None


Cut = int
"""Where a segment begins: copies from the start, or, negative, from the end; see `_at`."""

END = -(2**31)


def _cuts(counts: Sequence[int]) -> Iterator[tuple[Cut, ...]]:
    """Ways to cut: not at all, after the first, before the last, both, and one by one if there are few."""
    fewest = min(counts)
    yield 0, END
    if fewest >= 2:
        yield 0, 1, END
        yield 0, -1, END
    if fewest >= 3:
        yield 0, 1, -1, END
    if fewest == max(counts) <= MOST_WRITTEN_OUT:
        yield (*range(fewest), END)


def _at(cut: Cut, count: int) -> int:
    return count if cut == END else cut if cut >= 0 else count + cut


def _segment(rows: Sequence[Row], start: Cut, stop: Cut) -> Segment | None:
    counts, columns = [], []
    for count, series in rows:
        begin, end = _at(start, count), _at(stop, count)
        counts.append(end - begin)
        columns.append([_progression(values[begin:end]) for values in series])
    if any(progression is None for column in columns for progression in column):
        return None
    # Two different copies always make a progression; it says something only where some use has more.
    if max(counts) == 2 and any(p is not None and p[1] not in (0, ANY) for column in columns for p in column):
        return None
    joined = (Progression(*zip(*(p for p in column if p), strict=True)) for column in zip(*columns, strict=True))
    return Segment(tuple(counts), tuple(joined))


def _progression(values: Sequence[Any]) -> tuple[Any, Any] | None:
    """Start and step of a progression: step 0 for equal values, ANY for a single one; None for no progression."""
    if not values:
        return ANY, ANY
    if len(values) == 1:
        return values[0], ANY
    if all(same(value, values[0]) for value in values):
        return values[0], 0
    if not all(isinstance(value, int | float) and not isinstance(value, bool) for value in values):
        return None
    if all(isinstance(value, int) for value in values):
        step = values[1] - values[0]
        return (values[0], step) if all(v == values[0] + step * i for i, v in enumerate(values)) else None
    return _fractions(values)


def as_ratio(start: Any, step: Any, index: str) -> str | None:
    """`0.2 * (9 + i) / 26` for fractions that would need many digits; None for anything else."""
    if not isinstance(start, float) or not isinstance(step, float) or len(repr(step)) <= SHORT:
        return None
    first = round(start / step)
    if abs(first * step - start) > 1e-11 * abs(step):
        return None
    for parts in range(2, MOST_PARTS):
        whole = float(f"{step * parts:.2g}")
        if abs(whole / parts - step) <= 1e-11 * abs(step):
            return f"{whole!r} * {f'({first} + {index})' if first else index} / {parts}"
    return None


def _fractions(values: Sequence[float]) -> tuple[float, float] | None:
    """Fewest digits that give every value to 12 digits: a drop path's rates are products, rounded each for itself."""
    exact = (values[-1] - values[0]) / (len(values) - 1)
    for digits in range(1, 18):
        start, step = float(f"{values[0]:.{digits}g}"), float(f"{exact:.{digits}g}")
        if all(abs(start + step * i - v) <= 1e-12 * max(abs(v), abs(step)) for i, v in enumerate(values)):
            return start, step
    return None
