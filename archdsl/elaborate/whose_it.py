"""Warns of `it` in a chain that begins with another value: `it` is what flows into the line, not that value."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from archdsl.elaborate.environment import Environment
from archdsl.elaborate.session import Session
from archdsl.elaborate.values import Flow, describe, tensor_facts
from archdsl.syntax import tree
from archdsl.syntax.node import Node


def warn_of_it(
    session: Session, steps: Iterable[tree.Step], head: tree.Step, value: object, environment: Environment
) -> None:
    """Warns if a chain that begins with `head` uses `it.channels`, and `head.channels` would be another number.

    Only `it.channels`, `it.height` and the like are checked: in `skip -> center_crop(it)`, `it` can only mean what
    flows into the line.
    """
    it = environment.get("it")
    if not isinstance(it, Flow) or not isinstance(value, Flow) or it.ref == value.ref:
        return
    ours, theirs = tensor_facts(it), tensor_facts(value)
    for asked in _facts_of_it(steps):
        name, start = asked.name, head.target.span.text
        if name in ours and ours.get(name) != theirs.get(name):
            message = f"`it.{name}` is {describe(ours[name])}: `it` is what flows into this line"
            message += f"; `{start}.{name}` is {describe(theirs[name])}" if name in theirs else f", not `{start}`"
            help = f"write `{start}.{name}`; if `it` is meant, give the number a name before: `let n = it.{name}`"
            session.warn("ambiguous-it", message, asked.span, help=help)


def starts_from_it(chain: tree.Chain, names_value: bool) -> bool:
    """Whether a branch starts from what flows into the join. `names_value`: whether its first step names a value."""
    first = chain.steps[0].target
    return not names_value or (isinstance(first, tree.Name) and first.name == "it")


def _facts_of_it(steps: Iterable[tree.Step]) -> Iterator[tree.Attribute]:
    """The expressions `it.channels` and the like, except those in branches of a join, where `it` is another value."""
    pending: list[Any] = list(steps)
    while pending:
        part = pending.pop()
        if type(part) is tuple:
            pending.extend(part)
        elif isinstance(part, tree.Attribute) and isinstance(part.value, tree.Name) and part.value.name == "it":
            yield part
        elif isinstance(part, Node) and not isinstance(part, tree.Merge):
            pending.extend(getattr(part, field) for field in part.__match_args__ if field != "span")
