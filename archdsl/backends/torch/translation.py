"""Translates an expression of a spec to Python: `input.channels * expand` becomes `in_channels * expand`.

The context gives the formula for each name; constants are computed at once.
"""

from __future__ import annotations

import ast
from collections.abc import Mapping
from typing import Any, Protocol

from archdsl import formula
from archdsl.backends.torch.names import legal
from archdsl.formula import combined, name
from archdsl.ir.graph import Value, Written
from archdsl.syntax import tree
from archdsl.syntax.definitions import functions
from archdsl.syntax.printer import expression_text

BINARY: Mapping[str, type[ast.operator]] = {
    "+": ast.Add,
    "-": ast.Sub,
    "*": ast.Mult,
    "/": ast.Div,
    "//": ast.FloorDiv,
    "%": ast.Mod,
    "^": ast.Pow,
}
COMPARE: Mapping[str, type[ast.cmpop]] = {
    "==": ast.Eq,
    "!=": ast.NotEq,
    "<": ast.Lt,
    "<=": ast.LtE,
    ">": ast.Gt,
    ">=": ast.GtE,
}
FUNCTIONS = {
    "ceil": "math.ceil",
    "floor": "math.floor",
    "log": "math.log",
    "log2": "math.log2",
    "sqrt": "math.sqrt",
    "exp": "math.exp",
    **{known: known for known in ("round", "min", "max", "len", "sum", "round_to", "range")},
}
"""Functions of the language, and their names in Python."""


class Unsaid(Exception):
    """Raised for an expression that cannot be written with the names of the constructor."""


class Names(Protocol):
    """The formulas for names and values in the constructor of a class; `Context` provides them.

    `use` is the number of the use of the class in which a name or a value is looked up.
    """

    @property
    def is_network(self) -> bool:
        """Whether the class is the network itself."""

    def root_of(self, use: int) -> str:
        """The path of the network that a use is part of."""

    def kind_of(self, value: Value) -> str:
        """The kind of numbers in a value of the network: "float" or "int"."""

    def lookup(self, own: str, home: str | None, use: int) -> ast.expr:
        """The formula for a name in the text of scope `home`. Raises `Unsaid` if there is none."""

    def define(self, called: str, parameters: list[str], body: ast.expr) -> bool:
        """Enters a function of the network's text, if it depends on a setting that stays open."""

    def of_port(self, base: str, home: str | None, use: int) -> ast.expr | None:
        """The channels of an input of the block, if `base` names one."""

    def of_value(self, value: Value, use: int) -> ast.expr | None:
        """The channels of a value."""


