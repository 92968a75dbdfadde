"""What a class takes as constructor arguments: whatever differs between its uses, said as the spec says it.

Every number of a class is a vector over its uses. One that is always the same is written as it is; for
any other the first formula is taken that gives its value in every use: as the spec wrote it, the channels
that flow in, a parameter, a named number. Where there is none, it is an argument of its own.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from archdsl.backends.torch.body import Call
from archdsl.backends.torch.channels import Channels
from archdsl.backends.torch.formula import IN_CHANNELS, MISSING, Formula
from archdsl.backends.torch.outline import Member, Outline
from archdsl.backends.torch.render import render
from archdsl.backends.torch.structure import Structures, attributes
from archdsl.backends.torch.template import Constructor, Instance, Parameter, Slot, Template, Templates
from archdsl.backends.torch.vectors import Variables, Vector, constant, literal, written
from archdsl.ir.graph import Node, Scope, Value
from archdsl.ops.base import Expression


class ClassArguments:
    """Settles all numbers of one class. `texts` are its attributes, `lets` the lines before them."""

    def __init__(self, structures: Structures, templates: Templates, number: int, name: str) -> None:
        self.structures, self.templates, self.name = structures, templates, name
        self.outline: Outline = structures.outline
        self.uses = structures.uses[number]
        self.scope = self.uses[0]
        self.attributes = tuple(attributes(self.outline, self.scope.path))
        self._rows = list(map(self._row, self.uses))
        distinct = {row: index for index, row in reversed(list(enumerate(self._rows)))}
        self._columns = [self.uses[index] for index in sorted(distinct.values())]
        self._distinct = [self._rows[index] for index in sorted(distinct.values())]
        self.variables = Variables(len(self._distinct))
        self.channels = Channels(self.variables)
        self.attribute_texts: dict[str, str] = {}
        self.expression_texts: dict[str, dict[str, str]] = {}
        """By node: what stands for the numbers of an expression in `forward`."""
        self.expression_attributes: dict[str, str] = {}
        self._settle()

    # --- the numbers of each use -----------------------------------------------------------

    def _row(self, scope: Scope) -> tuple[Any, ...]:
        """Everything about one use that may differ from another; uses with equal rows are written alike."""
        return (
            tuple(_hashable(v) for _, v in scope.arguments),
            tuple(v for _, _, v in scope.lets),
            tuple(map(self._channels_of, self._watched(scope))),
            tuple(map(_hashable, self._numbers(scope))),
        )
