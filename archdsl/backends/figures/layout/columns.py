"""A network from top to bottom -> columns side by side, read from left to right, that fill a page well.

The way may be cut wherever few values are alive; a stage that is cut goes on in the next column.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import groupby

from archdsl.backends.figures.items import Item as Member
from archdsl.backends.figures.items import OpenScope, Tag, View, value_name
from archdsl.backends.figures.layout.compose import BELOW, HEADER, Pen, compose
from archdsl.backends.figures.layout.route import END, STEP
from archdsl.backends.figures.parts import Picture
from archdsl.backends.figures.scene import Item, Line, Wire, moved
from archdsl.backends.figures.style import Theme
from archdsl.ir.graph import Value

GUTTER = 24.0
"""Between columns, where the line from one to the next runs up."""
MARGIN = 11.0
"""Above and below the columns, for the same line."""
BESIDE = 8.0
"""Between two such lines."""
AROUND = HEADER + BELOW
"""What a frame adds to the height of what it holds, about."""


@dataclass(frozen=True, slots=True)
class Piece:
    """A part of the network that is not cut, perhaps of a stage. `starts`: no line leads to it."""

    view: View
    frame: OpenScope | None
    height: float
    width: float
    starts: bool = False


def cut(view: View, most: int) -> Iterator[View]:
    """The parts of a view between the places where at most so many values go on. A tag stays with what it names."""
    order = {id(item): i for i, item in enumerate(view.items)}
    made = dict.fromkeys(view.inputs, -1) | {v: order[id(i)] for i in view.items for v in i.outputs}
    last = dict(made)
    for item in view.items:
        for value in item.inputs:
            last[value] = max(last.get(value, 0), order[id(item)])
    last |= dict.fromkeys(view.outputs, len(view.items))
    start, entering = 0, view.inputs
    for end in range(1, len(view.items)):
        alive = [value for value in made if made[value] < end <= last[value]]
        backwards = any(made.get(v, -1) >= end for item in view.items[start:end] for v in item.inputs)
        tag = view.items[end]
        if 0 < len(alive) <= most and not backwards and not (isinstance(tag, Tag) and tag.inputs):
            leaving = tuple(sorted(alive, key=lambda value: -made[value]))
            yield View(view.items[start:end], entering, leaving)
            start, entering = end, leaving
    yield View(view.items[start:], entering, view.outputs)


def pieces(view: View, pen: Pen, most: int, blocks: bool) -> list[Piece]:
    """The network's parts, and those of its stages, in order. `blocks`: stages that are one block are cut too."""
    found = []
    for part in cut(view, most):
        (*_, last) = part.items
        alone = most > 0 and len(part.items) == 1 and set(part.outputs) <= set(last.outputs)
        alone = alone and isinstance(last, OpenScope) and last.count == 1 and part.inputs == last.inputs
        inside = list(cut(last.view, 1)) if alone and isinstance(last, OpenScope) else []
        # A frame does not hand on what it is handed, so that a value which passes through one is no place to cut.
        if any(set(inner.inputs) & set(inner.outputs) for inner in inside):
            inside = []
        if inside and isinstance(last, OpenScope) and (blocks or not last.scope.block):
            found += [_piece(inner, last, pen) for inner in inside]
        else:
            found.append(_piece(part, None, pen))
    return found


def _piece(view: View, frame: OpenScope | None, pen: Pen) -> Piece:
    key = _key(view, frame)
    if key not in pen.kept:
        pen.kept[key] = (view, frame), compose(view, pen, frame.scope if frame else None)
    _, picture = pen.kept[key]
    return Piece(view, frame, picture.height - END, picture.left + picture.right)


def _key(view: View, frame: OpenScope | None) -> tuple[object, ...]:
    """What a part of the network is told by, among all that one pen draws."""
    return tuple(map(id, view.items)), view.inputs, view.outputs, id(frame)


def columns(parts: Sequence[Piece], ends: Sequence[int], pen: Pen) -> list[Picture]:
    """The pieces in columns, each up to (and without) one of `ends`."""
    return [_kept(parts[start:end], pen) for start, end in zip([0, *ends[:-1]], ends, strict=True)]


def _kept(parts: Sequence[Piece], pen: Pen) -> Picture:
    """A column, which is drawn once for all the trials in which it occurs."""
    key = tuple((_key(part.view, part.frame), part.starts) for part in parts)
    if key not in pen.kept:
        pen.kept[key] = parts, _column(parts, pen)
    return pen.kept[key][1]


def filled(parts: Sequence[Piece], count: int) -> tuple[list[int], float, float]:
    """Where at most `count` columns end so that the highest is as low as may be; about how wide and high that is."""
    low, high = max(piece.height for piece in parts), sum(piece.height + AROUND for piece in parts)
    while high - low > 1:
        middle = (low + high) / 2
        low, high = (low, middle) if len(_fill(parts, middle)) <= count else (middle, high)
    ends = _fill(parts, high)
    widths = [max(p.width for p in parts[start:end]) for start, end in zip([0, *ends[:-1]], ends, strict=True)]
    return ends, sum(widths) + GUTTER * (len(ends) - 1), high + 2 * MARGIN


