"""Loops over copies that pass several values to the next copy, or take a value from outside the loop.

`for cell in self.cells: prev, x = x, cell(prev, x)`
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

from archdsl.backends.torch.outline import Outline
from archdsl.ir.graph import Scope, Value


@dataclass(frozen=True, slots=True)
class State:
    """A value that is passed from turn to turn: number `index` of these."""

    index: int


@dataclass(frozen=True, slots=True)
class Outer:
    """A value from outside the loop, the same in every turn."""

    value: Value


@dataclass(frozen=True, slots=True)
class Made:
    """An output of the copy: number `index` of these."""

    index: int


Position: TypeAlias = State | Outer | Made
"""Where a value comes from, as seen in one turn of the loop."""


@dataclass(frozen=True, slots=True)
class Loop:
    """A loop over copies. `arguments` are the arguments of each copy, `updates` the states after its call.

    `initial` are the states before the first turn, `final` those after the last. `collected` are the numbers of those
    outputs whose values of all turns are kept in a list.
    """

    container: Scope
    copies: tuple[Scope, ...]
    section: str
    """The part of the list that the loop runs over, as a slice in Python: "" for all, "[1:]", "[:-1]"."""
    arguments: tuple[Position, ...]
    updates: tuple[Position, ...]
    initial: tuple[Value, ...]
    final: tuple[Value, ...]
    collected: tuple[int, ...]
    lists: tuple[tuple[Value, ...], ...]
    """For each collected position, the values of all turns."""

    @property
    def before(self) -> int:
        """The number of copies before those that the loop runs over."""
        return 1 if self.section.startswith("[1") else 0

    @property
    def after(self) -> int:
        """The number of copies after those that the loop runs over."""
        return 1 if self.section.endswith("-1]") else 0


SECTIONS: tuple[tuple[str, int, int | None], ...] = (
    ("", 0, None),
    ("[:-1]", 0, -1),
    ("[1:]", 1, None),
    ("[1:-1]", 1, -1),
)
"""The parts of a list that a loop may run over; the copies outside the part are called one by one."""


def find_loop(outline: Outline, container: Scope) -> Loop | None:
    """A loop that calls the copies of a list, or all except the ends; None if they are not connected alike."""
    members = outline.members(container.path)
    copies = tuple(member for member in members if isinstance(member, Scope))
    if len(copies) != len(members):
        return None
    if not all(outline.is_module(c) and outline.is_own(c) and c.results for c in copies):
        return None
    if len({tuple(outline.borrowed[copy.path]) for copy in copies}) > 1:
        return None
    for section, start, stop in SECTIONS:
        chosen = copies[start:stop]
        found = _Joints(outline, container, chosen, section).loop() if len(chosen) > 1 else None
        if found is not None:
            return found
    return None


def loop_of_one(outline: Outline, container: Scope, like: Loop) -> Loop | None:
    """The loop over a single copy that is connected as in the loop `like` of another use; None if it is not."""
    members = outline.members(container.path)
    if len(members) != 1 or like.section or not isinstance(copy := members[0], Scope):
        return None
    if not (outline.is_module(copy) and outline.is_own(copy)) or outline.borrowed[copy.path]:
        return None
    takes, gives = outline.takes(copy), outline.gives(copy)
    first = {p.index: v for p, v in zip(like.arguments, takes, strict=False) if isinstance(p, State)}
    arguments = tuple(p if isinstance(p, State) else Outer(v) for p, v in zip(like.arguments, takes, strict=False))
    made = {u.index for u in like.updates if isinstance(u, Made)} | set(like.collected)
    if len(takes) != len(like.arguments) or len(first) != len(like.initial) or max(made, default=-1) >= len(gives):
        return None
    if any(isinstance(p, State) and first[p.index] != v for p, v in zip(like.arguments, takes, strict=True)):
        return None
    updates = [update for update in like.updates if not isinstance(update, Outer)]
    final = tuple(gives[u.index] if isinstance(u, Made) else first[u.index] for u in updates)
    lists = tuple((gives[index],) for index in like.collected)
    if not set(outline.gives(container)) <= {*final, *(value for row in lists for value in row)}:
        return None
    initial = tuple(first[index] for index in sorted(first))
    return Loop(container, (copy,), "", arguments, like.updates, initial, final, like.collected, lists)


def plain_loop(outline: Outline, container: Scope) -> Loop | None:
    """The loop over all copies of an `nn.Sequential`, each of which takes the output of the one before."""
    members = outline.members(container.path)
    copies = tuple(member for member in members if isinstance(member, Scope))
    if not copies or len(copies) != len(members) or any(copy.kind != "copy" for copy in copies):
        return None
    initial, final = outline.takes(container), outline.gives(container)
    return Loop(container, copies, "", (State(0),), (Made(0),), initial, final, (), ())


class _Joints:
    """How each copy is connected to the one before, compared over all copies."""

    def __init__(self, outline: Outline, container: Scope, copies: tuple[Scope, ...], section: str) -> None:
        self.container, self.copies, self.section = container, copies, section
        self.takes = [outline.takes(copy) for copy in copies]
        self.gives = [outline.gives(copy) for copy in copies]
        self.names = frozenset(copy.name for copy in copies)
        others = (copy for copy in outline.members(container.path) if copy.name not in self.names)
        used_after = (value for copy in others for value in outline.takes(copy))
        self.outside = frozenset((*outline.gives(container), *used_after))
        self.initial: dict[int, Value] = {}

    def loop(self) -> Loop | None:
        arguments, updates = self._arguments(1), self._updates(1)
        if arguments is None or updates is None or len({len(gives) for gives in self.gives}) > 1:
            return None
        turns = range(2, len(self.copies))
        if any(self._arguments(turn) != arguments or self._updates(turn) != updates for turn in turns):
            return None
        return self._made(arguments, updates) if self._begins(arguments, updates) else None

    def _inside(self, value: Value) -> bool:
        prefix = f"{self.container.path}."
        return value.node.startswith(prefix) and value.node[len(prefix) :].partition(".")[0] in self.names

    def _arguments(self, turn: int) -> tuple[Position, ...] | None:
        before = self.copies[turn - 1].results
        positions: list[Position] = []
        for value in self.takes[turn]:
            if value in before:
                positions.append(State(before.index(value)))
            elif self._inside(value):
                return None
            else:
                positions.append(Outer(value))
        return tuple(positions)

    def _updates(self, turn: int) -> tuple[Position, ...] | None:
        before, gives = self.copies[turn - 1].results, self.gives[turn]
        positions: list[Position] = []
        for value in self.copies[turn].results:
            if value in gives:
                positions.append(Made(gives.index(value)))
            elif value in before:
                positions.append(State(before.index(value)))
            else:
                return None
        return tuple(positions)

    def _begins(self, arguments: tuple[Position, ...], updates: tuple[Position, ...]) -> bool:
        """Whether the first copy fits the pattern of the others. Fills `initial`."""
        first, results = self.takes[0], self.copies[0].results
        if len(first) != len(arguments) or len(results) != len(updates):
            return False
        positions = (*arguments, *updates)
        return all(self._agrees(p, value) for p, value in zip(positions, (*first, *results), strict=True))

    def _agrees(self, position: Position, value: Value) -> bool:
        if isinstance(position, State):
            return not self._inside(value) and self.initial.setdefault(position.index, value) == value
        return value == (self.gives[0][position.index] if isinstance(position, Made) else position.value)

    def _made(self, arguments: tuple[Position, ...], updates: tuple[Position, ...]) -> Loop | None:
        last = self.copies[-1].results
        states = {position.index for position in arguments if isinstance(position, State)}
        states |= {index for index, value in enumerate(last) if value in self.outside}
        pending = list(states)
        while pending:
            update = updates[pending.pop()]
            if isinstance(update, State) and update.index not in states:
                states.add(update.index)
                pending.append(update.index)
        # A state that no copy takes has no value before the first turn, so it is only collected.
        kept = sorted(states & set(self.initial))
        final = tuple(last[index] for index in kept)
        order = {index: place for place, index in enumerate(kept)}
        collected = self._collected(final)
        return Loop(
            self.container,
            self.copies,
            self.section,
            tuple(_renumbered(position, order) for position in arguments),
            tuple(_renumbered(updates[index], order) for index in kept),
            tuple(self.initial[index] for index in kept),
            final,
            collected,
            tuple(tuple(gives[index] for gives in self.gives) for index in collected),
        )

    def _collected(self, final: tuple[Value, ...]) -> tuple[int, ...]:
        used = (
            index
            for gives in self.gives
            for index, value in enumerate(gives)
            if value in self.outside and value not in final
        )
        return tuple(sorted(set(used)))


def _renumbered(position: Position, order: dict[int, int]) -> Position:
    return State(order[position.index]) if isinstance(position, State) else position
