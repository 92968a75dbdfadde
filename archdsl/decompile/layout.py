"""Lays out a region as lines of chains: what a person would write for the same flow of values.

A value that two steps take apart from a join is named. A join whose inputs all come from one value is written as
branches from there, unless its branches are too long to be read so: then all but the longest are named where they are
made (a skip over half a network).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace

from archdsl.decompile.body import (
    DIMENSIONS,
    LIKE,
    STAGE,
    Body,
    Chain,
    Formula,
    Line,
    Step,
    chains,
    depth,
    length,
    weight,
)
from archdsl.decompile.draft import Border, Part, Region
from archdsl.decompile.words import free_name
from archdsl.ir.graph import Value
from archdsl.ops.base import Family, Op
from archdsl.ops.learned import Learned

LONGEST_BRANCHES, DEEPEST = 16, 2
"""The most steps in the branches of a join, and the most joins inside one another."""
SHORT_BRANCH = 4
"""A branch of as many steps, with one join, is read at a glance, however many branches there are."""

Inner = Callable[[Region], list[Step]]
"""The steps that stand for a region inside the one that is laid out: a call of its block, or what it holds."""


class Layout:
    """One region: its members, each a part or a region inside, and the values between them."""

    def __init__(
        self,
        region: Region,
        borders: Mapping[Region, Border],
        takes: Mapping[Value, str],
        gives: Sequence[Value],
        inner: Inner,
        use: int = 0,
    ) -> None:
        self.draft, self.path, self.borders, self.inner, self.use = region.draft, region.path, borders, inner, use
        self.gives = tuple(gives)
        self.made: dict[Value, str] = {}
        """The member that makes each value: the id of a part, or "/" and the path of a region."""
        self.inputs: dict[str, tuple[Value, ...]] = {}
        self.sources: dict[Value, Op] = {}
        """The values that no input makes: learned ones, and what ops give that take nothing."""
        self.takes = dict(takes)
        self.shared = region.draft.shared.get(region.path, {})
        self._enter_members()
        self.order = {value: place for place, value in enumerate(self._in_order())}
        self.parents: dict[Value, Value | None] = {}
        self.levels: dict[Value, int] = {}
        self._dominate()
        self.named: set[Value] = set()
        self.split: set[str] = set()
        """Joins too long for branches."""
        self.were_split: set[str] = set()
        """Joins that were too long before other values had names."""
        self.around = 0
        """How many joins there are around the one whose branches are laid out."""
        self.of_split: set[Value] = set()
        """The values that have names for such joins."""

    # --- members and the order of their values ------------------------------------------------

    def _enter_members(self) -> None:
        for member in self.draft.members[self.path]:
            if not member.startswith("/"):
                self._enter_part(self.draft.parts[member])
                continue
            border = self.borders[self.draft.regions[member[1:]]]
            self.inputs[member] = border.takes
            self.made.update((value, member) for value in border.gives)

    def _enter_part(self, part: Part) -> None:
        if isinstance(part.op, Learned) or (part.op.name != "input" and not part.inputs):
            self.sources[Value(part.id)] = part.op
        elif part.op.name != "input":
            self.inputs[part.id] = tuple(part.inputs)
            self.made |= {Value(part.id, port): part.id for port in range(len(part.outputs))}

    def _in_order(self) -> Iterator[Value]:
        """The values, each after those that it is made from."""
        done: set[Value] = set()
        for start in self.made:
            pending = [start]
            while pending:
                value = pending[-1]
                missing = [v for v in self._from(value) if v not in done and v in self.made]
                if missing and value not in done:
                    pending.append(missing[0])
                    continue
                pending.pop()
                if value not in done:
                    done.add(value)
                    yield value

    def _from(self, value: Value) -> tuple[Value, ...]:
        return self.inputs[self.made[value]]

    def _dominate(self) -> None:
        """Finds for each value the last value that all ways to it pass through; None if there is none."""
        for value in self.order:
            flowing = [v for v in dict.fromkeys(self._from(value)) if v not in self.sources]
            parent = flowing[0] if flowing else None
            for other in flowing[1:]:
                parent = self.common(parent, other)
            self.parents[value] = parent
            self.levels[value] = 0 if parent is None else self.levels.get(parent, 0) + 1

    def common(self, one: Value | None, other: Value | None) -> Value | None:
        """The last value that all ways to two values pass through."""
        while one != other:
            if one is None or other is None:
                return None
            if self.levels.get(one, 0) >= self.levels.get(other, 0):
                one = self.parents.get(one)
            else:
                other = self.parents.get(other)
        return one

    # --- which values have a name -------------------------------------------------------------

    def body(
        self,
        label: Callable[[str, int], str],
        aside: frozenset[Value] | None = None,
        kept: frozenset[Value] = frozenset(),
    ) -> Body:
        """The region's text. `label` proposes a name for an output of a member.

        A block returns several results by name, and also one of the results of its last step. A network does not:
        `aside` are results that come last, since nothing else takes them, and `kept` are values whose names are needed
        after its lines.
        """
        by_name = len(self.gives) > 1 or any(self._several(self.made[value]) for value in self.gives)
        returned = self.gives if aside is None and by_name else ()
        aside = aside or frozenset()
        self._name_all()
        names = self._names(label)
        lines: list[Line] = []
        before = earlier = self._entering()
        targets = sorted({*self.named, *self.gives}, key=self.order.__getitem__)
        if aside:
            targets = [v for v in targets if v not in aside] + [v for v in targets if v in aside]
        done: set[str] = set()
        for value in targets:
            member = self.made[value]
            if member in done and self._several(member):
                continue
            done.add(member)
            chain = self.chain(value, before, names, top=True)
            if lines and (again := self._beside_last(value, chain, lines[-1], earlier, names)):
                chain, before = again, earlier
                lines[-1].is_path = True
            lines.append(Line(chain, tuple(names[v] for v in self._outputs(member, value))))
            if value not in aside:
                earlier, before = before, None if self._several(member) else value
        returns = tuple(names[v] for v in returned)
        self._drop_unused(lines, [*returns, *(names[value] for value in kept)])
        learned = tuple((names[v], self._learned(op)) for v, op in self.sources.items() if isinstance(op, Learned))
        shared = tuple((names[_module(home)], op_step(op, self.use)) for home, op in self.shared.items())
        others = {value: op for value, op in self.sources.items() if not isinstance(op, Learned)}
        fixed = tuple((names[value], op_step(op, self.use)) for value, op in others.items())
        return Body(lines, returns, learned, shared, fixed)

    def _beside_last(
        self, value: Value, chain: Chain, last: Line, earlier: Value | None, names: Mapping[Value, str]
    ) -> Chain | None:
        """The chain that leads to a value from what flowed before the last line, which is a path then; None if it leads
        there from the last line's value."""
        if not self.path or not chain.start or len(last.names) != 1 or earlier is None:
            return None
        again = self.chain(value, earlier, names, top=True)
        return None if again.start else again

    def _learned(self, op: Learned) -> Step:
        sizes = zip(DIMENSIONS, op.dims, strict=False)
        return Step(op.name, {hole: {self.use: size} for hole, size in sizes}, uses={self.use})

    def _name_all(self) -> None:
        """Finds the values that have names. A join that was too long may be short once other values have names: values
        that were named for such joins alone are looked at again."""
        uses = Counter(value for inputs in self.inputs.values() for value in inputs)
        for _ in range(2):
            self.named -= {value for value in self.of_split if uses[value] == 1}
            self.were_split, self.split = self.split, set()
            while not self._named_all():
                pass

    def _named_all(self) -> bool:
        """Names the last value that is used twice, or the inputs of a join that is too long; False if there is one."""
        names = {**dict.fromkeys(self.named, "?"), **self.takes, **dict.fromkeys(self.sources, "?")}
        visits: Counter[Value] = Counter()
        before = self._entering()
        for value in sorted({*self.named, *self.gives}, key=self.order.__getitem__):
            try:
                self.chain(value, before, names, top=True, visits=visits)
            except _Needed as needed:
                self.named |= needed.values
                return False
            before = None if self._several(self.made[value]) else value
        twice = [value for value, count in visits.items() if count > 1 and value not in self.named]
        if twice:
            self.named.add(max(twice, key=self.order.__getitem__))
        return not twice

    def _entering(self) -> Value | None:
        """What flows when the text begins; of several inputs of a network, none."""
        return next(iter(self.takes)) if self.path or len(self.takes) == 1 else None

    def _several(self, member: str) -> bool:
        return not member.startswith("/") and len(self.draft.parts[member].outputs) > 1

    def _outputs(self, member: str, value: Value) -> list[Value]:
        if self._several(member):
            return [Value(member, port) for port in range(len(self.draft.parts[member].outputs))]
        return [value]

    def _names(self, label: Callable[[str, int], str]) -> dict[Value, str]:
        names = dict(self.takes)
        taken = set(names.values())
        wanted = [(_module(home), home) for home in self.shared]
        wanted += [(value, value.node) for value in self.sources]
        wanted += [
            (v, member)
            for value in sorted({*self.named, *self.gives}, key=self.order.__getitem__)
            for member in [self.made[value]]
            for v in self._outputs(member, value)
        ]
        for value, member in wanted:
            if value in names:
                continue
            name = label(member, value.port)
            names[value] = free_name(name, taken)
            taken.add(names[value])
        return names

    def _drop_unused(self, lines: Sequence[Line], kept: Sequence[str]) -> None:
        used = set(kept)
        for chain in chains(lines):
            used.update(chain.start)
            used.update(name for step in chain.steps for name in step.values)
        for line in lines:
            if not used.intersection(line.names):
                line.names = ()

    # --- chains -------------------------------------------------------------------------------

    def chain(
        self,
        value: Value,
        base: Value | None,
        names: Mapping[Value, str],
        top: bool = False,
        visits: Counter[Value] | None = None,
    ) -> Chain:
        """The steps that lead to a value from `base`, which flows already, or from values that have names."""
        found: list[list[Step]] = []
        start: tuple[str, ...] = ()
        at: Value | None = value
        whole = top  # whether all outputs of the member flow on, if it has several
        while at is not None and at != base and (top or at not in names):
            top = False
            if visits is not None:
                visits[at] += 1
            assert at in self.made, f"{at} is not made in {self.path or 'the network'}"
            member = self.made[at]
            if self._several(member) and not whole:
                raise _Needed({at})
            made, before, start = self._member(member, at, names, visits)
            whole = before is not None and self._takes_all(member, before, made[0])
            at = before
            found.append(made)
        if at is not None and at != base and not start:
            start = (names[at],)
        return Chain(start, [step for made in reversed(found) for step in made], {self.use})

    def _member(
        self, member: str, value: Value, names: Mapping[Value, str], visits: Counter[Value] | None
    ) -> tuple[list[Step], Value | None, tuple[str, ...]]:
        """A member's steps; the value that flows into it, or the names of several that it begins with."""
        inputs = self.inputs[member]
        if member.startswith("/"):
            made = self.inner(self.draft.regions[member[1:]])
        else:
            part = self.draft.parts[member]
            if part.op.family is Family.MERGE and len(inputs) > 1 and part.op.name != "sub":
                return self._join(part, names, visits)
            made = [self._op(part, names)]
        made[-1].value = value
        called = _called(made[0])
        count = self._arguments(member, called)
        if count:
            inputs, others = inputs[:-count], inputs[-count:]
            called.values = self._named_values(others, names)
        if len(inputs) == 1:
            return made, inputs[0], ()
        if not inputs:
            return made, None, ()
        source = self.made.get(inputs[0])
        if source and self._several(source) and list(inputs) == self._outputs(source, inputs[0]):
            return made, inputs[0], ()
        return self._beside(member, inputs, names, visits, made)

    def _beside(
        self,
        member: str,
        inputs: Sequence[Value],
        names: Mapping[Value, str],
        visits: Counter[Value] | None,
        made: list[Step],
    ) -> tuple[list[Step], Value | None, tuple[str, ...]]:
        """A member that several values flow into: they have names, or are branches side by side."""
        if member in self.split or any(value in names for value in inputs):
            return made, None, self._named_values(inputs, names)
        branches, start = self._branches(member, inputs, names, visits)
        return [Step("parallel", {}, branches, {self.use}, value=inputs[0]), *made], start, ()

    def _takes_all(self, member: str, before: Value, step: Step) -> bool:
        """Whether all outputs of the member that gives `before` flow into a step, and not `before` alone."""
        source, inputs = self.made.get(before), list(self.inputs[member])
        if source is None or not self._several(source) or step.branches:
            return False
        return inputs[: len(inputs) - len(_called(step).values)] == self._outputs(source, before)

    def _op(self, part: Part, names: Mapping[Value, str]) -> Step:
        """An op, a use of a shared one, or one that takes the weights of a shared one."""
        shared = names.get(_module(part.weights), part.weights) if part.weights in self.shared else ""
        if not shared or part.op.is_tied():
            step = op_step(part.op, self.use)
            return replace(step, holes={**step.holes, "weight": {self.use: Formula(shared)}}) if shared else step
        return Step(shared, uses={self.use})

    def _arguments(self, member: str, step: Step) -> int:
        """How many of a member's inputs are written as arguments: all but the first of a block's."""
        if member.startswith("/"):
            return len(self.inputs[member]) - 1
        return sum(vector[self.use] == LIKE for vector in step.holes.values())

    def _named_values(self, values: Sequence[Value], names: Mapping[Value, str]) -> tuple[str, ...]:
        missing = {value for value in values if value not in names}
        if missing:
            raise _Needed(missing)
        return tuple(names[value] for value in values)

    def _join(
        self, part: Part, names: Mapping[Value, str], visits: Counter[Value] | None
    ) -> tuple[list[Step], Value | None, tuple[str, ...]]:
        """The step of a join with a branch for each input, and the value at which its branches begin."""
        branches, start = self._branches(part.id, part.inputs, names, visits)
        return [Step(part.op.name, _holes(part.op, self.use), branches, {self.use}, value=Value(part.id))], start, ()

    def _branches(
        self, member: str, inputs: Sequence[Value], names: Mapping[Value, str], visits: Counter[Value] | None
    ) -> tuple[list[Chain], Value | None]:
        """A branch for each value that flows into a member, and the value at which the branches begin."""
        flowing = list(dict.fromkeys(v for v in inputs if v not in self.sources))
        rest = [v for v in flowing if v not in names] if member in self.split else flowing
        start: Value | None = None
        for place, value in enumerate(rest or flowing):
            start = value if place == 0 else self.common(start, value)
        if flowing and (start is None or (start not in self.made and start not in self.takes)):
            start = self._longest(rest or flowing, names)
        self.around += 1
        try:
            branches = [self.chain(v, start, names, visits=visits) for v in inputs]
        finally:
            self.around -= 1
        if not self.path:
            staged = {v for v, branch in zip(inputs, branches, strict=True) if _has_stage(branch)}
            if staged:
                raise _Needed(staged)
        again = member in self.were_split
        long = (self.around or not _are_short(branches)) if again else _are_long(branches)
        if long and member not in self.split and len(flowing) > 1:
            self.split.add(member)
            weights = {v: weight(branch) for v, branch in zip(inputs, branches, strict=True)}
            others = {v for v in flowing if v != max(flowing, key=weights.__getitem__) and v in self.made}
            if others - self.named:
                self.of_split |= others - self.named
                raise _Needed(others)
        return branches, None if all(branch.start for branch in branches) else start

    def _longest(self, values: Sequence[Value], names: Mapping[Value, str]) -> Value:
        return max(values, key=lambda value: self.levels.get(value, -1))


