"""Numbers that carry the formula by which they were computed, so that the formula can be written in Python.

`Whole(8, w)` is the number 8 with the formula `w`, and `Whole(8, w) * 4 + 1` is 33 with the formula `4 * w + 1`. The
code of an op computes with such numbers as with any others, and the results have formulas.
"""

from __future__ import annotations

import ast
from typing import Any

from archdsl.formula.algebra import combined
from archdsl.formula.values import OPERATORS, text


class Number:
    """A number with its formula.

    It is equal to every number of its value, unless it is `exact`: then it is equal only to numbers with the same
    formula. With an exact stride, an op that asks "is the stride 1?" gets the answer no, and so decides as it would for
    any value.
    """

    formula: ast.expr
    exact: bool

    def __add__(self, other: Any) -> Any:
        return computed(ast.Add, self, other)

    def __radd__(self, other: Any) -> Any:
        return computed(ast.Add, other, self)

    def __sub__(self, other: Any) -> Any:
        return computed(ast.Sub, self, other)

    def __rsub__(self, other: Any) -> Any:
        return computed(ast.Sub, other, self)

    def __mul__(self, other: Any) -> Any:
        return computed(ast.Mult, self, other)

    def __rmul__(self, other: Any) -> Any:
        return computed(ast.Mult, other, self)

    def __floordiv__(self, other: Any) -> Any:
        return computed(ast.FloorDiv, self, other)

    def __rfloordiv__(self, other: Any) -> Any:
        return computed(ast.FloorDiv, other, self)

    def __truediv__(self, other: Any) -> Any:
        return computed(ast.Div, self, other)

    def __rtruediv__(self, other: Any) -> Any:
        return computed(ast.Div, other, self)

    def __mod__(self, other: Any) -> Any:
        return computed(ast.Mod, self, other)

    def __rmod__(self, other: Any) -> Any:
        return computed(ast.Mod, other, self)

    def __eq__(self, other: object) -> bool:
        if self.exact or (isinstance(other, Number) and other.exact):
            return isinstance(other, Number) and text(self.formula) == text(other.formula)
        return bool(plain(self) == plain(other))

    def __ne__(self, other: object) -> bool:
        return not self == other

    def __hash__(self) -> int:
        return hash(plain(self))


class Whole(Number, int):
    """A whole number, or a truth value (`is_truth`), with its formula."""

    is_truth: bool


class Fraction(Number, float):
    """A fraction with its formula."""


class Row(tuple[Any, ...]):
    """Several numbers with one formula: if it is `kernel`, theirs are `kernel[0]` and `kernel[1]`."""

    formula: ast.expr
    exact: bool


def named(value: Any, formula: ast.expr, exact: bool = False) -> Any:
    """The value with a formula. A value that cannot have one stays as it is."""
    made: Any
    if isinstance(value, int):
        made = Whole(value)
        made.is_truth = isinstance(value, bool)
    elif isinstance(value, float):
        made = Fraction(value)
    elif isinstance(value, list | tuple):
        texts = (
            formula.elts
            if isinstance(formula, ast.Tuple)
            else [ast.Subscript(formula, ast.Constant(i)) for i in range(len(value))]
        )
        parts = (named(part, text, exact) for part, text in zip(value, texts, strict=True))
        made = Row(parts)
    else:
        return value
    made.formula, made.exact = formula, exact
    return made


def is_named(value: Any) -> bool:
    """Whether a value, or a part of it, carries a formula."""
    return isinstance(value, Number | Row) or (isinstance(value, tuple) and any(map(is_named, value)))


PLAIN = frozenset((int, float, bool, str, type(None)))
"""The types of values that never have a formula."""


def plain(value: Any) -> Any:
    """The value without its formula. A list becomes a tuple."""
    if type(value) in PLAIN:
        return value
    if isinstance(value, Whole):
        return bool(value) if value.is_truth else int(value)
    if isinstance(value, Fraction):
        return float(value)
    return tuple(map(plain, value)) if isinstance(value, list | tuple) else value


def exactly(value: Any) -> Any:
    """The value as an `exact` number, equal only to numbers with the same formula."""
    if isinstance(value, Number):
        return named(plain(value), value.formula, True)
    if isinstance(value, Row):
        return named(plain(value), value.formula, True)
    return tuple(map(exactly, value)) if isinstance(value, tuple) else value


def formula_of(value: Any) -> ast.expr:
    """The formula of a value. For a value without one it is the value as a constant."""
    if isinstance(value, Number | Row):
        return value.formula
    if isinstance(value, list | tuple):
        return ast.Tuple([formula_of(part) for part in value], ast.Load())
    return ast.Constant(value)


NUMBERS = (int, float)


def computed(kind: type[ast.operator], left: Any, right: Any) -> Any:
    """The result of an operator on two numbers of which at least one has a formula. It has a formula too."""
    if not (isinstance(left, NUMBERS) and isinstance(right, NUMBERS)):
        return NotImplemented
    value = OPERATORS[kind](plain(left), plain(right))
    exact = (isinstance(left, Number) and left.exact) or (isinstance(right, Number) and right.exact)
    formula = combined(kind, formula_of(left), formula_of(right))
    if isinstance(formula, ast.Constant):
        return value
    return named(value, formula, exact)


def same(a: Any, b: Any) -> bool:
    """Whether two plain values are equal. Unlike in Python, True is not 1, and a list is equal to a tuple."""
    a, b = plain(a), plain(b)
    return a is b or (a == b and isinstance(a, bool) == isinstance(b, bool))
