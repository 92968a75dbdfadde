"""Works out the arithmetic of exercise sheets: an evaluator that shares no code with what writes it."""

from __future__ import annotations

import re
from collections.abc import Callable
from fractions import Fraction
from math import ceil, floor

TOKEN = re.compile(r"\s*(\d{1,3}(?:,\d{3})+(?!\d)|\d+(?:\.\d+)?|[-+·×/()⌊⌋⌈⌉])")


def value(text: str) -> Fraction:
    """What an expression such as `⌊(224 - 7 + 2·3)/2⌋ + 1` comes to. Fails at anything else."""
    tokens, place = [], 0
    while place < len(text.rstrip()):
        found = TOKEN.match(text, place)
        assert found, f"not arithmetic: {text!r}"
        tokens.append(found[1])
        place = found.end()
    result = _sum(tokens)
    assert not tokens, f"left over in {text!r}: {tokens}"
    return result


def equations(text: str) -> list[Fraction]:
    """The results of `a = b, c = d`; each side of each must come to the same."""
    results = []
    for equation in re.split(r", (?=\D*\d)", text):
        sides = [value(side) for side in equation.split(" = ")]
        assert len(set(sides)) == 1, equation
        results.append(sides[0])
    return results


def _sum(tokens: list[str]) -> Fraction:
    total = _product(tokens)
    while tokens and tokens[0] in "+-":
        sign = 1 if tokens.pop(0) == "+" else -1
        total += sign * _product(tokens)
    return total


def _product(tokens: list[str]) -> Fraction:
    total = _factor(tokens)
    while tokens and tokens[0] in "·×/":
        total = total / _factor(tokens) if tokens.pop(0) == "/" else total * _factor(tokens)
    return total


ENDS: dict[str, tuple[str, Callable[[Fraction], Fraction | int]]] = {
    "(": (")", Fraction),
    "⌊": ("⌋", floor),
    "⌈": ("⌉", ceil),
}


def _factor(tokens: list[str]) -> Fraction:
    token = tokens.pop(0)
    if token not in ENDS:
        return Fraction(token.replace(",", ""))
    end, rounded = ENDS[token]
    inside = _sum(tokens)
    assert tokens.pop(0) == end
    return Fraction(rounded(inside))
