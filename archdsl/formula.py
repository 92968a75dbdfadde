"""Numbers that remember how they were computed, so that what an op computes with them can be written as Python.

`Whole(8, w)` is the number 8 that is called `w`; `Whole(8, w) * 4 + 1` is 33, called `4 * w + 1`. An op's own code
computes with such numbers as with any other, and its rule comes out as a formula: nothing is guessed from values.
"""

from __future__ import annotations

import ast
import math
import operator
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any


def round_to(x: float, divisor: int, floor: float = 0.9) -> int:
    """`x` rounded to a multiple of `divisor`, never below `floor` of `x`."""
    rounded = max(divisor, int(x + divisor / 2) // divisor * divisor)
    return rounded + divisor if rounded < floor * x else rounded


LARGEST_EXPONENT = 64

OPERATORS: Mapping[type[ast.operator], Callable[[Any, Any], Any]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.FloorDiv: operator.floordiv,
    ast.Div: operator.truediv,
    ast.Mod: operator.mod,
}


class Number:
    """A number with its formula. `exact` numbers are equal only to numbers of the same formula: an op then decides

    as it would for any value ("is the stride 1?": not known), while shapes are compared by value.
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
    """Several numbers under one name: `kernel`, whose parts are `kernel[0]` and `kernel[1]`."""

    formula: ast.expr
    exact: bool


def named(value: Any, formula: ast.expr, exact: bool = False) -> Any:
    """A value with its formula; what is no number stays as it is."""
    made: Any
    if isinstance(value, int):
        made = Whole(value)
        made.is_truth = isinstance(value, bool)
    elif isinstance(value, float):
        made = Fraction(value)
    elif isinstance(value, list | tuple):
        parts = (named(part, ast.Subscript(formula, ast.Constant(i)), exact) for i, part in enumerate(value))
        made = Row(parts)
    else:
        return value
    made.formula, made.exact = formula, exact
    return made


def is_named(value: Any) -> bool:
    """Whether a value, or a part of it, has a formula of its own."""
    return isinstance(value, Number | Row) or (isinstance(value, tuple) and any(map(is_named, value)))


def plain(value: Any) -> Any:
    """The value without its formula; lists are tuples."""
    if isinstance(value, Whole):
        return bool(value) if value.is_truth else int(value)
    if isinstance(value, Fraction):
        return float(value)
    return tuple(map(plain, value)) if isinstance(value, list | tuple) else value


def exactly(value: Any) -> Any:
    """The value, equal only to numbers of the same formula."""
    if isinstance(value, Number):
        return named(plain(value), value.formula, True)
    if isinstance(value, Row):
        return named(plain(value), value.formula, True)
    return tuple(map(exactly, value)) if isinstance(value, tuple) else value


def formula_of(value: Any) -> ast.expr:
    """The formula of a value; that of a plain one is the value itself."""
    if isinstance(value, Number | Row):
        return value.formula
    if isinstance(value, list | tuple):
        return ast.Tuple([formula_of(part) for part in value], ast.Load())
    return ast.Constant(value)


def computed(kind: type[ast.operator], left: Any, right: Any) -> Any:
    """The number that an operator makes of two, of which at least one has a formula."""
    if not all(isinstance(side, int | float) for side in (left, right)):
        return NotImplemented
    value = OPERATORS[kind](plain(left), plain(right))
    exact = any(isinstance(side, Number) and side.exact for side in (left, right))
    formula = combined(kind, formula_of(left), formula_of(right))
    if isinstance(formula, ast.Constant):
        return value
    return named(value, formula, exact)


# --- formulas ----------------------------------------------------------------------------------


def text(formula: ast.expr) -> str:
    """A text that two formulas share just if they are the same; kept with the formula, since it is asked for often."""
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
"""Characters of a formula that a person would read; longer ones are given up."""

UNKNOWN_NUMBER = ast.Name("?", ast.Load())
"""Stands for a number that has no formula; whatever is computed from it has none either."""


def unknown(what: str) -> ast.Name:
    """Stands for a number that has no formula yet; it may get a name."""
    return name(f"?{what}")


def is_known(formula: ast.expr) -> bool:
    return not any(own.startswith("?") for own in names(formula)) and len(text(formula)) <= LONGEST


def names(formula: ast.expr) -> frozenset[str]:
    """The variables of a formula."""
    known: frozenset[str] | None = getattr(formula, "_names", None)
    if known is None:
        known = frozenset(node.id for node in ast.walk(formula) if isinstance(node, ast.Name)) - RESERVED
        formula._names = known  # type: ignore[attr-defined]
    return known


def combined(kind: type[ast.operator], left: ast.expr, right: ast.expr) -> ast.expr:
    """`left op right`, with sums collected: `w + w + 2 * w` is `4 * w`."""
    if isinstance(left, ast.Constant) and isinstance(right, ast.Constant):
        return ast.Constant(OPERATORS[kind](left.value, right.value))
    if kind in (ast.Add, ast.Sub):
        sign = 1 if kind is ast.Add else -1
        return _written_sum([*_terms(left, 1), *_terms(right, sign)])
    if kind is ast.Mult:
        for constant, other in ((left, right), (right, left)):
            if _is_whole(constant):
                return _scaled(other, constant.value)  # type: ignore[attr-defined]
    if kind is ast.FloorDiv and _is_whole(right):
        divisor = right.value  # type: ignore[attr-defined]
        terms = _terms(left, 1)
        if divisor == 1:
            return left
        if len(terms) == 1 and terms[0][1] % divisor == 0:
            return _written_sum([(term, factor // divisor) for term, factor in terms])
    return ast.BinOp(left, kind(), right)


def decided(condition: ast.expr) -> ast.expr:
    """A condition without names is what it comes to."""
    value = UNKNOWN if names(condition) else evaluated(condition, {})
    return ast.Constant(value) if isinstance(value, bool) else condition


def logic(op: ast.boolop, parts: Sequence[ast.expr]) -> ast.expr:
    """`and` or `or`, without the parts that change nothing."""
    absorbing = isinstance(op, ast.Or)
    kept: list[ast.expr] = []
    for condition in parts:
        if isinstance(condition, ast.Constant):
            if condition.value is absorbing:
                return condition
        elif isinstance(condition, ast.BoolOp) and type(condition.op) is type(op):
            kept += condition.values
        else:
            kept.append(condition)
    if not kept:
        return ast.Constant(not absorbing)
    return kept[0] if len(kept) == 1 else ast.BoolOp(op, kept)


def part(value: ast.expr, index: ast.expr) -> ast.expr:
    """`value[index]`: of a list that is written out, the element or elements themselves."""
    found = ast.Subscript(value, index, ast.Load())
    if isinstance(value, ast.Call) and text(value.func) == "range" and len(value.args) == 1:
        return index if not isinstance(index, ast.Slice) else found
    if not isinstance(value, ast.Tuple) or names(index):
        return found
    if not isinstance(index, ast.Slice):
        place = evaluated(index, {})
        inside = isinstance(place, int) and -len(value.elts) <= place < len(value.elts)
        return value.elts[place] if inside else found
    ends = (None if end is None else evaluated(end, {}) for end in (index.lower, index.upper))
    return ast.Tuple(value.elts[slice(*ends)], ast.Load())


def takes_away(formula: ast.expr) -> bool:
    """Whether a formula subtracts something that has a name: `width - in_channels`."""
    return any(term is not None and count < 0 for term, count in _terms(formula, 1))


def _is_whole(formula: ast.expr) -> bool:
    return isinstance(formula, ast.Constant) and type(formula.value) is int


def _scaled(formula: ast.expr, factor: int) -> ast.expr:
    """`(2 + 6) * 32` of names keeps its brackets: only a single term takes the factor in."""
    terms = _terms(formula, 1)
    if factor in (0, 1) or len(terms) == 1:
        return _written_sum([(term, factor * count) for term, count in terms])
    return ast.BinOp(formula, ast.Mult(), ast.Constant(factor))


def _terms(formula: ast.expr, factor: int) -> list[tuple[ast.expr | None, int]]:
    """What a formula adds up: terms with how often each is taken; None is the number 1."""
    match formula:
        case ast.Constant(value=int(value)) if type(value) is int:
            return [(None, value * factor)]
        case ast.BinOp(left=left, op=ast.Add(), right=right):
            return [*_terms(left, factor), *_terms(right, factor)]
        case ast.BinOp(left=left, op=ast.Sub(), right=right):
            return [*_terms(left, factor), *_terms(right, -factor)]
        case ast.BinOp(left=ast.Constant(value=int(value)), op=ast.Mult(), right=right) if _is_single(right):
            return [(right, factor * value)]
        case ast.BinOp(left=left, op=ast.Mult(), right=ast.Constant(value=int(value))) if _is_single(left):
            return [(left, factor * value)]
        case _:
            return [(formula, factor)]


def _is_single(formula: ast.expr) -> bool:
    return not (isinstance(formula, ast.BinOp) and isinstance(formula.op, ast.Add | ast.Sub))


def _written_sum(terms: Iterable[tuple[ast.expr | None, int]]) -> ast.expr:
    collected: dict[str | None, tuple[ast.expr | None, int]] = {}
    for term, count in terms:
        key = None if term is None else text(term)
        collected[key] = term, collected.get(key, (term, 0))[1] + count
    parts = [(term, count) for term, count in collected.values() if count]
    # A number alone stands at the end, and a sum begins with what is added.
    parts.sort(key=lambda part: (part[0] is None, part[1] < 0))
    total: ast.expr | None = None
    for term, count in parts:
        size = abs(count) if total is not None else count
        part = ast.Constant(size) if term is None else term if size == 1 else _times(size, term)
        total = part if total is None else ast.BinOp(total, ast.Sub() if count < 0 else ast.Add(), part)
    return ast.Constant(0) if total is None else total


def _times(count: int, term: ast.expr) -> ast.expr:
    return ast.BinOp(ast.Constant(count), ast.Mult(), term)


class _Substitution(ast.NodeTransformer):
    def __init__(self, known: Mapping[str, ast.expr]) -> None:
        self.known = known

    def visit_Name(self, node: ast.Name) -> ast.expr:
        return self.known.get(node.id, node)

    def visit_BinOp(self, node: ast.BinOp) -> ast.expr:
        left, right = self.visit(node.left), self.visit(node.right)
        if type(node.op) in OPERATORS and not (left is node.left and right is node.right):
            return combined(type(node.op), left, right)
        return node if left is node.left and right is node.right else ast.BinOp(left, node.op, right)

    def visit_Subscript(self, node: ast.Subscript) -> ast.expr:
        return part(self.visit(node.value), self.visit(node.slice))

    def visit_IfExp(self, node: ast.IfExp) -> ast.expr:
        test: ast.expr = self.visit(node.test)
        if isinstance(test, ast.Constant):
            chosen: ast.expr = self.visit(node.body if test.value else node.orelse)
            return chosen
        return ast.IfExp(test, self.visit(node.body), self.visit(node.orelse))

    def visit_Compare(self, node: ast.Compare) -> ast.expr:
        return decided(ast.Compare(self.visit(node.left), node.ops, [self.visit(part) for part in node.comparators]))

    def visit_BoolOp(self, node: ast.BoolOp) -> ast.expr:
        return logic(node.op, [self.visit(part) for part in node.values])

    def generic_visit(self, node: ast.AST) -> ast.AST:
        """A new node where something in it changed: formulas are shared."""
        changes: dict[str, Any] = {}
        for field, old in ast.iter_fields(node):
            if isinstance(old, list):
                new: Any = [self.visit(part) for part in old]
                changed = any(a is not b for a, b in zip(new, old, strict=True))
            else:
                new = self.visit(old) if isinstance(old, ast.AST) else old
                changed = new is not old
            if changed:
                changes[field] = new
        return type(node)(**{**dict(ast.iter_fields(node)), **changes}) if changes else node


def substituted(formula: ast.expr, known: Mapping[str, ast.expr]) -> ast.expr:
    """The formula with other formulas in place of names."""
    if names(formula).isdisjoint(known):
        return formula
    found: ast.expr = _Substitution(known).visit(formula)
    return found


# --- values ------------------------------------------------------------------------------------


class Unknown:
    """What a formula comes to where it cannot be computed; equal to nothing."""


UNKNOWN = Unknown()


FUNCTIONS: Mapping[str, Callable[..., Any]] = {
    "int": int,
    "len": len,
    "max": max,
    "min": min,
    "round": round,
    "round_to": round_to,
    "sum": sum,
    "range": range,
    "math.ceil": math.ceil,
    "math.floor": math.floor,
    "math.log2": math.log2,
    "math.sqrt": math.sqrt,
    "math.exp": math.exp,
}
"""What formulas may call, by the name that Python has for it."""

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
    """What a formula comes to, as Python has it, or UNKNOWN where it cannot be computed."""
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


def _operation(op: ast.operator, left: Any, right: Any) -> Any:
    if not isinstance(op, ast.Pow):
        return OPERATORS[type(op)](left, right)
    if abs(right) > LARGEST_EXPONENT:
        raise OverflowError
    return left**right


def same(a: Any, b: Any) -> bool:
    """Equality of plain values that tells True from 1, and a list is a tuple."""
    a, b = plain(a), plain(b)
    return a is b or (a == b and isinstance(a, bool) == isinstance(b, bool))
