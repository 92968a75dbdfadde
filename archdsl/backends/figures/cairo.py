"""Scene -> PDF or PNG, drawn by the Graphviz that pygraphviz carries: no program has to be installed.

Shapes and lines are the page's background, in Graphviz's own drawing language (xdot); each text is a node without
an outline. Fonts are the machine's: where Arial's stand-in is wider, all text shrinks as much as that takes.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import pairwise
from math import cos, dist, sin, tau
from tempfile import TemporaryFile
from typing import Any, Literal

import pygraphviz

from archdsl.backends.figures.scene import Line, Point, Scene, Shape, Text, bends, head, leaves, outline, shaft
from archdsl.backends.figures.text import width

RESOLUTION = 192
"""Dots per inch of a PNG: a slide of 960 points is 2560 dots wide."""
POINTS = 72
ENLARGED = 10
"""The page is drawn so many times as large and then reduced, since letters are spaced in whole points."""
DOT = 0.36
"""Half the smallest node that Graphviz knows; one in each corner makes the page as large as it is."""
RAISE = 0.02
"""How much higher text is set than its line's middle, of the size, so that its capitals are in the middle."""

Page = Literal["pdf", "png"]

STDERR = 2


def render(scene: Scene, format: Page) -> bytes:
    """The scene as a PDF (one page, text embedded) or as a PNG."""
    with _quiet_fonts():
        return _rendered(scene, format)


def _rendered(scene: Scene, format: Page) -> bytes:
    texts = [leaf for leaf in leaves(scene.items) if isinstance(leaf, Text)]
    sizes = _measured(texts)
    shrink = min([1.0, *(width(t.text, t.size, t.bold) / max(size, 1.0) for t, size in zip(texts, sizes, strict=True))])
    page = _page(scene)
    for index, (text, size) in enumerate(zip(texts, sizes, strict=True)):
        _write(page, f"text{index}", text, size, shrink, scene.height)
    inches = (side * scene.scale / POINTS for side in (scene.width, scene.height))
    page.graph_attr["size"] = ",".join(f"{side:.4f}" for side in inches) + "!"
    page.graph_attr["dpi"] = str(RESOLUTION if format == "png" else POINTS)
    data = bytes(page.draw(format=format, prog="nop2"))
    # Cairo stamps a PDF with the time, here replaced by one as long.
    return re.sub(rb"(?<=/CreationDate \(D:)\d{14}", b"20000101000000", data)


@contextmanager
def _quiet_fonts() -> Iterator[None]:
    """Keeps from the user that the wheel's Fontconfig is older than the machine's settings of it.

    It says so on the process's standard error, past Python; whatever else is said there is handed on.
    """
    try:
        terminal = os.dup(STDERR)
    except OSError:
        yield  # There is none: nobody hears it.
        return
    with TemporaryFile() as said:
        os.dup2(said.fileno(), STDERR)
        try:
            yield
        finally:
            os.dup2(terminal, STDERR)
            os.close(terminal)
            said.seek(0)
            for line in said:
                if not line.startswith(b"Fontconfig warning"):
                    os.write(STDERR, line)


def _page(scene: Scene) -> Any:
    page = _blank()
    page.graph_attr.update({"bgcolor": scene.background, "pad": "0", "margin": "0"})
    # Set as an attribute, not read as DOT, whose strings end at 16,384 characters.
    page.graph_attr["_background"] = " ".join(_background(scene))
    wide, high = scene.width * ENLARGED - DOT, scene.height * ENLARGED - DOT
    for name, x, y in (("corner0", DOT, DOT), ("corner1", wide, high)):
        page.add_node(name, pos=f"{x},{y}", fixedsize="true", width="0.01", height="0.01")
    return page


def _blank() -> Any:
    page = pygraphviz.AGraph(directed=True)
    page.node_attr.update({"shape": "none", "label": "", "width": "0", "height": "0", "margin": "0"})
    return page


def _write(page: Any, name: str, text: Text, size: float, shrink: float, height: float) -> None:
    half = size * shrink / 2
    x = text.x + {"start": half, "middle": 0.0, "end": -half}[text.anchor]
    y = height - text.y + RAISE * text.size
    page.add_node(
        name,
        label=_literal(text.text),
        pos=_points([(x, y)]).replace(" ", ","),
        fontsize=f"{text.size * shrink * ENLARGED:.3f}",
        fontcolor=text.fill,
        fontname=_font(text),
    )


def _measured(texts: Sequence[Text]) -> list[float]:
    """How wide each text is in the fonts of this machine, in points."""
    page = _blank()
    for index, text in enumerate(texts):
        size = str(text.size * ENLARGED)
        page.add_node(f"text{index}", label=_literal(text.text), pos="0,0", fontsize=size, fontname=_font(text))
    page.layout(prog="nop2")
    widths = [float(page.get_node(f"text{index}").attr["width"]) for index in range(len(texts))]
    return [wide * POINTS / ENLARGED for wide in widths]


