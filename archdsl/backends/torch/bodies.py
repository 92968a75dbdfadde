"""What a class does, as data: the steps of all its uses, and the wires between them.

A wire says which value of the graph it stands for in each use.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import TypeAlias, TypeVar

from archdsl.backends.torch.loops import Loop, Position
from archdsl.backends.torch.outline import Member
from archdsl.ir.graph import Choice, Scope, Value


class Differ(Exception):
    """Uses of a block that cannot be one class; says where."""


@dataclass(eq=False, slots=True)
class Wire:
    """A value in the text of a class: the value of the graph that it is, by the number of the use."""

    values: Mapping[int, Value]

    @property
    def value(self) -> Value:
        """What it is in the first use that has it."""
        return next(iter(self.values.values()))


@dataclass(eq=False, slots=True)
class Several:
    """All elements of a list that a loop fills, however many there are in each use."""

    values: Mapping[int, tuple[Value, ...]]


@dataclass(eq=False, slots=True)
class Call:
    """A step of one member, `path` from the class's scope. What serves nothing that the class gives is not called.

    `whole` is the list that it joins, in place of single wires. `optional` are those of `takes` that some uses do not
    have: branches of a join that fall away. A `part` joins some of what the member takes.
    """

    path: str
    members: Mapping[int, Member]
    takes: tuple[Wire, ...]
    gives: tuple[Wire, ...]
    is_live: bool = False
    whole: Several | None = None
    optional: tuple[Wire, ...] = ()
    is_part: bool = False

    @property
    def member(self) -> Member:
        return next(iter(self.members.values()))


@dataclass(eq=False, slots=True)
class Join:
    """A value that an `if` sets: by arm, the wire that it is then."""

    wire: Wire
    sources: Mapping[int, Wire]


@dataclass(eq=False, slots=True)
class If:
    """An `if` of the block: how it came out in each use, the steps of the arms that some use built, what it sets."""

    choices: Mapping[int, Choice]
    arms: Mapping[int, tuple[Item, ...]]
    joins: tuple[Join, ...]

    @property
    def choice(self) -> Choice:
        return next(iter(self.choices.values()))

    @property
    def can_skip(self) -> bool:
        """Whether it is known what flows on where no arm is built: not so for a branch of a join, which falls away."""
        return len(self.choice.conditions) == self.choice.arms and bool(self.choice.before)

    @property
    def falls_away(self) -> bool:
        """Whether it is a branch of a join that some uses have and others do not."""
        choice = self.choice
        is_branch = choice.arms == len(choice.conditions) == 1 and not choice.before
        return is_branch and len({other.taken for other in self.choices.values()}) == 2


@dataclass(eq=False, slots=True)
class Turns:
    """A loop over the copies of a list. `arguments` are as in `Loop`, with wires for values from before it.

    `opened` are the names of the members that each turn calls one by one in place of the copy.
    """

    path: str
    loops: Mapping[int, Loop]
    members: Mapping[int, Member]
    arguments: tuple[Position | Wire, ...]
    initial: tuple[Wire, ...]
    final: tuple[Wire, ...]
    lists: tuple[tuple[Wire, ...], ...]
    wholes: tuple[Several, ...] = ()
    is_live: bool = False
    opened: tuple[str, ...] = ()

    @property
    def loop(self) -> Loop:
        return next(iter(self.loops.values()))

    @property
    def takes(self) -> tuple[Wire, ...]:
        return (*self.initial, *(a for a in self.arguments if isinstance(a, Wire)))

    @property
    def gives(self) -> tuple[Wire, ...]:
        return (*self.final, *(wire for wires in self.lists for wire in wires))


@dataclass(eq=False, slots=True)
class Listed:
    """A list of copies that are called one by one."""

    path: str
    members: Mapping[int, Member]
    takes: tuple[Wire, ...] = ()
    gives: tuple[Wire, ...] = ()


Item: TypeAlias = Call | If | Turns | Listed


@dataclass(eq=False, slots=True)
class Body:
    """A class: its uses, what it takes, does and gives. Of uses that are the same in everything, `uses` has the first.

    `same` says by the path of each use which of them it is like.
    """

    uses: tuple[Scope, ...]
    same: Mapping[str, int]
    takes: tuple[Wire, ...]
    items: tuple[Item, ...]
    gives: tuple[Wire, ...]

    @property
    def scope(self) -> Scope:
        return self.uses[0]


T = TypeVar("T")


def alike(values: Iterable[T], what: str) -> T:
    """The one value that all uses have. Raises `Differ`."""
    first, *others = values
    if any(other != first for other in others):
        raise Differ(what)
    return first


def made(item: Item) -> Iterator[Wire]:
    """The wires that an item puts at hand."""
    if isinstance(item, If):
        yield from (join.wire for join in item.joins if not item.falls_away)
    else:
        yield from item.gives


def every(items: Iterable[Item]) -> Iterator[Item]:
    """All items, those in the arms of an `if` after it."""
    for item in items:
        yield item
        if isinstance(item, If):
            for arm in item.arms.values():
                yield from every(arm)
