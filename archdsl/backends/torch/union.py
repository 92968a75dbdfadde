"""Unites the steps of all uses of a class: they are walked side by side, from their inputs to their results."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from archdsl.backends.torch.bodies import Body, Call, Differ, If, Item, Join, Listed, Several, Turns, Wire, alike, made
from archdsl.backends.torch.loops import Loop, Outer, Position, find_loop, loop_of_one
from archdsl.backends.torch.outline import Form, Member, Outline
from archdsl.ir.graph import Choice, Node, Scope, Step, Value
from archdsl.ops.base import Expression


class Forms(Protocol):
    """What the walk needs to know of scopes; `Classes` provides it."""

    outline: Outline

    def form(self, scope: Scope) -> Form: ...

    def only_hands_on(self, scope: Scope) -> bool: ...

    def makes_nothing(self, scope: Scope) -> bool: ...


@dataclass(slots=True)
class Union:
    """Walks the steps of all uses at once. `visible` are the wires that may be used, by use and value, the latest last.

    `falling` are the branches that some uses lack and that the next join is to take.
    """

    classes: Forms
    uses: Sequence[Scope]
    visible: dict[tuple[int, Value], list[Wire]] = field(default_factory=dict)
    lists: list[Several] = field(default_factory=list)
    falling: list[If] = field(default_factory=list)

    @property
    def outline(self) -> Outline:
        return self.classes.outline

    def body(self, same: Mapping[str, int]) -> Body:
        """The class of all uses; `same` is as in `Body`. Raises `Differ`."""
        every = dict(enumerate(self.uses))
        alike((tuple(self._lent(scope)) for scope in self.uses), "modules from outside")
        takes = self.wires({use: self.outline.takes(scope) for use, scope in every.items()}, "what flows in")
        items = self.items({use: self.outline.steps(scope.path) for use, scope in every.items()}, "")
        gives = self.gives(every)
        for use, scope in every.items():
            self.outline.gives_of[scope.path] = tuple(wire.values[use] for wire in gives)
        _mark_live(items, {*gives})
        return Body(tuple(self.uses), same, takes, items, gives)

    def gives(self, uses: Mapping[int, Scope]) -> tuple[Wire, ...]:
        """The outputs that every use has, then those values that are used outside only in some uses."""
        values = {use: self.outline.gives(scope) for use, scope in uses.items()}
        if not any(values.values()):
            return ()
        results = {use: scope.results if scope.results else values[use] for use, scope in uses.items()}
        if any(not set(row) <= set(values[use]) for use, row in results.items()):
            results = {use: tuple(v for v in row if v in values[use]) for use, row in results.items()}
        found = list(self.found(results, "what flows out"))
        for use, row in values.items():
            for value in row:
                if not any(wire.values.get(use) == value for wire in found):
                    found.append(self.find({use: value}, "what is used outside"))
        if any(len(wire.values) < len(uses) for wire in found):
            raise Differ("what is used outside")
        return tuple(found)

    def _lent(self, scope: Scope) -> Iterator[str]:
        """Names of the shared modules that are passed to a use."""
        for weights in self.outline.borrowed[scope.path]:
            yield weights.rpartition(".")[2]

    # --- wires -----------------------------------------------------------------------------

    def wires(self, values: Mapping[int, Sequence[Value]], what: str) -> tuple[Wire, ...]:
        """New wires, one for each place."""
        count = alike(map(len, values.values()), what)
        made = tuple(Wire({use: row[place] for use, row in values.items()}) for place in range(count))
        for wire in made:
            self.show(wire)
        return made

    def show(self, wire: Wire) -> None:
        """Makes a wire visible to the steps after it."""
        for use, value in wire.values.items():
            self.visible.setdefault((use, value), []).append(wire)

    def hide(self, wires: Iterable[Wire]) -> None:
        """Makes wires invisible again, at the end of an arm or a loop."""
        for wire in wires:
            for use, value in wire.values.items():
                self.visible[use, value].remove(wire)

    def found(self, values: Mapping[int, Sequence[Value]], what: str) -> tuple[Wire, ...]:
        """The visible wires that stand for these values, one for each place. Raises `Differ`."""
        count = alike(map(len, values.values()), what)
        return tuple(self.find({use: row[place] for use, row in values.items()}, what) for place in range(count))

    def find(self, values: Mapping[int, Value], what: str) -> Wire:
        """The latest visible wire that stands for the given value in every use. Raises `Differ`."""
        use, value = next(iter(values.items()))
        for wire in reversed(self.visible.get((use, value), [])):
            if all(wire.values.get(other) == wanted for other, wanted in values.items()):
                return wire
        raise Differ(what)

    # --- steps -----------------------------------------------------------------------------

    def items(self, steps: Mapping[int, tuple[Step, ...]], prefix: str) -> tuple[Item, ...]:
        """The items for the steps of all uses; `prefix` is the path within the class. Raises `Differ`."""
        alike(map(len, steps.values()), "the number of steps")
        items: list[Item] = []
        for row in zip(*steps.values(), strict=True):
            items += self.item(dict(zip(steps, row, strict=True)), prefix)
        return tuple(items)

    def item(self, steps: Mapping[int, Step], prefix: str) -> Iterator[Item]:
        """The items for one step of all uses. Raises `Differ`."""
        paths = {use: step for use, step in steps.items() if isinstance(step, str)}
        choices = {use: step for use, step in steps.items() if isinstance(step, Choice)}
        if choices:
            if paths:
                raise Differ("an `if`")
            yield self.choice(choices, prefix)
            return
        members = {use: self.outline.member(path) for use, path in paths.items()}
        scopes = {use: member for use, member in members.items() if isinstance(member, Scope)}
        if len(scopes) == len(members) and all(map(self.classes.only_hands_on, scopes.values())):
            if all(scope.kind == "copies" for scope in scopes.values()):
                yield Listed(prefix, scopes)  # an empty list; the class then requires that it is empty
            return
        name = alike((member.name for member in members.values()), "a step")
        path = f"{prefix}.{name}" if prefix else name
        if scopes and all(map(self.classes.makes_nothing, scopes.values())):
            yield from self.items({use: self.outline.steps(scope.path) for use, scope in scopes.items()}, path)
        elif scopes and self.classes.form(next(iter(scopes.values()))) is Form.LIST:
            yield from self.copies(scopes, path)
        else:
            yield self.call(members, path)

    def call(self, members: Mapping[int, Member], path: str) -> Call:
        """The call of one member in all uses. Raises `Differ`."""
        alike((isinstance(member, Node) for member in members.values()), path)
        values = {use: self.outline.takes(member) for use, member in members.items()}
        whole = self.whole(members, values)
        takes, optional = self.taken(values, path) if whole is None else ((), ())
        gives = self.wires({use: self.outline.gives(member) for use, member in members.items()}, path)
        found = Call(path, members, takes, gives, whole=whole, optional=optional)
        if optional and not can_gather(self.outline, found):
            raise Differ(path)
        return found

    def taken(self, values: Mapping[int, Sequence[Value]], path: str) -> tuple[tuple[Wire, ...], tuple[Wire, ...]]:
        """The wires that a step takes, and those of them that only some uses have."""
        try:
            return self.found(values, path), ()
        except Differ:
            if not self.falling:
                raise
        takes: list[Wire] = []
        optional: list[Wire] = []
        left = {use: list(row) for use, row in values.items()}
        while any(left.values()):
            item = self._comes_next(left)
            wires = [join.wire for join in item.joins] if item else [self._next(left, path)]
            takes += wires
            optional += wires if item else []
            for use in left:
                del left[use][: sum(use in wire.values for wire in wires)]
        return tuple(takes), tuple(optional)

    def _comes_next(self, left: Mapping[int, Sequence[Value]]) -> If | None:
        """The branch whose value comes next, in the uses that have it."""
        for item in self.falling:
            rows = {use: [join.wire.values[use] for join in item.joins] for use in item.joins[0].wire.values}
            if all(left[use][: len(row)] == row for use, row in rows.items()):
                self.falling.remove(item)
                return item
        return None

    def _next(self, left: Mapping[int, Sequence[Value]], path: str) -> Wire:
        """The wire for the next value of every use. Raises `Differ`."""
        if not all(left.values()):
            raise Differ(path)
        return self.find({use: row[0] for use, row in left.items()}, path)

    def whole(self, members: Mapping[int, Member], values: Mapping[int, tuple[Value, ...]]) -> Several | None:
        """The list that an op joins as a whole."""
        member = next(iter(members.values()))
        emission = self.outline.emission(member) if isinstance(member, Node) else None
        if not isinstance(emission, Expression) or "{all}" not in emission.text:
            return None
        found = (known for known in reversed(self.lists) if all(known.values.get(u) == v for u, v in values.items()))
        return next(found, None)

    # --- choices ---------------------------------------------------------------------------

    def choice(self, choices: Mapping[int, Choice], prefix: str) -> If:
        """One `if` in all uses. Raises `Differ`."""
        alike((choice.place for choice in choices.values()), "an `if`")
        arms: dict[int, tuple[Item, ...]] = {}
        sources: dict[tuple[str, int], dict[int, Wire]] = {}
        skipped = next(iter(choices.values())).arms
        around = self.falling
        for number in sorted({choice.taken for choice in choices.values()}):
            self.falling = []
            inside = {use: choice for use, choice in choices.items() if choice.taken == number}
            arms[number] = self.items({use: choice.steps for use, choice in inside.items()}, prefix)
            for name, place, wire in self.given(inside):
                sources.setdefault((name, place), {})[number] = wire
            self.hide(wire for item in arms[number] for wire in made(item))
        self.falling = around
        self._skip(choices, skipped, arms, sources)
        found = If(choices, arms, ())
        joins = [self.join(found, name, place, wires) for (name, place), wires in sources.items()]
        found.joins = tuple(join for join in joins if join is not None)
        if found.falls_away and found.joins:
            self.falling.append(found)
            return found
        for join in found.joins:
            self.show(join.wire)
        return found

    def given(self, choices: Mapping[int, Choice]) -> Iterator[tuple[str, int, Wire]]:
        """The values that an arm sets: name, place among several values, and the wire at the end of the arm."""
        rows = {use: dict(choice.gives) for use, choice in choices.items()}
        inner = self._comes_next({use: list(row.get("it", ())) for use, row in rows.items()})
        if inner is not None:
            yield from (("it", place, join.wire) for place, join in enumerate(inner.joins))
            return
        for name in next(iter(rows.values())):
            count = alike((len(row.get(name, ())) for row in rows.values()), name)
            for place in range(count):
                yield name, place, self.find({use: row[name][place] for use, row in rows.items()}, name)

    def _skip(
        self,
        choices: Mapping[int, Choice],
        skipped: int,
        arms: Mapping[int, tuple[Item, ...]],
        sources: dict[tuple[str, int], dict[int, Wire]],
    ) -> None:
        """Enters the case that no condition holds and there is no `else`: the value before the `if` flows on.

        It is entered even if it occurs in no use.
        """
        first = next(iter(choices.values()))
        if len(first.conditions) != first.arms or skipped in arms:
            return
        for place in range(len(first.before)):
            if ("it", place) in sources:
                before = {use: choice.before[place] for use, choice in choices.items()}
                sources["it", place][skipped] = self.find(before, "what flows before an `if`")

    def join(self, item: If, name: str, place: int, sources: Mapping[int, Wire]) -> Join | None:
        """The value that an `if` sets; None if every arm gives the same value from before the `if`."""
        wires = list(sources.values())
        is_same = all(wire is wires[0] for wire in wires) and not item.falls_away
        if is_same and any(wires[0] in self.visible[k] for k in wires[0].values.items()):
            return None
        taken = {use: choice for use, choice in item.choices.items() if choice.taken in sources}
        rows = {use: dict(choice.gives).get(name, ()) for use, choice in taken.items()}
        return Join(Wire({use: row[place] for use, row in rows.items() if len(row) > place}), sources)

    # --- lists of copies -------------------------------------------------------------------

    def copies(self, containers: Mapping[int, Scope], path: str) -> Iterator[Item]:
        """A loop over the copies, with calls of those before and after it; or a call of each copy."""
        loops = {use: find_loop(self.outline, container) for use, container in containers.items()}
        known = {use: loop for use, loop in loops.items() if loop is not None}
        for use in loops.keys() - known.keys() if known else ():
            found = loop_of_one(self.outline, containers[use], next(iter(known.values())))
            known.update({} if found is None else {use: found})
        known = {use: known[use] for use in loops if use in known}
        steps = {use: self.outline.steps(container.path) for use, container in containers.items()}
        if len(known) < len(loops) or len({_pattern(loop) for loop in known.values()}) > 1:
            yield Listed(path, containers)
            yield from self.items(steps, path)
            return
        first = next(iter(known.values()))
        before, after = first.before, first.after
        yield from self.items({use: row[:before] for use, row in steps.items()}, path)
        yield self.turns(known, containers, path)
        if after:
            alike(map(len, steps.values()), "the number of copies")
            yield from self.items({use: row[-after:] for use, row in steps.items()}, path)

    def turns(self, loops: Mapping[int, Loop], containers: Mapping[int, Scope], path: str) -> Turns:
        """One loop in all uses."""
        first = next(iter(loops.values()))
        arguments: list[Position | Wire] = []
        for place, position in enumerate(first.arguments):
            if isinstance(position, Outer):
                outer = {use: loop.arguments[place] for use, loop in loops.items()}
                before = {use: other.value for use, other in outer.items() if isinstance(other, Outer)}
                arguments.append(self.find(before, path))
            else:
                arguments.append(position)
        initial = self.found({use: loop.initial for use, loop in loops.items()}, path)
        lists, wholes = [], []
        for place in range(len(first.lists)):
            values = {use: loop.lists[place] for use, loop in loops.items()}
            wholes.append(Several(values))
            # If the number of elements varies between uses, they can only be used as a whole list.
            lists.append(self.wires(values, path) if len({len(row) for row in values.values()}) == 1 else ())
        self.lists += wholes
        final = self.wires({use: loop.final for use, loop in loops.items()}, path)
        return Turns(path, loops, containers, tuple(arguments), initial, final, tuple(lists), tuple(wholes))


def can_gather(outline: Outline, step: Call) -> bool:
    """Whether a join with branches on a condition can be written by gathering them: in a list, or one by one.

    One expression must hold for any two of its inputs, so a vector cannot join maps here.
    """
    members = [member for member in step.members.values() if isinstance(member, Node)]
    if any(len({tensor.rank for tensor in outline.graph.tensors_into(node.id)}) > 1 for node in members):
        return False
    emissions = [outline.emission(node) for node in members]
    if not emissions or not all(isinstance(known, Expression) and not known.values for known in emissions):
        return False
    is_list = all(isinstance(known, Expression) and "[{all}]" in known.text for known in emissions)
    return is_list or members[0].op.folds or len(step.takes) == 2


def _mark_live(items: Sequence[Item], needed: set[Wire | Several]) -> None:
    """Marks the items on which needed wires depend, from the last to the first, and adds the wires that these take."""
    for item in reversed(items):
        if isinstance(item, If):
            set_here = [join for join in item.joins if join.wire in needed]
            for number, arm in item.arms.items():
                needed.update(join.sources[number] for join in set_here if number in join.sources)
                _mark_live(arm, needed)
            needed.update(wire for join in set_here for wire in join.sources.values())
        elif isinstance(item, Call | Turns):
            wholes = item.wholes if isinstance(item, Turns) else ()
            item.is_live = not needed.isdisjoint((*item.gives, *wholes))
            if item.is_live:
                needed.update(item.takes)
            if item.is_live and isinstance(item, Call) and item.whole is not None:
                needed.add(item.whole)


def _pattern(loop: Loop) -> Hashable:
    """How copies are connected, whatever the values from outside are."""
    arguments = tuple("outer" if isinstance(position, Outer) else position for position in loop.arguments)
    return arguments, loop.updates, loop.section, loop.collected, len(loop.initial)
