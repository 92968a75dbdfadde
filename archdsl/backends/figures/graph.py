"""The whole network, opened as far as the page allows or as asked, wrapped in columns."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase

from archdsl.backends.figures.arms.figure import in_arms
from archdsl.backends.figures.fold import length, lengths
from archdsl.backends.figures.items import Box, Detail, OpenScope, View
from archdsl.backends.figures.known import FigureError
from archdsl.backends.figures.layout.compose import Pen
from archdsl.backends.figures.layout.towers import meeting
from archdsl.backends.figures.layout.wrap import WrapOptions, wrapped
from archdsl.backends.figures.options import Options
from archdsl.backends.figures.page import families, page, scale, too_small
from archdsl.backends.figures.parts import Picture
from archdsl.backends.figures.scene import Scene
from archdsl.backends.figures.view import Viewer
from archdsl.ir.graph import Graph

WAYS = (
    WrapOptions(False, False, 1),
    WrapOptions(True, False, 1),
    WrapOptions(True, True, 1),
    WrapOptions(True, True, 2),
    WrapOptions(True, True, 3),
    WrapOptions(True, True, 3, flat=True),
)

Pens = dict[tuple[bool, bool], Pen]
"""By whether they are slim, and flat. Each keeps what it has drawn, for further trials."""

MOST_TRIALS = 20
"""How many single boxes are opened to see whether the page still holds it all."""
MOST_ITEMS = 300
"""Rows and boxes. A slide holds fewer: a row is 22 points high, so some 20 stand below each other in 12 columns."""
HOPELESS = 0.7
"""Where a drawing is so much too large, only the most compact way to draw the same is tried."""


def graph(graph: Graph, options: Options) -> Scene:
    """Everything from input to output; without a depth, as deep as it fits the page at 14 pt. Raises `FigureError`."""
    viewer = Viewer(graph)
    for pattern in options.expand:
        if not any(fnmatchcase(path, pattern) for path in graph.scopes):
            there = ", ".join(path for path, scope in graph.scopes.items() if scope.parent == "")
            raise FigureError(f"nothing in the network is called `{pattern}`; there is {there}; a pattern is `conv4.*`")
    levels = max(len(graph.ancestry(path)) for path in graph.scopes) - 1
    if options.depth is not None and options.depth > levels:
        raise FigureError(f"the network has no {options.depth} levels to open; depth may be 0 to {levels}")
    asked = options.depth is not None or bool(options.expand)
    if not asked and (form := in_arms(viewer, "graph", options, costs=False)) is not None:
        return form
    detail = Detail(options.depth or 0, options.expand)
    found = fitted(viewer, detail, options, pens(viewer, options)) if asked else deepest(viewer, options)
    drawn = page(graph, "graph", found.picture, options, {family for view in found.views for family in families(view)})
    return replace(drawn, notes=(_too_small(viewer, found, options),)) if found.fit < 1 else drawn


def pens(viewer: Viewer, options: Options) -> Pens:
    """Pens for one graph, which have drawn nothing yet."""
    return {(way.slim, way.flat): Pen(viewer.graph, options.colours, slim=way.slim, flat=way.flat) for way in WAYS}


def _too_small(viewer: Viewer, found: Fitted, options: Options) -> tuple[str, str]:
    """What to tell of a drawing that does not fit, and the depth that does, if there is one below."""
    best = deepest(viewer, replace(options, depth=None, expand=()))
    if best.fit < 1 or best.detail.depth >= found.detail.depth:
        return too_small(found.fit)
    return too_small(
        found.fit, f"open fewer levels, `--depth {best.detail.depth}`, or draw single blocks with `--figure block`"
    )


@dataclass(frozen=True, slots=True)
class Fitted:
    """A network drawn in some detail, and how large that can be on the page: below 1 it does not fit.

    `way` is which of the `WAYS` it is drawn in.
    """

    detail: Detail
    way: int
    views: list[View]
    picture: Picture
    fit: float


def deepest(viewer: Viewer, options: Options) -> Fitted:
    """As many levels as fit; below them what is built alike is opened once; then single boxes, as long as they fit.

    Where not even the outermost level fits, its first and last items. What takes an encoder's value in a decoder stays
    closed: the line from the one to the other ends on it.
    """
    levels = max(len(viewer.graph.ancestry(path)) for path in viewer.graph.scopes)
    whole, drawing = length(viewer.closed), pens(viewer, options)
    for most in lengths(viewer.closed):
        found = fitted(viewer, Detail(0, most=most if most < whole else 0), options, drawing)
        if found.fit >= 1:
            break
    if found.fit < 1 or found.detail.most:
        return found
    met = meeting(viewer.closed)
    kept = (met.taker,) if met else ()
    for layers in (met.layers, met.layers[-1:]) if met else ():
        beside = fitted(viewer, Detail(0, layers, closed=kept), options, drawing)
        if beside.fit >= 1:
            return _with_more(viewer, beside, options, drawing, kept)
    every = (Detail(level, closed=kept) for level in range(1, levels))
    best = _last_that_fits(viewer, every, options, drawing, found)
    if best.detail.depth < levels - 1:
        once = (Detail(level, once=True, closed=kept) for level in range(best.detail.depth + 1, levels))
        best = _last_that_fits(viewer, once, options, drawing, best)
    return _with_more(viewer, best, options, drawing, ())


def _with_more(viewer: Viewer, best: Fitted, options: Options, drawing: Pens, kept: tuple[str, ...]) -> Fitted:
    """With single boxes opened, as long as they fit. Where some are `kept` closed, the outer ones come first."""
    tried = set(kept)
    while best.fit >= 1 and len(tried) < MOST_TRIALS:
        closed = [path for path in _closed(viewer, best.views) if path not in tried]
        if not closed:
            break
        path = min(closed, key=lambda path: len(viewer.graph.ancestry(path))) if kept else closed[0]
        tried.add(path)
        detail = replace(best.detail, expand=(*best.detail.expand, path))
        more = best if _hopeless(viewer, detail) else fitted(viewer, detail, options, drawing, best.way)
        best = more if more.fit >= 1 else best
    return best


def _last_that_fits(viewer: Viewer, details: Iterator[Detail], options: Options, drawing: Pens, best: Fitted) -> Fitted:
    """The last of ever more detailed drawings, the first of which is `best`, before one that does not fit."""
    for detail in details:
        if _hopeless(viewer, detail):
            break
        found = fitted(viewer, detail, options, drawing, best.way)
        if found.fit < 1:
            break
        best = found
    return best


def _hopeless(viewer: Viewer, detail: Detail) -> bool:
    """Whether so much is opened that no slide holds it."""
    return sum(map(_items, _views(viewer, detail))) > MOST_ITEMS


def _items(view: View) -> int:
    """How many boxes and rows are drawn of a view."""
    return sum(_items(item.view) if isinstance(item, OpenScope) else 1 for item in view.items)


def _views(viewer: Viewer, detail: Detail) -> list[View]:
    return [viewer.network(detail), *(viewer.side(scope, detail) for scope in viewer.sides)]


def _closed(viewer: Viewer, views: Iterable[View]) -> Iterator[str]:
    """Paths of boxes whose like is open nowhere."""
    for view in views:
        for item in view.items:
            if isinstance(item, OpenScope):
                yield from _closed(viewer, [item.view])
            elif isinstance(item, Box) and not item.rest and viewer.first(item.scope):
                yield item.scope.path


def fitted(viewer: Viewer, detail: Detail, options: Options, pens: Pens, first: int = 0) -> Fitted:
    """Drawn in the first of the `WAYS` that fits, or else the one that comes nearest to it.

    `first` is the first way to try: those before did not even hold less.
    """
    views = _views(viewer, detail)
    best: Fitted | None = None
    for i, way in enumerate(WAYS[first:], first):
        if best is not None and best.fit < HOPELESS and i + 1 < len(WAYS):
            continue
        picture = wrapped(views, pens[way.slim, way.flat], options.paper, way)
        fit = scale(picture, options.paper)
        if best is None or fit > best.fit:
            best = Fitted(detail, i, views, picture, fit)
        if fit >= 1:
            break
    assert best is not None
    return best
