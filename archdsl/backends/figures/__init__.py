"""Figures of a network, as SVG, PDF, PNG or TikZ, each one slide: folded until its text is large enough.

What there is stands here, for the command line and for completion; how it is drawn is imported when something is drawn.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from importlib import import_module
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

from archdsl.backends.figures.known import TEXT_FORMS, THEMES, FigureError, TextForm, ThemeName

if TYPE_CHECKING:
    from pathlib import Path

    from archdsl.backends.figures.options import Options
    from archdsl.backends.figures.scene import Scene
    from archdsl.ir.graph import Graph

__all__ = [
    "FIGURES",
    "FORMATS",
    "TEXT_FORMS",
    "THEMES",
    "WHOLE",
    "Figure",
    "FigureError",
    "TextForm",
    "ThemeName",
    "as_dot",
    "as_scene",
    "as_scene_of",
    "draw",
    "draw_several",
    "files",
    "in_steps",
    "lacking",
    "refuse_in_whole",
    "written",
]


class Figure(NamedTuple):
    """One kind of figure. `drawer` is the function from what is drawn and `Options` to a `Scene`: module:function here.

    Most kinds draw a graph, or several beside each other. Others draw what a study finds: `study` is module:function in
    `archdsl.studies`, and `of` says what it is made from: a spec with its settings (a `Subject`), or a table (the name
    of a CSV file). `takes` names the arguments of `draw` that not every kind has.
    """

    drawer: str
    about: str
    of: Literal["graph", "graphs", "spec", "table"] = "graph"
    study: str = ""
    takes: tuple[str, ...] = ()


FIGURES: Mapping[str, Figure] = {
    "overview": Figure("overview:overview", "the stages"),
    "block": Figure("block:block", "the inside of each block", takes=("block",)),
    "graph": Figure("graph:graph", "every op, folded until it fits", takes=("depth", "expand")),
    "volumes": Figure("volumes.figure:volumes", "tensors as boxes with their true sizes"),
    "profile": Figure("charts.profile:profile", "what each layer costs and sees, along the depth"),
    "compare": Figure("compare.figure:compare", "two to four networks side by side", "graphs", takes=("cost",)),
    "scaling": Figure("charts.scaling:scaling", "ways to grow a spec and their costs", "spec", "scaling:scaling"),
    "scatter": Figure("charts.scatter:scatter", "errors of a CSV file over MACs", "table", "scatter:scatter"),
}
"""By name, in the order of the documentation. One file each."""

MADE_FROM = {
    "graphs": "several networks",
    "spec": "a spec with its settings, by `archdsl draw`",
    "table": "a CSV file, by `archdsl draw`",
}
"""What figures are drawn from that are not drawn from one network."""

WHOLE = ("dot", "html")
FORMATS = ("svg", "pdf", "png", "tex", *WHOLE)
"""`tex` is a LaTeX document with TikZ. `dot` is the whole graph for Graphviz, and `html` the page that
`archdsl.webpage` makes: both whichever the figure."""

NUMBER = "{n}"
"""What stands for a frame's number in the name of a file."""


def as_scene(
    graph: Graph,
    figure: str = "overview",
    *,
    depth: int | None = None,
    expand: Sequence[str] = (),
    block: str | None = None,
    theme: ThemeName = "light",
    width: float = 960.0,
    aspect: float = 16 / 9,
) -> Scene:
    """A figure of the network as data, to be `written`; the arguments are those of `draw`."""
    from archdsl.backends.figures.options import Options, Paper
    from archdsl.ir.steps import drawn

    if FIGURES[figure].of != "graph":
        others = ", ".join(name for name, kind in FIGURES.items() if kind.of == "graph")
        raise FigureError(f"{figure} is drawn from {MADE_FROM[FIGURES[figure].of]}; of one network there are {others}")
    refuse(figure, depth=depth, expand=expand, block=block)
    options = Options(theme, Paper(width, aspect), depth, tuple(expand), block)
    return _scene(figure, drawn(graph), options)


def refuse(figure: str, **given: object) -> None:
    """Raises `FigureError` for an argument that is given and that only other kinds of figures have."""
    for name, value in given.items():
        if value not in (None, (), []) and name not in FIGURES[figure].takes:
            kinds = ", ".join(kind for kind, about in FIGURES.items() if name in about.takes)
            raise FigureError(f"the option `{name}` is for the figure {kinds}; {figure} does not have it")


def refuse_in_whole(format: str, figure: str, **given: object) -> None:
    """Raises `FigureError` for what is asked of a file of the whole network (`WHOLE`) and what that does not have."""
    if format == "html" and figure != "overview":
        raise FigureError(f"an HTML page shows the whole network, stages first: leave out the figure {figure}")
    for name, value in given.items():
        if value is not False and value not in (None, (), []):
            raise FigureError(f"{format.upper()} shows the whole network at once: leave out `{name}`")


def as_scene_of(
    what: Any,
    figure: str = "compare",
    *,
    cost: str | None = None,
    theme: ThemeName = "light",
    width: float = 960.0,
    aspect: float = 16 / 9,
) -> Scene:
    """A figure of several graphs, or of what a figure's study found (`Figure.study`), as data, to be `written`.

    `cost` is of figures of several graphs: see `draw_several`.
    """
    from archdsl.backends.figures.options import Options, Paper
    from archdsl.ir.steps import drawn

    of = FIGURES[figure].of
    if of == "graph":
        many = ", ".join(name for name, kind in FIGURES.items() if kind.of == "graphs")
        raise FigureError(f"{figure} shows one network; several are shown by {many}")
    refuse(figure, cost=cost)
    if of == "graphs":
        what = [drawn(graph) for graph in what]
    return _scene(figure, what, Options(theme, Paper(width, aspect), cost=cost))


