"""Expressions as the graph keeps them: the tree, the scope whose names it uses, and the values that it asks about."""

from __future__ import annotations

from collections.abc import Iterable

from archdsl.elaborate.asked import asked
from archdsl.elaborate.environment import Environment
from archdsl.elaborate.values import Given
from archdsl.ir.builder import Builder
from archdsl.ir.graph import Written
from archdsl.syntax import tree


def written(expression: tree.Expression, environment: Environment, builder: Builder) -> Written:
    """An expression that is evaluated here and now."""
    values = tuple((text, builder.value(ref)) for text, ref in asked(expression, environment))
    return Written(expression, environment.scope, values)


def written_arguments(given: Iterable[tuple[str, Given]], builder: Builder) -> tuple[tuple[str, Written], ...]:
    """Arguments as they were written, by name, where they are more than a plain number."""
    return tuple(
        (name, Written(g.expression, g.environment.scope, tuple((text, builder.value(ref)) for text, ref in g.asked)))
        for name, g in given
        if g.written is not None and g.expression is not None and g.environment is not None
    )
