"""The whole network, opened as far as the page allows or as asked, wrapped in columns."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

from archdsl.backends.figures.columns import columns, pieces, side_by_side
from archdsl.backends.figures.compose import Pen
from archdsl.backends.figures.page import Paper, families, page, scale, skips
from archdsl.backends.figures.parts import Picture
from archdsl.backends.figures.scene import Scene
from archdsl.backends.figures.style import Theme
from archdsl.backends.figures.ushape import ushape
from archdsl.backends.figures.view import Box, Detail, Frame, View, Viewer
from archdsl.ir.graph import Graph

MOST_COLUMNS = 12


class Way(NamedTuple):
    """How to draw the same in less room: `slim` as a pen; cutting `blocks`, and where up to `most` values go on."""

    slim: bool
    blocks: bool
    most: int


WAYS = (Way(False, False, 1), Way(True, False, 1), Way(True, True, 1), Way(True, True, 2))

HOPELESS = 0.6
"""Where a drawing is so much too large, other ways to draw the same are not tried."""


def graph(graph: Graph, theme: Theme, paper: Paper, *, depth: int | None = None, expand: Sequence[str] = ()) -> Scene:
    """Everything from input to output; without `depth`, as deep as it fits the page at 14 pt."""
    viewer = Viewer(graph)
    if depth is not None or expand:
        found = fitted(viewer, Detail(depth or 0, tuple(expand)), theme, paper)
    else:
        found = deepest(viewer, theme, paper)
    used = {family for view in found.views for family in families(view)}
    return page(graph, "graph", found.picture, paper, theme, used, skips(found.picture, theme))


@dataclass(frozen=True, slots=True)
class Fitted:
    """A network drawn in some detail, and how large that can be on the page: below 1 it does not fit."""

    detail: Detail
    views: list[View]
    picture: Picture
    fit: float


def deepest(viewer: Viewer, theme: Theme, paper: Paper) -> Fitted:
    """As many levels as fit; below them what is built alike is opened once; then single boxes, as long as they fit."""
    levels = range(max(len(viewer.graph.ancestry(path)) for path in viewer.graph.scopes))
    best = _last_that_fits(viewer, (Detail(level) for level in levels), theme, paper)
    once = (Detail(level, once=True) for level in range(best.detail.depth + 1, len(levels)))
    best = _last_that_fits(viewer, once, theme, paper, best)
    for path in list(_closed(viewer, best.views)) if best.fit >= 1 else ():
        more = fitted(viewer, replace(best.detail, expand=(*best.detail.expand, path)), theme, paper)
        best = more if more.fit >= 1 else best
    return best


def _last_that_fits(
    viewer: Viewer, details: Iterator[Detail], theme: Theme, paper: Paper, best: Fitted | None = None
) -> Fitted:
    """The last of ever more detailed drawings before one that does not fit; at least the first."""
    for detail in details:
        found = fitted(viewer, detail, theme, paper)
        if best is not None and found.fit < 1:
            break
        if best is None or found.views != best.views:
            best = found
    assert best is not None
    return best


def _closed(viewer: Viewer, views: Iterable[View]) -> Iterator[str]:
    """Paths of boxes whose like is open nowhere."""
    for view in views:
        for item in view.items:
            if isinstance(item, Frame):
                yield from _closed(viewer, [item.view])
            elif isinstance(item, Box) and viewer.first(item.scope):
                yield item.scope.path


def fitted(viewer: Viewer, detail: Detail, theme: Theme, paper: Paper) -> Fitted:
    """Drawn in the first of the `WAYS` that fits, or else the one that comes nearest to it."""
    views = [viewer.network(detail), *(viewer.side(scope, detail) for scope in viewer.sides)]
    best: Fitted | None = None
    for way in WAYS:
        picture = wrapped(views, Pen(viewer.graph, theme, slim=way.slim), paper, way)
        fit = scale(picture, paper)
        if best is None or fit > best.fit:
            best = Fitted(detail, views, picture, fit)
        if fit >= 1 or fit < HOPELESS:
            break
    assert best is not None
    return best


def wrapped(views: list[View], pen: Pen, paper: Paper, way: Way) -> Picture:
    """The views one after the other in that number of columns which fills the page best."""
    parts = [
        replace(piece, starts=i > 0 and j == 0)
        for i, view in enumerate(views)
        for j, piece in enumerate(pieces(view, pen, way.most if i == 0 else 0, way.blocks))
    ]
    best: tuple[float, Picture] | None = None
    form = ushape(views[0], replace(pen, flat=True, drawn={})) if len(views) == 1 else None
    if form is not None:
        return form
    for count in range(1, min(MOST_COLUMNS, len(parts)) + 1):
        picture = side_by_side(columns(parts, count, pen), pen.theme)
        fit = scale(picture, paper)
        if best is None or fit > best[0]:
            best = fit, picture
        elif fit < best[0] * 0.8:
            break
    assert best is not None
    return best[1]
