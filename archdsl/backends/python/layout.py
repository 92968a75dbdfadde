"""Lays out one statement in lines of at most 100 columns, as `ruff format` does.

A statement is text, or a tree of Python's `ast`. If it cannot be laid out as the formatter would, `Unwritable` is
raised.
"""

from __future__ import annotations

import ast
import keyword
import re
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any

from archdsl.backends.python.document import (
    END,
    SOFT,
    STEP,
    UNLIMITED,
    WIDTH,
    Choice,
    Group,
    If,
    Indent,
    Parentheses,
    Piece,
    columns,
    print_document,
)
from archdsl.backends.python.expressions import (
    Item,
    Source,
    document_of,
    flat_text,
    optionally_enclosed,
    parted,
    sequence,
)
from archdsl.backends.python.grammar import BINARY, ENCLOSED, OPEN, Operand, Unwritable, is_in_parentheses
from archdsl.backends.python.parentheses import Need, breaks_in_brackets, has_brackets, is_splittable, needs_parentheses

__all__ = ["Unwritable", "lay_out", "text_of"]


_NAME = r"[A-Za-z_]\w*(?:\.[A-Za-z_]\w*)*"
_HEAD = rf"{_NAME}\("
_CALL = rf"(?:{_HEAD})*(?:{_NAME}|(?:0|[1-9]\d*)(?:\.\d+)?|{_HEAD}\))\)*"
PLAIN = re.compile(rf"(?:{_NAME}(?:, {_NAME})* = |return )?({_CALL}(?:, (?:\w+=)?{_CALL})*)", re.ASCII)
"""Matches the most frequent statements: calls within calls, of names and numbers. If such a text fits on its line, it
stays as it is and is not parsed."""

KEYWORDS = frozenset(keyword.kwlist) - {"True", "False", "None"}


def lay_out(statement: str | ast.stmt, indent: int, width: int = WIDTH) -> list[str]:
    """The lines of a statement, or of the header of a compound one, at `indent` steps of indentation.

    `width` is the most columns of a line, indentation included. Raises `Unwritable`.
    """
    if isinstance(statement, str) and _is_laid_out(statement, width - len(STEP) * indent):
        return [STEP * indent + statement]
    if isinstance(statement, ast.stmt):
        node, source, is_elif = statement, Source(), False
    elif statement in ("else:", "try:", "finally:"):
        return [STEP * indent + statement]
    else:
        is_elif = statement.startswith("elif ")
        statement = statement.removeprefix("el") if is_elif else statement
        node, source = parse(statement), Source(statement)
    write = STATEMENTS.get(type(node))
    if write is None:
        raise Unwritable(f"{type(node).__name__} is not among the statements that can be laid out")
    items = write(node, source)
    pieces = document_of(("el", *items) if is_elif else items, source)
    lines = print_document(pieces, indent, width)
    _check(node, pieces, lines, width)
    return lines


def _is_laid_out(statement: str, width: int) -> bool:
    found = PLAIN.fullmatch(statement) if len(statement) <= width else None
    if found is None or statement.count("(") != statement.count(")"):
        return False
    return KEYWORDS.isdisjoint(re.findall(r"\w+", found[1]))


def text_of(part: ast.stmt | ast.expr) -> str:
    """A statement, the header of a compound one, or an expression, as one line, however long. Raises `Unwritable`."""
    if isinstance(part, ast.expr):
        return flat_text(part, Source())
    (line,) = lay_out(part, 0, UNLIMITED)
    return line


def parse(text: str) -> ast.stmt:
    """Parses a statement. The header of a compound one gets the body `pass`."""
    with _deep_recursion():
        (node,) = ast.parse(f"{text} pass" if text.endswith(":") else text).body
    return node


@contextmanager
def _deep_recursion() -> Iterator[None]:
    """Raises Python's recursion limit for `ast.parse`, which takes a few hundred bytes of stack for each level."""
    limit = sys.getrecursionlimit()
    sys.setrecursionlimit(max(limit, 20_000))
    try:
        yield
    finally:
        sys.setrecursionlimit(limit)


def _check(node: ast.stmt, pieces: list[Piece], lines: list[str], width: int) -> None:
    """Raises `Unwritable` if a lambda or `with` does not fit on its line: the formatter would break it."""
    is_lambda = any(isinstance(part, ast.Lambda) for part in ast.iter_child_nodes(node))
    is_too_wide = max(map(columns, lines)) > width
    if (len(lines) > 1 and is_lambda) or (is_too_wide and any(map(_is_unbreakable, pieces))):
        raise Unwritable("a lambda or a `with` does not fit on its line and cannot be broken")


def _is_unbreakable(piece: Piece) -> bool:
    if isinstance(piece, Choice):
        return any(map(_is_unbreakable, piece.forms[0]))
    return isinstance(piece, str) and piece.startswith(("lambda", "with "))


