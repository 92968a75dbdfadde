"""A view -> one picture: its items drawn, placed in ranks, and joined by lines along the axes."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field, replace
from itertools import pairwise

from archdsl.backends.figures import parts
from archdsl.backends.figures.label import scope_name
from archdsl.backends.figures.layers import Layout, Link, Net, lay_out
from archdsl.backends.figures.parts import Picture
from archdsl.backends.figures.scene import Group, Item, Line, Point, Shape, Text, moved
from archdsl.backends.figures.style import SIZE, Theme
from archdsl.backends.figures.text import width
from archdsl.backends.figures.view import Box, Frame, Row, Tag, View
from archdsl.backends.figures.view import Item as Member
from archdsl.ir.graph import Graph, Scope, Value

STEP = 13.0
"""From one rank to the next where lines run straight: room for an arrow head."""
TRACK = 8.0
"""From one horizontal line to the next."""
END = 6.0
"""From the last rank to the end of the lines that leave."""
INSIDE = 8.0
"""From a frame to what it holds, left and right."""
BELOW = 6.0
"""From what a frame holds to its lower edge."""
HEADER = 22.0
"""The height of a frame's name."""

SAME = 0.5
"""Lines nearer to each other than this are one."""


@dataclass(frozen=True, slots=True)
class Pen:
    """What drawing needs to know.

    `shapes`: write how values change inside blocks, not only between them. `slim`: normalizations, activations
    and their like are stripes.
    """

    graph: Graph
    theme: Theme
    shapes: bool = False
    slim: bool = False
    flat: bool = False
    drawn: dict[int, tuple[Member, Picture]] = field(default_factory=dict, compare=False)
    """Pictures made so far, by their item's identity."""


def compose(
    view: View, pen: Pen, scope: Scope | None, *, leaving: Collection[Value] = (), skipping: Collection[Value] = ()
) -> Picture:
    """A view as a picture: entries and exits are its inputs and outputs, in their order.

    The shapes of `leaving` are written outside, by whoever frames the picture. Inputs that are `skipping` have
    come past what is above.
    """
    members = [footed(item, pen, scope, leaving) for item in view.items]
    ends = [Picture(0, 0, 0, ()) for _ in (*view.inputs, *view.outputs)]
    count = len(members)
    pictures = [*members, *ends]
    first = set(range(count, count + len(view.inputs)))
    last = set(range(count + len(view.inputs), len(pictures)))
    layout = lay_out(pictures, links_of(view), first, last)
    aside = {count + i for i, value in enumerate(view.inputs) if value in skipping}
    return _drawn(layout, sorted(first), sorted(last), aside, pen.theme)


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
    made = pen.graph.tensor(item.outputs[0])
    came = [pen.graph.tensor(value) for value in item.inputs]
    return picture if came and made == came[0] else picture.footed(made, pen.theme)


def drawn(item: Member, pen: Pen) -> Picture:
    if id(item) not in pen.drawn:
        pen.drawn[id(item)] = item, _picture(item, pen)
    return pen.drawn[id(item)][1]


def _picture(item: Member, pen: Pen) -> Picture:
    match item:
        case Row():
            return parts.row(pen.graph, item, pen.theme, pen.slim)
        case Box():
            return parts.closed(pen.graph, item, pen.theme, pen.flat)
        case Tag():
            return parts.tag(item, pen.theme)
        case Frame():
            inner = compose(item.view, pen, item.scope, leaving=item.view.outputs)
            return framed(inner, item, pen.theme)


