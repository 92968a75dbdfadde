"""The pieces that pictures are made of: rows of ops, boxes, tags and bars, each drawn around its own axis.

A picture's axis is where the data runs: x = 0, downwards from y = 0.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import groupby

from archdsl.analyses.notation import shape
from archdsl.backends.figures.fold import paths
from archdsl.backends.figures.items import LIGHT, Alike, Box, OpenScope, OpRow, Tag, is_bar, value_name
from archdsl.backends.figures.label import SIGNS, ShownArgument, block_arguments, listed, notation, scope_name, short
from archdsl.backends.figures.scene import Group, Item, Line, Shape, Text, Wire, moved
from archdsl.backends.figures.style import LOOKS, SIZE, Theme
from archdsl.backends.figures.text import balanced, width
from archdsl.ir.graph import Graph, Node, Scope, Value
from archdsl.ops.base import Family
from archdsl.tensor import Tensor

HEIGHT = 22.0
"""Of a row."""
PADDING = 6.0
"""Between a text and its box, at each side."""
BESIDE = 2.0
"""From one op of a row to the next."""
SIGN = 18.0
"""Across the circle of a sum or product."""
STRIPE = 9.0
"""Across an op that is drawn without text."""
ROLE_LINE = 120.0
"""Where what is said below the name of an op breaks into lines."""
SLIM = frozenset({Family.NORM, Family.ACTIVATION, Family.REGULARIZE})
LINE = 17.0
"""From one line of text to the next."""
FOOTER = 20.0
"""Room for a shape beside the line below a picture."""
ROLE_HEAD = 16.0
"""Room above a box for what its inputs are to it, beside their lines."""
ROLE = 14.0
"""How far that reaches to the right of its line."""
ROLE_WIDTH = 31.0
"""Of the top of such a box, at least, for each input."""


@dataclass(frozen=True, slots=True)
class Picture:
    """Something drawn, `left` and `right` of its axis, with the places where lines enter and leave.

    `entries` are x at the top, one for each input, `exits` x at the bottom. `sign` is the place of a circle
    that all inputs but the main one enter from the left; `bar` says that all inputs fall onto it where they are.
    `foot` is how much of the height is below the thing itself. `headroom` is free of all but the entering lines:
    its height, and whether that holds at the left and at the right of them. `open`: entering lines go on inside.
    `roles` are what the inputs are to the op, written beside the ends of their lines; `head` is the room for that above
    the thing itself.
    `loose`: all inputs but the main one enter at its left, wherever `entries` says. `ends` are the paths of what takes
    the inputs and of what makes the outputs; `takes` and `makes` are the values that enter and leave.
    """

    left: float
    right: float
    height: float
    items: tuple[Item, ...]
    entries: tuple[float, ...] = (0.0,)
    exits: tuple[float, ...] = (0.0,)
    sign: tuple[float, float] | None = None
    bar: Node | None = None
    foot: float = 0.0
    head: float = 0.0
    roles: tuple[str, ...] = ()
    headroom: tuple[float, bool, bool] = (0.0, True, True)
    open: bool = False
    loose: bool = False
    ends: tuple[str, str] = ("", "")
    takes: tuple[Value, ...] = ()
    makes: tuple[Value, ...] = ()

    def footed(self, tensors: Sequence[Tensor], theme: Theme) -> Picture:
        """With a shape beside the line that leaves; of several lines, beside the one at the right."""
        x, made, value = max(zip(self.exits, map(shape, tensors), self.makes, strict=True))
        text = Text(x + 5, self.height + FOOTER / 2, made, SIZE, theme.ink, True, "start", value_name(value))
        right = max(self.right, x + 5 + width(made, SIZE, True))
        lines = (
            Line(((x, self.height), (x, self.height + FOOTER)), theme.ink, wire=Wire(value_name(value), self.ends[1]))
            for x, value in zip(self.exits, self.makes, strict=True)
        )
        items = (*self.items, *lines, text)
        return replace(self, right=right, height=self.height + FOOTER, items=items, foot=self.foot + FOOTER)


def row(graph: Graph, row: OpRow, theme: Theme, slim: bool = False) -> Picture:
    """Cells side by side: the ops in order, the one of weight on the axis. A row that repeats says how often.

    If `slim`, normalizations and their like are stripes beside the op that they belong to.
    """
    if is_bar(row.nodes[0], graph):
        return _bar(row.nodes[0], row, theme)
    if row.nodes[0].op.family is Family.MERGE:
        return _sign(graph, row, theme)
    weighty = [i for i, node in enumerate(row.nodes) if node.op.family not in LIGHT]
    cells = [
        _stripe(graph, node, theme) if slim and weighty and node.op.family in SLIM else _cell(graph, node, theme)
        for node in row.nodes
    ]
    starts = [sum(cell.right + BESIDE for cell in cells[:i]) for i in range(len(cells))]
    main = weighty[0] if weighty else 0
    axis = starts[main] + cells[main].right / 2 if weighty else _middle(starts, cells)
    roles = row.nodes[0].op.roles[: len(row.inputs)]
    head, high = ROLE_HEAD if roles else 0.0, max(cell.height for cell in cells)
    drawn = [
        moved(item, x - axis, head + (high - cell.height) / 2)
        for x, cell in zip(starts, cells, strict=True)
        for item in cell.items
    ]
    right = starts[-1] + cells[-1].right - axis
    items = _grouped(drawn, row.scopes)
    if len(row.nodes) > 1:
        items = [Group(tuple(items), data=(("kind", "row"),))]
    if row.count > 1:
        times = Text(right + 5, head + high / 2, f"×{row.count}", SIZE, theme.ink, True, "start")
        items = [Group((*items, times), data=alike(row.alike))]
        right += 5 + width(times.text, SIZE, True)
    exits = _spread(len(row.outputs), cells[main].right)
    entries = _spread(len(row.inputs), cells[main].right) if roles else (0.0,) * max(1, len(row.inputs))
    return Picture(axis, right, head + high, tuple(items), entries, exits, head=head, roles=roles)


def roles(picture: Picture, theme: Theme) -> tuple[Text, ...]:
    """What the inputs of an op are to it, each at the right of the end of its line."""
    return tuple(
        Text(x + 5, ROLE_HEAD / 2 - 2.5, role, SIZE, theme.ink, True, "start")
        for x, role in zip(picture.entries, picture.roles, strict=False)
    )


def _middle(starts: Sequence[float], cells: Sequence[Picture]) -> float:
    """The middle of a row without an op of weight; where it lies between two cells, that of the one before."""
    middle = (starts[-1] + cells[-1].right) / 2
    before = max(i for i, start in enumerate(starts) if start <= middle)
    inside = middle <= starts[before] + cells[before].right
    return middle if inside else starts[before] + cells[before].right / 2


def alike(paths: Alike) -> tuple[tuple[str, str], ...]:
    """The paths of what one thing is drawn for, as a fact of it: `conv2.1; conv2.2`."""
    return (("alike", "; ".join(" ".join(parts) for parts in paths)),) if len(paths) > 1 else ()


def _grouped(items: list[Item], scopes: Sequence[tuple[Scope, int, int]]) -> list[Item]:
    """Each scope a group around its part of a row; all begin at the first cell."""
    done = 0
    grouped: list[Item] = []
    for scope, _, end in sorted(scopes, key=lambda entry: (entry[2], -len(entry[0].path))):
        grouped = [*grouped, *items[done:end]]
        grouped = [Group(tuple(grouped), scope.path, data=facts("block", scope.block or scope.name))]
        done = end
    return [*grouped, *items[done:]]


def _spread(count: int, total: float) -> tuple[float, ...]:
    """Places for `count` lines on a side of this length."""
    if count <= 1:
        return (0.0,)
    return tuple(total * ((index + 0.5) / count - 0.5) for index in range(count))


def facts(kind: str, name: str) -> tuple[tuple[str, str], ...]:
    return (("kind", kind), ("name", name))


def _cell(graph: Graph, node: Node, theme: Theme) -> Picture:
    """One op, from its left edge to the right."""
    lines = _lines(graph, node)
    ends = min(len(node.op.roles), len(graph.inputs_of(node.id)))
    wide = max(max(width(line, SIZE) for line in lines) + 2 * PADDING, ROLE_WIDTH * ends)
    high = HEIGHT + LINE * (len(lines) - 1)
    texts = (Text(wide / 2, HEIGHT / 2 + LINE * i, line, SIZE, theme.ink) for i, line in enumerate(lines))
    return Picture(0, wide, high, (_node_group(node, (box(0, 0, wide, high, node.op.family, theme), *texts)),))


def _lines(graph: Graph, node: Node) -> list[str]:
    """An op in one line; one of several inputs that differ has its name, and below it what else there is to say."""
    if not node.op.roles:
        return [notation(graph, node)]
    name = short(node.op)
    return [name, *balanced(notation(graph, node).removeprefix(name), SIZE, ROLE_LINE)]


def _stripe(graph: Graph, node: Node, theme: Theme) -> Picture:
    """An op without its text, which a tooltip says."""
    shape = box(0, 0, STRIPE, HEIGHT, node.op.family, theme)
    group = replace(_node_group(node, (replace(shape, radius=STRIPE / 2),)), title=notation(graph, node))
    return Picture(0, STRIPE, HEIGHT, (group,))


def _node_group(node: Node, items: tuple[Item, ...]) -> Group:
    data = (("kind", "op"), ("path", node.id), ("op", node.op.name), ("output", str(node.output)))
    return Group(items, node.id, data=data)


def box(x: float, y: float, wide: float, high: float, family: Family, theme: Theme) -> Shape:
    """A rectangle in a family's look."""
    look = LOOKS[family]
    fill, stroke = theme.fill(family), theme.stroke(family)
    radius = high / 2 if look.corner == "round" else 0
    return Shape(x, y, wide, high, fill, stroke, look.line, look.dash, look.corner, radius)


