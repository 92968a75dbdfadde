"""Pictures and the lines between them -> ranks from top to bottom, an order in each, and places without overlap.

Sugiyama's scheme, with the habits of the papers' figures: the longest way runs straight down, what skips runs in a
lane at the left, a sum is entered by its skip from the left, a bar lies under all that it joins.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from itertools import pairwise
from typing import NamedTuple

from archdsl.backends.figures.parts import ROLE, Picture


class Link(NamedTuple):
    """A line from an exit of one picture to an entry of another, by number."""

    source: int
    exit: int
    target: int
    entry: int


class Net(NamedTuple):
    """All lines from one exit."""

    source: int
    exit: int


@dataclass(slots=True)
class Cell:
    """A place in a rank: a picture's, or a lane's on its way to other ranks."""

    rank: int
    left: float
    right: float
    picture: int | None = None
    net: Net | None = None
    x: float = 0.0


@dataclass(slots=True)
class Layout:
    """Cells by number (pictures first), the order in each rank, and for each link the lane cells it runs through."""

    pictures: list[Picture]
    links: Sequence[Link]
    cells: list[Cell]
    ranks: list[list[int]]
    ways: dict[Link, list[int]]
    main: dict[int, Link] = field(default_factory=dict)


def lay_out(
    pictures: Sequence[Picture], links: Sequence[Link], first: set[int], last: set[int]
) -> tuple[Layout, list[int]]:
    """Ranks and orders for pictures, `first` in the first rank, `last` in the last one; and the latest rank of each."""
    earliest, latest = _bounds(len(pictures), links, last)
    ranks = _ranks(len(pictures), links, earliest, latest, first, last)
    cells = [Cell(rank, p.left, p.right, i) for i, (p, rank) in enumerate(zip(pictures, ranks, strict=True))]
    layout = Layout(list(pictures), links, cells, [[] for _ in range(max(ranks, default=0) + 1)], {})
    for target, entering in _grouped(links, 2).items():
        main = _main(entering, earliest, pictures[target])
        if main is not None:
            layout.main[target] = main
        if pictures[target].loose:
            layout.pictures[target] = _with_entries(pictures[target], entering, main)
        if pictures[target].roles:
            layout.pictures[target] = _below_exits(pictures[target], entering, pictures)
    _add_lanes(layout)
    _order(layout)
    return layout, latest


# --- ranks ---------------------------------------------------------------------------------


def _grouped(links: Sequence[Link], by: int) -> dict[int, list[Link]]:
    groups: dict[int, list[Link]] = defaultdict(list)
    for link in links:
        groups[link[by]].append(link)
    return groups


def _bounds(count: int, links: Sequence[Link], last: set[int]) -> tuple[list[int], list[int]]:
    """The earliest and latest rank of each picture. Links lead to later pictures, but from the first ones."""
    order = _topological(count, links)
    after, before = _grouped(links, 0), _grouped(links, 2)
    earliest, latest = [0] * count, [0] * count
    for i in order:
        earliest[i] = max((earliest[link.source] + 1 for link in before[i]), default=0)
    depth = max(earliest, default=0)
    for i in reversed(order):
        latest[i] = min((latest[link.target] - 1 for link in after[i]), default=depth if i in last else depth + 1)
    return earliest, latest


def _topological(count: int, links: Sequence[Link]) -> list[int]:
    after, waiting = _grouped(links, 0), [0] * count
    for link in links:
        waiting[link.target] += 1
    ready = [i for i in range(count) if not waiting[i]]
    for i in ready:
        for link in after[i]:
            waiting[link.target] -= 1
            if not waiting[link.target]:
                ready.append(link.target)
    return ready


def _ranks(
    count: int, links: Sequence[Link], earliest: list[int], latest: list[int], first: set[int], last: set[int]
) -> list[int]:
    """In the middle of where each may be, so that a short branch hangs halfway down a long one."""
    ranks = [(early + late) // 2 for early, late in zip(earliest, latest, strict=True)]
    before, after = _grouped(links, 2), _grouped(links, 0)
    for i in range(count):
        if i in first:
            ranks[i] = 0
        elif not before[i]:
            ranks[i] = min((ranks[link.target] - 1 for link in after[i]), default=0)
        elif not after[i] and i not in last:
            ranks[i] = earliest[i]
    # What enters from above has the first rank for itself.
    lowest = min((rank for i, rank in enumerate(ranks) if i not in first), default=0) - bool(first)
    ranks = [rank - min(lowest, 0) if i not in first else 0 for i, rank in enumerate(ranks)]
    bottom = max((ranks[i] for i in range(count) if i not in last), default=0) + 1
    return [bottom if i in last else rank for i, rank in enumerate(ranks)]


# --- lanes ---------------------------------------------------------------------------------


def _main(entering: list[Link], earliest: list[int], picture: Picture) -> Link | None:
    """The link that comes straight from above: that of the longest way; of a bar, only if it is the longest alone.

    Where inputs have roles, it is the middle one of these.
    """
    longest = max(earliest[link.source] for link in entering)
    mains = [link for link in entering if earliest[link.source] == longest]
    if picture.bar is not None and len(mains) > 1:
        return None
    if picture.roles:
        return mains[len(mains) // 2]
    return mains[-1] if picture.sign else mains[0]


def _with_entries(picture: Picture, entering: list[Link], main: Link | None) -> Picture:
    """The main line enters on the axis, the others evenly at its left."""
    others = [link for link in entering if link != main]
    places = {link.entry: -picture.left * (len(others) - i) / (len(others) + 1) for i, link in enumerate(others)}
    return replace(picture, entries=tuple(places.get(i, 0.0) for i in range(len(picture.entries))))


def _below_exits(picture: Picture, entering: list[Link], pictures: Sequence[Picture]) -> Picture:
    """What all comes from one picture, in this order, enters straight below where it leaves, if there is room."""
    exits = [pictures[link.source].exits[link.exit] for link in sorted(entering, key=lambda link: link.entry)]
    apart = all(b - a >= ROLE + 4 for a, b in pairwise(exits))
    if not apart or len(exits) < len(picture.roles) or len({link.source for link in entering}) > 1:
        return picture
    middle = (exits[0] + exits[-1]) / 2
    entries = tuple(x - middle for x in exits)
    on_box = entries[-1] + ROLE <= min(picture.left, picture.right)
    return replace(picture, entries=entries) if on_box else picture


def _add_lanes(layout: Layout) -> None:
    """Cells for what passes a rank. A net has one lane; merges are reached beside, or on, their own rank."""
    lanes: dict[tuple[Net, int], int] = {}
    for link in layout.links:
        net, target = Net(link.source, link.exit), layout.cells[link.target]
        picture = layout.pictures[link.target]
        beside = (picture.sign and layout.main[link.target] is not link) or picture.bar is not None
        way = []
        for rank in range(layout.cells[link.source].rank + 1, target.rank):
            key = (net, rank)
            if key not in lanes:
                lanes[key] = len(layout.cells)
                layout.cells.append(Cell(rank, 0, 0, net=net))
            way.append(lanes[key])
        if beside:
            way.append(len(layout.cells))
            layout.cells.append(Cell(target.rank, 0, 0, net=net))
        layout.ways[link] = way


# --- order ---------------------------------------------------------------------------------


def _order(layout: Layout) -> None:
    """From the bottom up, what enters from the left first; then as few crossings as sweeps can find."""
    entering = _grouped(layout.links, 2)
    seen: set[int] = set()
    ends = [i for i, cell in enumerate(layout.cells[: len(layout.pictures)]) if cell.rank == len(layout.ranks) - 1]
    for start in [*ends, *range(len(layout.pictures))]:
        pending = [start]
        while pending:
            i = pending.pop()
            if i in seen:
                continue
            seen.add(i)
            ways: list[list[int]] = []
            layout.ranks[layout.cells[i].rank].append(i)
            for link in _entry_order(layout, entering[i]) if i < len(layout.pictures) else ():
                ways.append([link.source, *layout.ways[link]])
            for way in ways:
                for cell in way[1:]:
                    if cell not in seen:
                        seen.add(cell)
                        layout.ranks[layout.cells[cell].rank].append(cell)
            pending.extend(way[0] for way in reversed(ways))
    _beside_targets(layout)
    _sweep(layout)


def _entry_order(layout: Layout, entering: list[Link]) -> list[Link]:
    """As they lie on the picture's top. Of merges, skips first, so that they run at the left."""
    if not entering:
        return []
    picture, main = layout.pictures[entering[0].target], layout.main.get(entering[0].target)
    if main is not None and (picture.sign or picture.bar is not None):
        return [*(link for link in entering if link != main), main]
    return sorted(entering, key=lambda link: (picture.entries[link.entry], link.entry))


