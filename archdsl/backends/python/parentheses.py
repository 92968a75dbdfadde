"""Decides when the value of a statement gets parentheses, so that it can be broken over several lines."""

from __future__ import annotations

import ast
from enum import Enum

from archdsl.backends.python.grammar import BINARY, Operand, is_fluent, is_in_parentheses, operands

CHAIN = (ast.Attribute, ast.Call, ast.Subscript)
BRACKETS = (ast.List, ast.Set, ast.Dict, ast.Tuple, ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)


class Need(Enum):
    """Which parentheses an expression gets that is too long for its line."""

    ALWAYS = "parentheses, to be broken in them"
    IF_IT_FITS = "parentheses, if it fits on the next line"
    NEVER = "no parentheses: it has its own"


def needs_parentheses(node: ast.expr) -> Need:
    """Which parentheses the value of a statement gets if it is too long for its line."""
    is_chain = False
    while True:
        if isinstance(node, CHAIN):
            if not is_chain and is_fluent(node):
                return Need.ALWAYS
            is_chain = True
            (inner,) = operands(node)
            if inner.in_parentheses:
                return Need.NEVER
            node = inner.node
        elif isinstance(node, ast.UnaryOp):
            (inner,) = operands(node)
            if inner.in_parentheses:
                return Need.NEVER
            node, is_chain = inner.node, False
        elif isinstance(node, BRACKETS):
            return Need.NEVER
        elif isinstance(node, ast.Name | ast.Constant | ast.JoinedStr):
            return Need.IF_IT_FITS
        else:
            return Need.ALWAYS


def has_own_brackets(node: ast.expr) -> bool:
    """Whether an expression ends in brackets that hold something."""
    match node:
        case ast.Call():
            return bool(node.args or node.keywords)
        case ast.List() | ast.Set() | ast.Tuple():
            return bool(node.elts)
        case ast.Dict():
            return bool(node.values)
        case _:
            return isinstance(node, (*BRACKETS, ast.Subscript))


def has_brackets(node: ast.expr) -> bool:
    """Whether an expression ends in brackets, which may be empty."""
    return isinstance(node, (*BRACKETS, ast.Call, ast.Subscript))


def is_splittable(node: ast.expr) -> bool:
    """Whether an expression has a place at which a line may be broken."""
    while True:
        match node:
            case ast.Name() | ast.Constant() | ast.JoinedStr():
                return False
            case ast.Attribute(value) | ast.Starred(value) | ast.UnaryOp(operand=value):
                if is_in_parentheses(value):
                    return True
                node = value
            case ast.Call():
                return has_own_brackets(node) or is_in_parentheses(node.func)
            case ast.List() | ast.Set() | ast.Tuple() | ast.Dict():
                return has_own_brackets(node)
            case _:
                return True


def breaks_in_brackets(node: ast.expr) -> bool:
    """Whether an expression may be broken within its first or last brackets, and needs no others for that."""
    loosest = (0, 0)
    has_brackets = False
    pending = [Operand(node, 0)]
    while pending:
        part = pending.pop()
        if part.in_parentheses or isinstance(part.node, (*BRACKETS, ast.Call, ast.Subscript)):
            has_brackets = True
        if part.in_parentheses or isinstance(part.node, BRACKETS):
            continue
        kind, times = _looseness(part.node)
        if times:
            loosest = (kind, times + (loosest[1] if loosest[0] == kind else 0)) if kind >= loosest[0] else loosest
        pending += operands(part.node)
    if not has_brackets or loosest[1] > 1:
        return False
    return loosest[0] <= 1 or any(_is_enclosed(end) for end in (_first(node), _last(node)))


def _looseness(node: ast.expr) -> tuple[int, int]:
    """How closely the loosest operators of an expression bind, and how many there are: it is broken at these first."""
    match node:
        case ast.IfExp():
            return 20, 2
        case ast.BoolOp():
            return 19, len(node.values) - 1
        case ast.Compare():
            return 18, len(node.ops)
        case ast.BinOp():
            return (2 if isinstance(node.op, ast.Pow) else 17 - BINARY[type(node.op)][1] + 1), 1
        case ast.UnaryOp(ast.Invert()):
            return 3, 1
        case ast.Attribute():
            return (1, 1) if any(part.in_parentheses or has_brackets(part.node) for part in operands(node)) else (0, 0)
        case _:
            return 0, 0


def _first(node: ast.expr) -> Operand | None:
    part = Operand(node, 0)
    while not part.in_parentheses and not isinstance(part.node, BRACKETS):
        if isinstance(part.node, ast.UnaryOp | ast.Lambda | ast.Starred):
            return None
        inner = next(iter(operands(part.node)), None)
        if inner is None:
            break
        part = inner
    return part


def _last(node: ast.expr) -> Operand:
    part = Operand(node, 0)
    while not part.in_parentheses and not isinstance(part.node, (*BRACKETS, *CHAIN)):
        inner = list(operands(part.node))
        if not inner:
            break
        part = inner[-1]
    return part


def _is_enclosed(part: Operand | None) -> bool:
    if part is None or isinstance(part.node, ast.Subscript):
        return False
    return part.in_parentheses or has_own_brackets(part.node)