def framed(inner: Picture, frame: Frame, theme: Theme, name: str | None = None) -> Picture:
    """A picture in its scope's frame, under its name, which stands beside the line that enters."""
    scope, count = frame.scope, frame.count
    name = (name or scope_name(scope)) + (f" ×{count}" if count > 1 else " …" if frame.more else "")
    x, header = _title_place(inner, width(name, SIZE, True))
    left = max(inner.left, 0) + INSIDE
    right = max(inner.right + INSIDE, x + width(name, SIZE, True) + INSIDE)
    high = header + inner.height + BELOW
    stage = scope.kind in ("stage", "output")
    fill = theme.stage if stage else theme.block
    back = Shape(-left, 0, left + right, high, fill, None if stage else theme.border, 1.0, (), "round", 6)
    behind = (replace(back, x=back.x + 4, y=4.0, fill=theme.stage),) if count > 1 and not stage else ()
    text = Text(x, 12, name, SIZE, theme.ink, True, "start")
    through = [Line(((x, 0), (x, header)), theme.ink) for x in inner.entries]
    through += [Line(((x, header + inner.height), (x, high)), theme.ink) for x in inner.exits]
    items = (*behind, back, *through, text, *(moved(item, 0, header) for item in inner.items))
    group = Group(items, "" if frame.more else scope.path, data=parts.facts(scope.kind, scope_name(scope)))
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


# --- from a layout to lines ----------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Levels:
    """Of each rank: its top, the height of what stands in it, and its end, below what hangs from that."""

    tops: list[float]
    heights: list[float]
    ends: list[float]
    bottom: float


def _drawn(layout: Layout, first: Sequence[int], last: Sequence[int], aside: set[int], theme: Theme) -> Picture:
    tracks, counts = _tracks(layout)
    levels = _levels(layout, counts, bool(last))
    axis = layout.cells[first[0]].x if first else _axis(layout)
    lines = [_route(link, layout, tracks, levels, link.source in aside, theme) for link in layout.links]
    lines.sort(key=lambda line: line.stroke != theme.skip)
    items: list[Item] = list(lines)
    lanes = [cell.x for cell in layout.cells if cell.picture is None]
    left, right = max((axis - x for x in lanes), default=0.0), max((x - axis for x in lanes), default=0.0)
    for i, picture in enumerate(layout.pictures):
        x, bars = layout.cells[i].x, () if picture.bar is None else _bar(layout, i, theme)
        items += [moved(item, x, _top(layout, i, levels)) for item in (*bars, *picture.items)]
        left = max([left, axis - x + picture.left, *(axis - x - shape.x for shape in _outer(bars))])
        right = max([right, x - axis + picture.right, *(x - axis + shape.x + shape.width for shape in _outer(bars))])
    return Picture(
        left,
        right,
        levels.bottom,
        tuple(moved(item, -axis, 0) for item in items),
        tuple(layout.cells[i].x - axis for i in first),
        tuple(layout.cells[i].x - axis for i in last),
        headroom=_headroom(layout, levels, set(first)),
    )


def _headroom(layout: Layout, levels: _Levels, first: set[int]) -> tuple[float, bool, bool]:
    """The height above the first things, and whether no line runs there to the left or right of where it enters."""
    if not first or len(levels.tops) < 2:
        return 0.0, True, True
    turns = [(_stops(link, layout)[0][1], _stops(link, layout)[1][1]) for link in layout.links if link.source in first]
    left_free = all(onward >= x - SAME for x, onward in turns)
    return levels.tops[1], left_free, all(onward <= x + SAME for x, onward in turns)


def _outer(items: Sequence[Item]) -> list[Shape]:
    """Shapes of a bar, the only picture that is wider than it says."""
    return [i for item in items if isinstance(item, Group) for i in item.items if isinstance(i, Shape)]


def _axis(layout: Layout) -> float:
    return layout.cells[layout.ranks[0][0]].x if layout.ranks and layout.ranks[0] else 0.0


def _stops(link: Link, layout: Layout) -> list[tuple[int, float]]:
    """Rank and x of each point that a line passes, from picture to picture."""
    source, target = layout.cells[link.source], layout.cells[link.target]
    stops = [(source.rank, source.x + layout.pictures[link.source].exits[link.exit])]
    stops += [(layout.cells[i].rank, layout.cells[i].x) for i in layout.ways[link]]
    if stops[-1][0] < target.rank:
        stops.append((target.rank, target.x + layout.pictures[link.target].entries[link.entry]))
    return stops


