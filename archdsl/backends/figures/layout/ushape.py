"""A network that goes down and comes up again -> two columns: down at the left, up at the right, skips straight across.

That is how U-Net and its like are drawn: each level beside the one that it hands its value to.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from archdsl.backends.figures.items import Item as Member
from archdsl.backends.figures.items import OpRow, Tag, View, value_name
from archdsl.backends.figures.layout.columns import BESIDE
from archdsl.backends.figures.layout.compose import Pen, compose
from archdsl.backends.figures.layout.route import STEP
from archdsl.backends.figures.parts import Picture
from archdsl.backends.figures.scene import Item, Line, Wire, flipped, moved
from archdsl.ir.graph import Value

ACROSS = 70.0
"""Between the columns."""


@dataclass(frozen=True, slots=True)
class _Skip:
    """A value that the item numbered `start` hands to a later one, past those between them."""

    start: int
    end: int
    value: Value


@dataclass(frozen=True, slots=True)
class _Level:
    """What stands side by side: the way down to where a skip leaves, and the way up from where it arrives."""

    down: Picture
    up: Picture


def ushape(view: View, pen: Pen) -> Picture | None:
    """The two columns, or None if the network has no such form."""
    skips = _nested(view.items)
    if skips is None or len(view.outputs) != 1:
        return None
    turn = _part(view, skips[-1].start + 1, skips[-1].end, (skips[-1].value,))
    starts = [0, *(skip.start + 1 for skip in skips)]
    ends = [len(view.items), *(skip.end for skip in skips)]
    levels = []
    for skip, start, end in zip(skips, starts, ends, strict=False):
        entering = (_made(view.items[start - 1]),) if start else view.inputs
        down = compose(_part(view, start, skip.start + 1, entering), pen, None)
        part = _part(view, skip.end, end, (_made(view.items[skip.end - 1]), skip.value))
        up = compose(part, pen, None, skipping=(skip.value,))
        levels.append(_Level(down, up))
    return _drawn(levels, compose(turn, pen, None), pen)


def _made(item: Member) -> Value:
    return item.outputs[0]


def _part(view: View, start: int, end: int, inputs: tuple[Value, ...]) -> View:
    return View(view.items[start:end], inputs, (_made(view.items[end - 1]),))


def _nested(items: Sequence[Member]) -> list[_Skip] | None:
    """The skips, the outermost first, if all else is a chain and each lies within the one before."""
    if any(isinstance(item, Tag) or len(item.outputs) != 1 for item in items):
        return None
    if not all(_made(before) in after.inputs for before, after in pairwise(items)):
        return None
    makers = {_made(item): i for i, item in enumerate(items)}
    skips = [
        _Skip(makers[value], end, value)
        for end, item in enumerate(items)
        for value in item.inputs
        if value in makers and makers[value] < end - 1
    ]
    skips.sort(key=lambda skip: skip.start)
    nested = all(a.start < b.start and b.end < a.end for a, b in pairwise(skips))
    plain = any(isinstance(items[skip.end], OpRow) for skip in skips)
    return skips if len(skips) > 1 and nested and not plain else None


def _drawn(levels: Sequence[_Level], turn: Picture, pen: Pen) -> Picture:
    left = max(level.down.left for level in levels)
    across = left + max([turn.right, *(level.down.right for level in levels)]) + ACROSS
    axes = _axes(levels)
    axis = across + max(level.up.left - x for level, x in zip(levels, axes, strict=True))
    skips: list[Item] = []
    items: list[Item] = []
    y, x, arriving = 0.0, left, list[tuple[float, float]]()
    for level, dx in zip(levels, axes, strict=True):
        x -= level.down.entries[0] if level.down.entries else 0.0
        foot = y + max(level.down.height, level.up.height)
        items += [moved(item, x, y) for item in level.down.items]
        up = tuple(flipped(level.up.items, level.up.height))
        items += [moved(item, axis + dx, foot - level.up.height) for item in up]
        main, skip = (axis + dx + entry for entry in level.up.entries)
        leave, value = (x + level.down.exits[0], y + level.down.height), level.down.makes[0]
        way = leave, (leave[0], foot + BESIDE), (skip, foot + BESIDE), (skip, foot)
        skips.append(_line(pen, value, way, skips=True))
        if arriving:
            start = axis + dx + level.up.exits[0], foot - level.up.height
            items.append(_line(pen, level.up.makes[0], (start, arriving[-1])))
        arriving.append((main, foot))
        x, y = leave[0], foot + BESIDE
        items.append(_line(pen, value, (leave, (x, y))))
    x -= turn.entries[0]
    items += [moved(item, x, y) for item in turn.items]
    end, (onto, above) = (x + turn.exits[0], y + turn.height), arriving[-1]
    foot = end[1] + BESIDE
    items.append(_line(pen, turn.makes[0], (end, (end[0], foot), (onto, foot), (onto, above))))
    top = levels[0].up
    end = axis + axes[0] + top.exits[0], max(levels[0].down.height - top.height, 0.0)
    items.append(_line(pen, top.makes[0], (end, (end[0], end[1] - STEP)), arrow=True))
    right = axis + max(level.up.right + dx for level, dx in zip(levels, axes, strict=True))
    return Picture(0, right, foot + 2 * STEP, tuple(moved(item, 0, STEP) for item in (*skips, *items)))


def _axes(levels: Sequence[_Level]) -> list[float]:
    """Where the axis of each level's way up is, so that each continues the one below."""
    x, axes = 0.0, list[float]()
    for level in reversed(levels):
        x -= level.up.entries[0]
        axes.append(x)
        x += level.up.exits[0]
    return axes[::-1]


def _line(
    pen: Pen, value: Value, points: tuple[tuple[float, float], ...], *, skips: bool = False, arrow: bool = False
) -> Line:
    stroke, line = (pen.theme.skip, 1.8) if skips else (pen.theme.ink, 1.4)
    return Line(points, stroke, line, arrow=arrow, branch=skips, wire=Wire(value_name(value)))