def value_of(node: ast.expr, source: Source) -> Iterator[Item]:
    """The value at the end of a statement. It gets parentheses if it has to be broken and needs them for that."""
    need = needs_parentheses(node)
    if need is Need.NEVER:
        yield Operand(node, OPEN)
    elif need is Need.IF_IT_FITS:
        key = source.key()
        yield from (Parentheses(key), Operand(node, key), END)
    else:
        yield from _broken_in_parentheses(node, source)


def _values_of(node: ast.expr, source: Source, is_bare: bool = True) -> Iterator[Item]:
    """Like `value_of`, where several values may stand without parentheses; `is_bare` if they come from no text."""
    if isinstance(node, ast.Tuple) and source.is_bare(node, is_bare):
        yield from _parenthesized_if_broken(sequence(node))
    else:
        yield from value_of(node, source)


def _broken_in_parentheses(node: ast.expr, source: Source) -> Iterator[Item]:
    if isinstance(node, ast.Lambda):
        yield Operand(node, OPEN)
    elif not breaks_in_brackets(node):
        yield from _parenthesized_if_broken([Operand(node, ENCLOSED)])
    else:
        key = source.key()
        yield from optionally_enclosed([Operand(node, key)], key)


def _parenthesized_if_broken(items: Iterable[Item]) -> Iterator[Item]:
    yield from (Group(), If(0, True, "("), Indent(), SOFT, *items, END, SOFT, If(0, True, ")"), END)


def _return(node: ast.Return, source: Source) -> Iterator[Item]:
    yield "return"
    if node.value:
        yield from (" ", *_returned_values(node.value, source))


def _returned_values(node: ast.expr, source: Source) -> Iterator[Item]:
    """The values of `return`: two may be broken inside their own brackets, more of them only in parentheses."""
    if isinstance(node, ast.Tuple) and source.is_bare(node) and len(node.elts) == 2:
        key = source.key()
        yield from optionally_enclosed(sequence(node, key), key)
    else:
        yield from _values_of(node, source)


def _assign(node: ast.Assign, source: Source) -> Iterator[Item]:
    *targets, last = node.targets
    for i, other in enumerate(targets):
        yield from _target(other, source) if i else _first_target(other, source)
        yield " = "
    if targets or isinstance(last, ast.Tuple | ast.List | ast.Subscript):
        yield from _right_to_left(list(_target(last, source)), "=", node.value, source)
    else:
        yield from (*_first_target(last, source), " = ", *_values_of(node.value, source, is_bare=False))


def _first_target(node: ast.expr, source: Source) -> Iterator[Item]:
    if source.is_bare(node):
        yield from _target(node, source)
    else:
        yield Operand(node, OPEN)


def _target(node: ast.expr, source: Source) -> Iterator[Item]:
    """The target of an assignment, or an annotation. A tuple gets no parentheses if it fits."""
    if isinstance(node, ast.Tuple) and source.is_bare(node):
        yield from _parenthesized_if_broken(sequence(node))
    elif has_brackets(node) or _has_inner_brackets(node):
        yield Operand(node, OPEN)
    else:
        yield from _parenthesized_if_broken([Operand(node, ENCLOSED)])


def _has_inner_brackets(node: ast.expr) -> bool:
    while isinstance(node, ast.Attribute):
        node = node.value
        if has_brackets(node) or is_in_parentheses(node):
            return True
    return False


def _right_to_left(before: list[Item], operator: str, value: ast.expr, source: Source) -> Iterator[Item]:
    """An assignment whose value is broken first, and its target only if that is not enough."""
    left = document_of([*before, f" {operator} "], source)
    if needs_parentheses(value) is not Need.IF_IT_FITS or isinstance(value, ast.UnaryOp):
        is_unpacked = isinstance(value, ast.Tuple) and len(before) > 1
        yield from (*left, *_values_of(value, source, is_bare=is_unpacked))
        return
    right = document_of([Operand(value, OPEN)], source)
    broken = [Group(is_broken=True), *right, END]
    forms: list[list[Piece]] = [[*left, *right]]
    if isinstance(value, ast.Call | ast.Subscript | ast.Attribute):
        forms.append([*left, *broken])
    in_parentheses: list[Piece] = ["(", Group(is_broken=True), Indent(), SOFT, *right, END, SOFT, END, ")"]
    forms.append([*left, *in_parentheses])
    forms.append([Group(is_broken=True), *left[:-1], END, left[-1], *right])
    yield Choice(tuple(map(tuple, forms)))


def _annotated(node: ast.AnnAssign, source: Source) -> Iterator[Item]:
    yield from (Operand(node.target, OPEN), ": ")
    if node.value is None:
        yield from value_of(node.annotation, source)
    elif is_splittable(node.annotation):
        yield from _right_to_left(list(_target(node.annotation, source)), "=", node.value, source)
    else:
        yield from (Operand(node.annotation, OPEN), " = ")
        yield from value_of(node.value, source)


def _augmented(node: ast.AugAssign, source: Source) -> Iterator[Item]:
    operator = f"{BINARY[type(node.op)][0]}="
    if isinstance(node.target, ast.Subscript):
        yield from _right_to_left([Operand(node.target, OPEN)], operator, node.value, source)
    else:
        yield from (Operand(node.target, OPEN), f" {operator} ")
        yield from value_of(node.value, source)


