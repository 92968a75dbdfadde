"""The whole network, opened as far as the page allows or as asked, wrapped in columns."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from archdsl.backends.figures.columns import columns, pieces, side_by_side
from archdsl.backends.figures.compose import Pen
from archdsl.backends.figures.page import LINE, Paper, page, scale, title_height
from archdsl.backends.figures.parts import Picture
from archdsl.backends.figures.scene import Line, Scene, leaves
from archdsl.backends.figures.style import Theme
from archdsl.backends.figures.view import Detail, Frame, Item, Row, View, Viewer
from archdsl.ir.graph import Graph
from archdsl.ops.base import Family

MOST_COLUMNS = 12


def graph(graph: Graph, theme: Theme, paper: Paper, *, depth: int | None = None, expand: tuple[str, ...] = ()) -> Scene:
    """Everything from input to output; without `depth`, as deep as it fits the page at 14 pt."""
    viewer = Viewer(graph)
    best: tuple[float, Picture, list[View]] | None = None
    for detail in details(graph, depth, expand):
        views = [viewer.network(detail), *(viewer.side(scope, detail) for scope in viewer.sides)]
        if best is not None and views == best[2]:
            continue
        for slim, most in ((False, 1), (True, 1), (True, 2)):
            picture = wrapped(views, Pen(graph, theme, slim=slim), paper, most)
            fit = scale(picture, paper, title_height(graph, paper), LINE + 8)
            if best is None or fit > best[0]:
                best = fit, picture, views
            if fit >= 1:
                break
        if best is not None and best[0] >= 1:
            break
    assert best is not None
    _, picture, views = best
    used = {family for view in views for family in families(view)}
    return page(graph, "graph", picture, paper, theme, used, skips(picture, theme))


def details(graph: Graph, depth: int | None, expand: tuple[str, ...]) -> Iterator[Detail]:
    """What to try, the most detailed first."""
    if depth is not None or expand:
        yield Detail(depth or 0, expand)
        return
    deepest = max(len([s for s in graph.ancestry(path) if s.kind != "copies"]) for path in graph.scopes) - 1
    for level in range(deepest, 1, -1):
        yield Detail(level)
        yield Detail(level, once=True)
    yield from (Detail(1), Detail(0))


def wrapped(views: list[View], pen: Pen, paper: Paper, most: int) -> Picture:
    """The views one after the other in that number of columns which fills the page best.

    `most`: where the way is cut, at most so many values go on.
    """
    parts = [
        replace(piece, starts=i > 0 and j == 0)
        for i, view in enumerate(views)
        for j, piece in enumerate(pieces(view, pen, most))
    ]
    above = title_height(pen.graph, paper)
    best: tuple[float, Picture] | None = None
    for count in range(1, min(MOST_COLUMNS, len(parts)) + 1):
        picture = side_by_side(columns(parts, count, pen), pen.theme)
        fit = scale(picture, paper, above, LINE + 8)
        if best is None or fit > best[0]:
            best = fit, picture
    assert best is not None
    return best[1]


def families(view: View) -> Iterator[Family]:
    """What the legend has to explain."""
    for item in view.items:
        yield from _families(item)


def _families(item: Item) -> Iterator[Family]:
    if isinstance(item, Row):
        yield from (node.op.family for node in item.nodes)
    elif isinstance(item, Frame):
        yield from families(item.view)


def skips(picture: Picture, theme: Theme) -> bool:
    return any(isinstance(leaf, Line) and leaf.stroke == theme.skip for leaf in leaves(picture.items))
