"""Where two networks differ, in the order in which data flows.

Both are walked from their inputs. Each difference is noted and then treated as repaired, so that one mistake is one
difference: a part with other arguments counts as equal to its counterpart, and an additional part is skipped.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from archdsl.prove.colors import Palette, Parts, signature
from archdsl.prove.form import Form, Part, Wire

MOST = 200
"""Most differences that are looked for; after these the two are just different networks."""


@dataclass(frozen=True, slots=True)
class Divergence:
    """`what` differs between a part of ours and a part of theirs; one of them is None where it has no counterpart."""

    what: str
    ours: Part | None
    theirs: Part | None


def divergences(ours: Form, theirs: Form) -> list[Divergence]:
    """The differences in order, at most `MOST`."""
    walk = _Walk(ours.parts(), theirs.parts())
    found: list[Divergence] = []
    while len(found) < MOST and (divergence := walk.next()):
        found.append(divergence)
    return found


class _Walk:
    def __init__(self, ours: Parts, theirs: Parts) -> None:
        self.parts = (ours, theirs)
        self.palette = Palette()
        self.passed: dict[Part, Wire] = {}
        """Additional parts that are skipped, and for each the value that its users read instead."""
        self.mended: dict[Part, int] = {}
        """Parts that count as equal to one on the other side, and the color that both have."""
        self.settled: set[Part] = set()
        self.users: dict[Part, list[Part]] = defaultdict(list)
        for part in (*ours, *theirs):
            for wire in part.inputs:
                self.users[wire.part].append(part)

    def next(self) -> Divergence | None:
        """The first difference that has not been noted."""
        while True:
            colors = self._colors()
            here, there = self._strangers(colors)
            partner = self._partner(here[0], there, colors) if here else None
            if not here or partner is None:
                return self._too_many(next(iter(here), None), next(iter(there), None)) if here or there else None
            if not self._follows(here[0], partner):
                return self._differ(here[0], partner, colors)
            self._mend(here[0], partner)

    def _colors(self) -> dict[Part, int]:
        """Colors of parts by what they are and all that leads to them."""
        colors: dict[Part, int] = {}
        for parts in self.parts:
            for part in parts:
                colors[part] = self.mended.get(part, -1)
                if colors[part] < 0:
                    colors[part] = self.palette((signature(part), self._taken(part, colors)))
        return colors

    def _taken(self, part: Part, colors: Mapping[Part, int]) -> tuple[tuple[int, int], ...]:
        values = [(colors[wire.part], wire.port) for wire in map(self._read, part.inputs)]
        return tuple(sorted(values) if part.kind.commutative else values)

    def _read(self, wire: Wire) -> Wire:
        while wire.part in self.passed:
            wire = self.passed[wire.part]
        return wire

    def _strangers(self, colors: Mapping[Part, int]) -> tuple[list[Part], list[Part]]:
        """On each side the first parts without a counterpart: those whose inputs all have one."""
        counts = [Counter(colors[part] for part in parts if part not in self.passed) for parts in self.parts]
        found: tuple[list[Part], list[Part]] = ([], [])
        for side in (0, 1):
            left = counts[0] & counts[1]
            strange: set[Part] = set()
            for part in self.parts[side]:
                if part in self.passed:
                    continue
                if left[colors[part]] > 0:
                    left[colors[part]] -= 1
                    continue
                strange.add(part)
                if not any(self._read(wire).part in strange for wire in part.inputs):
                    found[side].append(part)
        return found

    def _partner(self, part: Part, others: list[Part], colors: Mapping[Part, int]) -> Part | None:
        """Of the other side's parts without counterpart, the one most like this; they must share an input."""

        def likeness(other: Part) -> tuple[bool, ...]:
            mine, its = self._taken(part, colors), self._taken(other, colors)
            return other.op == part.op, mine == its, bool({*mine} & {*its}), other.dims == part.dims

        likely = [other for other in others if likeness(other)[2] or (not part.inputs and not other.inputs)]
        if part.op == "output":
            likely = [other for other in others if other.op == "output"]
        return max(likely, key=likeness, default=None)

    def _differ(self, part: Part, other: Part, colors: Mapping[Part, int]) -> Divergence:
        if part.op != other.op:
            if self._is_inserted(part, other):
                return self._too_many(part, None)
            if self._is_inserted(other, part):
                return self._too_many(None, other)
        self._mend(part, other)
        return Divergence("; ".join(self._contrasts(part, other, colors)), part, other)

    def _mend(self, part: Part, other: Part) -> None:
        """From here on two parts count as equal."""
        self.mended[part] = self.mended[other] = self.palette.new()

    def _follows(self, part: Part, other: Part) -> bool:
        """Whether two parts differ only in size, and only because their inputs do."""
        same = part.op == other.op and part.arguments == other.arguments and len(part.inputs) == len(other.inputs)
        pairs = zip(part.inputs, other.inputs, strict=False)
        return same and part.dims != other.dims and any(one.dims != two.dims for one, two in pairs)

    def _is_inserted(self, part: Part, other: Part) -> bool:
        """Whether `part` is additional: it is followed by the op that the other side has in its place."""
        return bool(part.inputs) and any(user.op == other.op for user in self.users[part])

    def _too_many(self, here: Part | None, there: Part | None) -> Divergence:
        """The difference that the first of the two that is given has no counterpart; it is skipped from here on."""
        there = None if here else there
        part = here or there
        assert part is not None
        where = "here" if here else "there"
        self.passed[part] = part.inputs[0] if part.inputs else Wire(part)
        if not part.inputs or part.op == "output":
            self.passed.pop(part)
            self.mended[part] = self.palette.new()
            self._forget(part)
        return Divergence(f"{_named(part)} only {where}", here, there)

    def _forget(self, part: Part) -> None:
        """Leaves an additional part out of the comparison."""
        self.parts = tuple([p for p in parts if p is not part] for parts in self.parts)  # type: ignore[assignment]

    def _contrasts(self, part: Part, other: Part, colors: Mapping[Part, int]) -> Iterator[str]:
        if part.op != other.op:
            yield f"{_named(part)} here, {_named(other)} there"
            return
        for name in dict.fromkeys((*part.arguments, *other.arguments)):
            mine, its = part.arguments.get(name), other.arguments.get(name)
            if mine != its:
                yield f"{name.replace('_', ' ')} {_value(mine)} here, {_value(its)} there"
        if part.arguments == other.arguments:
            yield from self._results(part, other, colors)

    def _results(self, part: Part, other: Part, colors: Mapping[Part, int]) -> Iterator[str]:
        """How parts with the same arguments differ: in their sizes, or in their inputs."""
        mine, its = self._taken(part, colors), self._taken(other, colors)
        if part.dims != other.dims:
            yield f"{_named(part)} gives {_dims(part)} here, {_dims(other)} there"
        elif len(mine) != len(its):
            yield f"{_named(part)} takes {len(mine)} values here, {len(its)} there"
        elif mine != its:
            yield f"{_named(part)} takes {_sources(part)} here, {_sources(other)} there"
        else:
            yield f"weights {', '.join(part.slots) or 'none'} here, {', '.join(other.slots) or 'none'} there"


def _named(part: Part) -> str:
    return {"input": "the input", "output": "the result"}.get(part.op, part.op.replace("_", " "))


def _sources(part: Part) -> str:
    return " and ".join(wire.part.node for wire in part.inputs)


def _dims(part: Part) -> str:
    return ", ".join("x".join(map(str, dims)) for dims in part.dims)


def _value(value: Any) -> str:
    if isinstance(value, tuple) and value and all(isinstance(entry, int) for entry in value):
        return str(value[0]) if len(set(value)) == 1 else "x".join(map(str, value))
    return {True: "yes", False: "no", None: "none"}.get(value, str(value)) if _is_plain(value) else str(value)


def _is_plain(value: Any) -> bool:
    return value is None or isinstance(value, bool)
