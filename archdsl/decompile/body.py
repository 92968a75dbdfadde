"""What a block's text says, before it is text: lines of chains of steps.

The same classes hold the text of one use of a block and that of all its uses together. In the second, each number has a
value for each use that has the step, and `uses` says which uses those are.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

from archdsl.ir.graph import Value

ACTIVATION = "@"
"""The hole for the name of an activation that differs between uses."""
UNIT = "unit"
"""The hole for the name of a block that differs between networks."""
COUNT = "*"
"""The hole for how many copies there are of a step."""
FIRST = "first "
"""Begins the hole for an argument that the first copy has."""

STAGE = "stage "
"""Begins the name of a step that is a stage of the network, of which the branches are the lines."""
DIMENSIONS = ("channels", "rows", "columns", "layers")
"""The holes for the dimensions of a learned value."""
LIKE = "like"
"""The value of an argument that is a value of the network."""
ABSENT = ...
"""The value of a parameter for a use in which nothing asks for it."""


class Formula(str):
    """The text of a formula, which is written as it is."""

    __slots__ = ()


Vector = dict[int, Any]
"""A number in each use that has it."""


@dataclass(eq=False, slots=True)
class Step:
    """An op, a call of a block (`is_call`), or a join, which has branches.

    `holes` are its arguments; those that are left at their defaults are not among them. `value` is what the step gives,
    in the network itself. A stage has its lines as `body`, and their chains as branches. `values` are the names of
    values that are arguments.
    """

    name: str
    holes: dict[str, Vector] = field(default_factory=dict)
    branches: list[Chain] = field(default_factory=list)
    uses: set[int] = field(default_factory=set)
    is_call: bool = False
    values: tuple[str, ...] = ()
    value: Value | None = None
    body: Body | None = None


@dataclass(eq=False, slots=True)
class Chain:
    """Steps one after the other. `start` names the values that they begin with; () is what flows already."""

    start: tuple[str, ...]
    steps: list[Step]
    uses: set[int]


@dataclass(eq=False, slots=True)
class Line:
    """A chain, and the names that its result has in the lines after it. After a path, what flowed before flows on."""

    chain: Chain
    names: tuple[str, ...] = ()
    is_path: bool = False


@dataclass(eq=False, slots=True)
class Body:
    """The text of a region. `learned` are its learned values, whose steps have a hole for each dimension.

    `shared` are its ops with several uses, and `fixed` its ops that take nothing, with the names of what they give.
    """

    lines: list[Line]
    returns: tuple[str, ...] = ()
    learned: tuple[tuple[str, Step], ...] = ()
    shared: tuple[tuple[str, Step], ...] = ()
    fixed: tuple[tuple[str, Step], ...] = ()

    @property
    def steps(self) -> Iterator[Step]:
        """All steps, in the order in which they are written."""
        yield from (step for _, step in (*self.learned, *self.shared, *self.fixed))
        for line in self.lines:
            yield from _steps(line.chain)

    def begin_with(self, names: tuple[str, ...]) -> None:
        """Lets the lines begin with values that have names, where they begin with what flows in."""
        for line in self.lines:
            if not line.chain.start:
                line.chain.start = names
            if not line.is_path:
                break

    @property
    def only(self) -> Chain | None:
        """The chain of a text that is one chain from what flows in to what flows out."""
        declares = self.learned or self.shared or self.fixed
        if len(self.lines) != 1 or declares or self.lines[0].chain.start or self.lines[0].names:
            return None
        return self.lines[0].chain


def weight(chain: Chain) -> int:
    """How many steps a chain has, with those in its branches."""
    return sum(1 + sum(map(weight, step.branches)) for step in chain.steps)


def length(chain: Chain) -> int:
    """The same, with calls of one block in a row counted once: they are written as copies."""
    repeated = sum(a.is_call and (a.is_call, a.name) == (b.is_call, b.name) for a, b in pairwise(chain.steps))
    return len(chain.steps) - repeated + sum(length(branch) for step in chain.steps for branch in step.branches)


def depth(chain: Chain) -> int:
    """How deep joins are nested in a chain."""
    return max((1 + max(map(depth, step.branches)) for step in chain.steps if step.branches), default=0)


def chains(lines: Iterable[Line]) -> Iterator[Chain]:
    """All chains of a text, those in branches too."""
    pending = [line.chain for line in lines]
    while pending:
        chain = pending.pop(0)
        yield chain
        pending[:0] = [branch for step in chain.steps for branch in step.branches]


def _steps(chain: Chain) -> Iterator[Step]:
    for step in chain.steps:
        yield step
        yield from (inner for _, inner in ((*step.body.shared, *step.body.fixed) if step.body else ()))
        for branch in step.branches:
            yield from _steps(branch)
