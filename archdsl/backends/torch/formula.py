"""Expressions of the language as Python: `input.channels * expand ^ 2` becomes `in_channels * expand**2`.

Only what Python computes in the same way is translated; whoever uses a formula evaluates it and compares.
"""

from __future__ import annotations

import ast
import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property, lru_cache
from types import CodeType
from typing import Any

IN_CHANNELS = "in_channels"
"""The channels of the value that flows into a block, in its constructor."""

ROUND_TO = '''\
def round_to(x: float, divisor: int, floor: float = 0.9) -> int:
    """`x` rounded to a multiple of `divisor`, never below `floor` of `x`."""
    rounded = max(divisor, int(x + divisor / 2) // divisor * divisor)
    return rounded + divisor if rounded < floor * x else rounded
'''
"""The language's own rounding, for modules that need it."""

FUNCTIONS: dict[str, Callable[..., Any]] = {
    "int": int,
    "len": len,
    "max": max,
    "min": min,
    "round": round,
    "sum": sum,
}
exec(ROUND_TO, {}, FUNCTIONS)
MATH = ("ceil", "floor")
"""Functions of the language that Python keeps in `math`."""

LARGEST_EXPONENT = 64

NODES = (
    ast.BinOp, ast.UnaryOp, ast.BoolOp, ast.Compare, ast.IfExp, ast.Constant, ast.Name, ast.Load, ast.Call,
    ast.Subscript, ast.Attribute, ast.Tuple, ast.operator, ast.unaryop, ast.boolop, ast.cmpop,
)  # fmt: skip


class _Missing:
    """What a formula comes to where it cannot be computed; equal to nothing."""


MISSING = _Missing()


@dataclass(frozen=True)
class Formula:
    """A Python expression over named numbers."""

    text: str

    @cached_property
    def tree(self) -> ast.expr:
        return ast.parse(self.text, mode="eval").body

    @cached_property
    def names(self) -> frozenset[str]:
        found = (node.id for node in ast.walk(self.tree) if isinstance(node, ast.Name))
        return frozenset(found) - FUNCTIONS.keys() - {"math"}

    @cached_property
    def _code(self) -> CodeType:
        guarded = _Guarded().visit(ast.parse(self.text, mode="eval"))
        return compile(ast.fix_missing_locations(guarded), "<formula>", "eval")

    def value(self, names: Mapping[str, Any]) -> Any:
        """What it comes to, or MISSING."""
        if not self.names <= names.keys():
            return MISSING
        try:
            value = eval(self._code, dict(GLOBALS), dict(names))
        except (ArithmeticError, TypeError, ValueError, LookupError):
            return MISSING
        return int(value) if isinstance(value, float) and value.is_integer() else value

    def is_fraction(self, names: Mapping[str, Any]) -> bool:
        """Whether Python has a float where the language, which knows whole numbers by their value, has an int."""
        return isinstance(eval(self._code, dict(GLOBALS), dict(names)), float)

    def substituted(self, formulas: Mapping[str, Formula]) -> Formula:
        """With other formulas in place of names."""
        trees = {name: formula.tree for name, formula in formulas.items()}
        return Formula(ast.unparse(_Substitution(trees).visit(ast.parse(self.text, mode="eval").body)))

    @property
    def is_name(self) -> bool:
        return self.text.isidentifier()

    @property
    def is_sum(self) -> bool:
        return isinstance(self.tree, ast.BinOp) and isinstance(self.tree.op, ast.Add)


@lru_cache(maxsize=4096)
def translate(text: str) -> Formula | None:
    """An expression as the spec wrote it, in Python; None where Python has no such thing."""
    text = re.sub(r"\btrue\b", "True", re.sub(r"\bfalse\b", "False", text)).replace("^", "**")
    text = _conditional(text.strip())
    try:
        tree = ast.parse(text, mode="eval").body
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None
    if any(isinstance(node, ast.Attribute) and node.attr != "channels" for node in ast.walk(tree)):
        return None
    tree = _Translation().visit(tree)
    if not all(isinstance(node, NODES) for node in ast.walk(tree)) or not _calls_known(tree):
        return None
    return Formula(ast.unparse(tree))


def _conditional(text: str) -> str:
    """`if c then a else b` -> `(a) if (c) else (b)`, where the whole expression is of that form."""
    if not text.startswith("if ") or " then " not in text or " else " not in text:
        return text
    condition, _, rest = text.removeprefix("if ").partition(" then ")
    then, _, otherwise = rest.partition(" else ")
    return f"({then}) if ({condition}) else ({_conditional(otherwise)})"


def _calls_known(tree: ast.expr) -> bool:
    calls = (node for node in ast.walk(tree) if isinstance(node, ast.Call))
    known = {*FUNCTIONS, *(f"math.{name}" for name in MATH)}
    return all(ast.unparse(call.func) in known and not call.keywords for call in calls)


def _power(base: Any, exponent: Any) -> Any:
    if abs(exponent) > LARGEST_EXPONENT:
        raise OverflowError
    return base**exponent


GLOBALS = {"__builtins__": {}, "_power": _power, "math": math, **FUNCTIONS}


class _Guarded(ast.NodeTransformer):
    """Powers go through `_power`, so that no formula computes for ever."""

    def visit_BinOp(self, node: ast.BinOp) -> ast.expr:
        self.generic_visit(node)
        if isinstance(node.op, ast.Pow):
            return ast.Call(ast.Name("_power", ast.Load()), [node.left, node.right], [])
        return node


class _Translation(ast.NodeTransformer):
    """`input.channels` -> `in_channels`, `prev.channels` -> `prev_channels`, `floor` -> `math.floor`."""

    def visit_Call(self, node: ast.Call) -> ast.expr:
        self.generic_visit(node)
        if isinstance(node.func, ast.Name) and node.func.id in MATH:
            node.func = ast.Attribute(ast.Name("math", ast.Load()), node.func.id, ast.Load())
        return node

    def visit_Attribute(self, node: ast.Attribute) -> ast.expr:
        if not isinstance(node.value, ast.Name):
            return node
        name = IN_CHANNELS if node.value.id in ("it", "input") else f"{node.value.id}_channels"
        return ast.Name(name, ast.Load())

    def visit_List(self, node: ast.List) -> ast.expr:
        self.generic_visit(node)
        return ast.Tuple(node.elts, ast.Load())


class _Substitution(ast.NodeTransformer):
    def __init__(self, trees: Mapping[str, ast.expr]) -> None:
        self._trees = trees

    def visit_Name(self, node: ast.Name) -> ast.expr:
        return self._trees.get(node.id, node)

    def visit_Call(self, node: ast.Call) -> ast.expr:
        return ast.Call(node.func, [self.visit(argument) for argument in node.args], [])