def _sign(graph: Graph, row: OpRow, theme: Theme) -> Picture:
    """A sum or product of two values: a circle on the axis, entered from above and from the left; what follows it.

    That is never a stripe, as there is little else to see: `⊕ LN` is the Add & Norm of transformers.
    """
    node, *after = row.nodes
    radius, right = SIGN / 2, SIGN / 2
    items: list[Item] = [_node_group(node, sign(0, radius, short(node.op), theme))]
    for other in after:
        cell = _cell(graph, other, theme)
        items += [moved(item, right + BESIDE, radius - cell.height / 2) for item in cell.items]
        right += BESIDE + cell.right
    items = _grouped(items, row.scopes)
    if after:
        items = [Group(tuple(items), data=(("kind", "row"),))]
    entries = (0.0,) * max(1, len(row.inputs))
    return Picture(radius, right, SIGN, tuple(items), entries, sign=(-radius, radius))


def sign(x: float, y: float, text: str, theme: Theme, across: float = SIGN) -> tuple[Item, ...]:
    """⊕ or ⊗ around a point."""
    radius = across / 2
    disc = Shape(x - radius, y - radius, across, across, theme.background, theme.ink, 1.4, (), "round", radius)
    reach = radius if text == "+" else radius * 0.7071
    ends = ((-reach, 0, reach, 0), (0, -reach, 0, reach)) if text == "+" else ((-1, -1, 1, 1), (-1, 1, 1, -1))
    factor = 1 if text == "+" else reach
    strokes = (
        Line(((x + a * factor, y + b * factor), (x + c * factor, y + d * factor)), theme.ink) for a, b, c, d in ends
    )
    return disc, *strokes


