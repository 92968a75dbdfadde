"""Names in force at one place: a chain of tables that ends at the file's definitions."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from archdsl.elaborate.budget import Budget
from archdsl.elaborate.values import Given
from archdsl.resolve.model import File
from archdsl.syntax import tree


class Environment:
    """Values by name. A block starts a fresh chain (it sees its file, not its caller).

    `functions` are the `def`s in force, each called in the environment that it was written in. A link
    holds only what is particular to a branch or a stage (`it`, `input`); names defined there belong to
    the body around it. All that is evaluated here draws on `budget`, which is the parent's.
    """

    __slots__ = ("_home", "budget", "file", "functions", "is_turn", "parent", "scope", "sources", "values")

    def __init__(
        self,
        file: File,
        parent: Environment | None = None,
        functions: dict[str, tree.Define] | None = None,
        link: bool = False,
        scope: str | None = None,
        budget: Budget | None = None,
    ) -> None:
        self.file = file
        self.scope: str | None = scope if scope is not None or parent is None else parent.scope
        """The path of the scope of the graph whose names these are; None for the definitions of a file."""
        self.parent = parent
        self.budget: Budget = parent.budget if parent is not None else budget or Budget()
        self.functions = functions or {}
        self.values: dict[str, Any] = {}
        self.sources: dict[str, Given] = {}
        """Where numbers came from, in environments that `explain` makes; values of the network know their node."""
        self.is_turn = False
        """Whether this is a turn of a loop over stages, whose numbers no scope of the graph has."""
        # None for itself: a cycle would keep what nobody needs any more.
        self._home: Environment | None = (parent._home or parent) if link and parent else None

    @classmethod
    def of(cls, file: File, scope: str | None = None, budget: Budget | None = None) -> Environment:
        """What a block of `file` begins with: the file's functions. `scope` is the path of the block's scope.

        Without a `budget` it has one of its own.
        """
        return cls(file, functions=file.functions, scope=scope, budget=budget)

    def child(self, scope: str | None = None) -> Environment:
        """A new table for names of its own: one turn of a loop (in a scope of its own), one call of a function."""
        return Environment(self.file, self, scope=scope)

    def link(self, **values: Any) -> Environment:
        """The same table with another `it` or `input`."""
        link = Environment(self.file, self, link=True)
        link.values.update(values)
        return link

    def define(self, name: str, value: Any) -> None:
        self.home.values[name] = value

    @property
    def home(self) -> Environment:
        """The table of the body, where names are defined."""
        return self._home or self

    def define_stage(self, name: str, value: Any) -> None:
        """Names a stage for the text around the loops that make it."""
        home = self.home
        while home.is_turn and home.parent is not None:
            home = home.parent.home
        home.values[name] = value

    def numbers(self, names: Iterable[str]) -> Iterator[tuple[str, Any]]:
        """Of these names, those that turns of loops over stages have given, with their values."""
        if not any(link.is_turn for link in self.chain()):
            return
        for name in dict.fromkeys(names):
            home = next((link for link in self.chain() if name in link.values), None)
            if home is not None and home.is_turn:
                yield name, home.values[name]

    def chain(self) -> Iterator[Environment]:
        link: Environment | None = self
        while link is not None:
            yield link
            link = link.parent

    def find(self, name: str) -> Any:
        """The value of a name; `KeyError` where it has none."""
        for link in self.chain():
            if name in link.values:
                return link.values[name]
        raise KeyError(name)

    def get(self, name: str) -> Any:
        """The value of a name, or None."""
        return next((link.values[name] for link in self.chain() if name in link.values), None)

    def function(self, name: str) -> tuple[tree.Define, Environment] | None:
        """A `def` and the environment its body is evaluated in."""
        for link in self.chain():
            if name in link.functions:
                return link.functions[name], link
        return None

    def __contains__(self, name: str) -> bool:
        return any(name in link.values or name in link.functions for link in self.chain())

    def names(self) -> set[str]:
        return {name for link in self.chain() for name in (*link.values, *link.functions)}
