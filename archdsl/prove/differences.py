"""Finds where two networks differ, in the order in which data flows.

Both are walked from their inputs. Each difference is noted and then treated as repaired, so that one mistake is one
difference: a part with other arguments counts as equal to its counterpart, and an additional part is skipped.
`futures.py` decides which of these it is; `runs.py` joins successive steps that are additional or missing.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from archdsl.prove.colors import Palette, Parts, signature
from archdsl.prove.form import Part, Wire
from archdsl.prove.futures import Futures
from archdsl.prove.origins import Origins
from archdsl.prove.rules.merges import joined_with, part_from
from archdsl.prove.words import named, sizes, sources, value

MOST = 200
"""The most differences that are looked for; with more, the two are simply different networks."""


DECIDE_SIZES = ("padding", "ceil", "dims")
"""Arguments that are visible only in the sizes that they decide."""


@dataclass(frozen=True, slots=True)
class Divergence:
    """A difference, `what`, between a part of ours and a part of theirs; one is None if the other has no counterpart.

    `names` are the arguments that differ. `after` and `before` are the parts of ours between which a missing part would
    stand; `runs.py` finds them. A difference that `follows` is only the consequence of different inputs.
    """

    what: str
    ours: Part | None
    theirs: Part | None
    names: tuple[str, ...] = ()
    after: Part | None = None
    before: Part | None = None
    follows: bool = False


@dataclass(frozen=True)
class Divergences:
    """The differences in order, at most `MOST`. Consequences of others are included only if there are no others.

    `parts` are those of both networks in order. `partners` has, for a part of theirs, its counterpart in ours.
    """

    found: tuple[Divergence, ...]
    parts: tuple[Parts, Parts]
    partners: Mapping[Part, Part]


def divergences(ours: Parts, theirs: Parts, origins: Origins) -> Divergences:
    """Compares the parts of two forms, each given in order."""
    walk = _Walk(ours, theirs, origins)
    found: list[Divergence] = []
    while len(found) < MOST and (divergence := walk.next()):
        found.append(divergence)
    slips = tuple(divergence for divergence in found if not divergence.follows)
    return Divergences(slips or tuple(found), walk.all, walk.partners())


class _Walk:
    def __init__(self, ours: Parts, theirs: Parts, origins: Origins) -> None:
        self.parts = (list(ours), list(theirs))
        self.all = (list(ours), list(theirs))
        self.origins = origins
        self.palette = Palette()
        self.passed: dict[Part, Wire] = {}
        """Additional parts, which are skipped, and for each the value that its users read instead."""
        self.mended: dict[Part, int] = {}
        """Parts that were found to be counterparts, and the color that both get."""
        self.users: dict[Part, list[Part]] = defaultdict(list)
        for part in (*ours, *theirs):
            for wire in part.inputs:
                self.users[wire.part].append(part)
        self.follows = self._follows()
        self.waiting: list[Divergence] = []
        self.futures: Futures | None = None

    def next(self) -> Divergence | None:
        """The next difference; None if there is no further one."""
        if self.waiting:
            return self.waiting.pop(0)
        while True:
            colors = self._colors()
            here, there = self._strangers(colors)
            if self._parted(here, there, colors):
                continue
            if not here or not there:
                first = next(iter((*here, *there)), None)
                return self._too_many(first, bool(here)) if first else None
            mine, its = self._pair(here, there, colors)
            found = self._decided(mine, its, colors)
            if found:
                return found

    def _colors(self) -> dict[Part, int]:
        """Colors of parts, made of the part itself and of all that leads to it."""
        colors: dict[Part, int] = {}
        for parts in self.parts:
            for part in parts:
                colors[part] = self.mended.get(part, -1)
                if colors[part] < 0:
                    colors[part] = self.palette((signature(part), self._taken(part, colors)))
        return colors

    def _taken(self, part: Part, colors: Mapping[Part, int]) -> tuple[tuple[int, int], ...]:
        return self._read_by(part, part.inputs, colors)

    def _read_by(self, part: Part, wires: Iterable[Wire], colors: Mapping[Part, int]) -> tuple[tuple[int, int], ...]:
        # A constant that only one side has is left out, and has no color; what it flows into differs then.
        values = [(colors.get(wire.part, -1), wire.port) for wire in map(self._read, wires)]
        return tuple(sorted(values) if part.kind.commutative else values)

    def _read(self, wire: Wire) -> Wire:
        while wire.part in self.passed:
            wire = self.passed[wire.part]
        return wire

    def _strangers(self, colors: Mapping[Part, int]) -> tuple[list[Part], list[Part]]:
        """For each network, the first parts without a counterpart: those whose inputs all have one."""
        found: tuple[list[Part], list[Part]] = ([], [])
        strangers: tuple[list[Part], list[Part]] = ([], [])
        for side, matched in enumerate(self._matched(colors)):
            strange: set[Part] = set()
            for part in self.parts[side]:
                if part in self.passed or part in matched:
                    continue
                strange.add(part)
                strangers[side].append(part)
                if not any(self._read(wire).part in strange for wire in part.inputs):
                    found[side].append(part)
        if self.futures is None:
            self.futures = Futures(*strangers, self.users)
        return found

    def _matched(self, colors: Mapping[Part, int]) -> tuple[set[Part], set[Part]]:
        """The parts with a counterpart. Of several equal parts, those are preferred after which the same follows."""
        waiting: dict[int, list[Part]] = defaultdict(list)
        for its in self.parts[1]:
            if its not in self.passed:
                waiting[colors[its]].append(its)
        mine = [part for part in self.parts[0] if part not in self.passed]
        matched: tuple[set[Part], set[Part]] = (set(), set())
        for same_follows in (True, False):
            for part in mine:
                others = waiting[colors[part]] if part not in matched[0] else []
                alike = [o for o in others if not same_follows or self.follows[o] == self.follows[part]]
                if alike:
                    waiting[colors[part]].remove(alike[0])
                    matched[0].add(part)
                    matched[1].add(alike[0])
        return matched

    def _follows(self) -> dict[Part, int]:
        """Colors of parts, made of the part itself and of the parts that use its values, without sizes."""
        colors: dict[Part, int] = {}
        for parts in self.parts:
            for part in reversed(parts):
                after = tuple(sorted(colors[user] for user in self.users[part]))
                colors[part] = self.palette(("before", part.op, tuple(sorted(part.arguments.items())), after))
        return colors

    # --- joined merges ---------------------------------------------------------------------------

    def _parted(self, here: list[Part], there: list[Part], colors: Mapping[Part, int]) -> bool:
        """Parts merges that rules joined, if the other side has them apart, as something stands between the two."""
        pairs = [pair for mine in here for its in there for pair in ((mine, its, 0), (its, mine, 1))]
        for part, other, side in pairs:
            for inner, inputs in joined_with(part).items():
                if self._read_by(other, inputs, colors) == self._taken(other, colors):
                    part_from(part, inner)
                    self._add(inner, part, other, side)
                    return True
        return False

    def _add(self, inner: Part, before: Part, other: Part, side: int) -> None:
        """Takes a merge up that was part of another; `other` is its counterpart."""
        self.follows[inner] = self.follows[other]
        for parts in (self.parts[side], self.all[side]):
            if inner not in parts:
                parts.insert(parts.index(before), inner)

    # --- which parts are compared, and what is made of them --------------------------------------

    def _pair(self, here: list[Part], there: list[Part], colors: Mapping[Part, int]) -> tuple[Part, Part]:
        """The first part of ours that shares an input with one of theirs, and the most similar one of these."""
        futures = self.futures
        assert futures is not None
        for mine in here:
            likely = [its for its in there if self._shares(mine, its, colors)]
            if likely:
                return mine, max(likely, key=lambda its: (max(futures.choices(mine, its)), its.dims == mine.dims))
        return here[0], max(there, key=lambda its: max(futures.choices(here[0], its)))

    def _shares(self, mine: Part, its: Part, colors: Mapping[Part, int]) -> bool:
        if not mine.inputs or not its.inputs:
            return not mine.inputs and not its.inputs
        return bool({*self._taken(mine, colors)} & {*self._taken(its, colors)})

    def _decided(self, mine: Part, its: Part, colors: Mapping[Part, int]) -> Divergence | None:
        """Decides what the difference is: two counterparts with other arguments, or steps that only one network has.

        Successive additional steps are skipped at once. None if there is no difference left.
        """
        assert self.futures is not None
        both, ours, theirs = self.futures.choices(mine, its)
        if both >= max(ours, theirs):
            return self._differ(mine, its, colors)
        is_ours = ours >= theirs
        run = self.futures.run(mine, its, is_ours)
        self.waiting = [self._too_many(part, is_ours) for part in run]
        return self.waiting.pop(0)

    def _differ(self, part: Part, other: Part, colors: Mapping[Part, int]) -> Divergence | None:
        """The difference between two counterparts; None if only their inputs differ, which has been noted."""
        names, what = self._names(part, other), "; ".join(self._contrasts(part, other, colors))
        is_same = part.op == other.op and not names and part.slots == other.slots
        resized = any(one.dims != two.dims for one, two in zip(part.inputs, other.inputs, strict=False))
        alike = self._taken(part, colors) == self._taken(other, colors)
        alike |= self._read_by(part, self._kept(part), colors) == self._read_by(other, self._kept(other), colors)
        self.mended[part] = self.mended[other] = self.palette.new()
        if is_same and alike and (resized or len(part.inputs) != len(other.inputs)):
            return None
        names = names or (DECIDE_SIZES if part.dims != other.dims else ())
        return Divergence(what, part, other, names, follows=self.origins.follows(part, other))

    def _kept(self, part: Part) -> list[Wire]:
        """The inputs of a part, without those from additional branches."""
        return [wire for wire in part.inputs if wire.part not in self.passed]

    def _is_consequence(self, part: Part, is_ours: bool) -> bool:
        """Whether a part exists, or has an effect, only because sizes before it differ."""
        if part.op in ("flatten", "reshape") or self.origins.is_idle(part, is_ours):
            return True
        return is_ours and any(map(self._is_resized, self.origins.asked(part)))

    def _is_resized(self, part: Part) -> bool:
        colors = self._colors()
        return any(colors[its] == colors[part] and its.dims != part.dims for its in self.parts[1])

    def _too_many(self, part: Part, is_ours: bool) -> Divergence:
        """The difference that a part has no counterpart. The part is skipped from now on."""
        self.passed[part] = part.inputs[0] if part.inputs else Wire(part)
        if not part.inputs or part.op == "output":
            self.passed.pop(part)
            self.mended[part] = self.palette.new()
            for parts in self.parts:
                parts[:] = [other for other in parts if other is not part]
        what = f"{named(part)} only {'here' if is_ours else 'there'}"
        follows = part.op != "output" and self._is_consequence(part, is_ours)
        return Divergence(what, part if is_ours else None, None if is_ours else part, follows=follows)

    def partners(self) -> dict[Part, Part]:
        """Parts of ours by their counterparts. To be called at the end of the walk."""
        colors = self._colors()
        waiting: dict[int, list[Part]] = defaultdict(list)
        for mine in self.parts[0]:
            if mine not in self.passed:
                waiting[colors[mine]].append(mine)
        theirs = [its for its in self.parts[1] if its not in self.passed]
        return {its: waiting[colors[its]].pop(0) for its in theirs if waiting[colors[its]]}

    # --- in words ----------------------------------------------------------------------------------

    def _arguments(self, part: Part, other: Part) -> tuple[Mapping[str, Any], Mapping[str, Any]]:
        """The arguments to compare. One op may have two forms at two sizes: then those of the nodes are compared."""
        return (part.arguments, other.arguments) if part.op == other.op else self.origins.arguments(part, other)

    def _names(self, part: Part, other: Part) -> tuple[str, ...]:
        """The names of the arguments that differ; a kernel of 1 is the same for a map and for positions in a row."""
        mine, its = self._arguments(part, other)
        return tuple(name for name in dict.fromkeys((*mine, *its)) if value(mine.get(name)) != value(its.get(name)))

    def _contrasts(self, part: Part, other: Part, colors: Mapping[Part, int]) -> Iterator[str]:
        names, (mine, its) = self._names(part, other), self._arguments(part, other)
        if part.op != other.op and not names:
            yield f"{named(part)} here, {named(other)} there"
            return
        for name in names:
            yield f"{name.replace('_', ' ')} {value(mine.get(name))} here, {value(its.get(name))} there"
        if not names:
            yield from self._results(part, other, colors)

    def _results(self, part: Part, other: Part, colors: Mapping[Part, int]) -> Iterator[str]:
        """How parts with equal arguments differ, in words: in their sizes, or in their inputs."""
        mine, its = self._taken(part, colors), self._taken(other, colors)
        if part.dims != other.dims:
            yield f"{named(part)} gives {sizes(part)} here, {sizes(other)} there"
        elif len(mine) != len(its):
            yield f"{named(part)} takes {len(mine)} values here, {len(its)} there"
        elif mine != its:
            yield f"{named(part)} takes {sources(part)} here, {sources(other)} there"
        else:
            yield f"weights {', '.join(part.slots) or 'none'} here, {', '.join(other.slots) or 'none'} there"