def _expression(node: ast.Expr, source: Source) -> Iterator[Item]:
    is_dots = isinstance(node.value, ast.Constant) and node.value.value is ...
    if not is_dots and not isinstance(node.value, ast.Call):
        raise Unwritable("an expression that is a statement must be a call; pass a docstring as `doc`")
    yield Operand(node.value, OPEN)


def _assert(node: ast.Assert, source: Source) -> Iterator[Item]:
    yield "assert "
    yield from value_of(node.test, source)
    if node.msg:
        yield ", "
        if needs_parentheses(node.msg) is Need.NEVER:
            yield Operand(node.msg, OPEN)
        else:
            yield from _broken_in_parentheses(node.msg, source)


def _raise(node: ast.Raise, source: Source) -> Iterator[Item]:
    yield "raise"
    for word, value in ((" ", node.exc), (" from ", node.cause)):
        if value:
            yield word
            is_plain = needs_parentheses(value) is Need.IF_IT_FITS
            yield from [Operand(value, OPEN)] if is_plain else value_of(value, source)


def _if(node: ast.If | ast.While, source: Source) -> Iterator[Item]:
    yield "if " if isinstance(node, ast.If) else "while "
    yield from (*value_of(node.test, source), ":")


def _for(node: ast.For, source: Source) -> Iterator[Item]:
    yield "for "
    if isinstance(node.target, ast.Tuple) and len(node.target.elts) > 1:
        key = source.key()
        yield from optionally_enclosed(sequence(node.target, key), key)
    else:
        yield from value_of(node.target, source)
    yield from (" in ", *_values_of(node.iter, source), ":")


def _with(node: ast.With, source: Source) -> Iterator[Item]:
    """A `with` on one line, however long; `lay_out` refuses it if it is too long."""
    yield "with "
    for i, item in enumerate(node.items):
        yield from (", ",) if i else ()
        yield flat_text(item.context_expr, source)
        yield from (" as ", flat_text(item.optional_vars, source)) if item.optional_vars else ()
    yield ":"


def _function(node: ast.FunctionDef, source: Source) -> Iterator[Item]:
    if node.decorator_list:
        raise Unwritable("a function with a decorator cannot be laid out")
    yield from (f"def {node.name}", Group())
    parameters = list(_parameters(node.args))
    if parameters:
        inner = parted(parameters, comma_after_one=True)
        yield from ("(", Indent(), SOFT, *(inner if len(parameters) == 1 else (Group(), *inner, END)), END, SOFT, ")")
    else:
        yield "()"
    if node.returns:
        yield " -> "
        yield from _returned(node.returns, bool(parameters), source)
    yield from (END, ":")


def _returned(node: ast.expr, has_parameters: bool, source: Source) -> Iterator[Item]:
    need = needs_parentheses(node)
    if not has_parameters and (need is not Need.NEVER):
        yield from _broken_in_parentheses(node, source)
    else:
        yield from ([Operand(node, OPEN)] if isinstance(node, ast.Subscript) else value_of(node, source))


def _parameters(node: ast.arguments) -> Iterator[list[Item]]:
    positional = [*node.posonlyargs, *node.args]
    defaults = [*[None] * (len(positional) - len(node.defaults)), *node.defaults]
    for i, (argument, default) in enumerate(zip(positional, defaults, strict=True)):
        yield _parameter(argument, default)
        if i + 1 == len(node.posonlyargs):
            yield ["/"]
    if node.vararg:
        yield ["*", *_parameter(node.vararg, None)]
    elif node.kwonlyargs:
        yield ["*"]
    for argument, default in zip(node.kwonlyargs, node.kw_defaults, strict=True):
        yield _parameter(argument, default)
    if node.kwarg:
        yield ["**", *_parameter(node.kwarg, None)]


def _parameter(node: ast.arg, default: ast.expr | None) -> list[Item]:
    if isinstance(default, ast.Lambda):
        raise Unwritable("a lambda as the default of a parameter cannot be laid out")
    items: list[Item] = [node.arg]
    if node.annotation:
        items += [": ", Operand(node.annotation, ENCLOSED)]
    if default:
        items += [" = " if node.annotation else "=", Operand(default, ENCLOSED)]
    return items


def _word(node: ast.stmt, source: Source) -> Iterator[Item]:
    yield type(node).__name__.lower()


STATEMENTS: dict[type[ast.stmt], Callable[[Any, Source], Iterator[Item]]] = {
    ast.AnnAssign: _annotated,
    ast.Assert: _assert,
    ast.Assign: _assign,
    ast.AugAssign: _augmented,
    ast.Break: _word,
    ast.Continue: _word,
    ast.Expr: _expression,
    ast.For: _for,
    ast.FunctionDef: _function,
    ast.If: _if,
    ast.Pass: _word,
    ast.Raise: _raise,
    ast.Return: _return,
    ast.While: _if,
    ast.With: _with,
}
