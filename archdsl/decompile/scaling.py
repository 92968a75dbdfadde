"""Finds the factor by which numbers of several networks are scaled: widths to a multiple of 8, depths rounded up."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import ceil, floor
from typing import Any

from archdsl.formula import round_to

Row = Sequence[Any]
"""A number in each network."""
Rule = Callable[[float, float], float]


@dataclass(frozen=True, slots=True)
class Rounding:
    """How a number is scaled; `text` is the formula of `{base}` and `{factor}`."""

    text: str
    rule: Rule


WIDTHS = (
    Rounding("{base} * {factor}", lambda base, factor: base * factor),
    Rounding("round_to({base} * {factor}, 8)", lambda base, factor: round_to(base * factor, 8)),
    Rounding("round_to({base} * {factor}, 4)", lambda base, factor: round_to(base * factor, 4)),
    Rounding("floor({base} * {factor})", lambda base, factor: floor(base * factor)),
)
DEPTHS = (Rounding("ceil({base} * {factor})", lambda base, factor: ceil(base * factor)),)
FEWEST, SHARE = 3, 0.7
"""How many of the numbers that differ must be scaled by one factor, and what share of them."""
STEPS = (0.1, 0.25, 0.05, 0.125)
"""Factors are multiples of these; of two that fit, the one of the first."""
SLACK = 0.5
"""How far a factor may be from the ratio of the numbers, since they are rounded."""


@dataclass(frozen=True, slots=True)
class Scale:
    """A rule, and the factor of each network. `name` is that of an argument of the code, or none."""

    rounding: Rounding
    factors: tuple[float, ...]
    name: str = ""

    def base(self, row: Row) -> int | None:
        """The number that is scaled to those of a row, if there is one."""
        if 1 in self.factors:
            candidates = [int(row[self.factors.index(1)])]
        else:
            about = row[0] / self.factors[0]
            candidates = sorted(
                range(max(1, floor(about / 2)), ceil(about * 2)), key=lambda base: (base % 8, abs(base - about))
            )
        return next((base for base in candidates if self.fits(base, row)), None)

    def fits(self, base: int, row: Row) -> bool:
        return all(
            _scaled(self.rounding, base, factor) == value for factor, value in zip(self.factors, row, strict=True)
        )


def scale_of(
    rows: Sequence[Row], roundings: Sequence[Rounding], known: Mapping[str, Row], share: float = SHARE
) -> Scale | None:
    """The simplest scale of most rows: by an argument of the code, or else by a factor that is found."""
    wanted = max(FEWEST, ceil(share * len(rows)))
    named = [Scale(rounding, tuple(row), name) for rounding in roundings for name, row in known.items()]
    for scales in (named, [scale for rounding in roundings for scale in _found(rows, rounding)]):
        counts = [sum(scale.base(row) is not None for row in rows) for scale in scales]
        if max(counts, default=0) >= wanted:
            return scales[counts.index(max(counts))]
    return None


def _found(rows: Sequence[Row], rounding: Rounding) -> Iterator[Scale]:
    """The scales in which one of the networks has the factor 1."""
    for base in range(len(rows[0]) if rows else 0):
        factors = [_factor([(row[base], row[use]) for row in rows], rounding) for use in range(len(rows[0]))]
        if all(factors):
            yield Scale(rounding, tuple(factors))


def _factor(pairs: Sequence[tuple[int, int]], rounding: Rounding) -> float:
    """The simplest factor that scales the most numbers to others; 0 if none does."""
    if all(base == value for base, value in pairs):
        return 1.0
    ratios = sorted(value / base for base, value in pairs)
    middle = ratios[len(ratios) // 2]
    best, most = 0.0, 0
    for factor in _factors(middle):
        count = sum(_scaled(rounding, base, factor) == value for base, value in pairs)
        if count > most:
            best, most = factor, count
    return best


def _factors(about: float) -> Iterator[float]:
    """Simple factors around a number, the simplest first."""
    for step in STEPS:
        for count in range(max(1, floor(about * (1 - SLACK) / step)), ceil(about * (1 + SLACK) / step) + 1):
            yield round(count * step, 3)


def _scaled(rounding: Rounding, base: float, factor: float) -> float:
    return rounding.rule(base, factor)