def _called(step: Step) -> Step:
    """The step that takes what flows into a step: of a stage that is one call, that call."""
    return step.body.lines[0].chain.steps[0] if step.body and not step.values else step


def _has_stage(chain: Chain) -> bool:
    """Whether a chain holds a stage of the network, which has lines of its own."""
    return any(step.name.startswith(STAGE) or any(map(_has_stage, step.branches)) for step in chain.steps)


def _are_long(branches: Sequence[Chain]) -> bool:
    """Whether branches are too long, or have too many joins inside one another, to be read side by side."""
    too_many = sum(map(length, branches)) > LONGEST_BRANCHES or max(map(depth, branches)) > DEEPEST
    return too_many and not _are_short(branches)


def _are_short(branches: Sequence[Chain]) -> bool:
    return all(length(branch) <= SHORT_BRANCH and depth(branch) <= 1 for branch in branches)


class _Needed(Exception):
    """Values that must have a name before a text can be written."""

    def __init__(self, values: set[Value]) -> None:
        self.values = values


def _module(home: str) -> Value:
    """What stands for a shared op among the values that have names."""
    return Value(home, -1)


def op_step(op: Op, use: int) -> Step:
    """An op with those arguments that are not left at their defaults."""
    return Step(op.name, _holes(op, use), uses={use})


def _holes(op: Op, use: int) -> dict[str, dict[int, object]]:
    fields = type(op).model_fields
    given = {name: getattr(op, name) for name in fields if name != "init"}
    return {n: {use: v} for n, v in given.items() if fields[n].is_required() or v != fields[n].default}
