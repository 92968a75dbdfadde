"""An encoder beside the decoder that asks it -> two columns, with one line from the foot of the first into the second.

So Vaswani et al. 2017 draw it in Figure 1. What tells them is that a value made by the one goes into every copy of a
block of the other, which begins elsewhere.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from archdsl.backends.figures.items import Item, OpenScope, OpRow, Tag, View, value_name
from archdsl.backends.figures.layout.compose import Pen, compose
from archdsl.backends.figures.layout.route import STEP
from archdsl.backends.figures.parts import Picture
from archdsl.backends.figures.scene import Group, Line, Shape, Wire, moved, placed
from archdsl.backends.figures.scene import Item as Drawn
from archdsl.ir.graph import Value

ACROSS = 46.0
"""Between the columns: the line runs up in the middle."""
FOOT = 12.0
"""From a column to the line below it."""


@dataclass(frozen=True, slots=True)
class Meeting:
    """`value` is what the first items of a view, up to `end`, hand to the others: `taker` is the path of what takes it,
    innermost, in the copies of a block.
    """

    value: Value
    end: int
    taker: str


def meeting(view: View) -> Meeting | None:
    """Where two ways meet, or None where a view is no such two."""
    made = {value: i for i, item in enumerate(view.items) for value in item.outputs}
    for at, item in enumerate(view.items):
        for value in item.inputs[:0] if isinstance(item, Tag) else item.inputs:
            end = made.get(value, at) + 1
            taker = _taker(item, value)
            if taker and _apart(view, end, value) and 1 < end < at:
                return Meeting(value, end, taker)
    return None


def _apart(view: View, end: int, value: Value) -> bool:
    """Whether the first items hand on nothing but one value, and the others begin with a source of their own."""
    before = {made for item in view.items[:end] for made in item.outputs}
    after = {taken for item in view.items[end:] for taken in item.inputs}
    return before & after == {value} and not view.items[end].inputs and not before & set(view.outputs)


def _taker(item: Item, value: Value) -> str | None:
    """The innermost scope, or op, that takes a value beside another one, in copies that all take it."""
    if isinstance(item, OpRow | Tag):
        return None
    takers = [inner for inner in item.view.items if value in inner.inputs]
    if len(takers) != 1 or len(takers[0].inputs) < 2:
        return None
    (inner,) = takers
    if item.count > 1:
        return inner.ends[0]
    return _taker(inner, value)


def towers(view: View, pen: Pen) -> Picture | None:
    """The two columns, or None where a view has no such form, or where what takes the value is open."""
    found = meeting(view)
    if found is None or len(view.outputs) != 1:
        return None
    first = View(view.items[: found.end], (), (found.value,))
    second = View(tuple(_without(view.items[found.end :], found.value)), (), view.outputs)
    one, other = compose(first, pen, None), compose(second, pen, None)
    target = _box(list(placed(other.items)), found.taker)
    return _joined(one, other, target, found, pen) if target else None


def _without(items: Iterable[Item], value: Value) -> list[Item]:
    """Items as if they did not take a value."""
    kept = []
    for item in items:
        if value not in item.inputs:
            kept.append(item)
            continue
        inputs = tuple(taken for taken in item.inputs if taken != value)
        if isinstance(item, OpenScope):
            inner = tuple(taken for taken in item.view.inputs if taken != value)
            view = View(tuple(_without(item.view.items, value)), inner, item.view.outputs)
            kept.append(replace(item, inputs=inputs, view=view))
        else:
            kept.append(replace(item, inputs=inputs))
    return kept


def _box(items: Sequence[Drawn], path: str) -> Shape | None:
    """The outline of a closed box by its path."""
    for item in items:
        if isinstance(item, Group):
            if dict(item.data).get("path") == path:
                shapes = [inner for inner in item.items if isinstance(inner, Shape)]
                held = any(isinstance(inner, Group) for inner in item.items)
                return shapes[-1] if shapes and not held else None
            if (found := _box(item.items, path)) is not None:
                return found
    return None


def _joined(one: Picture, other: Picture, target: Shape, found: Meeting, pen: Pen) -> Picture:
    left = one.left + one.right + ACROSS + other.left
    start, foot = (one.left + one.exits[0], one.height), one.height + FOOT
    gutter, y = one.left + one.right + ACROSS / 2, target.y + target.height / 2
    way = start, (start[0], foot), (gutter, foot), (gutter, y), (left + target.x, y)
    wire = Wire(value_name(found.value), one.ends[1], found.taker)
    ends = [(left + x, other.height) for x in other.exits]
    leaving = [
        Line(((x, y), (x, y + STEP)), pen.theme.ink, arrow=True, wire=Wire(value_name(value), other.ends[1]))
        for (x, y), value in zip(ends, other.makes, strict=True)
    ]
    items = (
        *(moved(item, one.left, 0) for item in one.items),
        *(moved(item, left, 0) for item in other.items),
        Line(way, pen.theme.ink, 1.8, arrow=True, wire=wire),
        *leaving,
    )
    high = max(foot, other.height + STEP)
    return Picture(0, left + other.right, high, items)
