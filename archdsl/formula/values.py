"""The text, the variables and the value of a formula."""

from __future__ import annotations

import ast
import math
import operator
from collections.abc import Callable, Mapping
from typing import Any


def round_to(x: float, divisor: int, floor: float = 0.9) -> int:
    """`x` rounded to a multiple of `divisor`, but never below `floor * x`."""
    rounded = max(divisor, int(x + divisor / 2) // divisor * divisor)
    return rounded + divisor if rounded < floor * x else rounded


def whole_number(number: float) -> int:
    """The same number as an int, if it has no fraction."""
    if number != int(number):
        raise ValueError(f"this has to come to a whole number, and comes to {number}")
    return int(number)


LARGEST_EXPONENT = 64

OPERATORS: Mapping[type[ast.operator], Callable[[Any, Any], Any]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.FloorDiv: operator.floordiv,
    ast.Div: operator.truediv,
    ast.Mod: operator.mod,
}


def text(formula: ast.expr) -> str:
    """A text that is the same for two formulas exactly if they are equal. It is stored with the formula, for speed."""
    known: str | None = getattr(formula, "_text", None)
    if known is None:
        known = _text(formula)
        formula._text = known  # type: ignore[attr-defined]
    return known


SIGNS: Mapping[type[ast.operator], str] = {
    ast.Add: "+",
    ast.Sub: "-",
    ast.Mult: "*",
    ast.FloorDiv: "//",
    ast.Div: "/",
    ast.Mod: "%",
    ast.Pow: "**",
}


def _text(formula: ast.expr) -> str:
    match formula:
        case ast.Name(id=id):
            return id
        case ast.Constant(value=value):
            return repr(value)
        case ast.BinOp(left=left, op=op, right=right):
            return f"({text(left)} {SIGNS[type(op)]} {text(right)})"
        case ast.Attribute(value=value, attr=attr):
            return f"{text(value)}.{attr}"
        case ast.Subscript(value=value, slice=index) if not isinstance(index, ast.Slice):
            return f"{text(value)}[{text(index)}]"
        case ast.Tuple(elts=parts):
            return f"({', '.join(map(text, parts))},)"
    return ast.unparse(formula)


def name(text: str) -> ast.Name:
    return ast.Name(text, ast.Load())


LONGEST = 400
"""The most characters of a formula. A longer one would not be readable, and counts as unknown."""

UNKNOWN_NUMBER = ast.Name("?", ast.Load())
"""Stands for the formula of a number that has none. Numbers computed from it have none either."""


def unknown(what: str) -> ast.Name:
    """Stands for the formula of a number that has none yet, but may be given a name."""
    return name(f"?{what}")


def is_known(formula: ast.expr) -> bool:
    return not any(own.startswith("?") for own in names(formula)) and len(text(formula)) <= LONGEST


def names(formula: ast.expr) -> frozenset[str]:
    """The variables of a formula."""
    known: frozenset[str] | None = getattr(formula, "_names", None)
    if known is None:
        known = _names(formula)
        formula._names = known  # type: ignore[attr-defined]
    return known


def _names(formula: ast.expr) -> frozenset[str]:
    match formula:
        case ast.Constant():
            return frozenset()
        case ast.Name(id=id):
            return frozenset((id,)) - RESERVED
        case ast.BinOp(left=left, right=right):
            return names(left) | names(right)
        case ast.GeneratorExp(elt=value, generators=[ast.comprehension() as loop]):
            inner = [names(part) for part in (value, *loop.ifs)]
            return names(loop.iter) | (frozenset().union(*inner) - {*targets(loop)})
    parts = (part.value if isinstance(part, ast.keyword) else part for part in ast.iter_child_nodes(formula))
    return frozenset().union(*(names(part) for part in parts if isinstance(part, ast.expr)))


def targets(loop: ast.comprehension) -> list[str]:
    """The names that a loop gives to an element, or to its parts."""
    found = loop.target.elts if isinstance(loop.target, ast.Tuple) else [loop.target]
    return [part.id for part in found if isinstance(part, ast.Name)]


class Unknown:
    """The value of a formula that cannot be evaluated. It is equal to no number."""


UNKNOWN = Unknown()


FUNCTIONS: Mapping[str, Callable[..., Any]] = {
    "len": len,
    "max": max,
    "min": min,
    "round": round,
    "round_to": round_to,
    "sum": sum,
    "range": range,
    "enumerate": enumerate,
    "tuple": tuple,
    "whole_number": whole_number,
    "math.ceil": math.ceil,
    "math.floor": math.floor,
    "math.log": math.log,
    "math.log2": math.log2,
    "math.sqrt": math.sqrt,
    "math.exp": math.exp,
}
"""The functions that formulas may call, by their names in Python."""

RESERVED = frozenset(name.partition(".")[0] for name in FUNCTIONS)

COMPARISONS: Mapping[type[ast.cmpop], Callable[[Any, Any], Any]] = {
    ast.Eq: operator.eq,
    ast.NotEq: operator.ne,
    ast.Lt: operator.lt,
    ast.LtE: operator.le,
    ast.Gt: operator.gt,
    ast.GtE: operator.ge,
}


def evaluated(formula: ast.expr, values: Mapping[str, Any]) -> Any:
    """The value of a formula, or UNKNOWN if it cannot be evaluated."""
    try:
        return _value(formula, values)
    except (ArithmeticError, TypeError, ValueError, LookupError):
        return UNKNOWN


def _value(formula: ast.expr, values: Mapping[str, Any]) -> Any:
    match formula:
        case ast.Constant(value=value):
            return value
        case ast.Name(id=id):
            return values[id]
        case ast.BinOp(left=left, op=op, right=right):
            return _operation(op, _value(left, values), _value(right, values))
        case ast.UnaryOp(op=ast.Not(), operand=operand):
            return not _value(operand, values)
        case ast.UnaryOp(op=ast.USub(), operand=operand):
            return -_value(operand, values)
        case ast.BoolOp(op=ast.And(), values=parts):
            return all(_value(part, values) for part in parts)
        case ast.BoolOp(op=ast.Or(), values=parts):
            return any(_value(part, values) for part in parts)
        case ast.Compare(left=left, ops=[op], comparators=[right]):
            return COMPARISONS[type(op)](_value(left, values), _value(right, values))
        case ast.IfExp(test=test, body=body, orelse=orelse):
            return _value(body if _value(test, values) else orelse, values)
        case ast.Tuple(elts=parts):
            return tuple(_value(part, values) for part in parts)
        case ast.GeneratorExp(elt=value, generators=[ast.comprehension() as loop]):
            turns = ({**values, **_bound(loop, element)} for element in _value(loop.iter, values))
            return [_value(value, turn) for turn in turns if all(_value(part, turn) for part in loop.ifs)]
        case ast.Subscript(value=value, slice=ast.Slice(lower=lower, upper=upper)):
            ends = (None if end is None else _value(end, values) for end in (lower, upper))
            return _value(value, values)[slice(*ends)]
        case ast.Subscript(value=value, slice=index):
            return _value(value, values)[_value(index, values)]
        case ast.Call(func=func, args=arguments, keywords=keywords):
            named = {str(keyword.arg): _value(keyword.value, values) for keyword in keywords}
            function = FUNCTIONS.get(text(func)) or values[text(func)]
            return function(*(_value(argument, values) for argument in arguments), **named)
    raise TypeError(f"a formula has no {type(formula).__name__}")


def _bound(loop: ast.comprehension, element: Any) -> dict[str, Any]:
    own = targets(loop)
    return dict(zip(own, element, strict=True)) if isinstance(loop.target, ast.Tuple) else {own[0]: element}


def _operation(op: ast.operator, left: Any, right: Any) -> Any:
    if not isinstance(op, ast.Pow):
        return OPERATORS[type(op)](left, right)
    if abs(right) > LARGEST_EXPONENT:
        raise OverflowError
    return left**right
