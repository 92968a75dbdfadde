"""Which names a text gives a meaning, and where: the static side of `elaborate/environment.py`."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from archdsl.source import Span
from archdsl.syntax import tree


def bound_names(statement: Any) -> Iterator[str]:
    """Names that a statement gives a meaning in the body it stands in (loops keep theirs to themselves)."""
    match statement:
        case tree.Chain(steps=steps):
            for step in steps:
                yield from _step_names(step)
        case tree.Let(name=name) | tree.Shared(name=name):
            yield name.name
        case tree.Path(name=name, flow=flow):
            yield name.name
            yield from bound_names(flow)
        case tree.Stage(name=name, flow=flow):
            yield name.name
            yield from bound_names(flow)
        case tree.Body(statements=statements):
            for inner in statements:
                yield from bound_names(inner)
        case tree.If(arms=arms, otherwise=otherwise):
            for _, body in arms:
                yield from bound_names(body)
            if otherwise is not None:
                yield from bound_names(otherwise)


def _step_names(step: tree.Step) -> Iterator[str]:
    if step.binding is not None:
        yield from (name.name for name in step.binding.names)
    match step.target:
        case tree.Merge(branches=branches):
            for branch in branches:
                if not any(isinstance(clause, tree.Each) for clause in branch.clauses):
                    yield from bound_names(branch.chain)
        case tree.Group(chain=chain):
            yield from bound_names(chain)
        case tree.Choice(then=then, otherwise=otherwise):
            yield from _step_names(then)
            if otherwise is not None:
                yield from _step_names(otherwise)


class Scope:
    """Names known at one point of a body, with where each was defined."""

    def __init__(self, parent: Scope | None = None) -> None:
        self.parent = parent
        self.names: dict[str, Span | None] = {}

    def __contains__(self, name: str) -> bool:
        return name in self.names or (self.parent is not None and name in self.parent)

    def all(self) -> set[str]:
        return set(self.names) | (self.parent.all() if self.parent else set())
