"""A layout's cells -> places: what lies on a straight line shares one, and the lines are as short as may be."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from itertools import pairwise
from typing import NamedTuple

import networkx as nx

from archdsl.backends.figures.layout.layers import Layout
from archdsl.backends.figures.layout.separate import Gap, separate

BESIDE = 16.0
"""Between two pictures side by side."""
LANE = 10.0
"""Between a lane and what is beside it."""
ROUNDS = 60
SETTLED = 0.02
"""How often places are drawn towards their neighbours at most, and the step in points that ends it."""


class _Tie(NamedTuple):
    """Two cells that a line joins; straight where x + `upper_port` of one is x + `lower_port` of the other."""

    upper: int
    upper_port: float
    lower: int
    lower_port: float


def place(layout: Layout, latest: list[int]) -> None:
    """Gives every cell its x: cells on a straight line share one, and the lines are as short as may be."""
    ties = list(dict.fromkeys(_ties(layout)))
    home, offset = _untangled(layout, _straight(layout, ties, latest))
    blocks = sorted(set(home))
    index = {block: i for i, block in enumerate(blocks)}
    gaps = _gaps(layout, home, offset, index)
    loose = [tie for tie in ties if home[tie.upper] != home[tie.lower]]
    x = separate([0.0] * len(blocks), [1.0] * len(blocks), gaps)
    for _ in range(ROUNDS if loose else 0):
        wanted, weight = [2 * place for place in x], [2.0] * len(blocks)
        for tie in loose:
            upper, lower = index[home[tie.upper]], index[home[tie.lower]]
            shift = offset[tie.upper] + tie.upper_port - offset[tie.lower] - tie.lower_port
            wanted[lower] += x[upper] + shift
            wanted[upper] += x[lower] - shift
            weight[lower] += 1
            weight[upper] += 1
        before, x = x, separate([w / n for w, n in zip(wanted, weight, strict=True)], [n - 1 for n in weight], gaps)
        if max(abs(a - b) for a, b in zip(before, x, strict=True)) < SETTLED:
            break
    for i, cell in enumerate(layout.cells):
        cell.x = round(2 * (x[index[home[i]]] + offset[i])) / 2


def _ties(layout: Layout) -> Iterator[_Tie]:
    for link in layout.links:
        source, target = layout.pictures[link.source], layout.pictures[link.target]
        way = layout.ways[link]
        upper, port = link.source, source.exits[link.exit]
        for lane in way:
            yield _Tie(upper, port, lane, 0.0)
            upper, port = lane, 0.0
        if target.bar is not None:
            yield _Tie(upper, port, link.target, 0.0)
        elif not (target.sign and layout.main[link.target] is not link):
            yield _Tie(upper, port, link.target, target.entries[link.entry])


def _straight(layout: Layout, ties: list[_Tie], latest: list[int]) -> list[_Tie]:
    """The ties to be drawn without a bend, none crossing another."""
    below: dict[int, list[_Tie]] = defaultdict(list)
    for tie in ties:
        below[tie.upper].append(tie)
    ends = _ends(layout, latest)
    mains = {(layout.ways[link][-1] if layout.ways[link] else link.source, t) for t, link in layout.main.items()}
    chosen: list[_Tie] = []
    for tie in ties:
        same_port = [t for t in below[tie.upper] if t.upper_port == tie.upper_port]
        soonest = min(ends[t.lower] for t in same_port)
        alone = [t for t in same_port if ends[t.lower] == soonest]
        if tie not in alone or len(alone) > 1:
            continue
        picture = layout.cells[tie.lower].picture
        if picture is not None and (tie.upper, picture) not in mains:
            continue
        if picture is not None and layout.pictures[picture].bar is not None and picture not in layout.main:
            continue
        chosen.append(tie)
    return _uncrossed(layout, chosen)


def _ends(layout: Layout, latest: list[int]) -> dict[int, int]:
    """For each cell, the latest rank of what its line leads to: the sooner it must be drawn, the longer the way on."""
    ends = {i: latest[i] for i in range(len(layout.pictures))}
    for link in layout.links:
        for cell in layout.ways[link]:
            ends[cell] = min(ends.get(cell, latest[link.target]), latest[link.target])
    return ends


def _uncrossed(layout: Layout, ties: list[_Tie]) -> list[_Tie]:
    places = {cell: index for rank in layout.ranks for index, cell in enumerate(rank)}
    kept: dict[int, list[_Tie]] = defaultdict(list)
    ended: set[tuple[int, str]] = set()
    for tie in ties:
        rank = layout.cells[tie.upper].rank
        level = layout.cells[tie.lower].rank == rank
        crosses = any(
            (places[tie.upper] - places[k.upper]) * (places[tie.lower] - places[k.lower]) < 0
            for k in kept[rank]
            if layout.cells[k.lower].rank == layout.cells[tie.lower].rank
        )
        if (crosses and not level) or (tie.upper, "down") in ended or (tie.lower, "up") in ended:
            continue
        kept[rank].append(tie)
        ended |= {(tie.upper, "down"), (tie.lower, "up")}
    return [tie for rank in kept.values() for tie in rank]


def _blocks(count: int, straight: list[_Tie]) -> tuple[list[int], list[float]]:
    """For each cell the block it belongs to and its distance from that block's x."""
    home, offset = list(range(count)), [0.0] * count
    members = {i: [i] for i in range(count)}
    for tie in straight:
        one, other = home[tie.upper], home[tie.lower]
        if one == other:
            continue
        shift = offset[tie.upper] + tie.upper_port - tie.lower_port - offset[tie.lower]
        for cell in members.pop(other):
            home[cell] = one
            offset[cell] += shift
            members[one].append(cell)
    return home, offset


def _untangled(layout: Layout, straight: list[_Tie]) -> tuple[list[int], list[float]]:
    """Blocks none of which has to lie on both sides of another. Those that would lose ties, the last ones first."""
    while True:
        home, offset = _blocks(len(layout.cells), straight)
        gaps = _gaps(layout, home, offset, {block: block for block in home})
        beside = nx.DiGraph((gap.left, gap.right) for gap in gaps)
        tangles = [blocks for blocks in nx.strongly_connected_components(beside) if len(blocks) > 1]
        if not tangles:
            return home, offset
        last = {max(i for i, tie in enumerate(straight) if home[tie.upper] in blocks) for blocks in tangles}
        straight = [tie for i, tie in enumerate(straight) if i not in last]


def _gaps(layout: Layout, home: list[int], offset: list[float], index: dict[int, int]) -> list[Gap]:
    gaps = []
    for rank in layout.ranks:
        # A bar lies over the lanes that end on it and keeps no distance from them.
        row = [c for c in rank if (p := layout.cells[c].picture) is None or layout.pictures[p].bar is None]
        for left, right in pairwise(row):
            a, b = layout.cells[left], layout.cells[right]
            room = BESIDE if a.picture is not None and b.picture is not None else LANE
            size = a.right + room + b.left + offset[left] - offset[right]
            if home[left] != home[right]:
                gaps.append(Gap(index[home[left]], index[home[right]], size))
    return gaps
