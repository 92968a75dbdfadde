"""The names that are known at one place: a chain of tables that ends with the definitions of the file."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from archdsl.elaborate.budget import Budget
from archdsl.elaborate.values import Given
from archdsl.resolve.model import File
from archdsl.syntax import tree


class Environment:
    """A table of values by name, and the tables around it. A block begins a new chain: it sees its file, not its user.

    `functions` are the `def`s that are known here; each is evaluated in the environment that it was written in. An
    environment made with `link` only holds the `it` and `input` of a branch or a stage; other names that are defined
    in it go to the table of the body around it. Evaluation in an environment is paid for from `budget`, which is that
    of the parent.
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
        """The path of the graph's scope to which these names belong; None for the definitions of a file."""
        self.parent = parent
        self.budget: Budget = parent.budget if parent is not None else budget or Budget()
        self.functions = functions or {}
        self.values: dict[str, Any] = {}
        self.sources: dict[str, Given] = {}
        """Where each number came from. Only used in the environments that `explain` makes."""
        self.is_turn = False
        """Whether this is a turn of a loop over stages. Such a turn has no scope in the graph."""
        # None stands for this environment itself: a reference to itself would delay its removal from memory.
        self._home: Environment | None = (parent._home or parent) if link and parent else None

    @classmethod
    def of(cls, file: File, scope: str | None = None, budget: Budget | None = None) -> Environment:
        """The environment in which a block of `file` begins: it knows the file's functions.

        `scope` is the path of the block's scope. Without a `budget`, it gets a new one.
        """
        return cls(file, functions=file.functions, scope=scope, budget=budget)

    def child(self, scope: str | None = None) -> Environment:
        """A new table inside this one, for a call of a function or a turn of a loop (which has its own scope)."""
        return Environment(self.file, self, scope=scope)

    def link(self, **values: Any) -> Environment:
        """An environment with the same names but another `it` or `input`."""
        link = Environment(self.file, self, link=True)
        link.values.update(values)
        return link

    def define(self, name: str, value: Any) -> None:
        self.home.values[name] = value

    @property
    def home(self) -> Environment:
        """The table of the body around, in which names are defined."""
        return self._home or self

    def define_stage(self, name: str, value: Any) -> None:
        """Defines the name of a stage in the text around the loops that make the stage."""
        home = self.home
        while home.is_turn and home.parent is not None:
            home = home.parent.home
        home.values[name] = value

    def numbers(self, names: Iterable[str]) -> Iterator[tuple[str, Any]]:
        """The variables of loops over stages among `names`, with their values."""
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
        """The value of a name. Raises `KeyError` if it has none."""
        for link in self.chain():
            if name in link.values:
                return link.values[name]
        raise KeyError(name)

    def get(self, name: str) -> Any:
        """The value of a name, or None."""
        return next((link.values[name] for link in self.chain() if name in link.values), None)

    def function(self, name: str) -> tuple[tree.Define, Environment] | None:
        """The `def` of this name and the environment in which its body is evaluated; None if there is none."""
        for link in self.chain():
            if name in link.functions:
                return link.functions[name], link
        return None

    def __contains__(self, name: str) -> bool:
        return any(name in link.values or name in link.functions for link in self.chain())

    def names(self) -> set[str]:
        return {name for link in self.chain() for name in (*link.values, *link.functions)}
