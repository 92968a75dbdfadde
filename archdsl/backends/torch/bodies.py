"""What a class computes, as data: the steps of all its uses, and the wires between them.

A use of a class is one scope of the graph that becomes an instance of it. Uses are numbered from 0. A wire says which
value of the graph it stands for in each use.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import TypeAlias, TypeVar

from archdsl.backends.torch.loops import Loop, Position
from archdsl.backends.torch.outline import Member
from archdsl.ir.graph import Choice, Scope, Value


class Differ(Exception):
    """Raised for uses of a block that cannot be one class; its text says where they differ."""


@dataclass(eq=False, slots=True)
class Wire:
    """A value in the text of a class: for each use, by its number, the value of the graph that it stands for."""

    values: Mapping[int, Value]

    @property
    def value(self) -> Value:
        """The value of the graph in the first use that has one."""
        return next(iter(self.values.values()))


@dataclass(eq=False, slots=True)
class Several:
    """All elements of a list that a loop fills; each use may have another number of them."""

    values: Mapping[int, tuple[Value, ...]]


@dataclass(eq=False, slots=True)
class Call:
    """A call of one member; `path` is its path within the scope of the class.

    `takes` are its inputs and `gives` its outputs. It is left out unless it `is_live`: a result of the class depends on
    it. `whole` is a list that it joins, in place of single inputs. `optional` are the inputs that some uses do not
    have: branches of a join on a condition. A call that `is_part` joins only some of the member's inputs.
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
        """The member in the first use that has it."""
        return next(iter(self.members.values()))


@dataclass(eq=False, slots=True)
class Join:
    """A value that an `if` sets: `wire`, and for each arm, by its number, the wire that it is equal to."""

    wire: Wire
    sources: Mapping[int, Wire]


@dataclass(eq=False, slots=True)
class If:
    """An `if` of the block: how it was decided in each use, the steps of each arm, and the values that it sets.

    Only arms that some use has built are known.
    """

    choices: Mapping[int, Choice]
    arms: Mapping[int, tuple[Item, ...]]
    joins: tuple[Join, ...]

    @property
    def choice(self) -> Choice:
        """The `if` in the first use that has it."""
        return next(iter(self.choices.values()))

    @property
    def can_skip(self) -> bool:
        """Whether, if no arm is built, the value before the `if` flows on. Not so for a branch of a join."""
        return len(self.choice.conditions) == self.choice.arms and bool(self.choice.before)

    @property
    def falls_away(self) -> bool:
        """Whether it is a branch of a join (`| if c: X`) that some uses have and others do not."""
        choice = self.choice
        is_branch = choice.arms == len(choice.conditions) == 1 and not choice.before
        return is_branch and len({other.taken for other in self.choices.values()}) == 2


@dataclass(eq=False, slots=True)
class Turns:
    """A loop over the copies of a list, in all uses. `arguments` are as in `Loop`, with wires for values from outside.

    `initial` and `final` are the values before the first and after the last turn; `lists` are the values that the turns
    collect, and `wholes` stand for all elements of such a list. If `opened` is not empty, each turn calls the members
    of the copy with these names one by one, and not the copy.
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
        """The loop in the first use."""
        return next(iter(self.loops.values()))

    @property
    def takes(self) -> tuple[Wire, ...]:
        """The values that flow into the loop."""
        return (*self.initial, *(a for a in self.arguments if isinstance(a, Wire)))

    @property
    def gives(self) -> tuple[Wire, ...]:
        """The values that flow out of the loop."""
        return (*self.final, *(wire for wires in self.lists for wire in wires))


@dataclass(eq=False, slots=True)
class Listed:
    """A list of copies, each of which is called by a line of its own."""

    path: str
    members: Mapping[int, Member]
    takes: tuple[Wire, ...] = ()
    gives: tuple[Wire, ...] = ()


Item: TypeAlias = Call | If | Turns | Listed


@dataclass(eq=False, slots=True)
class Body:
    """A class: its uses, its inputs `takes`, its steps `items` and its outputs `gives`.

    Of uses that are equal, only the first is in `uses`. `same` has the path of every use, with the number of the one in
    `uses` that it is equal to.
    """

    uses: tuple[Scope, ...]
    same: Mapping[str, int]
    takes: tuple[Wire, ...]
    items: tuple[Item, ...]
    gives: tuple[Wire, ...]

    @property
    def scope(self) -> Scope:
        """The first use."""
        return self.uses[0]


T = TypeVar("T")


def alike(values: Iterable[T], what: str) -> T:
    """The value that all uses have in common. Raises `Differ` with the text `what` if they differ."""
    first, *others = values
    if any(other != first for other in others):
        raise Differ(what)
    return first


def made(item: Item) -> Iterator[Wire]:
    """The wires that exist after an item."""
    if isinstance(item, If):
        yield from (join.wire for join in item.joins if not item.falls_away)
    else:
        yield from item.gives


def every(items: Iterable[Item]) -> Iterator[Item]:
    """All items; an `if` is followed by those in its arms."""
    for item in items:
        yield item
        if isinstance(item, If):
            for arm in item.arms.values():
                yield from every(arm)
