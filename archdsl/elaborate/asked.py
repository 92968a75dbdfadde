"""Which values of the network an expression asks about."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import fields, is_dataclass
from typing import Any

from archdsl.elaborate.environment import Environment
from archdsl.elaborate.values import Flow
from archdsl.ir.builder import Ref
from archdsl.syntax import tree
from archdsl.syntax.printer import expression_text


def asked(expression: tree.Expression, environment: Environment) -> tuple[tuple[str, Ref], ...]:
    """The values of the network whose channels or sizes an expression asks for, by the text that names them."""
    found: dict[str, Ref] = {}
    for base in _asked_of(expression):
        value = _value(base, environment)
        if isinstance(value, Flow):
            found[expression_text(base)] = value.ref
    return tuple(found.items())


def _asked_of(part: Any) -> Iterator[tree.Expression]:
    """What stands before a dot, or is counted by `len`, anywhere in an expression."""
    match part:
        case tree.Number() | tree.Name() | tree.String() | tree.Boolean():
            return
        case tree.Attribute(value=value):
            yield value
            yield from _asked_of(value)
        case tuple():
            for inner in part:
                yield from _asked_of(inner)
        case _ if is_dataclass(part):
            for field in fields(part):
                if field.name != "span":
                    yield from _asked_of(getattr(part, field.name))


def _value(base: tree.Expression, environment: Environment) -> Any:
    match base:
        case tree.Name(name=name):
            return environment.get(name)
        case tree.Index(value=tree.Name(name=name), index=tree.Number(value=index)):
            values = environment.get(name)
            inside = isinstance(values, tuple) and isinstance(index, int) and index < len(values)
            return values[index] if inside else None
        case _:
            return None
