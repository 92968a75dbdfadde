"""Scene -> TikZ: one LaTeX document that a person can edit, a line for each thing, with named colours and styles.

Numbers are those of the SVG. Text is set in Helvetica, whose letters are as wide as those of the figures' own font.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from importlib.metadata import version
from textwrap import wrap

from archdsl.backends.figures.formats.svg import number
from archdsl.backends.figures.formats.tikz_looks import POINT, Looks
from archdsl.backends.figures.scene import (
    Curve,
    Group,
    Item,
    Leaf,
    Line,
    Point,
    Polygon,
    Scene,
    Shape,
    Text,
    Wire,
    bends,
    leaves,
    outline,
)
from archdsl.backends.figures.style import THEMES
from archdsl.backends.figures.text import width
from archdsl.latex import spelled, without_command

COMMENT = 100
"""The most characters of a line of comment."""

USE = r"""
This file makes a page of the figure's size, with pdflatex, xelatex or lualatex. In a paper or on slides, write
  \usepackage[T1]{fontenc}
  \usepackage{standalone, tikz}
  \usetikzlibrary{arrows.meta}
in the preamble, and where the figure is to be:
  \resizebox{\linewidth}{!}{\input{NAME-OF-THIS-FILE}}
"""

FITTED = r"""
% \fitted{width}{text} makes a text narrower that is wider than its place in the figure; it changes no other.
\def\fitted#1#2{\setbox0\hbox{#2}\ifdim\wd0>#1\figurepoint\resizebox{#1\figurepoint}{\height}{\box0}\else\box0\fi}
"""

BOXED = r"""
% \foreign{letters} is for letters that Helvetica lacks: a box, until a font that has them is named here.
% With xelatex and the package fontspec: \def\foreign#1{{\fontspec{Noto Sans CJK SC}#1}}
\def\foreign#1{{\fboxsep0pt\fbox{\rule{0pt}{1.5ex}\hskip1em}}}
"""


def tikz(scene: Scene) -> str:
    """One document for the class `standalone`. The same scene gives the same text."""
    theme = next((theme for theme in THEMES.values() if theme.background == scene.background), None)
    looks = Looks(theme or replace(THEMES["light"], background=scene.background))
    paper = f"fill={looks.colours(scene.background)}"
    page = rf"\path[use as bounding box, {paper}] (0, 0) rectangle ({number(scene.width)}, {number(scene.height)});"
    drawn = [page, *_Writer(looks).items(scene.items, "", 0)]
    lines = [
        *_head(scene),
        r"\documentclass[tikz]{standalone}",
        r"\usepackage{fix-cm} % so that the signs of formulas come in every size",
        r"\usepackage[T1]{fontenc}",
        r"\usetikzlibrary{arrows.meta}",
        r"\begin{document}",
        r"\begin{tikzpicture}",
        *_definitions(scene, looks),
        "",
        *drawn,
        r"\end{tikzpicture}",
        r"\end{document}",
    ]
    return "\n".join(lines) + "\n"


def lacking(text: str) -> str:
    """The letters of a text for which LaTeX has no command, each once."""
    return without_command(text)


def _head(scene: Scene) -> Iterator[str]:
    """What the figure is, where it comes from, and how to use the file."""
    yield f"% {_plain(scene.title)}"
    yield f"% Drawn by archdsl {version('archdsl')}. The numbers are those of the same figure as SVG."
    yield from (f"% {line}" for line in wrap(_plain(scene.description), COMMENT))
    yield "%"
    yield from (f"% {line}".rstrip() for line in USE.strip().split("\n"))


def _definitions(scene: Scene, looks: Looks) -> Iterator[str]:
    """Everything that a figure is changed by: its size, its colours, its styles."""
    ink, styles = looks.colours(looks.theme.ink), list(looks.definitions())
    texts = [leaf.text for leaf in leaves(scene.items) if isinstance(leaf, Text)]
    yield "% One point of the figure: all lengths, and all text, are as many of these as the numbers say."
    yield rf"\ifdefined{POINT}\else\newlength{{{POINT}}}\fi"
    yield rf"\setlength{{{POINT}}}{{{scene.scale:.8g}bp}}"
    yield "% Colours; a!30!b is 30 % of a and 70 % of b."
    yield from (
        rf"\definecolor{{{name}}}{{HTML}}{{{colour.removeprefix('#')}}}" for name, colour in looks.colours.used.items()
    )
    yield "% Styles."
    yield r"\tikzset{"
    yield f"  x={POINT}, y=-{POINT}, every node/.style={{inner sep=0pt, text depth=0pt, text={ink}}},"
    yield from (f"  {style}" for style in styles)
    yield "}"
    if texts:
        yield from FITTED.strip().split("\n")
    if any(map(lacking, texts)):
        yield from BOXED.strip().split("\n")


class _Writer:
    """Writes items, a line each, and before a group what it is."""

    def __init__(self, looks: Looks) -> None:
        self.looks = looks

    def items(self, items: Sequence[Item], kind: str, depth: int) -> Iterator[str]:
        """The lines of some items; `kind` is what the group around them is."""
        for item in items:
            match item:
                case Group():
                    told = _told(item)
                    if told:
                        yield f"{'  ' * depth}% {told}"
                    inner = dict(item.data).get("kind", kind)
                    yield from self.items(item.items, inner, depth + bool(told))
                case Shape() | Polygon() | Line() | Curve() | Text():
                    yield "  " * depth + self.leaf(item, kind)

    def leaf(self, leaf: Leaf, kind: str) -> str:
        match leaf:
            case Text():
                return self.text(leaf)
            case Line() | Curve():
                return self.line(leaf)
        style = self.looks.shape(leaf, kind)
        if isinstance(leaf, Polygon) or leaf.corner == "cut":
            corners = leaf.points if isinstance(leaf, Polygon) else outline(leaf)
            return rf"\path[{style}] {' -- '.join(map(_pair, corners))} -- cycle;"
        radius = min(leaf.radius, leaf.width / 2, leaf.height / 2) if leaf.corner == "round" else 0.0
        if radius and leaf.width == leaf.height == 2 * radius:
            return rf"\path[{style}] {_pair((leaf.x + radius, leaf.y + radius))} circle[radius={number(radius)}];"
        rounded = f", {self.looks.helper('round')}={number(radius)}" if radius else ""
        return rf"\path[{style}{rounded}] {_pair((leaf.x, leaf.y))} rectangle +{_pair((leaf.width, leaf.height))};"

    def line(self, line: Line | Curve) -> str:
        options = self.looks.line(line) + (f", {self.looks.helper('arrow')}" if line.arrow else "")
        joined = _joined(line.wire) if line.wire else ""
        if isinstance(line, Curve):
            start, one, other, end = map(_pair, line.points)
            return rf"\draw[{options}] {start} .. controls {one} and {other} .. {end};{joined}"
        radii = [number(_distance(start, corner)) for start, corner, _ in bends(line)]
        usual = max(radii, key=float, default="0")
        if usual != "0":
            options += f", {self.looks.helper('round')}={usual}"
        steps = [_pair(line.points[0])]
        for point, radius, before in zip(line.points[1:], [*radii, ""], [usual, *radii], strict=True):
            turn = f" [{_corner(radius)}]" if radius and radius != before else ""
            steps.append(f"{turn} -- {_pair(point)}")
        return rf"\draw[{options}] {''.join(steps)};{joined}"

    def text(self, text: Text) -> str:
        style = self.looks.text(text)
        colour = "" if text.fill == self.looks.theme.ink else f", text={self.looks.colours(text.fill)}"
        anchor = {"start": ", anchor=west", "middle": "", "end": ", anchor=east"}[text.anchor]
        turned = ", rotate=90" if text.upright else ""
        long = number(width(text.text, text.size, text.bold))
        return (
            rf"\node[{style}{colour}{anchor}{turned}] at {_pair((text.x, text.y))} "
            rf"{{\fitted{{{long}}}{{{spelled(text.text)}}}}};"
        )


def _joined(wire: Wire) -> str:
    """What a line joins, for a comment; an end that has no name is left out."""
    ends = [f"{word} {path}" for word, path in (("from", wire.source), ("to", wire.target)) if path]
    return f" % {_plain(' '.join(ends))}" if ends else ""


def _corner(radius: str) -> str:
    return "sharp corners" if radius == "0" else f"round={radius}"


def _told(group: Group) -> str:
    """What a group is, for a comment: its path, else its kind, and its title."""
    data = dict(group.data)
    name = group.id or data.get("path", "") or data.get("kind", "")
    return _plain(": ".join(part for part in (name, group.title) if part))


def _plain(text: str) -> str:
    """A text on one line, for a comment."""
    return " ".join(text.split())


def _pair(point: Point) -> str:
    return f"({number(point[0])}, {number(point[1])})"


def _distance(one: Point, other: Point) -> float:
    return abs(one[0] - other[0]) + abs(one[1] - other[1])
