"""A scene -> the step in which each of its items appears, so that a figure can be built up in a lecture.

Steps follow the flow, as boxes are written in that order: branches one after another, then what joins them. A box that
a wire leads back from, to one written before, comes with that one. Everything else comes with the boxes it belongs to.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from itertools import accumulate, groupby
from operator import itemgetter

from archdsl.backends.figures.scene import Curve, Group, Item, Leaf, Line, Scene, Text, Wire, leaves
from archdsl.backends.figures.units import Entry, Reading, Unit

MOST = 12
"""Frames of one figure, unless asked otherwise."""
FEWEST = 4
"""Where whole frames of a picture would give fewer steps, what is in them is shared out instead."""
AXIS_ENDS = 2
"""The points of a line that is an axis; a line of more is what was measured."""


def stepped(scene: Scene, most: int = MOST) -> Scene:
    """The scene with the step of each leaf, from 1 on, in at most `most` steps.

    The head and the legend are there from the first. Each further step adds a box, and a line comes when both of its
    ends are there. Raises `ValueError` if `most` is below 1.
    """
    if most < 1:
        raise ValueError(f"a figure has one frame at least, not {most}")
    head, legend = scene.around
    inner = scene.items[head : len(scene.items) - legend]
    before, after = scene.items[:head], scene.items[head + len(inner) :]
    reading = Reading(inner)
    steps = _Placing(reading, _numbered(reading, most)).steps()
    return replace(scene, steps=(*(1 for _ in leaves(before)), *steps, *(1 for _ in leaves(after))))


def frames(scene: Scene) -> list[Scene]:
    """A scene for each step: what has appeared by then, where it lies in the whole. The last is the whole figure."""
    whole = replace(scene, steps=())
    early = range(1, max(scene.steps, default=1))
    return [replace(whole, items=tuple(_until(scene.items, iter(scene.steps), step))) for step in early] + [whole]


def _until(items: Sequence[Item], steps: Iterator[int], last: int) -> Iterator[Item]:
    """The items that have appeared by the step `last`; a group without any is left out."""
    for item in items:
        if isinstance(item, Group):
            inner = tuple(_until(item.items, steps, last))
            if inner:
                yield replace(item, items=inner)
        elif next(steps) <= last:
            yield item


def marked(scene: Scene) -> tuple[Item, ...]:
    """The items with their steps: each lies in a group that says it, the nearest around it that says any."""
    return tuple(_marked(scene.items, list(scene.steps), 0))


def _marked(items: Sequence[Item], steps: Sequence[int], around: int) -> Iterator[Item]:
    """`steps` are of the leaves of these items, `around` is what the group around them says."""
    counts = [sum(1 for _ in leaves([item])) for item in items]
    starts = accumulate(counts, initial=0)
    each = [(item, steps[start : start + count]) for item, count, start in zip(items, counts, starts, strict=False)]
    for (step, grouped), run in groupby(each, lambda pair: (min(pair[1]), isinstance(pair[0], Group))):
        said = step if step != around else 0
        if grouped:
            for item, own in run:
                assert isinstance(item, Group)
                yield replace(item, items=tuple(_marked(item.items, own, step)), step=said)
        elif said:
            yield Group(tuple(item for item, _ in run), step=said)
        else:
            yield from (item for item, _ in run)


# --- which box comes when --------------------------------------------------------------------


def _numbered(reading: Reading, most: int) -> list[int]:
    """The step of each unit, from 1."""
    slots = _slots(reading)
    steps = [0] * len(reading.units)
    for step, group in enumerate(_grouped(reading, slots, most), 1):
        for unit in group:
            steps[unit.number] = step
    return steps


def _slots(reading: Reading) -> list[list[Unit]]:
    """What appears at once, in the order of the steps."""
    units = reading.units
    if reading.beside_each_other:
        own = sorted({unit.network for unit in units if unit.only == "1"})
        alone = [[unit for unit in units if unit.only == "1" and unit.network == network] for network in own]
        common = [unit for unit in units if unit.only != "1"]
        return [common, *alone] if common else alone
    homes: list[int] = []
    for unit in units:
        homes.append(min([unit.number, *(homes[before] for before in reading.backward.get(unit.number, ()))]))
    slots: dict[object, list[Unit]] = {}
    for unit in units:
        home = units[homes[unit.number]]
        slots.setdefault(home.family or home.number, []).append(unit)
    return sorted(slots.values(), key=lambda slot: any(unit.late for unit in slot))


def _grouped(reading: Reading, slots: list[list[Unit]], most: int) -> list[list[Unit]]:
    """Slots, of which neighbours share a step where they are too many: those in one frame, as far as that goes."""
    if len(slots) <= most:
        return slots
    depths = range(max(len(slot[0].frames) for slot in slots), -1, -1)
    finer = slots
    for depth in depths:
        homes = [slot[0].inside(depth) for slot in slots]
        found = [_flat(slot for _, slot in run) for _, run in groupby(zip(homes, slots, strict=True), itemgetter(0))]
        if len(found) <= most:
            return found if len(found) >= min(FEWEST, most) else _shared(finer, most)
        finer = found
    return _shared(finer, most)


def _shared(slots: list[list[Unit]], most: int) -> list[list[Unit]]:
    """Slots shared out evenly among so many steps."""
    numbered = [(i * most // len(slots), slot) for i, slot in enumerate(slots)]
    return [_flat(slot for _, slot in run) for _, run in groupby(numbered, itemgetter(0))]


def _flat(slots: Iterable[list[Unit]]) -> list[Unit]:
    return [unit for slot in slots for unit in slot]


# --- what comes with them --------------------------------------------------------------------


class _Placing:
    """Gives each leaf its step, where those of the units are known."""

    def __init__(self, reading: Reading, steps: list[int]) -> None:
        self.reading, self.unit_steps = reading, steps
        self.known: dict[int, int] = {}

    def steps(self) -> list[int]:
        """In the order of the leaves."""
        entries = self.reading.entries
        for i, entry in enumerate(entries):
            if entry.unit is not None:
                self.known[i] = self.unit_steps[entry.unit]
        self._wires()
        for i, entry in enumerate(entries):
            if i not in self.known:
                self.known[i] = self._loose(i, entry)
        return [self.known[i] for i in range(len(entries))]

    def _step(self, units: Sequence[int], *, last: bool = False) -> int:
        found = [self.unit_steps[unit] for unit in units]
        return (max if last else min)(found, default=1)

    def _wires(self) -> None:
        """A line comes with the later of its ends; a part of a way no earlier than the parts that it meets."""
        wires = self.reading.wires
        for i, leaf, wire in wires:
            self.known[i] = self._of_wire(leaf, wire)
        changed = True
        while changed:
            changed = False
            for i, others in self.reading.joined:
                step = max(self.known[i], min(self.known[other] for other in others))
                changed |= step > self.known[i]
                self.known[i] = step

    def _of_wire(self, leaf: Line | Curve, wire: Wire) -> int:
        source, target = (
            self._step(self.reading.at(path, point))
            for path, point in ((wire.source, leaf.points[0]), (wire.target, leaf.points[-1]))
        )
        return max(source, target)

    def _loose(self, i: int, entry: Entry) -> int:
        reading, leaf = self.reading, entry.leaf
        if reading.banded:
            return self._in_band(leaf)
        if isinstance(leaf, Text) and leaf.of:
            line = reading.line_before(i, leaf.of)
            if line is not None:
                return self.known[line]
            if makers := reading.makers(leaf.of):
                return self._step(makers)
            return min((self.known[j] for j, _, wire in reading.wires if wire.value == leaf.of), default=1)
        if reading.families:
            return 1
        if reading.beside_each_other:
            return self._step(reading.level_with(leaf), last=True)
        if i in reading.users:
            return self._step(reading.users[i])
        if entry.before is not None:
            return self.unit_steps[entry.before]
        return self._step(reading.inside_of(entry.frames))

    def _in_band(self, leaf: Leaf) -> int:
        """The step of the band that holds most of it. An axis over several is there from the start."""
        bands = self.reading.bands_over(leaf)
        axis = isinstance(leaf, Line) and len(leaf.points) == AXIS_ENDS
        return 1 if len(bands) > 1 and axis else self._step(bands[:1])
