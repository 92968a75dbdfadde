"""The blocks of a network from the inside: each structure once, with the shapes that run through it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from archdsl.backends.figures.compose import Pen, compose, framed
from archdsl.backends.figures.label import scope_name, shape
from archdsl.backends.figures.page import LINE, Paper, families, page, scale, skips
from archdsl.backends.figures.parts import FOOTER, Picture
from archdsl.backends.figures.scene import Item, Line, Scene, Text, moved
from archdsl.backends.figures.style import SIZE, Theme
from archdsl.backends.figures.text import width
from archdsl.backends.figures.view import Box, Detail, Frame, View, Viewer
from archdsl.ir.graph import Graph, Scope

BETWEEN = 28.0
"""From one block to the next."""


class UnknownBlock(ValueError):
    """No block or place of the network has this name; `known` are the blocks that there are."""

    def __init__(self, name: str, known: Sequence[str]) -> None:
        super().__init__(f"the network has no block `{name}`; it has {', '.join(known) or 'none'}")
        self.name = name
        self.known = tuple(known)


@dataclass(frozen=True, slots=True)
class _Drawn:
    scopes: tuple[Scope, ...]
    views: list[View]
    picture: Picture
    fit: float


def block(graph: Graph, theme: Theme, paper: Paper, *, name: str | None = None) -> Scene:
    """Every distinct block, or those called `name`, or the one at that path. Raises `UnknownBlock`."""
    viewer = Viewer(graph)
    scopes = tuple(chosen(viewer, name))
    best: _Drawn | None = None
    for depth in range(max(len(graph.ancestry(path)) for path in graph.scopes)):
        drawn = _drawn(viewer, scopes, Detail(depth), theme, paper)
        if best is not None and drawn.fit < 1:
            break
        best = drawn
    assert best is not None
    used = {family for view in best.views for family in families(view)}
    return page(graph, "blocks", best.picture, paper, theme, used, skips(best.picture, theme))


def chosen(viewer: Viewer, name: str | None) -> Iterator[Scope]:
    """The scopes to draw: of each structure, numbers apart, the first use."""
    graph = viewer.graph
    if name is not None and name in graph.scopes:
        yield graph.scopes[name]
        return
    blocks = [scope for scope in graph.scopes.values() if scope.block and viewer.first(scope)]
    if name is not None:
        if name not in {scope.block for scope in blocks}:
            raise UnknownBlock(name, list(dict.fromkeys(str(scope.block) for scope in blocks)))
        yield from (scope for scope in blocks if scope.block == name)
        return
    outer = [scope for scope in blocks if not any(s.block for s in graph.ancestry(scope.path)[1:])]
    stages = [scope for scope in graph.stages if viewer.branches(scope)] or list(graph.stages)
    rich = [scope for scope in outer if not viewer.plain(scope)]
    yield from rich or stages or [graph.scopes[""]]


def _drawn(viewer: Viewer, scopes: tuple[Scope, ...], detail: Detail, theme: Theme, paper: Paper) -> _Drawn:
    """The blocks at one depth, and beside them those that are boxes in them and drawn nowhere."""
    pen = Pen(viewer.graph, theme, shapes=True)
    views = [viewer.content(scope.path, detail, 0) for scope in scopes]
    names = {scope.block for scope in scopes}
    for scope in (box for view in views for box in _boxes(view)):
        if scope.block not in names and not viewer.plain(scope):
            names.add(scope.block)
            scopes, views = (*scopes, scope), [*views, viewer.content(scope.path, detail, 0)]
    pictures = [_one(viewer, scope, view, pen) for scope, view in zip(scopes, views, strict=True)]
    arranged = [_shelves(pictures, count) for count in range(1, len(pictures) + 1)]
    picture = max(arranged, key=lambda p: scale(p, paper))
    return _Drawn(scopes, views, picture, scale(picture, paper))


def _boxes(view: View) -> Iterator[Scope]:
    for item in view.items:
        if isinstance(item, Box):
            yield item.scope
        elif isinstance(item, Frame):
            yield from _boxes(item.view)


def _one(viewer: Viewer, scope: Scope, view: View, pen: Pen) -> Picture:
    """A block in its frame, with what enters above, what leaves below, and where in the network it is."""
    graph, theme = viewer.graph, pen.theme
    inner = compose(view, pen, scope, leaving=view.outputs)
    as_block = replace(scope, kind="block") if scope.block else scope
    frame = Frame(as_block, view.inputs, view.outputs, view)
    picture = framed(inner, frame, theme, scope.block or scope_name(scope))
    if view.outputs:
        picture = picture.footed(graph.tensor(view.outputs[0]), theme)
    items: list[Item] = [moved(item, 0, FOOTER) for item in picture.items]
    items += [Line(((x, 0), (x, FOOTER)), theme.ink) for x in picture.entries]
    right, left = picture.right, picture.left
    if view.inputs:
        text = Text(
            max(picture.entries) + 5, FOOTER / 2, shape(graph.tensor(view.inputs[0])), SIZE, theme.ink, True, "start"
        )
        items.append(text)
        right = max(right, text.x + width(text.text, SIZE, True))
    foot = picture.height + FOOTER
    items += [Line(((x, foot), (x, foot + 12)), theme.ink, arrow=True) for x in picture.exits]
    note = _place(viewer, scope)
    middle = (right - left) / 2
    items.append(Text(middle, foot + 12 + LINE / 2, note, SIZE, theme.faint))
    half = width(note, SIZE) / 2
    return replace(
        picture,
        left=max(left, half - middle),
        right=max(right, half + middle),
        height=foot + 12 + LINE,
        items=tuple(items),
    )


def _place(viewer: Viewer, scope: Scope) -> str:
    """`conv2.0 and 3 alike`."""
    kinds = viewer.kinds
    same = (s for s in viewer.graph.scopes.values() if s.block == scope.block and kinds[s.path] == kinds[scope.path])
    others = sum(1 for _ in same) - 1 if scope.block and not viewer.plain(scope) else 0
    return (scope.path or scope_name(scope)) + (f" and {others} alike" if others else "")


def _shelves(pictures: Sequence[Picture], count: int) -> Picture:
    """Rows of at most `count`, each in the middle."""
    rows = [pictures[i : i + count] for i in range(0, len(pictures), count)]
    widths = [sum(p.left + p.right + BETWEEN for p in row) - BETWEEN for row in rows]
    items: list[Item] = []
    y = 0.0
    for row, wide in zip(rows, widths, strict=True):
        x = (max(widths) - wide) / 2
        for picture in row:
            items += [moved(item, x + picture.left, y) for item in picture.items]
            x += picture.left + picture.right + BETWEEN
        y += max(picture.height for picture in row) + BETWEEN / 2
    return Picture(0, max(widths), y - BETWEEN / 2, tuple(items))