def _tracks(layout: Layout) -> tuple[dict[tuple[Net, int], int], dict[int, int]]:
    """For each line that moves sideways below a rank, which of the gap's tracks it takes; and how many there are."""
    spans: dict[int, dict[Net, list[float]]] = defaultdict(dict)
    for link in layout.links:
        stops = _stops(link, layout)
        for (rank, x), (_, onward) in pairwise(stops):
            spans[rank].setdefault(Net(link.source, link.exit), []).extend((x, onward))
    tracks: dict[tuple[Net, int], int] = {}
    counts: dict[int, int] = {}
    for rank, nets in spans.items():
        ends: list[float] = []
        moving = {net: xs for net, xs in nets.items() if max(xs) - min(xs) > SAME}
        for net, xs in sorted(moving.items(), key=lambda entry: (min(entry[1]), entry[0])):
            track = next((t for t, end in enumerate(ends) if end + TRACK < min(xs)), len(ends))
            ends[track:] = [max(xs), *ends[track + 1 :]]
            tracks[net, rank] = track
        counts[rank] = len(ends)
    return tracks, counts


def _levels(layout: Layout, counts: dict[int, int], last: bool) -> _Levels:
    heights, feet = [0.0] * len(layout.ranks), [0.0] * len(layout.ranks)
    for i, picture in enumerate(layout.pictures):
        rank = layout.cells[i].rank
        heights[rank] = max(heights[rank], picture.height - picture.foot)
    for i, picture in enumerate(layout.pictures):
        rank = layout.cells[i].rank
        below = (heights[rank] - picture.height + picture.foot) / 2
        feet[rank] = max(feet[rank], picture.foot - below)
    tops, ends, y = [], [], 0.0
    for rank, height in enumerate(heights):
        tops.append(y)
        y += height + feet[rank]
        ends.append(y)
        if rank + 1 < len(heights):
            y += (END if last and rank + 2 == len(heights) else STEP) + TRACK * counts.get(rank, 0)
            # A shape stands beside the line that leaves; only where others cross does it need room of its own.
            y -= min(feet[rank], STEP - 1) if not counts.get(rank) else 0
    return _Levels(tops, heights, ends, y)


def _top(layout: Layout, i: int, levels: _Levels) -> float:
    """Pictures in a rank have their middles at one height, but for what hangs below them."""
    rank, picture = layout.cells[i].rank, layout.pictures[i]
    return levels.tops[rank] + (levels.heights[rank] - picture.height + picture.foot) / 2


def _route(
    link: Link, layout: Layout, tracks: dict[tuple[Net, int], int], levels: _Levels, aside: bool, theme: Theme
) -> Line:
    net = Net(link.source, link.exit)
    source, target = layout.pictures[link.source], layout.pictures[link.target]
    forks = any(Net(other.source, other.exit) == net and other != link for other in layout.links)
    stops = _stops(link, layout)
    rank, x = stops[0]
    points: list[Point] = [(x, _top(layout, link.source, levels) + source.height)]
    for following, onward in stops[1:]:
        if abs(onward - x) > SAME:
            y = levels.ends[rank] + TRACK * (tracks[net, rank] + 0.75)
            points += [(x, y), (onward, y)]
        rank, x = following, onward
    top = _top(layout, link.target, levels)
    if target.sign and layout.main[link.target] != link:
        points += [(x, top + target.sign[1]), (layout.cells[link.target].x + target.sign[0], top + target.sign[1])]
    else:
        points.append((x, top))
    joins = target.sign is not None or target.bar is not None
    skips = forks and joins and any(layout.cells[i].rank < layout.cells[link.target].rank for i in layout.ways[link])
    stroke, line = (theme.skip, 1.8) if skips or aside else (theme.ink, 1.4)
    return Line(_simple(points), stroke, line, (), target.height > 0 and not target.open, branch=forks)


def _simple(points: list[Point]) -> tuple[Point, ...]:
    """Without points on the straight way between their neighbours."""
    kept = points[:1]
    for before, point, after in zip(points, points[1:], points[2:], strict=False):
        if not (before[0] == point[0] == after[0] or before[1] == point[1] == after[1]):
            kept.append(point)
    return (*kept, points[-1])


def _bar(layout: Layout, i: int, theme: Theme) -> tuple[Item, ...]:
    node = layout.pictures[i].bar
    assert node is not None
    xs = [_stops(link, layout)[-1][1] - layout.cells[i].x for link in layout.links if link.target == i]
    return parts.bar(node, min(xs), max(xs), theme)