def _fill(parts: Sequence[Piece], limit: float) -> list[int]:
    """Where each column ends, if each takes as much as it can."""
    ends, used = [], 0.0
    for i, part in enumerate(parts):
        alone = part.height + (AROUND if part.frame else 0)
        goes_on = i and part.frame is not None and parts[i - 1].frame is part.frame
        more = part.height if goes_on else alone + (2 * STEP + 4 if part.starts else 0)
        if used and used + more > limit:
            ends.append(i)
            used = 0.0
        used = used + more if used else alone
    return [*ends, len(parts)]


def _column(parts: Sequence[Piece], pen: Pen) -> Picture:
    """Pieces one below the other; those that no line leads to start anew, with an arrow to end what was before."""
    runs: list[list[Piece]] = []
    for part in parts:
        if part.starts or not runs:
            runs.append([])
        runs[-1].append(part)
    first, *others = (compose(_joined(run), pen, None) for run in runs)
    items, left, right, y, last = list(first.items), first.left, first.right, first.height, first
    for picture in others:
        items += _endings(last, 0.0, y, pen.theme)
        y += 2 * STEP + 4
        items += [moved(item, 0, y) for item in picture.items]
        left, right, y, last = max(left, picture.left), max(right, picture.right), y + picture.height, picture
    start = replace(first, entries=(), takes=()) if parts[0].starts else first
    drawn = replace(start, exits=last.exits, makes=last.makes)
    return replace(drawn, left=left, right=right, height=y, items=tuple(items))


def _endings(picture: Picture, axis: float, y: float, theme: Theme) -> list[Item]:
    """Arrows for the values that leave at the foot of a picture and go nowhere on the page."""
    leaving = zip(picture.exits, picture.makes, strict=True)
    return [
        Line(((axis + x, y), (axis + x, y + STEP)), theme.ink, arrow=True, wire=Wire(value_name(value)))
        for x, value in leaving
    ]


def _joined(run: Sequence[Piece]) -> View:
    """The view of pieces that follow one another: what they hold, with their stages around it."""
    items: list[Member] = []
    for _, members in groupby(run, key=lambda piece: id(piece.frame) if piece.frame else 0):
        stage = list(members)
        inner = tuple(item for piece in stage for item in piece.view.items)
        frame, inputs, outputs = stage[0].frame, stage[0].view.inputs, stage[-1].view.outputs
        if frame is None:
            items += inner
        else:
            inputs = frame.inputs if inputs == frame.view.inputs else inputs
            more = inner[0] is not frame.view.items[0]
            items.append(OpenScope(frame.scope, inputs, outputs, View(inner, inputs, outputs), more=more))
    return View(tuple(items), run[0].view.inputs, run[-1].view.outputs)


def side_by_side(pictures: Sequence[Picture], theme: Theme) -> Picture:
    """Columns with the lines that lead from the foot of each to the head of the next, where there are any."""
    high = max(picture.height for picture in pictures)
    items: list[Item] = []
    x, before = 0.0, _Placed(Picture(0, 0, 0, (), (), ()), 0.0)
    deepest = max(len(picture.exits) for picture in pictures) - 1
    for picture in pictures:
        several = max(len(before.picture.exits) - 1, 0)
        gutter = GUTTER + BESIDE * several
        x += gutter if x else 0.0
        here = _Placed(picture, x + picture.left)
        if here.entering and not before.leaving:
            items += [_entry(here.entering[value], value, theme) for value in picture.takes]
        elif here.entering:
            items += _turns(before, here, x - gutter / 2, theme)
        else:
            items += _endings(before.picture, before.axis, before.picture.height, theme)
        items += [moved(item, here.axis, 0) for item in picture.items]
        before, x = here, here.axis + picture.right
    items += _endings(before.picture, before.axis, before.picture.height, theme)
    margin = MARGIN + BESIDE * max(deepest, 0)
    return Picture(0, x, high + 2 * margin, tuple(moved(item, 0, margin) for item in items))


@dataclass(frozen=True, slots=True)
class _Placed:
    """A column and where its axis is; where values enter and leave it, from left to right."""

    picture: Picture
    axis: float

    @property
    def entering(self) -> dict[Value, float]:
        return self._places(self.picture.takes, self.picture.entries)

    @property
    def leaving(self) -> dict[Value, float]:
        return self._places(self.picture.makes, self.picture.exits)

    def _places(self, values: Sequence[Value], xs: Sequence[float]) -> dict[Value, float]:
        return dict(sorted(((v, self.axis + x) for v, x in zip(values, xs, strict=True)), key=lambda pair: pair[1]))


def _entry(x: float, value: Value, theme: Theme) -> Line:
    return Line(((x, -MARGIN), (x, 0.0)), theme.ink, wire=Wire(value_name(value)))


def _turns(before: _Placed, here: _Placed, gutter: float, theme: Theme) -> Iterator[Item]:
    """Lines from one column's foot to the next one's head: each value has a height of its own, below, beside, above."""
    bottom, last = before.picture.height, len(before.leaving) - 1
    above = {value: BESIDE * i for i, value in enumerate(here.entering)}
    for i, (value, start) in enumerate(before.leaving.items()):
        inner = BESIDE * (last - i)
        down, up = bottom + MARGIN - 4 + inner, 4 - MARGIN - above[value]
        across, end = gutter + inner - BESIDE * last / 2, here.entering[value]
        points = (start, bottom), (start, down), (across, down), (across, up), (end, up), (end, 0.0)
        yield Line(points, theme.ink, wire=Wire(value_name(value)))
