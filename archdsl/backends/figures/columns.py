"""A network from top to bottom -> columns side by side, read from left to right, that fill a page well.

A chain may be cut wherever only one value is alive; a stage that is cut goes on in the next column.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from archdsl.backends.figures.compose import BELOW, STEP, Pen, compose, framed
from archdsl.backends.figures.parts import FOOTER, Picture
from archdsl.backends.figures.scene import Item, Line, moved
from archdsl.backends.figures.style import Theme
from archdsl.backends.figures.view import Frame, View
from archdsl.ir.graph import Scope
from archdsl.tensor import Tensor

GUTTER = 30.0
"""Between columns, where the line from one to the next runs up."""
MARGIN = 12.0
"""Above and below the columns, for the same line."""


@dataclass(frozen=True, slots=True)
class Piece:
    """What is not cut. `frame` is the stage it is a part of; `made` the shape to be written when that ends."""

    picture: Picture
    frame: Scope | None = None
    opens: bool = True
    closes: bool = True
    made: Tensor | None = None
    joined: bool = True
    """Whether a line leads here from the piece before."""


def cut(view: View) -> Iterator[View]:
    """The parts of a view between the places where one value only goes on."""
    order = {id(item): i for i, item in enumerate(view.items)}
    made = {value: -1 for value in view.inputs} | {v: order[id(i)] for i in view.items for v in i.outputs}
    last = {value: made[value] for value in made}
    for item in view.items:
        for value in item.inputs:
            last[value] = max(last.get(value, 0), order[id(item)])
    last |= {value: len(view.items) for value in view.outputs}
    start, entering = 0, view.inputs
    for end in range(1, len(view.items) + 1):
        alive = tuple(value for value in made if made[value] < end <= last[value])
        backwards = any(made.get(v, -1) >= end for item in view.items[:end] for v in item.inputs)
        if end == len(view.items):
            yield View(view.items[start:end], entering, view.outputs)
        elif len(alive) == 1 and not backwards:
            yield View(view.items[start:end], entering, alive)
            start, entering = end, alive


def pieces(view: View, pen: Pen, joined: bool = True) -> Iterator[Piece]:
    """The network's parts, and those of its stages, in order."""
    for part in cut(view):
        (*_, item) = part.items
        if len(part.items) == 1 and isinstance(item, Frame) and item.count == 1:
            yield from _framed_pieces(item, pen, joined)
        else:
            yield Piece(compose(part, pen, None), joined=joined)
        joined = True


def _framed_pieces(frame: Frame, pen: Pen, joined: bool) -> Iterator[Piece]:
    made = _changed(frame, pen)
    parts = list(cut(frame.view))
    for i, part in enumerate(parts):
        picture = compose(part, pen, frame.scope, leaving=frame.view.outputs)
        last = i + 1 == len(parts)
        yield Piece(picture, frame.scope, i == 0, last, made if last else None, joined or i > 0)


def _changed(frame: Frame, pen: Pen) -> Tensor | None:
    """The shape that a frame makes, if it is another than came in."""
    if not frame.outputs:
        return None
    made = pen.graph.tensor(frame.outputs[0])
    return None if frame.inputs and pen.graph.tensor(frame.inputs[0]) == made else made


def stack(parts: Sequence[Piece], theme: Theme) -> Picture:
    """Pieces one below the other, with the frames of their stages around them."""
    x = y = left = right = 0.0
    items: list[Item] = []
    exits: tuple[float, ...] = ()
    entry = 0.0
    for i, run in enumerate(_runs(parts)):
        picture = _run(run, theme)
        if i:
            gap = STEP if picture.items else 0
            if run[0].joined and exits:
                items.append(Line(((exits[0], y), (exits[0], y + gap)), theme.ink))
                x = exits[0] - (picture.entries[0] if picture.entries else 0.0)
            else:
                gap += STEP
            y += gap
        else:
            entry = picture.entries[0] if picture.entries else 0.0
        items += [moved(item, x, y) for item in picture.items]
        left, right = max(left, picture.left - x), max(right, picture.right + x)
        exits = tuple(x + e for e in picture.exits)
        y += picture.height
    return Picture(left, right, y, tuple(items), (entry,), exits)


