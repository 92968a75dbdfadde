"""The error for blocks that are nested too deep: there are very many, or a block calls itself without end."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import fields, is_dataclass
from itertools import pairwise
from typing import Any

from archdsl.diagnostics import Note
from archdsl.elaborate.session import Place, Session
from archdsl.elaborate.values import Problem, Unit
from archdsl.resolve.model import Block
from archdsl.source import Span
from archdsl.syntax import tree

RAISE = "if that is what you want, raise the limit with --max-depth"


def too_deep(session: Session, unit: Unit, span: Span) -> Problem:
    """The error for `unit`, which would be nested deeper than the limit."""
    name, limit = unit.definition.name, session.limits.depth
    cycle = tuple(_cycle(session, unit))
    if not cycle:
        return Problem("nested-too-deep", f"`{name}` is nested more than {limit} blocks deep", span, help=RAISE)
    notes = tuple(Note(f"{_called(outer)} calls {_called(inner)}", inner.span) for outer, inner in pairwise(cycle))
    deep = f"`{name}` calls itself more than {limit} blocks deep"
    if any(_decides(place.unit.definition) for place in cycle if place.unit is not None):
        return Problem("nested-too-deep", f"{deep}, and no `if` has ended it", span, notes=notes, help=RAISE)
    return Problem(
        "nested-too-deep",
        f"`{name}` calls itself for ever: there is no `if` that ends it",
        span,
        notes=notes,
        help=_ended(session, name, span),
    )


def _ended(session: Session, name: str, span: Span) -> str:
    """The call under a condition on a number that falls from one level to the next, if the block has one."""
    units = [place.unit.definition if place.unit else None for place in session.places]
    inside = next(unit for unit in reversed(units) if unit is not None)
    levels = [dict(place.arguments) for place, unit in zip(session.places, units, strict=True) if unit is inside]
    if len(levels) > 1:
        before, after = levels[:2]
        for parameter, value in after.items():
            call = " ".join(span.text.split())
            if _is_number(value) and _is_number(before[parameter]) and value < before[parameter]:
                return f"write `if {parameter} > 1 then {call}`"
            if _is_number(value) and _is_number(before[parameter]) and value > before[parameter]:
                return f"write `if {parameter} < ... then {call}`, with the number at which it ends"
    return (
        f"give `{name}` a number that says how deep it is, as in `block {name}(depth):`, and call it by "
        f"`if depth > 1 then {name}(depth - 1)`"
    )


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _cycle(session: Session, unit: Unit) -> Iterator[Place]:
    """The blocks from the last but one call of `unit`'s block to its last call, with their places; else nothing."""
    calls = [place for place in session.places if place.unit is not None]
    same = [i for i, place in enumerate(calls) if place.unit and place.unit.definition is unit.definition]
    if len(same) > 1:
        yield from calls[same[-2] : same[-1] + 1]


def _called(place: Place) -> str:
    return place.frame().text.split(",  copy")[0].removeprefix("block ").removeprefix("network ")


def _decides(definition: Any) -> bool:
    """Whether a block's content depends on a condition or a number."""
    return not isinstance(definition, Block) or has_condition(definition.body)


def has_condition(part: Any) -> bool:
    """Whether a part of a syntax tree contains a condition, a loop or a number of copies."""
    if isinstance(
        part, tree.If | tree.Choice | tree.When | tree.Conditional | tree.Repeat | tree.For | tree.Each | tree.Copies
    ):
        return True
    if isinstance(part, tuple):
        return any(map(has_condition, part))
    return is_dataclass(part) and any(
        has_condition(getattr(part, field.name)) for field in fields(part) if field.name != "span"
    )
