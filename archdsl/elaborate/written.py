"""Makes the form in which the graph stores an expression: its tree, its scope, and the values that it names."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from archdsl.elaborate.asked import asked
from archdsl.elaborate.environment import Environment
from archdsl.elaborate.unused import names_in
from archdsl.elaborate.values import Given, Unit, is_flow, plain
from archdsl.ir.builder import Builder
from archdsl.ir.graph import Written
from archdsl.syntax import tree


def written(expression: tree.Expression, environment: Environment, builder: Builder) -> Written:
    """The stored form of an expression that is evaluated in `environment`."""
    values = tuple((text, builder.value(ref)) for text, ref in asked(expression, environment))
    return Written(expression, environment.scope, values, numbers=_numbers(expression, environment))


def _numbers(expression: tree.Expression, environment: Environment) -> tuple[tuple[str, Any], ...]:
    """The values of the names in an expression that are variables of loops over stages."""
    found = environment.numbers(names_in(expression))
    return tuple((name, plain(value)) for name, value in found if not isinstance(value, Unit) and not is_flow(value))


def written_as(given: Given, builder: Builder) -> Written | None:
    """The stored form of an argument or a setting; None if there is no expression for it."""
    if given.expression is None or given.environment is None:
        return None
    home = None if isinstance(given.expression, tree.Number) else given.environment.scope
    values = tuple((text, builder.value(ref)) for text, ref in given.asked)
    return Written(given.expression, home, values, numbers=_numbers(given.expression, given.environment))


def written_arguments(given: Iterable[tuple[str, Given]], builder: Builder) -> tuple[tuple[str, Written], ...]:
    """The stored forms of arguments, by name, for those that were written."""
    pairs = ((name, written_as(argument, builder)) for name, argument in given)
    return tuple((name, found) for name, found in pairs if found is not None)
