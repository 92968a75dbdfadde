"""An encoder beside the decoder that asks it -> two columns, with one line from the foot of the first into the second.

So Vaswani et al. 2017 draw it in Figure 1. What tells them is that a value made by the one goes into every copy of a
block of the other, which begins elsewhere.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

from archdsl.backends.figures.items import Box, Item, OpenScope, OpRow, Tag, View, value_name
from archdsl.backends.figures.layout.columns import MARGIN, side_by_side
from archdsl.backends.figures.layout.compose import Pen, compose
from archdsl.backends.figures.options import Paper
from archdsl.backends.figures.page import scale
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
    """`value` is what the first items of a view, up to `end`, hand to the item at `into`, and to no other.

    `taker` is the path of what takes it, innermost, in the copies of a block. `layers` are the paths of the first of
    these copies, and of the copies that it comes from.
    """

    value: Value
    end: int
    into: int
    taker: str
    layers: tuple[str, ...]


def meeting(view: View) -> Meeting | None:
    """Where two ways meet, or None where a view is no such two."""
    made = {value: i for i, item in enumerate(view.items) for value in item.outputs}
    for at, item in enumerate(view.items):
        for value in item.inputs[:0] if isinstance(item, Tag) else item.inputs:
            end = made.get(value, at) + 1
            taker = _taker(item, value)
            if taker and _apart(view, end, value) and 1 < end < at:
                layers = (*_layers(view.items[end - 1]), taker.rpartition(".")[0])
                return Meeting(value, end, at, taker, layers)
    return None


def _layers(item: Item) -> Iterator[str]:
    """The copies in an item, each run by its first."""
    if isinstance(item, Box | OpenScope):
        yield from (inner.scope.path for inner in item.view.items if isinstance(inner, Box) and inner.count > 1)


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


def towers(views: Sequence[View], pen: Pen, paper: Paper) -> Picture | None:
    """The two columns, or None where a view has no such form, or where what takes the value is open.

    What comes after the decoder stands below it, or where that is too high beside it; so do further outputs.
    """
    view, *further = views
    found = meeting(view)
    if found is None or len(view.outputs) != 1:
        return None
    one = _column(View(view.items[: found.end], (), (found.value,)), found.value, pen)
    second = View(view.items[found.end :], (), view.outputs)
    picture = None
    for parts in filter(None, ([second], list(_halves(second, found.into - found.end + 1)))):
        columns = [_column(part, found.value, pen) for part in (*parts, *further)]
        other = side_by_side(columns, pen.theme)
        target = _box(list(placed(other.items)), found.taker)
        if target is None:
            break
        picture = _joined(one, other, target, found, pen)
        if scale(picture, paper) >= 1:
            break
    return picture


def _column(view: View, value: Value, pen: Pen) -> Picture:
    """A view's picture without the line of a value, which is drawn once for all the trials in which it occurs."""
    key = ("column", *map(id, view.items), view.inputs, view.outputs)
    if key not in pen.kept:
        pen.kept[key] = view, compose(replace(view, items=tuple(_without(view.items, value))), pen, None)
    return pen.kept[key][1]


def _halves(view: View, last: int) -> Iterator[View]:
    """A view up to the item before `last` with the tags of what that makes, and the rest, if one value goes on."""
    while last < len(view.items) and isinstance(view.items[last], Tag):
        last += 1
    made = {value for item in view.items[:last] for value in item.outputs}
    onward = tuple(dict.fromkeys(v for item in view.items[last:] for v in item.inputs if v in made))
    if len(onward) == 1 and not made & set(view.outputs):
        yield View(view.items[:last], view.inputs, onward)
        yield View(view.items[last:], onward, view.outputs)


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
    left, top = one.left + one.right + ACROSS, MARGIN
    start, foot = (one.left + one.exits[0], top + one.height), top + one.height + FOOT
    gutter, y = one.left + one.right + ACROSS / 2, target.y + target.height / 2
    way = start, (start[0], foot), (gutter, foot), (gutter, y), (left + target.x, y)
    line = Line(way, pen.theme.ink, 1.8, arrow=True, wire=Wire(value_name(found.value), one.ends[1], found.taker))
    items = (
        *(moved(item, one.left, top) for item in one.items),
        *(moved(item, left, 0) for item in other.items),
        line,
    )
    return Picture(0, left + other.right, max(foot, other.height), items)