def _runs(parts: Sequence[Piece]) -> Iterator[list[Piece]]:
    run: list[Piece] = []
    for part in parts:
        if run and (part.frame is None or part.frame != run[-1].frame):
            yield run
            run = []
        run.append(part)
    if run:
        yield run


def _run(run: Sequence[Piece], theme: Theme) -> Picture:
    """The pieces of one stage in one column, framed, and the shape that the stage makes."""
    inner = run[0].picture
    for piece in run[1:]:
        inner = _below(inner, piece.picture)
    if run[0].frame is None:
        return inner
    done = framed(inner, run[0].frame, 1, theme, "" if run[0].opens else " …")
    return done.footed(run[-1].made, theme) if run[-1].made else done


def _below(upper: Picture, lower: Picture) -> Picture:
    x = upper.exits[0] - lower.entries[0]
    items = (*upper.items, *(moved(item, x, upper.height) for item in lower.items))
    return replace(
        upper,
        left=max(upper.left, lower.left - x),
        right=max(upper.right, lower.right + x),
        height=upper.height + lower.height,
        items=items,
        exits=tuple(x + e for e in lower.exits),
    )


def columns(parts: Sequence[Piece], count: int, theme: Theme) -> list[Picture]:
    """At most `count` columns, the highest as low as may be."""
    heights = [piece.picture.height + (FOOTER if piece.made else 0) + _overhead(piece) for piece in parts]
    low, high = max(heights), sum(heights)
    while high - low > 1:
        middle = (low + high) / 2
        low, high = (low, middle) if len(_fill(heights, middle)) <= count else (middle, high)
    ends = _fill(heights, high)
    starts = [0, *ends[:-1]]
    return [stack(parts[start:end], theme) for start, end in zip(starts, ends, strict=True)]


def _overhead(piece: Piece) -> float:
    return (9 if piece.opens and piece.frame else 0) + (BELOW + STEP if piece.closes else 0)


def _fill(heights: Sequence[float], limit: float) -> list[int]:
    """Where each column ends, if each takes as much as it can."""
    ends, used = [], 0.0
    for i, height in enumerate(heights):
        if used and used + height > limit:
            ends.append(i)
            used = 0.0
        used += height
    return [*ends, len(heights)]


def side_by_side(pictures: Sequence[Picture], joined: Sequence[bool], theme: Theme) -> Picture:
    """Columns with the line that leads from the foot of each to the head of the next, where there is one."""
    high = max(picture.height for picture in pictures)
    items: list[Item] = []
    x = 0.0
    leaving: tuple[float, float] | None = None
    for i, picture in enumerate(pictures):
        axis = x + picture.left
        if leaving is not None and joined[i]:
            items.append(_turn(leaving, (axis + picture.entries[0], 0.0), x - GUTTER / 2, theme))
        items += [moved(item, axis, 0) for item in picture.items]
        leaving = (axis + picture.exits[0], picture.height) if picture.exits else None
        x = axis + picture.right + GUTTER
    if leaving is not None:
        items.append(Line((leaving, (leaving[0], leaving[1] + STEP)), theme.ink, arrow=True))
    raised = tuple(moved(item, 0, MARGIN) for item in items)
    return Picture(0, x - GUTTER, high + 2 * MARGIN, raised)


def _turn(start: tuple[float, float], end: tuple[float, float], gutter: float, theme: Theme) -> Line:
    down, up = start[1] + MARGIN - 4, end[1] - MARGIN + 4
    points = (start, (start[0], down), (gutter, down), (gutter, up), (end[0], up), end)
    return Line(points, theme.ink)
