"""A layout -> one picture: heights for its ranks, and lines that run along the axes between them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from archdsl.backends.figures import parts
from archdsl.backends.figures.items import value_name
from archdsl.backends.figures.layout.layers import Layout, Link, Net
from archdsl.backends.figures.parts import Picture
from archdsl.backends.figures.scene import Group, Item, Line, Point, Shape, Wire, moved
from archdsl.backends.figures.style import Theme

STEP = 13.0
"""From one rank to the next where lines run straight: room for an arrow head."""
TRACK = 8.0
"""From one horizontal line to the next."""
END = 6.0
"""From the last rank to the end of the lines that leave."""
SAME = 0.5
"""Lines nearer to each other than this are one."""


@dataclass(frozen=True, slots=True)
class _Levels:
    """Of each rank: its top, the height of what stands in it, and its end, below what hangs from that."""

    tops: list[float]
    heights: list[float]
    ends: list[float]
    bottom: float


def routed(layout: Layout, first: Sequence[int], last: Sequence[int], aside: set[int], theme: Theme) -> Picture:
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
        beside = parts.roles(picture, theme)
        items += [moved(item, x, _top(layout, i, levels)) for item in (*bars, *picture.items, *beside)]
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
            step = END if last and rank + 2 == len(heights) else STEP
            # A shape stands beside the line that leaves; only where others cross does it need room of its own.
            beside = 0.0 if counts.get(rank) else min(feet[rank], step - 1)
            y += step + TRACK * counts.get(rank, 0) - beside
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
        points.append((x, top + target.head))
    joins = target.sign is not None or target.bar is not None
    skips = forks and joins and any(layout.cells[i].rank < layout.cells[link.target].rank for i in layout.ways[link])
    stroke, line = (theme.skip, 1.8) if skips or aside else (theme.ink, 1.4)
    wire = Wire(value_name(source.makes[link.exit]), source.ends[1], target.ends[0])
    return Line(_simple(points), stroke, line, (), target.height > 0 and not target.open, branch=forks, wire=wire)


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
