"""Single blocks as pictures: in their frames, with the shapes that enter and leave, and side by side."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace

from archdsl.analyses import totals
from archdsl.analyses.notation import shape
from archdsl.backends.figures.items import OpenScope, View, value_name
from archdsl.backends.figures.label import scope_name
from archdsl.backends.figures.layout.compose import Pen, compose, framed
from archdsl.backends.figures.page import LINE
from archdsl.backends.figures.parts import FOOTER, Picture
from archdsl.backends.figures.scene import Item, Line, Text, Wire, moved
from archdsl.backends.figures.style import SIZE, Theme
from archdsl.backends.figures.text import balanced, width, wrap
from archdsl.backends.figures.view import Viewer
from archdsl.ir.graph import Graph, Scope, Value

BETWEEN = 28.0
"""From one block to the next."""
LEAVING = 12.0
"""The arrow below a block."""
NARROWEST = 150.0
"""A text below a block is broken where it is wider than the block and than this."""
APART = 1.5
"""How much further than in the middle of its step a text keeps from the end of another line."""


def exhibit(viewer: Viewer, scope: Scope, view: View, pen: Pen, *, narrow: bool = False) -> Picture:
    """A block in its frame, with what enters above, what leaves below, and where in the network it is.

    `narrow`: that is broken into lines, so that it is hardly wider than the block.
    """
    drawn = bordered(viewer, scope, view, pen, scope.block or scope_name(scope))
    middle, note = (drawn.right - drawn.left) / 2, place_of(viewer, scope)
    lines = balanced(note, SIZE, max(drawn.left + drawn.right, NARROWEST)) if narrow else [note]
    half = max(width(line, SIZE) for line in lines) / 2
    texts = (Text(middle, drawn.height + LINE * (i + 0.5), line, SIZE, pen.theme.faint) for i, line in enumerate(lines))
    left, right = max(drawn.left, half - middle), max(drawn.right, half + middle)
    return Picture(left, right, drawn.height + LINE * len(lines), (*drawn.items, *texts), (), ())


def bordered(viewer: Viewer, scope: Scope, view: View, pen: Pen, title: str) -> Picture:
    """A block in its frame under a title, with what enters above and what leaves below."""
    as_block = replace(scope, kind="block")
    inner = compose(view, pen, as_block, leaving=view.outputs)
    frame = OpenScope(as_block if scope.block else scope, view.inputs, view.outputs, view)
    box = framed(inner, frame, pen.theme, title)
    box = replace(box, ends=frame.ends, takes=view.inputs, makes=view.outputs)
    ports = dict(zip(view.inputs, _port_names(viewer, scope, view), strict=True))
    above, below = _labelled(box, viewer, pen.theme, ports), _labelled(box, viewer, pen.theme, {}, leaving=True)
    items = (
        *above.items,
        *(moved(item, 0, above.height) for item in box.items),
        *(moved(item, 0, above.height + box.height) for item in below.items),
    )
    left, right = max(box.left, above.left, below.left), max(box.right, above.right, below.right)
    return Picture(left, right, above.height + box.height + below.height, items, (), ())


def _port_names(viewer: Viewer, scope: Scope, view: View) -> list[str]:
    """What the block calls each of its inputs, where it has several."""
    names = dict(zip(scope.inputs, scope.ports, strict=True)) if len(view.inputs) > 1 else {}
    return [names.get(value, "") for value in view.inputs]


def _labelled(
    box: Picture, viewer: Viewer, theme: Theme, names: Mapping[Value, str], *, leaving: bool = False
) -> Picture:
    """The lines into a block, or out of it, each with its shape at its right: the further left, the longer the line."""
    values, xs = (box.makes, box.exits) if leaving else (box.takes, box.entries)
    lines = sorted(zip(xs, values, strict=True))
    high = FOOTER * len(lines) + (LEAVING if leaving and lines else 0.0)
    items: list[Item] = []
    right = 0.0
    for i, (x, value) in enumerate(lines):
        told = f"{names.get(value, '')} {shape(viewer.graph.tensor(value))}".strip()
        start, end = (0.0, FOOTER * (len(lines) - i) + LEAVING) if leaving else (FOOTER * i, high)
        middle = FOOTER / 2 if leaving else start + FOOTER / 2
        if i + 1 < len(lines):
            # The lines further to the right begin below this text, or end above it.
            middle = end - FOOTER / 2 + APART if leaving else middle - APART
        wire = Wire(value_name(value), box.ends[1]) if leaving else Wire(value_name(value), "", box.ends[0])
        items.append(Line(((x, start), (x, end)), theme.ink, arrow=leaving, wire=wire))
        items.append(Text(x + 5, middle, told, SIZE, theme.ink, True, "start", value_name(value)))
        right = max(right, x + 5 + width(told, SIZE, True))
    return Picture(0, right, high, tuple(items), (), ())


def place_of(viewer: Viewer, scope: Scope) -> str:
    """Where a block is used: `conv2.unit.0, conv3.0 to conv5.0 with other strides`."""
    name = scope.path or scope_name(scope)
    if not scope.block or viewer.plain(scope):
        return name
    kinds, graph = viewer.kinds, viewer.graph
    others = [
        other
        for other in graph.scopes.values()
        if other.block == scope.block and kinds[other.path] == kinds[scope.path] and other.path != scope.path
    ]
    moved = [other for other in others if _strides(graph, other) != _strides(graph, scope)]
    same = [other for other in others if viewer.numbers[other.path] == viewer.numbers[scope.path]]
    resized = len(others) - len(moved) - len(same)
    parts = [name + (f" and {len(same)} alike" if same else "")]
    parts += [f"{resized} with other widths"] if resized else []
    parts += [f"{_listed(moved)} with other strides"] if moved else []
    return ", ".join(parts)


def _strides(graph: Graph, scope: Scope) -> tuple[object, ...]:
    """The strides of all ops of a block, in order."""
    return tuple(getattr(node.op, "stride", None) for node in totals.nodes_in(graph, scope.path, training=True))


def _listed(scopes: Sequence[Scope]) -> str:
    """The places of some blocks, or how many there are."""
    return " and ".join(scope.path for scope in scopes) if len(scopes) <= 2 else str(len(scopes))


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


def in_stacks(pictures: Sequence[Picture]) -> Picture:
    """Beside each other, but below the one before where that makes nothing higher."""
    high = max(picture.height for picture in pictures)
    stacks: list[list[Picture]] = []
    for picture in pictures:
        used = sum(other.height + BETWEEN / 2 for other in stacks[-1]) if stacks else high
        if used + picture.height > high:
            stacks.append([])
        stacks[-1].append(picture)
    return shelves([_stack(stack) for stack in stacks], len(stacks))


def _stack(pictures: Sequence[Picture]) -> Picture:
    items: list[Item] = []
    y = 0.0
    for picture in pictures:
        items += [moved(item, 0, y) for item in picture.items]
        y += picture.height + BETWEEN / 2
    left, right = max(picture.left for picture in pictures), max(picture.right for picture in pictures)
    return Picture(left, right, y - BETWEEN / 2, tuple(items), (), ())


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
