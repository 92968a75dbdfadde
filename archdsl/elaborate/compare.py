"""Evaluates comparisons between two values, and the tolerance of `~`."""

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import Any

from archdsl.elaborate.values import Problem, Unit, describe
from archdsl.syntax import tree
from archdsl.syntax.printer import expression_text

COMPARISONS: dict[str, Callable[[Any, Any], bool]] = {
    "==": operator.eq,
    "!=": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}


def compare(expression: tree.Compare, left: Any, right: Any) -> bool:
    """Whether a comparison holds between two values. Raises `Problem` if they cannot be compared."""
    if expression.operator in ("==", "!="):
        return COMPARISONS[expression.operator](_comparable(left), _comparable(right))
    for side, value in ((expression.left, left), (expression.right, right)):
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise Problem("wrong-type", f"`{expression.operator}` compares numbers, got {describe(value)}", side.span)
    if expression.operator == "~":
        return bool(abs(left - right) <= tolerance(expression, right))
    return COMPARISONS[expression.operator](left, right)


def _comparable(value: Any) -> Any:
    """A form of a value that `==` compares as the language does.

    Ops and blocks are equal if their definitions are, shapes and lists if their elements are. A shape of one dimension
    equals a number.
    """
    if isinstance(value, Unit):
        return value.definition if not value.given else value
    if isinstance(value, tuple):
        return value[0] if len(value) == 1 else list(value)
    return value


def tolerance(expression: tree.Compare, right: float) -> float:
    """How far a number may lie from `right` for `~` to hold: half of the last digit, or the percentage after `±`."""
    if expression.tolerance is not None:
        return abs(right) * expression.tolerance.value / 100
    if not isinstance(expression.right, tree.Number):
        raise Problem(
            "unstated-tolerance",
            "`~` takes its tolerance from the digits of a written number, but this is not one",
            expression.right.span,
            help=f"state it: ~ {expression_text(expression.right)} ± 2%",
        )
    return half_digit(expression.right)


def half_digit(written: tree.Number) -> float:
    """Half of the last digit, 0.05e9 for `4.1G` and 0.5 for `7`, and slightly more to allow for rounding errors."""
    digits = written.text.replace("_", "").rstrip("KMGT")
    mantissa, _, exponent = digits.lower().partition("e")
    decimals = len(mantissa.partition(".")[2])
    scale = abs(written.value) / float(digits) if float(digits) else 1.0
    return 0.5 * 10.0 ** (int(exponent or 0) - decimals) * scale * (1 + 1e-9)
