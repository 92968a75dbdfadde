"""Single blocks as pictures: in their frames, with the shapes that enter and leave, and side by side."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace

from archdsl.analyses.notation import shape
from archdsl.backends.figures.compose import Pen, compose, framed
from archdsl.backends.figures.items import OpenScope, View
from archdsl.backends.figures.label import scope_name
from archdsl.backends.figures.page import LINE
from archdsl.backends.figures.parts import FOOTER, Picture
from archdsl.backends.figures.scene import Item, Line, Text, moved
from archdsl.backends.figures.style import SIZE, Theme
from archdsl.backends.figures.text import width, wrap
from archdsl.backends.figures.view import Viewer
from archdsl.ir.graph import Scope

BETWEEN = 28.0
"""From one block to the next."""
LEAVING = 12.0
"""The arrow below a block."""


def exhibit(viewer: Viewer, scope: Scope, view: View, pen: Pen) -> Picture:
    """A block in its frame, with what enters above, what leaves below, and where in the network it is."""
    graph, theme = viewer.graph, pen.theme
    as_block = replace(scope, kind="block")
    inner = compose(view, pen, as_block, leaving=view.outputs)
    frame = OpenScope(as_block if scope.block else scope, view.inputs, view.outputs, view)
    picture = framed(inner, frame, theme, scope.block or scope_name(scope))
    if view.outputs:
        picture = picture.footed([graph.tensor(value) for value in view.outputs], theme)
    items: list[Item] = [moved(item, 0, FOOTER) for item in picture.items]
    items += [Line(((x, 0), (x, FOOTER)), theme.ink) for x in picture.entries]
    right, left = picture.right, picture.left
    if view.inputs:
        text = Text(
            max(picture.entries) + 5, FOOTER / 2, shape(graph.tensor(view.inputs[0])), SIZE, theme.ink, True, "start"
        )
        items.append(text)
        right = max(right, text.x + width(text.text, SIZE, True))
    foot = picture.height + FOOTER
    items += [Line(((x, foot), (x, foot + LEAVING)), theme.ink, arrow=True) for x in picture.exits]
    note = _place(viewer, scope)
    middle = (right - left) / 2
    items.append(Text(middle, foot + LEAVING + LINE / 2, note, SIZE, theme.faint))
    half = width(note, SIZE) / 2
    return replace(
        picture,
        left=max(left, half - middle),
        right=max(right, half + middle),
        height=foot + LEAVING + LINE,
        items=tuple(items),
    )


def _place(viewer: Viewer, scope: Scope) -> str:
    """`conv2.0 and 3 alike`."""
    kinds = viewer.kinds
    same = (s for s in viewer.graph.scopes.values() if s.block == scope.block and kinds[s.path] == kinds[scope.path])
    others = sum(1 for _ in same) - 1 if scope.block and not viewer.plain(scope) else 0
    return (scope.path or scope_name(scope)) + (f" and {others} alike" if others else "")


def shelves(pictures: Sequence[Picture], count: int) -> Picture:
    """Rows of at most `count`, each in the middle."""
    rows = [pictures[i : i + count] for i in range(0, len(pictures), count)]
    widths = [sum(p.left + p.right + BETWEEN for p in row) - BETWEEN for row in rows]
    items: list[Item] = []
    y = 0.0
    for row, wide in zip(rows, widths, strict=True):
        x = (max(widths) - wide) / 2
        for picture in row:
            items += [moved(item, x + picture.left, y) for item in picture.items]
            x += picture.left + picture.right + BETWEEN
        y += max(picture.height for picture in row) + BETWEEN / 2
    return Picture(0, max(widths), y - BETWEEN / 2, tuple(items))


def noted(picture: Picture, left: Sequence[Scope], theme: Theme) -> Picture:
    """With a line that names what is not shown, since it would not fit."""
    if not left:
        return picture
    names = Counter(scope.block or scope_name(scope) for scope in left)
    told = "Also: " + ", ".join(name + (f" ({n} forms)" if n > 1 else "") for name, n in names.items())
    middle = (picture.right - picture.left) / 2
    lines = wrap(told, SIZE, max(picture.left + picture.right, 500))
    texts = [Text(middle, picture.height + LINE * (i + 0.8), line, SIZE, theme.faint) for i, line in enumerate(lines)]
    half = max(width(line, SIZE) for line in lines) / 2
    return replace(
        picture,
        left=max(picture.left, half - middle),
        right=max(picture.right, half + middle),
        height=picture.height + LINE * (len(lines) + 0.5),
        items=(*picture.items, *texts),
    )
