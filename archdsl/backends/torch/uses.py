"""The uses of one class side by side: their parameters and numbers, each use with others that are equal to it once."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from archdsl.backends.torch.body import Call
from archdsl.backends.torch.formula import MISSING
from archdsl.backends.torch.outline import Outline
from archdsl.backends.torch.structure import Structures, attributes
from archdsl.backends.torch.template import Templates
from archdsl.backends.torch.vectors import Vector, plain
from archdsl.ir.graph import Node, Scope
from archdsl.ops.base import Expression


class Uses:
    """All scopes of one structure. `scopes[0]` is the one that the class is written from."""

    def __init__(self, structures: Structures, templates: Templates, number: int) -> None:
        self.outline: Outline = structures.outline
        self.structures, self.templates = structures, templates
        self.scopes = structures.uses[number]
        rows = list(map(self._row, self.scopes))
        order: dict[tuple[Any, ...], int] = {}
        self.place = [order.setdefault(row, len(order)) for row in rows]
        """For each scope, which of the distinct rows it has."""
        self.rows = tuple(order)

    def _row(self, scope: Scope) -> tuple[Any, ...]:
        """Everything about one use that may differ from another's."""
        takes = self.outline.interfaces[scope.path].takes
        return (
            tuple(plain(value) for _, value in scope.arguments),
            tuple(value for _, _, value in scope.lets),
            tuple(self.outline.graph.tensor(value).channels for value in takes),
            tuple(tuple(map(plain, self.templates.values(m))) for _, m in attributes(self.outline, scope.path)),
            tuple(tuple(plain(value) for _, value in e.values) for _, e in self.expressions(scope)),
        )

    def expressions(self, scope: Scope) -> Iterator[tuple[Node, Expression]]:
        """What stands in `forward` itself, in order."""
        for step in self.structures.steps[scope.path]:
            if isinstance(step, Call) and isinstance(step.member, Node):
                emission = self.outline.emission(step.member)
                if isinstance(emission, Expression):
                    yield step.member, emission

    def arguments(self) -> Iterator[tuple[str, Vector]]:
        """The block's own parameters."""
        for index, (name, _) in enumerate(self.scopes[0].arguments):
            yield name, tuple(row[0][index] for row in self.rows)

    def default(self, name: str) -> Any:
        """What a parameter is where the spec leaves it out; MISSING if it never does, or says different things."""
        values = {repr(value): value for value in self._omitted(name)}
        return next(iter(values.values())) if len(values) == 1 else MISSING

    def _omitted(self, name: str) -> Iterator[Any]:
        for scope in self.scopes:
            if name in scope.omitted:
                yield plain(dict(scope.arguments)[name])

    def lets(self) -> Iterator[tuple[str, str, Vector]]:
        """The block's named numbers: name, text, values."""
        for index, (name, text, _) in enumerate(self.scopes[0].lets):
            yield name, text, tuple(row[1][index] for row in self.rows)

    def channels(self) -> Iterator[Vector]:
        """The channels of each value that flows in."""
        return zip(*(row[2] for row in self.rows), strict=True)

    def numbers(self, attribute: int) -> Iterator[Vector]:
        """The open numbers of one attribute, in the order of its template's slots."""
        return zip(*(row[3][attribute] for row in self.rows), strict=True)

    def values(self, expression: int) -> Iterator[Vector]:
        """The numbers of one expression in `forward`."""
        return zip(*(row[4][expression] for row in self.rows), strict=True)

    def spread(self, vector: Vector) -> Sequence[Any]:
        """A vector over the distinct rows, as one over all scopes."""
        return [vector[place] for place in self.place]
