"""Graph -> the levels of its page: one drawing for the inside of each scope, in which the scopes within are boxes.

The first level is the stages. Each part of the network is drawn in one level, so a page grows as its network does.
Scopes whose drawings are the same, letter by letter, share one: paths in a drawing are relative to its scope.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

from archdsl.analyses.totals import nodes_in
from archdsl.backends.figures.exhibit import bordered
from archdsl.backends.figures.formats.svg import FAMILY, elements, number
from archdsl.backends.figures.items import Box, Detail, OpenScope, OpRow, View
from archdsl.backends.figures.items import Item as Member
from archdsl.backends.figures.label import scope_name
from archdsl.backends.figures.layout.compose import Pen
from archdsl.backends.figures.layout.wrap import WrapOptions, wrapped
from archdsl.backends.figures.options import Paper
from archdsl.backends.figures.overview import Drawing as Overview
from archdsl.backends.figures.overview import stages_of
from archdsl.backends.figures.page import EDGE, Key, families, legend, legend_keys, scale, skips
from archdsl.backends.figures.page import key as legend_key
from archdsl.backends.figures.parts import Picture
from archdsl.backends.figures.scene import Curve, Group, Item, Line, Text, Wire, moved, placed
from archdsl.backends.figures.style import PAIRED
from archdsl.backends.figures.view import Viewer
from archdsl.ir.graph import Graph, Scope

PAPER = Paper(800, 4 / 3)
"""What a level should fit on: a slide of 1280 by 720 pixels beside the table, so that a point is at least a pixel."""
LEAST = 560.0
"""Across a drawing, in points: a single op does not fill the slide."""
ITSELF = "."
"""Stands in a drawing for the scope whose inside it is."""
OUTSIDE = ":"
"""Begins the name of a value from outside of that scope: `:0`."""


class Place(NamedTuple):
    """Where a node or scope is drawn: the path of the level, and that of the box there, which may stand for more."""

    level: str
    box: str


@dataclass(frozen=True, slots=True)
class Levels:
    """The drawings (SVG, without a name), which of them shows the inside of each scope, and where each part is drawn.

    `items` is all that is drawn.
    """

    drawings: tuple[str, ...]
    of: dict[str, int]
    places: dict[str, Place]
    items: tuple[Item, ...]


def levels(graph: Graph) -> Levels:
    """All levels of a network's page, the first one first."""
    viewer = Viewer(graph)
    known: dict[str, int] = {}
    of: dict[str, int] = {}
    places: dict[str, Place] = {}
    items: list[Item] = []
    pending = [""]
    for path in pending:
        members, picture, keys = _network(viewer) if not path else _inside(viewer, graph.scopes[path])
        drawing = _paged(picture, keys, graph, path)
        text = _svg(drawing)
        if text not in known:
            items += drawing.items
        of[path] = known.setdefault(text, len(known))
        for part, box in _shown(graph, members):
            places[part] = Place(path, box)
            if part in graph.scopes and box in graph.scopes and part not in of:
                pending.append(part)
    return Levels(tuple(known), of, places, tuple(items))


# --- one level -----------------------------------------------------------------------------


def _network(viewer: Viewer) -> tuple[Sequence[Member], Picture, list[Key]]:
    """The stages from left to right with their costs; of a network without stages, its ops and blocks."""
    graph = viewer.graph
    views = [viewer.network(Detail(0)), *(viewer.side(scope, Detail(0)) for scope in viewer.sides)]
    members = [item for view in views for item in view.items]
    if graph.stages and not any(isinstance(item, OpenScope) for item in members):
        stages = stages_of(viewer, training=True)
        drawing = Overview(graph, stages, PAIRED, Paper())
        if not drawing.folded:  # a U is worth its smaller letters
            drawing = Overview(graph, stages, PAIRED, PAPER)
        keys = [legend_key(text, swatch, PAIRED) for text, swatch in drawing.costs()]
        return members, drawing.picture(), keys
    picture = _best(
        wrapped(views, Pen(graph, PAIRED, slim=way.slim), PAPER, way)
        for way in (WrapOptions(False, False, 1), WrapOptions(True, True, 2))
    )
    return members, picture, _keys(views, picture)


def _inside(viewer: Viewer, scope: Scope) -> tuple[Sequence[Member], Picture, list[Key]]:
    """What a scope holds, in its frame; in columns without a frame where it is too long for a slide."""
    view = viewer.content(scope.path, Detail(0), 0)
    picture = _best(_forms(viewer, scope, view))
    return view.items, picture, _keys([view], picture)


