"""Rewrites a loop that uses its index only to pick elements of one list as a loop over that list.

`Unit(rows[i][1], rows[i][0]) for i in range(len(rows))` becomes `Unit(width, kernel) for kernel, width in rows`, with
the names that the spec has for the parts of a row.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from archdsl import formula
from archdsl.backends.torch.names import Namespace
from archdsl.formula import combined, name


class Each(NamedTuple):
    """The loop `for target in over`, and the arguments of a copy, `settled`, in terms of `target`."""

    target: ast.expr
    over: ast.expr
    settled: tuple[ast.expr, ...]


def each_row(
    settled: Sequence[ast.expr],
    index: str,
    start: int,
    count: ast.expr,
    names: Mapping[str, tuple[str, ...]],
    taken: Namespace,
) -> Each | None:
    """The loop over a list for the copies from `start` on; None if their numbers also use the index in another way.

    `names` are the spec's names for the element, or for its parts, by the text of the list. `taken` avoids names that
    are in use.
    """
    over = count.args[0] if isinstance(count, ast.Call) and formula.text(count.func) == "len" else None
    own = names.get(formula.text(over), ()) if over is not None else ()
    if over is None or not own:
        return None
    element = ast.Subscript(over, combined(ast.Add, name(index), ast.Constant(start)), ast.Load())
    targets = [taken.unique(said) for said in own]
    known = {formula.text(element): targets[0]} if len(targets) == 1 else _parts(element, targets)
    said = tuple(_Named(known).of(found) for found in settled)
    if any(index in formula.names(found) for found in said):
        return None
    target = name(targets[0]) if len(targets) == 1 else ast.Tuple([name(own) for own in targets], ast.Store())
    return Each(target, _from(over, start), said)


def _parts(element: ast.expr, targets: Sequence[str]) -> dict[str, str]:
    parts = (ast.Subscript(element, ast.Constant(place), ast.Load()) for place in range(len(targets)))
    return dict(zip(map(formula.text, parts), targets, strict=True))


def _from(over: ast.expr, start: int) -> ast.expr:
    return ast.Subscript(over, ast.Slice(ast.Constant(start)), ast.Load()) if start else over


class _Named:
    """Replaces elements by their names. Formulas are shared, so it returns a new one."""

    def __init__(self, known: Mapping[str, str]) -> None:
        self.known = known

    def of(self, node: ast.expr) -> ast.expr:
        if isinstance(node, ast.Subscript) and formula.text(node) in self.known:
            return name(self.known[formula.text(node)])
        made: dict[str, Any] = {field: self._field(value) for field, value in ast.iter_fields(node)}
        return type(node)(**made)

    def _field(self, value: object) -> object:
        if isinstance(value, list):
            return [self._field(part) for part in value]
        return self.of(value) if isinstance(value, ast.expr) else value


def asks_for_elements(rule: ast.expr, index: str) -> bool:
    """Whether a rule uses the number of a copy only to pick an element of a list."""
    return not any(_free(rule, index))


def _free(part: ast.AST, index: str) -> Iterator[bool]:
    if isinstance(part, ast.Subscript):
        yield from _free(part.value, index)
        return
    if isinstance(part, ast.Name) and part.id == index:
        yield True
    for inner in ast.iter_child_nodes(part):
        yield from _free(inner, index)
