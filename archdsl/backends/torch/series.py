"""Finds the rule by which the numbers of copies change: `64 + 32 * i`, `widths[i + 1]`, `drop * (i + 3) / 16`.

A rule is a formula with the number of the copy. It is found by comparing the formulas of the copies, not their values.
"""

from __future__ import annotations

import ast
from collections.abc import Hashable, Iterable, Sequence
from itertools import pairwise

from archdsl import formula
from archdsl.backends.torch.modules import Argument
from archdsl.formula import combined, name


def rule(arguments: Sequence[Argument], index: str) -> ast.expr | None:
    """The formula, with the number of the copy as `index`, that gives the argument of every copy; None if none does."""
    formulas = [argument.formula for argument in arguments]
    if len(formulas) < 2 or says_one(arguments):
        return formulas[0]
    found = _alike(formulas, index) if any(map(has_element, formulas)) else None
    if found is not None or all(isinstance(said, ast.Subscript) for said in formulas):
        return found
    if all(type(argument.value) is float for argument in arguments):
        return _progression(formulas, index)
    if any(isinstance(argument.value, bool) or not isinstance(argument.value, int) for argument in arguments):
        return None
    if not all(map(formula.is_known, formulas)):
        return None
    step = combined(ast.Sub, formulas[1], formulas[0])
    if len(formulas) == 2 and formula.takes_away(step):
        return None  # two numbers without a common formula are no series
    for place, found in enumerate(formulas):
        wanted = combined(ast.Add, formulas[0], combined(ast.Mult, ast.Constant(place), step))
        if formula.text(wanted) != formula.text(found):
            return None
    return combined(ast.Add, formulas[0], combined(ast.Mult, step, name(index)))


def has_element(found: ast.expr) -> bool:
    """Whether a formula asks for an element of a list."""
    return any(isinstance(part, ast.Subscript) for part in ast.walk(found))


def _alike(formulas: Sequence[ast.expr], index: str) -> ast.expr | None:
    """`rows[i][0] // 2` from `rows[0][0] // 2`, `rows[1][0] // 2`: formulas that differ only in elements of a list."""
    if len(set(map(formula.text, formulas))) == 1:
        return formulas[0]
    first = formulas[0]
    if any(type(other) is not type(first) for other in formulas):
        return None
    match first:
        case ast.Subscript():
            return _element(formulas, index)
        case ast.BinOp(op=op):
            terms = [term for term in formulas if isinstance(term, ast.BinOp) and type(term.op) is type(op)]
            sides = [_alike([getattr(term, side) for term in terms], index) for side in ("left", "right")]
            left, right = sides if len(terms) == len(formulas) else (None, None)
            return None if left is None or right is None else ast.BinOp(left, op, right)
        case ast.Constant(value=value) if type(value) is int:
            return _progression(formulas, index)
    return None


def _element(formulas: Sequence[ast.expr], index: str) -> ast.expr | None:
    """`widths[i + 1]` from `widths[1]`, `widths[2]`; and `rows[i + 1][0]` from `rows[1][0]`, `rows[2][0]`."""
    parts = [found for found in formulas if isinstance(found, ast.Subscript)]
    base = parts[0].value
    if any(formula.text(part.value) != formula.text(base) for part in parts):
        rows = [part.value for part in parts if isinstance(part.value, ast.Subscript)]
        alike = len({formula.text(part.slice) for part in parts}) == 1
        row = _element(rows, index) if alike and len(rows) == len(parts) else None
        return None if row is None else ast.Subscript(row, parts[0].slice, ast.Load())
    slices = [part.slice for part in parts]
    if not all(isinstance(part, ast.Constant) for part in slices):
        return None
    first, *others = (part.value for part in slices if isinstance(part, ast.Constant))
    if not isinstance(first, int):
        return None
    if [first + place for place in range(1, len(slices))] != others:
        return None
    return ast.Subscript(base, combined(ast.Add, name(index), ast.Constant(first)), ast.Load())


def _progression(formulas: Sequence[ast.expr], index: str) -> ast.expr | None:
    """`drop * (3 + i) / 16` from `drop * 3 / 16`, `drop * 4 / 16`: formulas that differ in whole numbers that grow."""
    if len(set(map(formula.text, formulas))) == 1:
        return formulas[0]
    terms = [found for found in formulas if isinstance(found, ast.BinOp)]
    if len(terms) == len(formulas) and len({type(term.op) for term in terms}) == 1:
        left = _progression([term.left for term in terms], index)
        right = _progression([term.right for term in terms], index)
        return None if left is None or right is None else ast.BinOp(left, terms[0].op, right)
    values = [found.value for found in formulas if isinstance(found, ast.Constant) and type(found.value) is int]
    if len(values) < len(formulas) or len({after - before for before, after in pairwise(values)}) > 1:
        return None
    moving = combined(ast.Mult, ast.Constant(values[1] - values[0]), name(index))
    return combined(ast.Add, ast.Constant(values[0]), moving)


def counts_network(arguments: Iterable[Argument]) -> bool:
    """Whether an argument depends on a place in the whole network."""
    return any(argument.counts_network for argument in arguments)


def says_other(one: Sequence[Argument], other: Sequence[Argument]) -> bool:
    """Whether two copies differ in an argument."""
    return any(_said(a) != _said(b) for a, b in zip(one, other, strict=True))


def says_one(arguments: Sequence[Argument]) -> bool:
    """Whether all arguments have the same formula or, if they have none, the same number."""
    return len({_said(argument) for argument in arguments}) <= 1


def _said(argument: Argument) -> Hashable:
    return formula.text(argument.formula), None if formula.is_known(argument.formula) else argument.value
