"""Builds formulas from others: collects sums, decides conditions and replaces names."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from archdsl.formula.values import OPERATORS, UNKNOWN, evaluated, names, targets, text


def combined(kind: type[ast.operator], left: ast.expr, right: ast.expr) -> ast.expr:
    """The formula `left op right`, with equal terms of sums collected: `w + w + 2 * w` gives `4 * w`.

    Formulas with fractions are left as they are, since rounding depends on the order.
    """
    are_numbers = isinstance(left, ast.Constant) and isinstance(right, ast.Constant)
    if (are_numbers or kind in (ast.Mult, ast.Div)) and (_is_fraction(left) or _is_fraction(right)):
        return ast.BinOp(left, kind(), right)
    if isinstance(left, ast.Constant) and isinstance(right, ast.Constant):
        return ast.Constant(OPERATORS[kind](left.value, right.value))
    if kind in (ast.Add, ast.Sub):
        sign = 1 if kind is ast.Add else -1
        return _written_sum([*_terms(left, 1), *_terms(right, sign)])
    if kind is ast.Mult:
        for constant, other in ((left, right), (right, left)):
            factor = _whole(constant)
            if factor is not None:
                return _scaled(other, factor)
    divisor = _whole(right)
    if kind is ast.FloorDiv and divisor is not None:
        terms = _terms(left, 1)
        if divisor == 1:
            return left
        if len(terms) == 1 and terms[0][1] % divisor == 0:
            return _written_sum([(term, factor // divisor) for term, factor in terms])
    return ast.BinOp(left, kind(), right)


def shared(whole: ast.expr, place: int, places: int) -> ast.expr:
    """The formula `whole * place / places`, which is not simplified."""
    return ast.BinOp(ast.BinOp(whole, ast.Mult(), ast.Constant(place)), ast.Div(), ast.Constant(places))


def decided(condition: ast.expr) -> ast.expr:
    """The condition, replaced by `True` or `False` if it has no names and can be evaluated."""
    value = UNKNOWN if names(condition) else evaluated(condition, {})
    return ast.Constant(value) if isinstance(value, bool) else condition


OPPOSITES: Mapping[type[ast.cmpop], type[ast.cmpop]] = {
    ast.Eq: ast.NotEq,
    ast.NotEq: ast.Eq,
    ast.Lt: ast.GtE,
    ast.LtE: ast.Gt,
    ast.Gt: ast.LtE,
    ast.GtE: ast.Lt,
}


def negated(condition: ast.expr) -> ast.expr:
    """The opposite of a condition: `width != 32` for `width == 32`, else `not (a and b)`."""
    match condition:
        case ast.Compare(left=left, ops=[op], comparators=[right]):
            return ast.Compare(left, [OPPOSITES[type(op)]()], [right])
        case ast.Constant(value=value):
            return ast.Constant(not value)
    return ast.UnaryOp(ast.Not(), condition)


def logic(op: ast.boolop, parts: Sequence[ast.expr]) -> ast.expr:
    """The parts joined by `and` or `or`, without those that do not change the result."""
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
    """The formula `value[index]`. If `value` is a list of formulas, it is the element or the elements."""
    found = ast.Subscript(value, index, ast.Load())
    match value:
        case ast.Call(func=ast.Name("tuple"), args=[ast.Call(func=ast.Name("enumerate"), args=[inner])]):
            if not isinstance(index, ast.Slice):
                return ast.Tuple([index, part(inner, index)], ast.Load())
        case ast.Call(func=ast.Name("tuple"), args=[ast.GeneratorExp(elt=made, generators=[loop])]) if not loop.ifs:
            if not isinstance(index, ast.Slice):
                return substituted(made, _bound(targets(loop), part(loop.iter, index)))
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


def listed(value: ast.expr, own: Sequence[str], over: ast.expr, conditions: Sequence[ast.expr]) -> ast.expr:
    """The formula `tuple(c * 2 for c in ws)`, where `own` are the names of the loop.

    If `over` is a list of formulas, it is the tuple of the elements.
    """
    if isinstance(over, ast.Tuple):
        turns = [_bound(own, element) for element in over.elts]
        kept = [logic(ast.And(), [substituted(part, turn) for part in conditions]) for turn in turns]
        if all(isinstance(known, ast.Constant) for known in kept):
            chosen = (turn for turn, known in zip(turns, kept, strict=True) if getattr(known, "value", False))
            return ast.Tuple([substituted(value, turn) for turn in chosen], ast.Load())
    names = [ast.Name(said, ast.Store()) for said in own]
    target = names[0] if len(names) == 1 else ast.Tuple(list(names), ast.Store())
    made = ast.GeneratorExp(value, [ast.comprehension(target, over, list(conditions), 0)])
    return ast.Call(ast.Name("tuple", ast.Load()), [made], [])


def _bound(own: Sequence[str], element: ast.expr) -> dict[str, ast.expr]:
    """The formulas for the names of a loop: the element, or its parts if there are several names."""
    if len(own) == 1:
        return {own[0]: element}
    return {said: part(element, ast.Constant(place)) for place, said in enumerate(own)}


def enumerated(values: ast.expr) -> ast.expr:
    """The formula `tuple(enumerate(values))`. If `values` is a list of formulas, it is the tuple of pairs."""
    if isinstance(values, ast.Tuple):
        pairs = (ast.Tuple([ast.Constant(i), element], ast.Load()) for i, element in enumerate(values.elts))
        return ast.Tuple(list(pairs), ast.Load())
    inner = ast.Call(ast.Name("enumerate", ast.Load()), [values], [])
    return ast.Call(ast.Name("tuple", ast.Load()), [inner], [])


def takes_away(formula: ast.expr) -> bool:
    """Whether a formula subtracts a term with a name: `width - in_channels`."""
    return any(term is not None and count < 0 for term, count in _terms(formula, 1))


def _whole(formula: ast.expr) -> int | None:
    return formula.value if isinstance(formula, ast.Constant) and type(formula.value) is int else None


def _is_fraction(formula: ast.expr) -> bool:
    return isinstance(formula, ast.Constant) and isinstance(formula.value, float)


def _scaled(formula: ast.expr, factor: int) -> ast.expr:
    """The formula times a factor. A sum keeps its parentheses, `(a + b) * 32`; a single term is multiplied."""
    terms = _terms(formula, 1)
    if factor in (0, 1) or len(terms) == 1:
        return _written_sum([(term, factor * count) for term, count in terms])
    return ast.BinOp(formula, ast.Mult(), ast.Constant(factor))


def _terms(formula: ast.expr, factor: int) -> list[tuple[ast.expr | None, int]]:
    """The terms of a sum with their factors. The term None stands for the number 1."""
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
    # A plain number is put last, and a term that is not subtracted first.
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

    def visit_Call(self, node: ast.Call) -> ast.AST:
        match node.args:
            case [ast.GeneratorExp(elt=value, generators=[loop])]:
                return self.list_made(value, loop)
        return self.generic_visit(node)

    def list_made(self, value: ast.expr, loop: ast.comprehension) -> ast.expr:
        """A comprehension. Its loop's names are renamed if they would hide a name in the formulas that are put in."""
        known = {said: found for said, found in self.known.items() if said not in targets(loop)}
        taken = frozenset().union(*map(names, known.values()))
        own = [f"{said}_" if said in taken else said for said in targets(loop)]
        inner = _Substitution(
            {**known, **{a: ast.Name(b, ast.Load()) for a, b in zip(targets(loop), own, strict=True)}}
        )
        return listed(inner.visit(value), own, self.visit(loop.iter), [inner.visit(part) for part in loop.ifs])

    def generic_visit(self, node: ast.AST) -> ast.AST:
        """A new node if something in it changes. The old one is not altered, because other formulas may contain it."""
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