def _know(theme: str) -> None:
    """Raises `FigureError` for a theme that there is not."""
    if theme not in (*THEMES, "paired"):
        raise FigureError(f"there is no theme {theme!r}; it may be {' or '.join(THEMES)}")


def _scene(figure: str, what: Any, options: Options) -> Scene:
    _know(options.theme)
    module, _, drawer = FIGURES[figure].drawer.partition(":")
    scene: Scene = getattr(import_module(f"archdsl.backends.figures.{module}"), drawer)(what, options)
    return scene


def in_steps(scene: Scene, frames: int | None = None) -> Scene:
    """The scene built up in steps, in at most 12 frames, or as many as asked.

    An SVG then says when each of its items appears, and a PDF has a page for each frame. Raises `ValueError` if
    `frames` is below 1.
    """
    from archdsl.backends.figures.steps import MOST, stepped

    return stepped(scene, MOST if frames is None else frames)


def files(scene: Scene, path: Path, text: TextForm = "font") -> dict[Path, bytes]:
    """A figure's files and their contents, as the suffix of `path` says.

    Of a figure that is built up in steps, PNG and TikZ take a file for each frame: `x-1.png`, `x-2.png` for `x.png`. So
    does any format where the name of `path` holds `{n}`, in which place the number stands. Raises `ValueError` for a
    suffix that is no format.
    """
    format = path.suffix.removeprefix(".") or "svg"
    if not scene.steps or (format not in ("png", "tex") and NUMBER not in path.name):
        return {path: written(scene, format, text)}
    from archdsl.backends.figures.steps import frames

    name = path.name if NUMBER in path.name else f"{path.stem}-{NUMBER}{path.suffix}"
    numbered = enumerate(frames(scene), 1)
    return {path.with_name(name.replace(NUMBER, str(n))): written(frame, format, text) for n, frame in numbered}


def written(scene: Scene, format: str = "svg", text: TextForm = "font") -> bytes:
    """A scene as a file's content: "svg", "pdf", "png" or "tex". Raises `ValueError` for other formats.

    Of a figure that is built up in steps, a PDF has a page for each frame, and PNG and TikZ are the whole.
    """
    match format:
        case "svg":
            from archdsl.backends.figures.formats.svg import svg

            return svg(scene, text).encode()
        case "pdf":
            from archdsl.backends.figures.formats.pdf import pdf
            from archdsl.backends.figures.steps import frames

            return pdf(frames(scene))
        case "png":
            from archdsl.backends.figures.formats.png import png

            return png(replace(scene, steps=()))
        case "tex":
            from archdsl.backends.figures.formats.tikz import tikz

            return tikz(scene).encode()
    raise ValueError(f"there is no format {format!r}; it may be {', '.join(FORMATS)}")


def lacking(scene: Scene, format: str) -> str:
    """The letters of a scene for which a box stands in, in a file of this format: its font does not have them."""
    from archdsl.backends.figures import text
    from archdsl.backends.figures.formats import tikz
    from archdsl.backends.figures.scene import Text, leaves

    drawn = "".join(leaf.text for leaf in leaves(scene.items) if isinstance(leaf, Text))
    match format:
        case "svg":
            return ""
        case "tex":
            return tikz.lacking(drawn)
    return text.lacking(drawn)


def as_dot(graph: Graph, theme: ThemeName = "light") -> bytes:
    """The whole graph for Graphviz. Raises `FigureError` for an unknown theme."""
    _know(theme)
    from archdsl.backends.figures.formats.dot import dot
    from archdsl.backends.figures.style import THEMES as STYLES
    from archdsl.ir.steps import drawn

    return dot(drawn(graph), STYLES[theme]).encode()


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
    text: TextForm = "font",
) -> bytes:
    """A figure of the network; the same arguments give the same bytes.

    `depth` (levels of scopes that are opened) and `expand` (patterns of paths that are opened too) are of the
    graph, which otherwise opens as much as fits; `block` is a block's name or a path, for the block figure,
    which otherwise shows them all. `width` is the page's, in points, `aspect` its width by its height. Where
    text would become smaller than 14 points the page grows. `text` says how an SVG has its text: with the font
    in the file, as shapes (outline), or with only the font's name (plain).

    Raises `FigureError` where the network has no such block or path.
    """
    if format == "dot":
        return as_dot(graph, theme)
    found = as_scene(graph, figure, depth=depth, expand=expand, block=block, theme=theme, width=width, aspect=aspect)
    return written(found, format, text)


def draw_several(
    graphs: Sequence[Graph],
    figure: str = "compare",
    format: str = "svg",
    *,
    cost: str | None = None,
    theme: ThemeName = "light",
    width: float = 960.0,
    aspect: float = 16 / 9,
    text: TextForm = "font",
) -> bytes:
    """A figure of several networks, as "svg", "pdf", "png" or "tex"; the same arguments give the same bytes.

    `cost` adds bars of what things cost: "macs" or "params". The other arguments are those of `draw`.

    Raises `FigureError` where the networks do not fit one slide.
    """
    return written(as_scene_of(graphs, figure, cost=cost, theme=theme, width=width, aspect=aspect), format, text)


def whole_as_dot(graph: Graph) -> str:
    """The whole graph for Graphviz, as text."""
    return draw(graph, "graph", "dot").decode()


def whole_as_svg(graph: Graph) -> str:
    """The graph as far as it fits on a slide, as text."""
    return draw(graph, "graph", "svg").decode()
