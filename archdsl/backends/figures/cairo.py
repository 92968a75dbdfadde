"""Scene -> PDF or PNG, drawn by the Graphviz that pygraphviz carries: no program has to be installed.

Shapes and lines are the page's background, in Graphviz's own drawing language (xdot); each text is a node without
an outline. Fonts are the machine's: where Helvetica's stand-in is wider, all text shrinks as much as that takes.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from math import cos, sin, tau
from typing import Any, Literal

import pygraphviz

from archdsl.backends.figures.scene import Line, Point, Scene, Shape, Text, bends, head, leaves, outline, shaft
from archdsl.backends.figures.text import width

RESOLUTION = 192
"""Dots per inch of a PNG: a slide of 960 points is 2560 dots wide."""
POINTS = 72
DOT = 0.36
"""Half the smallest node that Graphviz knows; one in each corner makes the page as large as it is."""
RAISE = 0.02
"""How much higher text is set than its line's middle, of the size, so that its capitals are in the middle."""

Page = Literal["pdf", "png"]


def render(scene: Scene, format: Page) -> bytes:
    """The scene as a PDF (one page, text embedded) or as a PNG."""
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


def _page(scene: Scene) -> Any:
    page = _blank()
    page.graph_attr.update({"bgcolor": scene.background, "pad": "0", "margin": "0"})
    # Set as an attribute, not read as DOT, whose strings end at 16,384 characters.
    page.graph_attr["_background"] = _background(scene)
    for name, x, y in (("corner0", DOT, DOT), ("corner1", scene.width - DOT, scene.height - DOT)):
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
        pos=f"{x:.2f},{y:.2f}",
        fontsize=f"{text.size * shrink:.3f}",
        fontcolor=text.fill,
        fontname="Helvetica bold" if text.bold else "Helvetica",
    )


def _measured(texts: list[Text]) -> list[float]:
    """How wide each text is in the fonts of this machine, in points."""
    page = _blank()
    for index, text in enumerate(texts):
        font = "Helvetica bold" if text.bold else "Helvetica"
        page.add_node(f"text{index}", label=_literal(text.text), pos="0,0", fontsize=str(text.size), fontname=font)
    page.layout(prog="nop2")
    return [float(page.get_node(f"text{index}").attr["width"]) * POINTS for index in range(len(texts))]


def _literal(text: str) -> str:
    """A label that Graphviz takes as it is."""
    return text.replace("\\", "\\\\").replace("&", "&amp;")


def _background(scene: Scene) -> str:
    steps = [part for leaf in leaves(scene.items) if not isinstance(leaf, Text) for part in _drawn(leaf, scene.height)]
    return " ".join(steps)


def _drawn(item: Shape | Line, height: float) -> Iterator[str]:
    if isinstance(item, Line):
        yield _pen(item.stroke, item.line, item.dash)
        curve = [(x, height - y) for x, y in _curve(item)]
        yield f"B {_points(curve)}"
        if item.arrow:
            yield f"{_pen(item.stroke, 0.5, ())} {_colour('C', item.stroke)} P {_flip(head(item), height)}"
        return
    yield _pen(item.stroke or item.fill or "#000000", item.line if item.stroke else 0.1, item.dash)
    fill = _colour("C", item.fill) if item.fill else ""
    if item.corner == "round" and 2 * item.radius >= max(item.width, item.height):
        x, y = item.x + item.width / 2, height - item.y - item.height / 2
        yield f"{fill} {'E' if fill else 'e'} {x:.2f} {y:.2f} {item.width / 2:.2f} {item.height / 2:.2f}"
    else:
        corners = _rounded(item) if item.corner == "round" else outline(item)
        yield f"{fill} {'P' if fill else 'p'} {_flip(corners, height)}"


def _pen(stroke: str, line: float, dash: tuple[float, ...]) -> str:
    style = ("dotted" if dash[0] < 2 else "dashed") if dash else "solid"
    thickness = f"setlinewidth({line})"
    return f"{_colour('c', stroke)} S {len(style)} -{style} S {len(thickness)} -{thickness}"


def _colour(verb: str, colour: str) -> str:
    return f"{verb} {len(colour)} -{colour}"


def _points(points: list[Point]) -> str:
    return f"{len(points)} " + " ".join(f"{x:.2f} {y:.2f}" for x, y in points)


def _flip(points: tuple[Point, ...], height: float) -> str:
    return _points([(x, height - y) for x, y in points])


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


def _rounded(shape: Shape) -> tuple[Point, ...]:
    """The outline of a rectangle with round corners, as a polygon fine enough for print."""
    radius = min(shape.radius, shape.width / 2, shape.height / 2)
    steps = 8
    points = []
    for quarter, (x, y) in enumerate(
        (
            (shape.x + shape.width - radius, shape.y + shape.height - radius),
            (shape.x + radius, shape.y + shape.height - radius),
            (shape.x + radius, shape.y + radius),
            (shape.x + shape.width - radius, shape.y + radius),
        )
    ):
        for step in range(steps + 1):
            angle = (quarter + step / steps) * tau / 4
            points.append((x + radius * cos(angle), y + radius * sin(angle)))
    return tuple(points)
