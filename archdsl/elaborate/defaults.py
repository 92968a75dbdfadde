"""Which `defaults` apply to an op or a block.

The defaults of the file that writes it come first, then those of the stage and of the network for which the file is
expanded. In the stage's own file, the defaults of the stage come before those of the file.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Any

from archdsl.elaborate.budget import Budget
from archdsl.elaborate.environment import Environment
from archdsl.elaborate.evaluate import given
from archdsl.elaborate.values import Given
from archdsl.ops.base import Op
from archdsl.ops.registry import REGISTRY
from archdsl.resolve.model import Block, File, Network, default_calls
from archdsl.syntax import tree

Definition = type[Op] | Block | Network
Table = dict[int, dict[str | None, Given]]
"""Defaults by the `id` of the op or block that they are for, then by the argument's name."""


class Defaults:
    """The defaults that apply at the place that is being expanded."""

    def __init__(self, budget: Budget) -> None:
        self._budget = budget
        self._files: list[File] = []
        self._around: list[tuple[File | None, Table]] = []
        """The defaults of networks, and those of stages with each stage's file; the innermost is last."""
        self._tables: dict[int, Table] = {}

    def of(self, definition: Definition) -> tuple[Given, ...]:
        """The defaults for an op or a block, in order of precedence: the first one of each name applies."""
        key, here = id(definition), self._files[-1] if self._files else None
        around = self._around[::-1]
        near = (table for file, table in around if file is not None and file is here)
        own = (self._tables[id(here)],) if here is not None else ()
        far = (table for file, table in around if file is None or file is not here)
        return tuple(default for table in (*near, *own, *far) for default in table.get(key, {}).values())

    @contextmanager
    def file(self, file: File) -> Iterator[None]:
        """A context in which `file` is the one whose text is expanded."""
        if id(file) not in self._tables:
            self._tables[id(file)] = self._table(file.defaults, Environment.of(file, budget=self._budget))
        self._files.append(file)
        try:
            yield
        finally:
            self._files.pop()

    @contextmanager
    def network(self, network: Network, environment: Environment) -> Iterator[None]:
        """A context in which the network's defaults apply too, also in imported blocks."""
        with self._within(None, network.defaults, environment), self.file(network.file):
            yield

    def stage(self, stage: tree.Stage, environment: Environment) -> AbstractContextManager[None]:
        """A context in which the stage's defaults apply too, also in the blocks and networks that it uses."""
        return self._within(environment.file, default_calls(stage.defaults), environment)

    @contextmanager
    def _within(self, file: File | None, calls: tuple[tree.Call, ...], environment: Environment) -> Iterator[None]:
        self._around.append((file, self._table(calls, environment)))
        try:
            yield
        finally:
            self._around.pop()

    def _table(self, calls: tuple[tree.Call, ...], environment: Environment) -> Table:
        table: Table = {}
        for call in calls:
            assert isinstance(call.function, tree.Name)
            definition = definition_of(environment.file, call.function.name)
            # An unknown name was already reported, by `resolve`.
            named = tuple(argument for argument in call.arguments if argument.name is not None)
            known = table.setdefault(id(definition), {})
            for default in given(named, environment):
                known.setdefault(default.name, default)
        return table


def definition_of(file: File, name: str) -> Any:
    """The block, network or op that a name stands for in a file, or None if there is none."""
    found = file.definitions.get(name)
    return found if found is not None else REGISTRY.get(name)