def _beside_targets(layout: Layout) -> None:
    """The last cell of a line that enters from beside stands directly at the left of what it enters."""
    for target in range(len(layout.pictures)):
        picture = layout.pictures[target]
        if not picture.sign and picture.bar is None:
            continue
        entering = _entry_order(layout, [link for link in layout.links if link.target == target])
        last = [layout.ways[link][-1] for link in entering if layout.ways[link]]
        last = [cell for cell in last if layout.cells[cell].rank == layout.cells[target].rank]
        rank = layout.ranks[layout.cells[target].rank]
        for cell in last:
            rank.remove(cell)
        at = rank.index(target)
        rank[at:at] = last


def _sweep(layout: Layout) -> None:
    best, fewest = [list(rank) for rank in layout.ranks], _crossings(layout)
    for turn in range(8 if fewest else 0):
        for rank in range(1, len(layout.ranks)) if turn % 2 == 0 else range(len(layout.ranks) - 2, -1, -1):
            _sort_rank(layout, rank, rank - 1 if turn % 2 == 0 else rank + 1)
        _beside_targets(layout)
        crossings = _crossings(layout)
        if crossings < fewest:
            best, fewest = [list(rank) for rank in layout.ranks], crossings
    layout.ranks[:] = best


def _sort_rank(layout: Layout, rank: int, fixed: int) -> None:
    places = {cell: index for index, cell in enumerate(layout.ranks[fixed])}
    near: dict[int, list[int]] = defaultdict(list)
    for upper, lower in steps(layout):
        for one, other in ((upper, lower), (lower, upper)):
            if layout.cells[one].rank == rank and other in places:
                near[one].append(places[other])
    old = {cell: index for index, cell in enumerate(layout.ranks[rank])}
    layout.ranks[rank].sort(key=lambda c: (sum(near[c]) / len(near[c]) if near[c] else old[c], old[c]))


def _crossings(layout: Layout) -> int:
    places = {cell: index for rank in layout.ranks for index, cell in enumerate(rank)}
    gaps: dict[int, list[tuple[int, int]]] = defaultdict(list)
    for upper, lower in set(steps(layout)):
        gaps[layout.cells[upper].rank].append((places[upper], places[lower]))
    return sum((a - c) * (b - d) < 0 for pairs in gaps.values() for i, (a, b) in enumerate(pairs) for c, d in pairs[:i])


def steps(layout: Layout) -> Iterator[tuple[int, int]]:
    """Pairs of cells in adjacent ranks that a line joins."""
    for link in layout.links:
        way = [link.source, *layout.ways[link], link.target]
        for upper, lower in pairwise(way):
            if layout.cells[lower].rank == layout.cells[upper].rank + 1:
                yield upper, lower
