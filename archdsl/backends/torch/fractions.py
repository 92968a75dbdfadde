"""Fractions that grow by a step from copy to copy: their rule in as few digits as give every value."""

from __future__ import annotations

from collections.abc import Sequence

SHORT = 8
"""Characters of a fraction that a person would still write."""

MOST_PARTS = 1000


def ratio(start: float, step: float, index: str) -> str | None:
    """`0.2 * (9 + i) / 26` for fractions that would need many digits; None for anything else."""
    if len(repr(step)) <= SHORT:
        return None
    first = round(start / step)
    if abs(first * step - start) > 1e-11 * abs(step):
        return None
    for parts in range(2, MOST_PARTS):
        whole = float(f"{step * parts:.2g}")
        if abs(whole / parts - step) <= 1e-11 * abs(step):
            return f"{whole!r} * {f'({first} + {index})' if first else index} / {parts}"
    return None


def fractions(values: Sequence[float]) -> tuple[float, float] | None:
    """Fewest digits that give every value to 12 digits: a drop path's rates are products, rounded each for itself."""
    exact = (values[-1] - values[0]) / (len(values) - 1)
    for digits in range(1, 18):
        start, step = float(f"{values[0]:.{digits}g}"), float(f"{exact:.{digits}g}")
        if all(abs(start + step * i - v) <= 1e-12 * max(abs(v), abs(step)) for i, v in enumerate(values)):
            return start, step
    return None