def _bar(node: Node, row: OpRow, theme: Theme) -> Picture:
    """As wide as its text; the layout draws it as wide as its inputs lie apart."""
    wide = _bar_width(node)
    return Picture(wide / 2, wide / 2, HEIGHT - 2, (), (0.0,) * len(row.inputs), (0.0,), None, node)


def _bar_width(node: Node) -> float:
    return (SIGN if short(node.op) in SIGNS else width(short(node.op), SIZE)) + 4 * PADDING


def bar(node: Node, left: float, right: float, theme: Theme) -> tuple[Item, ...]:
    """A merge of which the inputs come down between `left` and `right` of its axis."""
    half = _bar_width(node) / 2
    left, right = min(left - 8, -half), max(right + 8, half)
    high = HEIGHT - 2
    shape = Shape(left, 0, right - left, high, theme.stage, theme.ink, 1.4, (), "round", high / 2)
    middle = (left + right) / 2
    if short(node.op) in SIGNS:
        inner: tuple[Item, ...] = sign(middle, high / 2, short(node.op), theme)
    else:
        inner = (Text(middle, high / 2, short(node.op), SIZE, theme.ink),)
    return (_node_group(node, (shape, *inner)),)


def closed(graph: Graph, item: Box, theme: Theme, flat: bool = False) -> Picture:
    """A scope as a box: its name, how often, and what it was given or holds; if `flat`, all in one line."""
    if flat:
        return _flat(graph, item, theme)
    lines = [(named(item), True)]
    lines += [(line, False) for line in summary(graph, item)]
    wide = max(max(width(text, SIZE, bold) for text, bold in lines) + 4 * PADDING, 90.0)
    high = 17.0 * len(lines) + 9
    back = Shape(-wide / 2, 0, wide, high, theme.stage, theme.border, 1.4, (), "round", 5)
    texts = (Text(0, 13 + 17.0 * i, text, SIZE, theme.ink, bold) for i, (text, bold) in enumerate(lines))
    behind = (replace(back, x=back.x + 4, y=4.0),) if item.count > 1 else ()
    return boxed(item, (*behind, back, *texts), wide, high, bool(behind))


