"""`it` in a chain that begins with another value: it is what flows into the line, not what the chain begins with."""

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
    """Warns where `it.channels` of a chain that begins with `head` is another number than `head.channels`.

    Only facts are looked at: `skip -> center_crop(it)` means what flows into the line.
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
    """Whether a branch begins with what flows into the join; `names_value`: whether its first step names a value."""
    first = chain.steps[0].target
    return not names_value or (isinstance(first, tree.Name) and first.name == "it")


def _facts_of_it(steps: Iterable[tree.Step]) -> Iterator[tree.Attribute]:
    """`it.channels` and the like, but for branches of a join, which have an `it` of their own."""
    pending: list[Any] = list(steps)
    while pending:
        part = pending.pop()
        if type(part) is tuple:
            pending.extend(part)
        elif isinstance(part, tree.Attribute) and isinstance(part.value, tree.Name) and part.value.name == "it":
            yield part
        elif isinstance(part, Node) and not isinstance(part, tree.Merge):
            pending.extend(getattr(part, field) for field in part.__match_args__ if field != "span")