def _font(text: Text) -> str:
    """Arial: what has its widths stands in for it everywhere, while Graphviz has ideas of its own on Helvetica."""
    return "Arial bold" if text.bold else "Arial"


def _literal(text: str) -> str:
    """A label that Graphviz takes as it is."""
    return text.replace("\\", "\\\\").replace("&", "&amp;")


# --- xdot ----------------------------------------------------------------------------------


def _background(scene: Scene) -> Iterator[str]:
    for leaf in leaves(scene.items):
        if isinstance(leaf, Line):
            yield from _line(leaf, scene.height)
        elif isinstance(leaf, Shape):
            yield from _shape(leaf, scene.height)


def _line(line: Line, height: float) -> Iterator[str]:
    yield f"{_pen(line.stroke, line.line)} B {_counted(_flip(_curve(line), height))}"
    if line.arrow:
        yield f"{_pen(line.stroke, 0.5)} {_colour('C', line.stroke)} P {_counted(_flip(head(line), height))}"


def _shape(shape: Shape, height: float) -> Iterator[str]:
    around = _flip(_rounded(shape) if shape.corner == "round" else outline(shape), height)
    if shape.fill:
        edge = shape.stroke if shape.stroke and not shape.dash else shape.fill
        yield f"{_pen(edge, shape.line if edge != shape.fill else 0.1)} {_colour('C', shape.fill)} P {_counted(around)}"
    elif shape.stroke and not shape.dash:
        yield f"{_pen(shape.stroke, shape.line)} p {_counted(around)}"
    if shape.stroke and shape.dash:
        yield _pen(shape.stroke, shape.line)
        yield from (f"L {_counted(stroke)}" for stroke in _dashes([*around, around[0]], shape.dash))


def _pen(stroke: str, line: float) -> str:
    thickness = f"setlinewidth({line * ENLARGED:.2f})"
    return f"{_colour('c', stroke)} S {len(thickness)} -{thickness}"


def _colour(verb: str, colour: str) -> str:
    return f"{verb} {len(colour)} -{colour}"


def _points(points: Sequence[Point]) -> str:
    return " ".join(f"{x * ENLARGED:.1f} {y * ENLARGED:.1f}" for x, y in points)


def _counted(points: Sequence[Point]) -> str:
    return f"{len(points)} {_points(points)}"


def _flip(points: Sequence[Point], height: float) -> list[Point]:
    return [(x, height - y) for x, y in points]


def _curve(line: Line) -> list[Point]:
    """A line as one Bézier curve: straight segments and quadratic corners, both raised to cubic ones."""
    points = shaft(line)
    curve = [points[0]]
    for start, corner, end in bends(line):
        curve += _straight(curve[-1], start)
        curve += [_between(start, corner), _between(end, corner), end]
    return curve + _straight(curve[-1], points[-1])


def _straight(start: Point, end: Point) -> list[Point]:
    return [_between(start, end, 1 / 3), _between(start, end, 2 / 3), end]


def _between(start: Point, end: Point, part: float = 2 / 3) -> Point:
    return start[0] + (end[0] - start[0]) * part, start[1] + (end[1] - start[1]) * part


def _rounded(shape: Shape) -> list[Point]:
    """The outline of a rectangle with round corners, as a polygon fine enough for print."""
    radius = min(shape.radius, shape.width / 2, shape.height / 2)
    left, right = shape.x + radius, shape.x + shape.width - radius
    top, bottom = shape.y + radius, shape.y + shape.height - radius
    steps = 12
    points = []
    for quarter, (x, y) in enumerate(((right, bottom), (left, bottom), (left, top), (right, top))):
        for step in range(steps + 1):
            angle = (quarter + step / steps) * tau / 4
            points.append((x + radius * cos(angle), y + radius * sin(angle)))
    return points


def _dashes(points: Sequence[Point], dash: tuple[float, ...]) -> Iterator[list[Point]]:
    """The strokes of a dashed line: lengths that are drawn and left out by turns."""
    turn, left = 0, dash[0]
    stroke = [points[0]]
    for start, end in pairwise(points):
        at, whole = 0.0, dist(start, end)
        while whole - at > left:
            at += left
            stroke.append(_between(start, end, at / whole))
            if turn % 2 == 0:
                yield stroke
            stroke, turn = stroke[-1:], turn + 1
            left = dash[turn % len(dash)]
        left -= whole - at
        stroke.append(end)
    if turn % 2 == 0:
        yield stroke
