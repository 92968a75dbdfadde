"""Functions of numbers that every spec may call, and the limits that keep arithmetic finite."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

LONGEST_LIST = 100_000
LARGEST_NUMBER = 2**63
"""No count in a network comes near it; past it a slip is certain."""


def round_to(x: float, divisor: int, floor: float = 0.9) -> int:
    """`x` rounded to a multiple of `divisor`, never below `floor` of `x`.

    The rule of MobileNetV2's and EfficientNet's published code, which keeps at least 90 % of the channels.
    """
    rounded = max(divisor, int(x + divisor / 2) // divisor * divisor)
    return rounded + divisor if rounded < floor * x else rounded


def _range(*bounds: int) -> list[int]:
    numbers = range(*bounds)
    if len(numbers) > LONGEST_LIST:
        raise OverflowError(f"a list of {len(numbers):,} elements; the longest allowed has {LONGEST_LIST:,}")
    return list(numbers)


def _round(x: float, digits: int = 0) -> float:
    """Halves go to the even neighbour, as in Python."""
    return round(x, digits) if digits else round(x)


FUNCTIONS: dict[str, Callable[..., Any]] = {
    "round_to": round_to,
    "ceil": math.ceil,
    "floor": math.floor,
    "round": _round,
    "min": min,
    "max": max,
    "len": len,
    "sum": sum,
    "range": _range,
}
