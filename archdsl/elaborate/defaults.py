"""Argument defaults in force: a file's own first, then those of the stage and the network it is expanded for.

In the file of the stage itself, those of the stage are nearer than the file's.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Any

from archdsl.elaborate.budget import Budget
from archdsl.elaborate.environment import Environment
from archdsl.elaborate.evaluate import given
from archdsl.elaborate.values import Given
from archdsl.ops.base import REGISTRY, Op
from archdsl.resolve.model import Block, File, Network, default_calls
from archdsl.syntax import tree

Definition = type[Op] | Block | Network
Table = dict[int, dict[str | None, Given]]
"""Defaults by the identity of what they are for, then by name."""


class Defaults:
    """Which defaults hold for an op or a block that is written in the file being expanded."""

    def __init__(self, budget: Budget) -> None:
        self._budget = budget
        self._files: list[File] = []
        self._around: list[tuple[File | None, Table]] = []
        """Those of networks, and those of stages with the file that each stands in."""
        self._tables: dict[int, Table] = {}

    def of(self, definition: Definition) -> tuple[Given, ...]:
        """The first of each name wins: the file's own, then those of the innermost stage or network."""
        key, here = id(definition), self._files[-1] if self._files else None
        around = self._around[::-1]
        near = (table for file, table in around if file is not None and file is here)
        own = (self._tables[id(here)],) if here is not None else ()
        far = (table for file, table in around if file is None or file is not here)
        return tuple(default for table in (*near, *own, *far) for default in table.get(key, {}).values())

    @contextmanager
    def file(self, file: File) -> Iterator[None]:
        """While inside, `file` is the one whose text is expanded."""
        if id(file) not in self._tables:
            self._tables[id(file)] = self._table(file.defaults, Environment.of(file, budget=self._budget))
        self._files.append(file)
        try:
            yield
        finally:
            self._files.pop()

    @contextmanager
    def network(self, network: Network, environment: Environment) -> Iterator[None]:
        """While inside, the network's defaults hold too, in imported blocks as well."""
        with self._within(None, network.defaults, environment), self.file(network.file):
            yield

    def stage(self, stage: tree.Stage, environment: Environment) -> AbstractContextManager[None]:
        """While inside, the stage's defaults hold, in blocks and networks that it uses as well."""
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
            # What has no name was reported when names were checked.
            named = tuple(argument for argument in call.arguments if argument.name is not None)
            known = table.setdefault(id(definition), {})
            for default in given(named, environment):
                known.setdefault(default.name, default)
        return table


def definition_of(file: File, name: str) -> Any:
    """The block, network or op that a name stands for in a file, or None."""
    found = file.definitions.get(name)
    return found if found is not None else REGISTRY.get(name)
