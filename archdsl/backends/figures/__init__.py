"""Figures of a network, as SVG, PDF or PNG, each one slide: what is shown is folded until its text is large enough."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from archdsl.backends.figures.block import block as draw_block
from archdsl.backends.figures.graph import graph as draw_graph
from archdsl.backends.figures.options import FigureError, Options, Paper
from archdsl.backends.figures.overview import overview as draw_overview
from archdsl.backends.figures.scene import Scene
from archdsl.backends.figures.style import THEMES, ThemeName
from archdsl.backends.figures.svg import svg
from archdsl.ir.graph import Graph

__all__ = ["FIGURES", "FORMATS", "THEMES", "FigureError", "draw"]

FIGURES: dict[str, Callable[[Graph, Options], Scene]] = {
    "overview": draw_overview,
    "block": draw_block,
    "graph": draw_graph,
}
"""By name, in the order of the documentation. One file each."""

FORMATS = ("svg", "pdf", "png", "dot")
"""`dot` is the whole graph for Graphviz, whichever the figure."""


def draw(
    graph: Graph,
    figure: str = "overview",
    format: str = "svg",
    *,
    depth: int | None = None,
    expand: Sequence[str] = (),
    block: str | None = None,
    theme: ThemeName = "light",
    width: float = 960.0,
    aspect: float = 16 / 9,
) -> bytes:
    """A figure of the network; the same arguments give the same bytes.

    `depth` (levels of scopes that are opened) and `expand` (patterns of paths that are opened too) are of the
    graph, which otherwise opens as much as fits; `block` is a block's name or a path, for the block figure,
    which otherwise shows them all. `width` is the page's, in points, `aspect` its width by its height. Where
    text would become smaller than 14 points the page grows.

    Raises `FigureError` where the network has no such block or path.
    """
    options = Options(theme, Paper(width, aspect), depth, tuple(expand), block)
    if format == "dot":
        from archdsl.backends.figures.dot import dot

        return dot(graph, options.colours).encode()
    scene = FIGURES[figure](graph, options)
    match format:
        case "svg":
            return svg(scene).encode()
        case "pdf" | "png":
            from archdsl.backends.figures.cairo import render

            return render(scene, format)
    raise ValueError(f"there is no format {format!r}; it may be {', '.join(FORMATS)}")