def _flat(graph: Graph, item: Box, theme: Theme) -> Picture:
    name, told = named(item), " · ".join(summary(graph, item))
    first = width(name, SIZE, True) + (8 if told else 0)
    wide = first + width(told, SIZE) + 4 * PADDING
    back = Shape(-wide / 2, 0, wide, 26, theme.stage, theme.border, 1.4, (), "round", 5)
    left = -wide / 2 + 2 * PADDING
    texts = (
        Text(left, 13, name, SIZE, theme.ink, True, "start"),
        Text(left + first, 13, told, SIZE, theme.ink, False, "start"),
    )
    return boxed(item, (back, *texts[: 2 if told else 1]), wide, 26, False)


def boxed(item: Box, items: tuple[Item, ...], wide: float, high: float, behind: bool) -> Picture:
    """Items as the box of a scope, of this width and height around the axis. `behind`: it has a shadow."""
    scope = item.scope
    data = (*facts(scope.kind, scope_name(scope)), ("path", scope.path), *alike(item.alike))
    held = " ".join(path for inner in item.view.items for path in paths(inner)) if item.rest else ""
    group = Group(items, scope.path, data=(*data, *((("nodes", held),) if held else ())), upright=True)
    entries, exits = (0.0,) * len(item.inputs), _spread(len(item.outputs), wide)
    return Picture(wide / 2, wide / 2 + 4 * behind, high + 4 * behind, (group,), entries, exits, loose=True)


def named(item: Box | OpenScope) -> str:
    """The name of a scope, and how many alike it stands for."""
    scope, count = item.scope, item.count
    if count > 1 and scope.copy and not scope.block and scope.parent:
        return f"{scope.parent.rpartition('.')[2]} ×{count}"
    return scope_name(scope) + (f" ×{count}" if count > 1 else "")


MOST_LINES = 4


def summary(graph: Graph, item: Box) -> list[str]:
    """A block's arguments; of a stage, what it consists of; of a box for many, what all of them say."""
    scope = item.scope
    if item.rest:
        told = {tuple(summary(graph, inner)) if isinstance(inner, Box) else () for inner in item.view.items}
        return list(told.pop()) if len(told) == 1 else []
    if scope.block and scope.kind not in ("stage", "output"):
        return balanced(listed(block_arguments(graph, scope)), SIZE, 150)
    if scope.block and len(list(_held(graph, item))) > 1:
        return balanced(f"{scope.block} {listed(block_arguments(graph, scope))}".strip(), SIZE, 150)
    runs = groupby(_held(graph, item), key=lambda held: held[0])
    lines = [_line(name, [(told, count) for _, told, count in run]) for name, run in runs]
    return lines if len(lines) <= MOST_LINES else [*lines[: MOST_LINES - 1], f"{len(lines) - MOST_LINES + 1} more"]


def _held(graph: Graph, item: Box) -> Iterator[tuple[str, list[ShownArgument], int]]:
    """What a closed box holds: ops of weight, and blocks with their arguments and how often."""
    for member in item.view.items:
        if isinstance(member, OpRow):
            for node in member.nodes:
                if node.op.family not in LIGHT and node.op.family is not Family.MERGE:
                    yield notation(graph, node), [], member.count
        elif isinstance(member, Box | OpenScope):
            scope = member.scope
            yield scope.block or scope_name(scope), block_arguments(graph, scope), member.count


def _line(name: str, uses: list[tuple[list[ShownArgument], int]]) -> str:
    """A block, the arguments that all its uses have, and how many they are."""
    first = uses[0][0]
    common = [told for told in first if all(told in others for others, _ in uses)]
    # One number of several says nothing without its place.
    common = [told for told in common if told.clear or told is first[0]]
    count = sum(times for _, times in uses)
    return f"{name} {listed(common)}".strip() + (f" ×{count}" if count > 1 else "")


def tag(item: Tag, theme: Theme) -> Picture:
    """A name that stands for a line to or from elsewhere; of several outputs that take a value, a line for each."""
    lines = item.text.split(", ")
    around = 4 * PADDING if len(lines) == 1 else 3 * PADDING  # the ends of a single line are half circles
    wide, high = max(width(line, SIZE) for line in lines) + around, HEIGHT + 17.0 * (len(lines) - 1)
    back = Shape(-wide / 2, 0, wide, high, theme.background, theme.skip, 1.4, (4, 2), "round", HEIGHT / 2)
    texts = (Text(0, HEIGHT / 2 + 17.0 * i, line, SIZE, theme.ink) for i, line in enumerate(lines))
    (value,) = item.inputs or item.outputs or (None,)
    data = (*facts("tag", item.text), ("value", value_name(value) if value else ""))
    return Picture(wide / 2, wide / 2, high, (Group((back, *texts), data=data),))
