"""A picture -> a slide: title, totals and legend around it, as large as the page allows, never smaller than 14 pt."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from archdsl.analyses import totals
from archdsl.analyses.notation import count, shape
from archdsl.backends.figures import parts
from archdsl.backends.figures.items import Item as Member
from archdsl.backends.figures.items import OpenScope, OpRow, View
from archdsl.backends.figures.label import network_name
from archdsl.backends.figures.options import Options, Paper
from archdsl.backends.figures.parts import Picture
from archdsl.backends.figures.scene import (
    Group,
    Item,
    Line,
    Scene,
    Text,
    leaves,
    moved,
    named_once,
    placed,
)
from archdsl.backends.figures.style import LOOKS, SIZE, TITLE, Theme
from archdsl.backends.figures.text import width, wrap
from archdsl.ir.graph import Graph
from archdsl.ops.base import Family

EDGE = 12.0
"""Around everything."""
LARGEST = 1.6
"""A small figure is enlarged up to this."""
BETWEEN = 20.0
"""Between two keys of the legend."""
LINE = 20.0
"""From one line of text to the next."""
Key = tuple[float, tuple[Item, ...]]
"""An entry of the legend: how wide it is, and what it consists of."""
LARGER_PAGE = "its page is larger than a slide: print it, or draw single blocks with `--figure block --block NAME`"


def scale(picture: Picture, paper: Paper) -> float:
    """How large a picture can be on the paper, with a title and one row of keys; below 1 it does not fit."""
    across = paper.width / (picture.left + picture.right + 2 * EDGE)
    down = paper.height / (picture.height + 2.5 * LINE + 8 + 2 * EDGE)
    return min(across, down, LARGEST)


def page(
    graph: Graph,
    figure: str,
    picture: Picture,
    options: Options,
    families: Iterable[Family],
    further: Iterable[tuple[str, Sequence[Item]]] = (),
) -> Scene:
    """The whole slide of one network. Where the picture does not fit, the page grows, at the same aspect."""
    inputs = ", ".join(shape(node.output) for node in graph.inputs)
    name, theme = network_name(graph.header), options.colours
    head = Head(name, f"{inputs} in · {facts(graph)}", f"{name}: {figure}", description(graph))
    keys = [key(text, swatch, theme) for text, swatch in further]
    return slide(head, picture, options, keys + list(legend_keys(families, skips(picture, theme), theme)))


class Head(NamedTuple):
    """What stands above a picture, its name at the left and facts at the right; and what the file says of itself."""

    name: str
    told: str
    title: str
    description: str


def slide(head: Head, picture: Picture, options: Options, keys: Sequence[Key] = ()) -> Scene:
    """A picture with its head and a legend of these keys. Where it does not fit, the page grows, at the same aspect."""
    paper, theme = options.paper, options.colours
    across = picture.left + picture.right + 2 * EDGE
    factor = scale(picture, paper)
    wide = max(paper.width / factor, across)
    for _ in range(3):
        above, below = _title(head.name, head.told, wide - 2 * EDGE, theme), legend(keys, wide - 2 * EDGE)
        high = max(wide / paper.aspect, picture.height + above.height + below.height + 2 * EDGE)
        wide = max(wide, high * paper.aspect)
    part = paper.width / wide
    left = (wide - picture.left - picture.right) / 2 + picture.left
    top = EDGE + above.height + (high - above.height - below.height - 2 * EDGE - picture.height) / 2
    head_items = tuple(placed(above.items, EDGE, EDGE))
    keys_items = tuple(placed(below.items, EDGE, high - EDGE - below.height))
    items = (*head_items, *placed(picture.items, left, top), *keys_items)
    return Scene(
        wide,
        high,
        head.title,
        head.description,
        theme.background,
        tuple(named_once(items, set())),
        max(1.0, part),
        () if part > 0.999 else (too_small(part),),
        (len(head_items), len(keys_items)),
    )


def too_small(part: float, help: str = LARGER_PAGE) -> tuple[str, str]:
    """What to tell of a figure that is shown at `part` of its size on a slide, and what to do."""
    told = f"on one slide the text of this figure would be {part * SIZE:.1f} pt high, less than {SIZE:g} pt"
    return told, help


def description(graph: Graph) -> str:
    """What a reader who does not see the figure is told."""
    header = graph.header
    parts = [header.doc.strip(), facts(graph) + ".", header.source]
    return " ".join(part for part in parts if part)


def facts(graph: Graph) -> str:
    """What a network costs: `25.6 M parameters · 4.09 G MACs`."""
    nodes = totals.nodes_in(graph)
    return f"{count(totals.parameters(graph, nodes))} parameters · {count(totals.macs(graph, nodes))} MACs"


def _title(name: str, told: str, wide: float, theme: Theme) -> Picture:
    """The network's name at the left, its totals at the right, or below where they do not fit beside."""
    title = Text(0, TITLE / 2, name, TITLE, theme.ink, True, "start")
    long = width(told, SIZE)
    if width(name, TITLE, True) + long + 24 <= wide:
        return Picture(0, wide, LINE * 1.5, (title, Text(wide, TITLE / 2, told, SIZE, theme.faint, False, "end")))
    lines = wrap(told, SIZE, wide)
    below = (
        Text(0, TITLE + 4 + LINE * (i + 0.5), line, SIZE, theme.faint, False, "start") for i, line in enumerate(lines)
    )
    return Picture(0, wide, LINE * (1.5 + len(lines)), (title, *below))


def legend_keys(families: Iterable[Family], skips: bool, theme: Theme) -> Iterator[Key]:
    """Legend entries: their width and items, in the families' order."""
    used = set(families)
    for family in LOOKS:
        if family in used and family not in (Family.INPUT, Family.MERGE):
            yield key(family.value, (parts.box(0, 3, 26, 14, family, theme),), theme)
    if skips:
        yield key("skip", (Line(((0, 10), (26, 10)), theme.skip, 1.8, arrow=True),), theme)


def key(text: str, swatch: Sequence[Item], theme: Theme) -> Key:
    """An entry of the legend. `swatch` lies in 26 by 20 points."""
    label = Text(32, 10, text, SIZE, theme.ink, False, "start")
    return 32 + width(text, SIZE), (Group((*swatch, label)),)


def legend(keys: Sequence[Key], wide: float) -> Picture:
    """Rows of keys, each in the middle, as many as it takes."""
    rows: list[list[Key]] = []
    for key in keys:
        if not rows or _row_length([*rows[-1], key]) > wide:
            rows.append([])
        rows[-1].append(key)
    items: list[Item] = []
    for i, row in enumerate(rows):
        x = (wide - _row_length(row)) / 2
        for long, swatch in row:
            items += [moved(item, x, LINE * i + 8) for item in swatch]
            x += long + BETWEEN
    return Picture(0, wide, LINE * len(rows) + 8 if rows else 0.0, tuple(items))


def _row_length(row: list[Key]) -> float:
    return sum(long + BETWEEN for long, _ in row) - BETWEEN


def families(view: View) -> Iterator[Family]:
    """What the legend has to explain."""
    for item in view.items:
        yield from _families(item)


def _families(item: Member) -> Iterator[Family]:
    if isinstance(item, OpRow):
        yield from (node.op.family for node in item.nodes)
    elif isinstance(item, OpenScope):
        yield from families(item.view)


def skips(picture: Picture, theme: Theme) -> bool:
    return any(isinstance(leaf, Line) and leaf.stroke == theme.skip for leaf in leaves(picture.items))