class Translation:
    """Translates one expression. If it is the body of a `def`, `known` are the formulas for its parameters."""

    def __init__(self, context: Names, written: Written, use: int, known: Mapping[str, ast.expr]) -> None:
        self.context, self.written, self.use = context, written, use
        turn = {own: formula.formula_of(formula.plain(value)) for own, value in written.numbers}
        self.known: Mapping[str, ast.expr] = {**turn, **known}

    def of(self, part: tree.Expression | tree.Spread) -> ast.expr:
        """The Python for a part of the expression. Raises `Unsaid`."""
        match part:
            case tree.Number(value=value) | tree.String(value=value) | tree.Boolean(value=value):
                return ast.Constant(value)
            case tree.Name(name=own):
                return self.known[own] if own in self.known else self.context.lookup(own, self.written.home, self.use)
            case tree.Attribute(value=base, name="channels" | "length" as fact):
                return self.asked(expression_text(base), fact)
            case tree.Binary(operator="and" | "or" as word, left=left, right=right):
                return formula.logic(ast.And() if word == "and" else ast.Or(), [self.of(left), self.of(right)])
            case tree.Binary(operator=sign, left=left, right=right):
                return _binary(BINARY[sign], self.of(left), self.of(right))
            case tree.Unary(operator=sign, value=value):
                return _negative(self.of(value)) if sign == "-" else formula.negated(self.of(value))
            case tree.Compare(operator=sign, left=left, right=right) if sign in COMPARE:
                return formula.decided(ast.Compare(self.of(left), [COMPARE[sign]()], [self.of(right)]))
            case tree.Conditional(condition=condition, then=then, otherwise=otherwise):
                return _chosen(self.of(condition), lambda: self.of(then), lambda: self.of(otherwise))
            case tree.List(items=parts) | tree.Shape(dims=parts):
                return ast.Tuple([self.of(item) for item in parts], ast.Load())
            case tree.Comprehension():
                return self.comprehension(part)
            case tree.Index(value=value, index=index):
                return formula.part(self.of(value), self.of(index))
            case tree.Slice(value=value, start=start, stop=stop):
                ends = (None if end is None else self.of(end) for end in (start, stop))
                return formula.part(self.of(value), ast.Slice(*ends))
            case tree.Call(function=tree.Name(name=called), arguments=arguments):
                return self.call(called, part, [(a.name, self.of(a.value)) for a in arguments])
        raise Unsaid

    def call(self, called: str, call: tree.Call, arguments: list[tuple[str | None, ast.expr]]) -> ast.expr:
        """The Python for a call of a function of the language or of a `def`. Raises `Unsaid`."""
        defined = functions(call.span.source).get(called)
        if defined is not None and len(defined.parameters) == len(arguments):
            return self.defined(defined, [value for _, value in arguments])
        if called == "enumerate" and len(arguments) == 1:
            return formula.enumerated(arguments[0][1])
        if called not in FUNCTIONS:
            raise Unsaid
        positional = [value for own, value in arguments if own is None]
        keywords = [ast.keyword(own, value) for own, value in arguments if own is not None]
        found = ast.Call(ast.parse(FUNCTIONS[called], mode="eval").body, positional, keywords)
        if formula.names(found):
            return found
        value = formula.evaluated(found, {})
        if isinstance(value, float) and value.is_integer():
            value = int(value)  # in a spec, a whole result is a whole number
        return formula.formula_of(tuple(value) if isinstance(value, range) else value)

    def defined(self, define: tree.Define, arguments: list[ast.expr]) -> ast.expr:
        """A call of a `def`: of the function if the constructor has it, else the body with its arguments put in."""
        called, parameters = define.name.name, [own.name for own in define.parameters]
        body = Written(define.value, self.context.root_of(self.use))
        if self.context.is_network and legal(called) == called:
            inner = Translation(self.context, body, self.use, {own: name(own) for own in parameters})
            if self.context.define(called, parameters, inner.of(define.value)):
                return ast.Call(name(called), arguments, [])
        known = dict(zip(parameters, arguments, strict=True))
        return Translation(self.context, body, self.use, known).of(define.value)

    def comprehension(self, made: tree.Comprehension) -> ast.expr:
        """`tuple(c * 2 for c in ws)`. Raises `Unsaid` if a name of the loop would hide one of the constructor."""
        own = [legal(bound.name) for bound in made.names]
        parts = [part for part in (made.value, made.condition) if part is not None]
        apart = {bound.name: formula.unknown(bound.name) for bound in made.names}
        for part in parts:
            if not formula.names(self.with_names(apart).of(part)).isdisjoint(own):
                raise Unsaid
        inner = self.with_names({bound.name: name(said) for bound, said in zip(made.names, own, strict=True)})
        value, *conditions = map(inner.of, parts)
        return formula.listed(value, own, self.of(made.values), conditions)

    def with_names(self, known: Mapping[str, ast.expr]) -> Translation:
        """The translation of the same expression with further known names."""
        return Translation(self.context, self.written, self.use, {**self.known, **known})

    def asked(self, base: str, fact: str) -> ast.expr:
        """The formula for `it.channels`. Raises `Unsaid` if it is not known."""
        value = dict(self.written.values).get(base)
        if value is None or (fact == "length" and self.context.kind_of(value) != "int"):
            raise Unsaid
        found = self.context.of_port(base, self.written.home, self.use) or self.context.of_value(value, self.use)
        if found is None:
            raise Unsaid
        return found


# --- Python, with constants computed -------------------------------------------------------------


def _binary(kind: type[ast.operator], left: ast.expr, right: ast.expr) -> ast.expr:
    """The operation as the spec has it; of two whole numbers its result, and without an addition of 0."""
    if isinstance(left, ast.Constant) and isinstance(right, ast.Constant) and kind is not ast.Pow:
        return combined(kind, left, right)
    if kind in (ast.Add, ast.Sub) and isinstance(right, ast.Constant) and right.value == 0:
        return left
    if kind is ast.Add and isinstance(left, ast.Constant) and left.value == 0:
        return right
    return ast.BinOp(left, kind(), right)


def length(found: ast.expr) -> ast.expr:
    """The formula for the number of elements of a list."""
    match found:
        case ast.Call(func=ast.Name(id="range"), args=[count]):
            return count
        case ast.Call(args=[ast.GeneratorExp(generators=[ast.comprehension(iter=over, ifs=[])])]):
            return length(over)
        case ast.Call(func=ast.Name(id="tuple"), args=[ast.Call(func=ast.Name(id="enumerate"), args=[inner])]):
            return length(inner)
        case ast.Tuple(elts=parts):
            return ast.Constant(len(parts))
    return ast.Call(name("len"), [found], [])


def _negative(value: ast.expr) -> ast.expr:
    if isinstance(value, ast.Constant) and isinstance(value.value, int | float):
        return ast.Constant(-value.value)
    return ast.UnaryOp(ast.USub(), value)


def _chosen(condition: ast.expr, then: Any, otherwise: Any) -> ast.expr:
    if isinstance(condition, ast.Constant):
        found: ast.expr = then() if condition.value else otherwise()
        return found
    return ast.IfExp(condition, then(), otherwise())
