"""The blocks of a network from the inside: each structure once, with the shapes that run through it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from archdsl.backends.figures.blocks import dense_reading as dense_read
from archdsl.backends.figures.blocks import glass_reading as glass_read
from archdsl.backends.figures.blocks.dense import WAYS as DENSE_WAYS
from archdsl.backends.figures.blocks.dense import DenseDrawer
from archdsl.backends.figures.blocks.glass import GlassDrawer
from archdsl.backends.figures.blocks.inset import Key
from archdsl.backends.figures.blocks.rails import rails
from archdsl.backends.figures.exhibit import exhibit, in_stacks, noted, place_of, shelves
from archdsl.backends.figures.fold import LONG, folded, lengths
from archdsl.backends.figures.items import LIGHT, Box, Detail, OpenScope, OpRow, View
from archdsl.backends.figures.known import FigureError
from archdsl.backends.figures.layout.compose import Pen
from archdsl.backends.figures.layout.wrap import WrapOptions, wrapped
from archdsl.backends.figures.options import Options
from archdsl.backends.figures.page import families, page, scale
from archdsl.backends.figures.parts import Picture
from archdsl.backends.figures.scene import Scene
from archdsl.backends.figures.view import Viewer
from archdsl.ir.graph import Graph, Scope


def block(graph: Graph, options: Options) -> Scene:
    """Every distinct block, or those of the name asked for, or the one at that path. Raises `FigureError`."""
    viewer = Viewer(graph)
    drawn = _Arranger(viewer, tuple(chosen(viewer, options.block)), options).arranged()
    return page(
        graph,
        "blocks",
        drawn.picture,
        options,
        {family for view in drawn.views for family in families(view)},
        drawn.keys,
    )


def chosen(viewer: Viewer, name: str | None) -> Iterator[Scope]:
    """The scopes to draw: of each structure, numbers apart, the first use."""
    graph = viewer.graph
    if name is not None and name in graph.scopes:
        yield graph.scopes[name]
        return
    blocks = [scope for scope in graph.scopes.values() if scope.block and viewer.first(scope)]
    if name is not None:
        if name not in {scope.block for scope in blocks}:
            known = ", ".join(dict.fromkeys(str(scope.block) for scope in blocks))
            raise FigureError(f"the network has no block or path `{name}`; its blocks are: {known or 'none'}")
        own = [scope for scope in blocks if scope.block == name and not _within_itself(graph, scope)]
        yield from _fullest_first(viewer, own)
        return
    outer = [scope for scope in blocks if not any(s.block for s in graph.ancestry(scope.path)[1:])]
    stages = [scope for scope in graph.stages if viewer.branches(scope)] or list(graph.stages)
    rich = [scope for scope in outer if not viewer.plain(scope)]
    yield from _few(viewer, _fullest_first(viewer, rich or stages or [graph.scopes[""]]))


def _within_itself(graph: Graph, scope: Scope) -> bool:
    """Whether a block is used inside another use of itself: the figure of that one shows it, as a box."""
    return any(around.block == scope.block for around in graph.ancestry(scope.path)[1:])


def _fullest_first(viewer: Viewer, scopes: Sequence[Scope]) -> list[Scope]:
    """Of a block of several inputs, the uses that give it most different ones take the places of the others."""
    found = list(scopes)
    for block in dict.fromkeys(scope.block for scope in scopes if len(scope.ports) > 1):
        places = [i for i, scope in enumerate(scopes) if scope.block == block]
        uses = sorted((scopes[i] for i in places), key=lambda scope: -len(viewer.borders[scope.path].inputs))
        for i, scope in zip(places, uses, strict=True):
            found[i] = scope
    return found


def _few(viewer: Viewer, scopes: list[Scope]) -> list[Scope]:
    """Of more scopes than a figure can tell apart, the first of each that are built alike."""
    if len(scopes) <= MOST_SCOPES:
        return scopes
    firsts: dict[int, Scope] = {}
    for scope in scopes:
        firsts.setdefault(viewer.kinds[scope.path], scope)
    return list(firsts.values())[:MOST_SCOPES]


MOST_SCOPES = 24
"""Of so many different blocks the figure finds those that fit."""


class BlockOptions(NamedTuple):
    """How to draw the same in less room: `shapes` and `slim` as a pen, `loosely` as a detail.

    `further`: beside the blocks, those that are closed in them.
    """

    shapes: bool
    slim: bool
    loosely: bool
    further: bool


WAYS = (
    BlockOptions(True, False, False, True),
    BlockOptions(True, True, False, True),
    BlockOptions(False, True, False, True),
    BlockOptions(False, True, True, True),
    BlockOptions(False, True, True, False),
)


@dataclass(frozen=True, slots=True)
class _Drawn:
    views: list[View]
    picture: Picture
    fit: float
    keys: tuple[Key, ...] = ()
    """Of the legend, beside those of families."""
    scopes: tuple[Scope, ...] = ()
    """The blocks, to which depth they are open, and how they are drawn."""
    depth: int = 0
    way: BlockOptions = WAYS[-1]


class _Arranger:
    """Finds how to draw blocks, and how many of them, so that the page holds them."""

    def __init__(self, viewer: Viewer, scopes: tuple[Scope, ...], options: Options) -> None:
        self.viewer, self.scopes, self.options = viewer, scopes, options
        self.depths = range(max(len(viewer.graph.ancestry(path)) for path in viewer.graph.scopes))
        self.pens: dict[tuple[bool, bool, str], Pen] = {}
        """By shapes and slim. Each keeps what it has drawn, for further trials."""
        self.known: dict[tuple[str, int, BlockOptions, bool], tuple[View, Picture]] = {}

    def arranged(self) -> _Drawn:
        """As deep as fits; further forms of a block are left out first, then other blocks, and named below.

        Where one block alone fits, it is the one that is used most.
        """
        scopes = self.scopes
        if not scopes[0].path:
            return self._in_columns(scopes[0])
        if len(scopes) == 1 and (form := self._whole(scopes[0])) is not None:
            return form
        fitting = scopes if len(scopes) == 1 else tuple(self._fitting(scopes))
        shown = fitting or scopes[:1]
        while (best := self._deepest(shown)).fit < 1 and len(shown) > 1:
            names = [scope.block for scope in shown]
            again = [scope for i, scope in enumerate(shown) if scope.block and scope.block in names[:i]]
            shown = tuple(scope for scope in shown if scope is not (again or shown)[-1])
        if best.fit >= 1 and len(shown) == 1 < len(fitting):
            best = self._deepest((self._most_used(fitting),))
        return self._with_further(best, fitting) if best.fit >= 1 else self._in_columns(shown[0])

    def _fitting(self, scopes: Sequence[Scope]) -> Iterator[Scope]:
        """Those that fit, and in the place of a block that does not, the blocks in it that do."""
        names = {scope.block for scope in scopes}
        pending = list(scopes)
        while pending:
            scope = pending.pop(0)
            if self._deepest((scope,)).fit >= 1:
                yield scope
                continue
            inside: dict[str | None, Scope] = {}
            for inner in self._inside(scope):
                if inner.block not in names:
                    inside.setdefault(inner.block, inner)
            names |= inside.keys()
            pending[:0] = inside.values()

    def _inside(self, scope: Scope) -> Iterator[Scope]:
        """The first uses of the blocks in a block, or in the same block in it, that hold more than other blocks."""
        graph = self.viewer.graph
        for inner in graph.scopes.values():
            around = [other.block for other in graph.ancestry(inner.path)[1:] if other.path.startswith(scope.path)]
            if inner.block and inner.path.startswith(f"{scope.path}.") and set(around) <= {scope.block, None}:
                view = self.viewer.content(inner.path, Detail(0), 0)
                rows = (item for item in view.items if isinstance(item, OpRow))
                ops = any(node.op.family not in LIGHT for row in rows for node in row.nodes)
                if inner.block != scope.block and ops and not self.viewer.plain(inner):
                    yield inner

    def _most_used(self, scopes: Sequence[Scope]) -> Scope:
        """The first form of the block that the network uses most often."""
        uses = Counter(scope.block for scope in self.viewer.graph.scopes.values())
        return max(scopes, key=lambda scope: uses[scope.block])

    def _whole(self, scope: Scope) -> _Drawn | None:
        """A block that is drawn alone, if it has a form of its own and that fits."""
        drawers: list[GlassDrawer | DenseDrawer] = []
        graph, colours = self.viewer.graph, self.options.colours
        if (glass := glass_read.read(self.viewer, scope)) is not None:
            drawers = [GlassDrawer(graph, scope, glass, colours)]
        elif (dense := dense_read.read(self.viewer, scope)) is not None:
            drawers = [DenseDrawer(graph, scope, dense, colours, *way) for way in DENSE_WAYS]
        for drawer in drawers:
            picture = drawer.picture(place_of(self.viewer, scope))
            if (fit := scale(picture, self.options.paper)) >= 1:
                return _Drawn([], picture, fit, tuple(drawer.keys()))
        return None

    def _deepest(self, scopes: tuple[Scope, ...]) -> _Drawn:
        """In the first of the `WAYS` that fits, and as deep as it then does; or else what comes nearest."""
        best: _Drawn | None = None
        for way in WAYS:
            for depth in self.depths:
                drawn = self._drawn(scopes, depth, way)
                if best is None or drawn.fit >= min(best.fit, 1.0):
                    best = drawn
                if drawn.fit < 1 or not any(True for view in drawn.views for _ in _boxes(view)):
                    break
            if best is not None and best.fit >= 1:
                break
        assert best is not None
        return best

    def _with_further(self, best: _Drawn, fitting: Sequence[Scope]) -> _Drawn:
        """With as many as fit of the blocks left out, and of those that are boxes in those shown."""
        tried: set[str | None] = {scope.block for scope in best.scopes}
        while best.fit >= 1:
            inner = (box for view in best.views for box in _boxes(view))
            scope = next((one for one in (*fitting, *inner) if self._is_further(one, tried)), None)
            if scope is None:
                break
            tried.add(scope.block)
            more = self._drawn((*best.scopes, scope), best.depth, best.way, stacked=True)
            best = more if more.fit >= 1 else best
        return best

    def _is_further(self, scope: Scope, names: Collection[str | None]) -> bool:
        """Whether a closed box is of a block that is shown nowhere, and more than a row of ops."""
        return bool(scope.block) and scope.block not in names and not self.viewer.plain(scope)

    def _drawn(self, scopes: tuple[Scope, ...], depth: int, way: BlockOptions, *, stacked: bool = False) -> _Drawn:
        """The blocks at one depth, and beside them those that are boxes in them and drawn nowhere.

        `stacked`: a lower one may stand below another beside a higher one, and texts below them are narrow.
        """
        drawn, shown = [self._one(scope, depth, way, narrow=stacked) for scope in scopes], list(scopes)
        left = [scope for scope in self.scopes if scope not in scopes]
        names = {scope.block for scope in scopes}
        for scope in [box for view, _ in drawn for box in _boxes(view) if way.further]:
            if self._is_further(scope, names):
                names.add(scope.block)
                shown.append(scope)
                drawn.append(self._one(scope, depth, way, narrow=stacked))
        pictures = [picture for _, picture in drawn]
        rows = [shelves(pictures, count) for count in range(1, len(pictures) + 1)]
        rows += [in_stacks(pictures)] if stacked else []
        paper = self.options.paper
        picture = noted(max(rows, key=lambda row: scale(row, paper)), left, self.options.colours)
        return _Drawn([view for view, _ in drawn], picture, scale(picture, paper), (), tuple(shown), depth, way)

    def _one(self, scope: Scope, depth: int, way: BlockOptions, *, narrow: bool) -> tuple[View, Picture]:
        key = scope.path, depth, way._replace(further=True), narrow
        if key not in self.known:
            view = self.viewer.content(scope.path, Detail(depth, loosely=way.loosely, own=scope.block), 0)
            view = folded(view, LONG, scope)
            colours, graph = self.options.colours, self.viewer.graph
            pen = self.pens.setdefault(
                (way.shapes, way.slim, scope.path),
                Pen(graph, colours, shapes=way.shapes, slim=way.slim, forms=(rails,), own=scope),
            )
            self.known[key] = view, exhibit(self.viewer, scope, view, pen, narrow=narrow)
        return self.known[key]

    def _in_columns(self, scope: Scope) -> _Drawn:
        """A whole network, or a block too long for the page: without a frame, and if need be its inner items."""
        whole = self.viewer.content(scope.path, Detail(0, own=scope.block), 0)
        pen = Pen(self.viewer.graph, self.options.colours, slim=True, own=scope)
        for most in lengths(whole):
            view = folded(whole, most, scope)
            picture = wrapped([view], pen, self.options.paper, WrapOptions(True, True, 2))
            if scale(picture, self.options.paper) >= 1:
                break
        left = [other for other in self.scopes if other is not scope]
        return _Drawn([view], noted(picture, left, self.options.colours), scale(picture, self.options.paper))


def _boxes(view: View) -> Iterator[Scope]:
    for item in view.items:
        if isinstance(item, Box):
            yield item.scope
        elif isinstance(item, OpenScope):
            yield from _boxes(item.view)