def _forms(viewer: Viewer, scope: Scope, view: View) -> Iterator[Picture]:
    graph = viewer.graph
    for slim in (False, True):
        yield bordered(viewer, scope, view, Pen(graph, PAIRED, shapes=True, slim=slim), _title(scope))
    yield wrapped([view], Pen(graph, PAIRED, slim=True), PAPER, WrapOptions(True, True, 2))


def _best(pictures: Iterable[Picture]) -> Picture:
    """The first that fits the slide, or else the one that comes nearest."""
    tried = []
    for picture in pictures:
        tried.append(picture)
        if scale(picture, PAPER) >= 1:
            return picture
    return max(tried, key=lambda picture: scale(picture, PAPER))


def _title(scope: Scope) -> str:
    """What stands on a scope's frame; copies have the name of what they are copies of."""
    if scope.block:
        return scope.block
    return scope.parent.rpartition(".")[2] if scope.copy and scope.parent else scope_name(scope)


def _keys(views: Iterable[View], picture: Picture) -> list[Key]:
    return list(legend_keys({f for view in views for f in families(view)}, skips(picture, PAIRED), PAIRED))


# --- where things are drawn ----------------------------------------------------------------


def _shown(graph: Graph, items: Iterable[Member]) -> Iterator[tuple[str, str]]:
    """Each path that the items stand for, and the path of the box that is drawn for it."""
    for item in items:
        match item:
            case OpRow():
                yield from _in_row(graph, item)
            case Box():
                yield from ((path, item.scope.path) for (path,) in item.alike or ((item.scope.path,),))
            case OpenScope():
                yield from _shown(graph, item.view.items)
                yield from (pair for parts in item.alike[1:] for pair in zip(parts, item.alike[0], strict=True))


def _in_row(graph: Graph, row: OpRow) -> Iterator[tuple[str, str]]:
    """The ops of a row and the blocks that are no more than ops of it; then those of the copies it is drawn for."""
    yield from ((node.id, node.id) for node in row.nodes)
    yield from ((scope.path, row.nodes[first].id) for scope, first, _ in row.scopes)
    for (copy,) in row.alike[1:]:
        nodes = nodes_in(graph, copy, training=True)
        yield from ((node.id, own.id) for node, own in zip(nodes, row.nodes, strict=True))
        yield copy, row.nodes[0].id


# --- a level's drawing ---------------------------------------------------------------------


class _Drawn(NamedTuple):
    width: float
    height: float
    items: tuple[Item, ...]


def _paged(picture: Picture, keys: Sequence[Key], graph: Graph, path: str) -> _Drawn:
    """A picture with its legend, in which paths are relative to that of the scope."""
    wide = max(picture.left + picture.right, LEAST)
    below = legend(keys, wide)
    left = EDGE + (wide - picture.left - picture.right) / 2 + picture.left
    items = (
        *(moved(item, left, EDGE) for item in picture.items),
        *(moved(item, EDGE, EDGE + picture.height) for item in below.items),
    )
    relative = _Relative(path)
    drawn = tuple(relative.item(item) for item in placed(items))
    return _Drawn(wide + 2 * EDGE, picture.height + below.height + 2 * EDGE, drawn)


class _Relative:
    """Rewrites the paths of one drawing. Values from outside are numbered in the order in which they are met."""

    KEPT = ("kind", "path", "alike", "nodes", "value")

    def __init__(self, path: str) -> None:
        self.path = path
        self.outside: dict[str, str] = {}

    def item(self, item: Item) -> Item:
        match item:
            case Group():
                data = tuple((name, self._fact(name, text)) for name, text in item.data if name in self.KEPT)
                return replace(item, id="", data=data, items=tuple(map(self.item, item.items)))
            case Line(wire=wire) | Curve(wire=wire) if wire is not None:
                ends = self._end(wire.source), self._end(wire.target)
                return replace(item, wire=Wire(self.named(wire.value), *ends))
            case Text():
                return replace(item, of="")
        return item

    def _fact(self, name: str, text: str) -> str:
        if name == "kind" or not text:
            return text
        parts = (" ".join(map(self.named, part.split(" "))) for part in text.split("; "))
        return "; ".join(parts)

    def _end(self, path: str) -> str:
        return path if not path or path.startswith("tag ") else self.named(path)

    def named(self, path: str) -> str:
        if not self.path:
            return path
        if path == self.path:
            return ITSELF
        if path.startswith(f"{self.path}."):
            return path[len(self.path) + 1 :]
        return self.outside.setdefault(path, f"{OUTSIDE}{len(self.outside)}")


def _svg(drawn: _Drawn) -> str:
    box = f"0 0 {number(drawn.width)} {number(drawn.height)}"
    lines = (line.lstrip() for line in elements(drawn.items, "plain"))
    return "\n".join([f'<svg viewBox="{box}" font-family="{FAMILY}">', *lines, "</svg>"])
