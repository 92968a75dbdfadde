"""A view -> one picture: its items drawn, placed in ranks, and joined by lines along the axes."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass, field, replace
from typing import TypeAlias

from archdsl.backends.figures import parts
from archdsl.backends.figures.blocks.again import again
from archdsl.backends.figures.items import Box, OpenScope, OpRow, Tag, View, value_name
from archdsl.backends.figures.items import Item as Member
from archdsl.backends.figures.label import scope_name
from archdsl.backends.figures.layout.layers import Link, lay_out
from archdsl.backends.figures.layout.place import place
from archdsl.backends.figures.layout.route import routed
from archdsl.backends.figures.parts import Picture
from archdsl.backends.figures.scene import Group, Line, Shape, Text, Wire, moved
from archdsl.backends.figures.style import SIZE, Theme
from archdsl.backends.figures.text import width
from archdsl.ir.graph import Graph, Scope, Value

INSIDE = 8.0
"""From a frame to what it holds, left and right."""
BELOW = 6.0
"""From what a frame holds to its lower edge."""
HEADER = 22.0
"""The height of a frame's name."""


Form: TypeAlias = "Callable[[View, Pen, Scope | None], Picture | None]"


@dataclass(frozen=True, slots=True)
class Pen:
    """What drawing needs to know.

    `shapes`: write how values change inside blocks, not only between them. `slim`: normalizations, activations
    and their like are stripes. `forms` draw what a scope holds in another way, where they give a picture.
    `own` is the block that the figure shows from the inside.
    """

    graph: Graph
    theme: Theme
    shapes: bool = False
    slim: bool = False
    flat: bool = False
    forms: tuple[Form, ...] = ()
    own: Scope | None = None
    drawn: dict[int, tuple[Member, Picture]] = field(default_factory=dict, compare=False)
    """Pictures made so far, by their item's identity."""
    kept: dict[tuple[object, ...], tuple[object, Picture]] = field(default_factory=dict, compare=False)
    """Pictures of several items, by identities, with what has these: so no other thing can get them."""


def compose(
    view: View, pen: Pen, scope: Scope | None, *, leaving: Collection[Value] = (), skipping: Collection[Value] = ()
) -> Picture:
    """A view as a picture: entries and exits are its inputs and outputs, in their order.

    The shapes of `leaving` are written outside, by whoever frames the picture. Inputs that are `skipping` have
    come past what is above.
    """
    frame = scope.path if scope else ""
    for form in pen.forms:
        if (found := form(view, pen, scope)) is not None:
            return replace(found, ends=(frame, frame), takes=view.inputs, makes=view.outputs)
    members = [footed(item, pen, scope, leaving) for item in view.items]
    ends = [Picture(0, 0, 0, (), ends=(frame, frame), makes=(value,)) for value in (*view.inputs, *view.outputs)]
    count = len(members)
    pictures = [*members, *ends]
    first = set(range(count, count + len(view.inputs)))
    last = set(range(count + len(view.inputs), len(pictures)))
    layout, latest = lay_out(pictures, links_of(view), first, last)
    place(layout, latest)
    aside = {count + i for i, value in enumerate(view.inputs) if value in skipping}
    picture = routed(layout, sorted(first), sorted(last), aside, pen.theme)
    return replace(picture, ends=(frame, frame), takes=view.inputs, makes=view.outputs)


def links_of(view: View) -> list[Link]:
    """Lines between items by number; inputs and outputs of the view are numbered after its items."""
    count = len(view.items)
    makers = {value: (count + i, 0) for i, value in enumerate(view.inputs)}
    for i, item in enumerate(view.items):
        makers.update({value: (i, port) for port, value in enumerate(item.outputs)})
    links = [
        Link(*makers[value], i, slot)
        for i, item in enumerate(view.items)
        for slot, value in enumerate(item.inputs)
        if value in makers
    ]
    ends = enumerate(view.outputs, count + len(view.inputs))
    return links + [Link(*makers[value], i, 0) for i, value in ends]


