"""Figures of a network, as SVG, PDF or PNG, each one slide: what is shown is folded until its text is large enough.

What there is stands here, for the command line and for completion; how it is drawn is imported when something is drawn.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from importlib import import_module
from typing import TYPE_CHECKING, NamedTuple

from archdsl.backends.figures.known import THEMES, FigureError, ThemeName

if TYPE_CHECKING:
    from archdsl.backends.figures.scene import Scene
    from archdsl.ir.graph import Graph

__all__ = ["FIGURES", "FORMATS", "THEMES", "Figure", "FigureError", "ThemeName", "draw"]


class Figure(NamedTuple):
    """One kind of figure. `drawer` is the function from the graph and `Options` to a `Scene`: module:function here."""

    drawer: str
    about: str


FIGURES: Mapping[str, Figure] = {
    "overview": Figure("overview:overview", "the stages"),
    "block": Figure("block:block", "the inside of each block"),
    "graph": Figure("graph:graph", "every op, folded until it fits"),
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
    from archdsl.backends.figures.options import Options, Paper
    from archdsl.ir.steps import drawn

    graph = drawn(graph)
    options = Options(theme, Paper(width, aspect), depth, tuple(expand), block)
    if format == "dot":
        from archdsl.backends.figures.dot import dot

        return dot(graph, options.colours).encode()
    module, _, drawer = FIGURES[figure].drawer.partition(":")
    scene: Scene = getattr(import_module(f"archdsl.backends.figures.{module}"), drawer)(graph, options)
    match format:
        case "svg":
            from archdsl.backends.figures.svg import svg

            return svg(scene).encode()
        case "pdf" | "png":
            from archdsl.backends.figures.cairo import render

            return render(scene, format)
    raise ValueError(f"there is no format {format!r}; it may be {', '.join(FORMATS)}")


def whole_as_dot(graph: Graph) -> str:
    """The whole graph for Graphviz, as text."""
    return draw(graph, "graph", "dot").decode()


def whole_as_svg(graph: Graph) -> str:
    """The graph as far as it fits on a slide, as text."""
    return draw(graph, "graph", "svg").decode()
