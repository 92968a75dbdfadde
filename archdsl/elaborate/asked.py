"""Finds the values of the network that an expression names."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import fields, is_dataclass
from typing import Any, cast

from archdsl.elaborate.environment import Environment
from archdsl.elaborate.values import Flow
from archdsl.ir.builder import Ref
from archdsl.source import HasSpan
from archdsl.syntax import tree
from archdsl.syntax.printer import expression_text


def asked(expression: tree.Expression, environment: Environment) -> tuple[tuple[str, Ref], ...]:
    """The values of the network that an expression names, each with the text that stands for it.

    That text is `it` or another name; `parts[0]`, `parts[1]` if the name `parts` stands for several values; and
    `trunk.conv4` for a stage of a network that is used as a block.
    """
    return tuple(dict(_asked(expression, environment)).items())


def _asked(part: Any, environment: Environment) -> Iterator[tuple[str, Ref]]:
    match part:
        case tree.Number() | tree.String() | tree.Boolean():
            return
        case tree.Name(name=name):
            value = environment.get(name)
            if isinstance(value, Flow):
                yield name, value.ref
            elif isinstance(value, tuple):
                environment.budget.draw(len(value), part.span)
                yield from ((f"{name}[{i}]", inner.ref) for i, inner in enumerate(value) if isinstance(inner, Flow))
        case tree.Attribute(value=value):
            yield from _asked(value, environment)
            found = _stage(part, environment)
            if found is not None:
                yield expression_text(part), found.ref
        case tuple():
            for inner in part:
                yield from _asked(inner, environment)
        case _ if is_dataclass(part):
            # This also visits parts that evaluation skips, such as the other arm of a choice, so it has its own cost.
            environment.budget.draw(1, cast("HasSpan", part).span)
            for field in fields(part):
                if field.name != "span":
                    yield from _asked(getattr(part, field.name), environment)


def _stage(part: tree.Expression, environment: Environment) -> Flow | None:
    """The value that `trunk`, or `trunk.conv4` (a stage of the network that `trunk` came from), stands for; or None."""
    match part:
        case tree.Name(name=name):
            value = environment.get(name)
            return value if isinstance(value, Flow) else None
        case tree.Attribute(value=base, name=name):
            whole = _stage(base, environment)
            return whole.stages.get(name) if whole is not None else None
    return None