def footed(item: Member, pen: Pen, scope: Scope | None, leaving: Collection[Value] = ()) -> Picture:
    """An item's picture, with the shape it makes where that changes."""
    picture = drawn(item, pen)
    inner = scope is not None and scope.kind not in ("network", "stage", "output")
    if isinstance(item, Tag) or not item.outputs or item.outputs[0] in leaving or (inner and not pen.shapes):
        return picture
    made = [pen.graph.tensor(value) for value in item.outputs]
    came = [pen.graph.tensor(value) for value in item.inputs]
    return picture if came and all(tensor == came[0] for tensor in made) else picture.footed(made, pen.theme)


def drawn(item: Member, pen: Pen) -> Picture:
    if id(item) not in pen.drawn:
        pen.drawn[id(item)] = item, replace(_picture(item, pen), ends=item.ends, takes=item.inputs, makes=item.outputs)
    return pen.drawn[id(item)][1]


def _picture(item: Member, pen: Pen) -> Picture:
    match item:
        case OpRow():
            return parts.row(pen.graph, item, pen.theme, pen.slim)
        case Box() if pen.own and item.scope.block == pen.own.block:
            return again(item, pen.own, pen.theme)
        case Box():
            return parts.closed(pen.graph, item, pen.theme, pen.flat)
        case Tag():
            return parts.tag(item, pen.theme)
        case OpenScope():
            inner = compose(item.view, pen, item.scope, leaving=item.view.outputs)
            return framed(inner, item, pen.theme)


def framed(inner: Picture, frame: OpenScope, theme: Theme, title: str | None = None) -> Picture:
    """A picture in its scope's frame, under its name, which stands beside the line that enters."""
    scope, count = frame.scope, frame.count
    name = frame.title or (title or parts.named(frame)) + (" …" if frame.more else "")
    x, header = _title_place(inner, width(name, SIZE, True))
    left = max(inner.left, 0) + INSIDE
    right = max(inner.right + INSIDE, x + width(name, SIZE, True) + INSIDE)
    high = header + inner.height + BELOW
    stage = scope.kind in ("stage", "output")
    fill = theme.stage if stage else theme.block
    back = Shape(-left, 0, left + right, high, fill, None if stage else theme.border, 1.0, (), "round", 6)
    behind = (replace(back, x=back.x + 4, y=4.0, fill=theme.stage),) if count > 1 and not stage else ()
    text = Text(x, 12, name, SIZE, theme.ink, True, "start")
    path, view = scope.path, frame.view
    entering, leaving = zip(inner.entries, view.inputs, strict=False), zip(inner.exits, view.outputs, strict=False)
    through = [
        Line(((x, 0), (x, header)), theme.ink, wire=Wire(value_name(value), path, path)) for x, value in entering
    ]
    through += [
        Line(((x, header + inner.height), (x, high)), theme.ink, wire=Wire(value_name(value), path, path))
        for x, value in leaving
    ]
    items = (*behind, back, *through, text, *(moved(item, 0, header) for item in inner.items))
    data = (*parts.facts(scope.kind, scope_name(scope)), *parts.alike(frame.alike), ("path", path))
    group = Group(items, "" if frame.more or frame.title else path, data=data)
    return Picture(left, right + 4 * bool(behind), high, (group,), inner.entries, inner.exits, open=True)


def _title_place(inner: Picture, long: float) -> tuple[float, float]:
    """Where a frame's name starts, and the height it needs above what it stands beside."""
    high, left_free, right_free = inner.headroom
    beside = max(HEADER - high, 4.0)
    at_left = -max(inner.left, 0.0)
    fits = at_left + long + 6 <= min(inner.entries, default=inner.right)
    if fits and left_free:
        return at_left, beside
    if right_free:
        return max(inner.entries, default=at_left - 7) + 7, beside
    return (at_left if fits else max(inner.entries, default=0.0) + 7), HEADER
