"""The steps from which a `forward` is written, and how often each value is read.

An `if` that comes out the same in every use is replaced by its arm. Sequences are opened where the layout says so.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace

from archdsl.backends.torch.bodies import Call, If, Item, Join, Several, Turns, Wire, every
from archdsl.backends.torch.loops import plain_loop
from archdsl.backends.torch.writing import COPY, Change, Layout, Words
from archdsl.ir.graph import Scope


class Steps:
    """The steps of one class, prepared for its `forward`."""

    def __init__(self, construction: Words, results: Sequence[Wire], layout: Layout) -> None:
        self.construction, self.outline = construction, construction.outline
        self.body, self.layout = construction.body, layout
        self.aliases: dict[Wire, Wire] = {}
        self._borders: list[Wire] = []
        self.items = tuple(self._decided(self.body.items))
        self.borders = frozenset(map(self.real, self._borders))
        """The inputs and outputs of sequences that are opened, whose steps get lines of their own."""
        self.needed = self._needed()
        joins = [join for item in every(self.items) if isinstance(item, If) for join in item.joins]
        self.sources = frozenset(self.real(wire) for join in joins for wire in join.sources.values())
        self.consumers = {self.real(wire): item for item in every(self.items) for wire in _takes(item)}
        self.uses = self._count(self.items)
        self.results = tuple(map(self.real, results))
        self.uses.update(self.results)

    def _decided(self, items: Iterable[Item]) -> Iterator[Item]:
        """The items, with each `if` that never varies replaced by its arm, and without steps that nothing needs."""
        for item in items:
            if isinstance(item, If) and id(item) in self.construction.folded:
                number = self.construction.folded[id(item)]
                yield from self._decided(item.arms[number])
                self.aliases.update({join.wire: join.sources[number] for join in item.joins if number in join.sources})
            elif isinstance(item, If):
                arms = {number: tuple(self._decided(arm)) for number, arm in item.arms.items()}
                decided = If(item.choices, arms, item.joins)
                self.construction.flags[id(decided)] = self.construction.flags[id(item)]
                yield decided
            elif isinstance(item, Turns | Call) and item.is_live:
                yield from self._opened(item)

    def _opened(self, item: Turns | Call) -> Iterator[Item]:
        """The steps of a sequence that is to be opened; any other item as it is."""
        if isinstance(item, Turns) or not self._changes(item.path, True):
            yield item
            return
        scopes = {use: scope for use, scope in item.members.items() if isinstance(scope, Scope)}
        loops = {use: plain_loop(self.outline, scope) for use, scope in scopes.items()}
        known = {use: loop for use, loop in loops.items() if loop is not None}
        if known:
            (argument,) = next(iter(known.values())).arguments
            turns = Turns(item.path, known, item.members, (argument,), item.takes, item.gives, (), is_live=True)
            yield replace(turns, opened=self._opened_copies(turns))
        else:
            yield from self._members_called(item, scopes)

    def _opened_copies(self, turns: Turns) -> tuple[str, ...]:
        """The names of the members that each turn calls if copies are to be opened; else none."""
        if not self._changes(f"{turns.path}.{COPY}", True):
            return ()
        return tuple(member.name for member in self.outline.members(turns.loop.copies[0].path))

    def _members_called(self, item: Call, scopes: Mapping[int, Scope]) -> Iterator[Item]:
        """The members of a sequence, one after the other."""
        self._borders += (*item.takes, *item.gives)
        rows = {use: self.outline.members(scope.path) for use, scope in scopes.items()}
        takes = item.takes
        count = len(next(iter(rows.values())))
        for place in range(count):
            members = {use: row[place] for use, row in rows.items()}
            values = {use: self.outline.gives(member)[0] for use, member in members.items()}
            gives = item.gives if place + 1 == count else (Wire(values),)
            path = f"{item.path}.{next(iter(members.values())).name}"
            yield from self._opened(Call(path, members, takes, gives, is_live=True))
            takes = gives

    def _changes(self, path: str, opens: bool) -> bool:
        return Change(self.body.scope.path, path, opens) in self.layout

    def real(self, wire: Wire) -> Wire:
        """The wire that a wire set by a decided `if` is equal to; any other wire itself."""
        while wire in self.aliases:
            wire = self.aliases[wire]
        return wire

    # --- how often a value is read ---------------------------------------------------------

    def _count(self, items: Iterable[Item]) -> Counter[Wire | Several]:
        """How often each wire is read. The sources of a value that an `if` sets count only if something reads it."""
        uses: Counter[Wire | Several] = Counter()
        for item in reversed(tuple(items)):
            if isinstance(item, If):
                uses.update(self._count_choice(item))
            else:
                uses.update(map(self.real, _takes(item)))
                uses.update(_whole(item))
        return uses

    def _count_choice(self, item: If) -> Counter[Wire | Several]:
        uses: Counter[Wire | Several] = Counter()
        for number in self._arms(item):
            uses.update(self._count_arm(item, number))
        return uses

    def _count_arm(self, item: If, number: int) -> Counter[Wire | Several]:
        uses = self._count(item.arms.get(number, ()))
        uses.update(self.real(join.sources[number]) for join in self._joins(item) if number in join.sources)
        return uses

    def _arms(self, item: If) -> list[int]:
        """The arms that have steps or set a value."""
        numbers = {*item.arms, *(number for join in item.joins for number in join.sources)}
        return sorted(numbers)

    def _joins(self, item: If) -> list[Join]:
        """The values that an `if` sets and something reads."""
        return [join for join in item.joins if join.wire in self.needed]

    def _needed(self) -> frozenset[Wire]:
        """The wires that something reads, including those that become a needed value which an `if` sets."""
        read = {self.real(wire) for item in every(self.items) for wire in _takes(item)}
        read |= {self.real(wire) for wire in self.body.gives}
        joins = [join for item in every(self.items) if isinstance(item, If) for join in item.joins]
        more = read
        while more:
            more = {self.real(s) for join in joins if join.wire in read for s in join.sources.values()} - read
            read |= more
        return frozenset(read)


def _takes(item: Item) -> tuple[Wire, ...]:
    return () if isinstance(item, If) else item.takes


def _whole(item: Item) -> tuple[Several, ...]:
    return (item.whole,) if isinstance(item, Call) and item.whole is not None else ()
