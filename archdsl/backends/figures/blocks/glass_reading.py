"""A block that halves its maps several times and comes up again -> its way from left to right, and what skips parts.

Where the block uses itself, what is inside is read as part of the way.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from math import log2

from archdsl.backends.figures.items import Box, Detail, Item, OpenScope, OpRow, Tag, View
from archdsl.backends.figures.view import Viewer
from archdsl.ir.graph import Scope, Value

LEAST, MOST = 2, 5
"""How many halvings such a block has. Deeper uses of itself stay boxes."""


@dataclass(frozen=True, slots=True)
class Skip:
    """What the item before number `start` of the way makes goes to number `end`, perhaps through an item."""

    start: int
    end: int
    value: Value
    through: OpRow | Box | None


@dataclass(frozen=True, slots=True)
class Glass:
    """The way in order, and its skips, the outermost first. `levels` counts the halvings after each item.

    `held` are the uses of the block inside itself, the largest first.
    """

    way: tuple[OpRow | Box, ...]
    skips: tuple[Skip, ...]
    levels: tuple[int, ...]
    entering: Value
    leaving: Value
    held: tuple[Scope, ...]

    def before(self, i: int) -> int:
        """The level of what number `i` of the way takes."""
        return self.levels[i - 1] if i else 0


def read(viewer: Viewer, scope: Scope) -> Glass | None:
    """None if the scope has another form."""
    view = viewer.content(scope.path, Detail(0, own=scope.block or ""), 0)
    if len(view.inputs) != 1 or len(view.outputs) != 1:
        return None
    held: list[Scope] = []
    items = list(_unrolled(view, scope.block, held))
    if any(isinstance(item, Tag | OpenScope) or len(item.outputs) != 1 for item in items):
        return None
    glass = _way(viewer, view, items, held)
    return glass if glass and _narrow(glass) else None


def _unrolled(view: View, block: str | None, held: list[Scope]) -> Iterator[Item]:
    for item in view.items:
        if isinstance(item, Box) and block and item.scope.block == block and item.count == 1 and len(held) + 1 < MOST:
            held.append(item.scope)
            yield from _unrolled(item.view, block, held)
        else:
            yield item


def _way(viewer: Viewer, view: View, items: list[Item], held: list[Scope]) -> Glass | None:
    makers = {item.outputs[0]: item for item in items if isinstance(item, OpRow | Box)}
    long: dict[Value, int] = {}
    for value, item in makers.items():
        long[value] = 1 + max((long.get(taken, 0) for taken in item.inputs), default=0)
    way, joins, value = list[OpRow | Box](), list[tuple[OpRow | Box, Value]](), view.outputs[0]
    while value in makers:
        item = makers[value]
        way.append(item)
        if len(item.inputs) > 2:
            return None
        value, *others = sorted(item.inputs, key=lambda taken: -long.get(taken, 0))
        joins += [(item, other) for other in others]
    way.reverse()
    places = {item.outputs[0]: i + 1 for i, item in enumerate(way)} | {view.inputs[0]: 0}
    uses = Counter([*(taken for item in items for taken in item.inputs), *view.outputs])
    skips = [_skip(way, join, taken, makers, places, uses) for join, taken in joins]
    found = sorted((skip for skip in skips if skip), key=lambda skip: skip.start)
    covered = len(way) + sum(skip.through is not None for skip in found)
    if value != view.inputs[0] or len(found) < len(joins) or covered != len(items):
        return None
    levels = _levels(viewer, view.inputs[0], way)
    return Glass(tuple(way), tuple(found), levels, value, view.outputs[0], tuple(held)) if levels else None


def _skip(
    way: list[OpRow | Box],
    join: OpRow | Box,
    taken: Value,
    makers: dict[Value, OpRow | Box],
    places: dict[Value, int],
    uses: Counter[Value],
) -> Skip | None:
    """How a join's further value comes from the way."""
    end = places[join.outputs[0]] - 1
    if taken in places:
        return Skip(places[taken], end, taken, None)
    item = makers.get(taken)
    if item is None or uses[taken] > 1 or len(item.inputs) != 1 or item.inputs[0] not in places:
        return None
    return Skip(places[item.inputs[0]], end, item.inputs[0], item)


def _levels(viewer: Viewer, entering: Value, way: list[OpRow | Box]) -> tuple[int, ...]:
    """Halvings after each item of the way; empty where sizes are no halves of the first."""
    sizes = [viewer.graph.tensor(value).spatial for value in (entering, *(item.outputs[0] for item in way))]
    if not all(sizes):
        return ()
    parts = [log2(sizes[0][0] / size[0]) for size in sizes[1:]]
    return tuple(round(part) for part in parts) if all(part == round(part) for part in parts) else ()


def _narrow(glass: Glass) -> bool:
    """Whether the levels go down step by step and up again, and each has a skip that lies within the one before."""
    steps = [after - before for before, after in pairwise((0, *glass.levels))]
    down, up = [i for i, step in enumerate(steps) if step > 0], [i for i, step in enumerate(steps) if step < 0]
    regular = all(abs(step) <= 1 for step in steps) and len(down) == len(up) >= LEAST and max(down) < min(up)
    nested = all(a.start < b.start and b.end < a.end for a, b in pairwise(glass.skips))
    level = all((0, *glass.levels)[skip.start] == glass.levels[skip.end] for skip in glass.skips)
    return regular and nested and level and len(glass.skips) == len(down) and glass.levels[-1] == 0
