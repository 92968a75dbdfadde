"""Precedence in Python's expressions: which operands an expression has, and which of them need parentheses."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from typing import NamedTuple, TypeAlias

OPEN = 0
"""The level of an expression outside parentheses, where a line cannot be broken."""

ENCLOSED = -1
"""The level of an expression within parentheses. Any other level is the key of the group that gets parentheses if it
is broken."""

# How closely expressions bind, the loosest first.
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
    """Python that this package cannot lay out as `ruff format` would, and therefore refuses."""


class Operand(NamedTuple):
    """An expression in its place: `level` is that of the brackets around it; `in_parentheses`, if it gets its own."""

    node: ast.expr
    level: int
    in_parentheses: bool = False
    chain: str = ""
    """For a part of a chain of calls: "fluent" if the chain is broken before its dots, else "plain". "" at its end."""
    is_nested: bool = False
    """Whether this is a conditional expression in the `else` of another one."""


Operation: TypeAlias = "tuple[str, int]"
"""An operator and how closely it binds."""


def operand(node: ast.expr, level: int, least: int) -> Operand:
    """An expression in a place for those that bind at least as closely as `least`; others get parentheses."""
    return Operand(node, level, binding(node) < least)


def binding(node: ast.expr) -> int:
    """How closely an expression binds: one of the numbers `TUPLE` to `ATOM`."""
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
    """The operands of an expression outside brackets, in order."""
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
    """The operands and operators of a binary operation or a comparison, in order."""
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
    """The operand of a sign or `not`. A power gets parentheses, to show which comes first: `-(x**2)`."""
    is_power = isinstance(node.operand, ast.BinOp) and isinstance(node.operand.op, ast.Pow)
    return Operand(node.operand, level, is_power or binding(node.operand) < binding(node))


def is_in_parentheses(node: ast.expr) -> bool:
    """Whether an expression that is called or indexed needs parentheses."""
    return binding(node) < ATOM


def is_enclosed_value(node: ast.Attribute) -> bool:
    """Whether the value before the dot of an attribute needs parentheses."""
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
