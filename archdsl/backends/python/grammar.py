"""How Python's expressions hold together: which parts one has, and which of them need parentheses."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from typing import NamedTuple, TypeAlias

OPEN = 0
"""Not within parentheses: no place to break a line."""

ENCLOSED = -1
"""Within parentheses. Any other number names the group that gets parentheses where it is broken."""

# How closely an expression holds together, loosest first.
TUPLE, TEST, CONDITIONAL, OR, AND, NOT, COMPARISON, BIT_OR, BIT_XOR, BIT_AND, SHIFT, SUM, TERM, FACTOR, POWER, ATOM = (
    range(16)
)

BINARY: dict[type[ast.operator], tuple[str, int]] = {
    ast.Add: ("+", SUM),
    ast.Sub: ("-", SUM),
    ast.Mult: ("*", TERM),
    ast.MatMult: ("@", TERM),
    ast.Div: ("/", TERM),
    ast.Mod: ("%", TERM),
    ast.FloorDiv: ("//", TERM),
    ast.Pow: ("**", POWER),
    ast.LShift: ("<<", SHIFT),
    ast.RShift: (">>", SHIFT),
    ast.BitOr: ("|", BIT_OR),
    ast.BitXor: ("^", BIT_XOR),
    ast.BitAnd: ("&", BIT_AND),
}

UNARY: dict[type[ast.unaryop], str] = {ast.UAdd: "+", ast.USub: "-", ast.Invert: "~", ast.Not: "not "}

COMPARED: dict[type[ast.cmpop], str] = {
    ast.Eq: "==",
    ast.NotEq: "!=",
    ast.Lt: "<",
    ast.LtE: "<=",
    ast.Gt: ">",
    ast.GtE: ">=",
    ast.Is: "is",
    ast.IsNot: "is not",
    ast.In: "in",
    ast.NotIn: "not in",
}

BINARY_LIKE = (ast.BinOp, ast.BoolOp, ast.Compare)


class Unwritable(ValueError):
    """Python that the printer does not lay out as a formatter would, and therefore not at all."""


class Operand(NamedTuple):
    """An expression in its place: whether it stands in parentheses, and whether it is within any."""

    node: ast.expr
    level: int
    in_parentheses: bool = False
    chain: str = ""
    """Of a chain of calls: "fluent" where it is broken before its dots, "plain" where not; "" at its end."""
    is_nested: bool = False
    """The `else` of a conditional expression that is another one."""


Operation: TypeAlias = "tuple[str, int]"
"""An operator and how closely it binds."""


def operand(node: ast.expr, level: int, least: int) -> Operand:
    """An expression where only those may stand that hold together at least so closely."""
    return Operand(node, level, binding(node) < least)


def binding(node: ast.expr) -> int:
    match node:
        case ast.Lambda():
            return TEST
        case ast.IfExp():
            return CONDITIONAL
        case ast.BoolOp(ast.Or()):
            return OR
        case ast.BoolOp():
            return AND
        case ast.UnaryOp(ast.Not()):
            return NOT
        case ast.Compare():
            return COMPARISON
        case ast.BinOp():
            return BINARY[type(node.op)][1]
        case ast.UnaryOp():
            return FACTOR
        case ast.Constant() if isinstance(node.value, int | float) and node.value < 0:
            return FACTOR
        case _:
            return ATOM


def operands(node: ast.expr) -> Iterator[Operand]:
    """The expressions of which one consists outside of brackets, in their order."""
    match node:
        case ast.BinOp() | ast.BoolOp() | ast.Compare():
            yield from (part for part in operations(node) if isinstance(part, Operand))
        case ast.UnaryOp():
            yield signed(node, OPEN)
        case ast.IfExp():
            yield operand(node.body, OPEN, OR)
            yield operand(node.test, OPEN, OR)
            yield operand(node.orelse, OPEN, TEST)
        case ast.Lambda():
            yield operand(node.body, OPEN, TEST)
        case ast.Starred():
            yield operand(node.value, OPEN, BIT_OR)
        case ast.Attribute():
            yield Operand(node.value, OPEN, is_enclosed_value(node))
        case ast.Call():
            yield operand(node.func, OPEN, ATOM)
        case ast.Subscript():
            yield operand(node.value, OPEN, ATOM)


def operations(node: ast.expr) -> Iterator[Operand | Operation]:
    match node:
        case ast.BinOp():
            symbol, least = BINARY[type(node.op)]
            is_power = least == POWER
            yield operand(node.left, OPEN, least + is_power)
            yield (symbol, least)
            yield operand(node.right, OPEN, FACTOR if is_power else least + 1)
        case ast.BoolOp():
            is_or = isinstance(node.op, ast.Or)
            for i, value in enumerate(node.values):
                if i:
                    yield ("or" if is_or else "and", AND)
                yield operand(value, OPEN, NOT)
        case ast.Compare():
            yield operand(node.left, OPEN, BIT_OR)
            for op, value in zip(node.ops, node.comparators, strict=True):
                yield (COMPARED[type(op)], COMPARISON)
                yield operand(value, OPEN, BIT_OR)


def signed(node: ast.UnaryOp, level: int) -> Operand:
    """What follows a sign or `not`; a power in parentheses, so that it shows which comes first."""
    is_power = isinstance(node.operand, ast.BinOp) and isinstance(node.operand.op, ast.Pow)
    return Operand(node.operand, level, is_power or binding(node.operand) < binding(node))


def is_in_parentheses(node: ast.expr) -> bool:
    """Whether an expression that is called or indexed needs parentheses."""
    return binding(node) < ATOM


def is_enclosed_value(node: ast.Attribute) -> bool:
    value = node.value
    is_number = isinstance(value, ast.Constant) and type(value.value) in (int, float)
    return is_in_parentheses(value) or is_number


def is_fluent(node: ast.expr) -> bool:
    """Whether a chain calls or indexes twice and goes on, as `x.a().b().c`: it is broken before its dots."""
    calls = 0
    while isinstance(node, ast.Attribute | ast.Call | ast.Subscript):
        (part,) = operands(node)
        inner = part.node
        if part.in_parentheses:
            return calls + isinstance(node, ast.Attribute) >= 2
        calls += isinstance(node, ast.Attribute) and isinstance(inner, ast.Call | ast.Subscript)
        node = inner
    return calls >= 2
