"""Tracks of several networks -> one grid: columns of one resolution, in them blocks, in them places for layers.

In each place stand the layers that belong together, one of each network at most. Equal blocks in a row become one.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby

from archdsl.backends.figures.compare.align import Place, align
from archdsl.backends.figures.compare.track import Layer, Skip, Track, Unit


@dataclass(frozen=True, slots=True)
class Numbered:
    """A layer with its number in its network, and that of its block."""

    layer: Layer
    number: int


@dataclass(frozen=True, slots=True)
class Block:
    """Places for layers side by side; `members` are the networks' blocks in it. It stands for `count` equal ones."""

    places: tuple[Place[Numbered], ...]
    members: Place[Unit]
    count: int = 1

    def has(self, network: int) -> bool:
        return any(place[network] is not None for place in self.places)


@dataclass(frozen=True, slots=True)
class Column:
    """All that the networks have at one resolution. `units` are each network's blocks, folded ones too."""

    level: int
    blocks: tuple[Block, ...]
    units: tuple[tuple[Unit, ...], ...]

    def layers(self, network: int) -> Iterator[Layer]:
        for block in self.blocks:
            for place in block.places:
                member = place[network]
                if member is not None:
                    yield member.layer


def grid(tracks: Sequence[Track], folded: bool) -> list[Column]:
    """The columns, each with its blocks; if `folded`, equal blocks in a row are one, with their count."""
    keyed = [_runs(of) for of in tracks]
    columns = []
    for place in align(keyed, lambda a, b: float(a[0] == b[0])):
        level = next(member[0] for member in place if member is not None)
        members = [member[1] if member is not None else [] for member in place]
        blocks = _blocks(tracks, members)
        held = tuple(_folded(blocks, tracks) if folded else blocks)
        columns.append(Column(level, held, tuple(map(tuple, members))))
    return columns


def _runs(track: Track) -> list[tuple[int, list[Unit]]]:
    """The blocks of one network at each resolution, with its level."""
    levels = groupby(track.units, lambda unit: track.layers[unit.end - 1].level)
    return [(level, list(units)) for level, units in levels]


def _blocks(tracks: Sequence[Track], members: Sequence[Sequence[Unit]]) -> Iterator[Block]:
    """The blocks of one column: such as share most layers stand in one place."""
    owner = {id(unit): t for t, units in zip(tracks, members, strict=True) for unit in units}

    def layers(unit: Unit) -> tuple[Layer, ...]:
        return owner[id(unit)].layers[unit.start : unit.end]

    def likeness(one: Unit, other: Unit) -> float:
        if (layers(one)[0].family is None) != (layers(other)[0].family is None):
            return 0.05
        return _likeness([layer.mark for layer in layers(one)], [layer.mark for layer in layers(other)])

    for place in align(members, likeness):
        held = [
            [Numbered(layer, unit.start + i) for i, layer in enumerate(layers(unit))] if unit is not None else []
            for unit in place
        ]
        places: list[Place[Numbered]] = align(held, _same_layer)
        yield Block(tuple(places), place)


def _likeness(one: Sequence[object], other: Sequence[object]) -> float:
    """1 of equal blocks; else by the layers that they share. A block and a lone layer may not share a place."""
    if list(one) == list(other):
        return 1.0
    if (len(one) == 1) != (len(other) == 1):
        return 0.0
    shared = len(set(one) & set(other)) / max(len(set(one)), len(set(other)))
    return 0.2 + 0.6 * shared


def _same_layer(one: Numbered, other: Numbered) -> float:
    if one.layer.mark == other.layer.mark:
        return 1.0
    return 0.3 if one.layer.mark[0] == other.layer.mark[0] else 0.2


def _folded(blocks: Iterator[Block], tracks: Sequence[Track]) -> Iterator[Block]:
    ends = [{number for skip in t.skips for number in (skip.start, skip.end - 1)} for t in tracks]
    for _, run in groupby(blocks, lambda block: _key(block, ends)):
        first, *others = run
        yield Block(first.places, first.members, 1 + len(others))


def _key(block: Block, ends: Sequence[set[int]]) -> object:
    """Equal for blocks that look alike in all rows. One that a skip from elsewhere ends in is like no other."""
    for network, numbers in enumerate(ends):
        if any(m.number in numbers for place in block.places if (m := place[network]) is not None):
            return id(block)
    marks = tuple(tuple(m.layer.mark if m else None for m in place) for place in block.places)
    skips = tuple(tuple(relative(skip, unit) for skip in unit.skips) if unit else None for unit in block.members)
    return marks, skips


def relative(skip: Skip, unit: Unit) -> tuple[int, int, str, str]:
    """A skip by its place in its block, so that those of equal blocks are equal."""
    return skip.start - unit.start, skip.end - unit.start, skip.sign, skip.text


def alone(place: Place[Numbered], network: int) -> bool:
    """Whether no other network has such a layer in this place."""
    own = place[network]
    others = [member.layer.mark for i, member in enumerate(place) if i != network and member is not None]
    return own is not None and own.layer.mark not in others
