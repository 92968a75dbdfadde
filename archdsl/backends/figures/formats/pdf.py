"""Scenes -> PDF, a page each, with the font in the file: text can be selected and is as wide as measured."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from io import BytesIO

from reportlab.lib.colors import HexColor
from reportlab.pdfbase import pdfmetrics
from reportlab.pdfbase.ttfonts import TTFont
from reportlab.pdfgen.canvas import Canvas
from reportlab.pdfgen.pathobject import PDFPathObject

from archdsl.backends.figures.scene import (
    Curve,
    Line,
    Point,
    Polygon,
    Scene,
    Shape,
    Text,
    bends,
    head,
    leaves,
    outline,
    shaft,
)
from archdsl.backends.figures.text import CAPITAL, FONTS, letters, width

VERSION = (1, 4)
"""The newest that every pdfTeX includes without a warning."""
REGULAR, BOLD = "Arimo", "Arimo-Bold"


def pdf(scenes: Sequence[Scene]) -> bytes:
    """One document. The same scenes give the same bytes."""
    _fonts()
    file = BytesIO()
    canvas = Canvas(file, pdfVersion=VERSION, pageCompression=1, invariant=1, lang="en", initialFontName=REGULAR)
    canvas.setTitle(scenes[0].title)
    canvas.setSubject(scenes[0].description)
    for scene in scenes:
        canvas.setPageSize((scene.width * scene.scale, scene.height * scene.scale))
        canvas.scale(scene.scale, scene.scale)
        _Page(canvas, scene.height).draw(scene)
        canvas.showPage()
    canvas.save()
    return file.getvalue()


@cache
def _fonts() -> None:
    """Tells reportlab of the fonts, once in a process."""
    pdfmetrics.registerFont(TTFont(REGULAR, FONTS / "regular.ttf"))
    pdfmetrics.registerFont(TTFont(BOLD, FONTS / "bold.ttf"))


class _Page:
    """Draws on one page. A PDF counts upwards from the foot of the page, a scene downwards from its top."""

    def __init__(self, canvas: Canvas, height: float) -> None:
        self.canvas, self.height = canvas, height

    def draw(self, scene: Scene) -> None:
        self.shape(Shape(0, 0, scene.width, scene.height, scene.background, None))
        for leaf in leaves(scene.items):
            match leaf:
                case Shape():
                    self.shape(leaf)
                case Polygon():
                    self.shape_of(leaf)
                case Line():
                    self.line(leaf)
                case Curve():
                    self.curve(leaf)
                case Text():
                    self.text(leaf)

    def shape(self, shape: Shape) -> None:
        self.pen(shape.stroke, shape.line, shape.dash, shape.fill)
        painted = {"stroke": int(shape.stroke is not None), "fill": int(shape.fill is not None)}
        foot = self.height - shape.y - shape.height
        if shape.corner == "cut":
            self.canvas.drawPath(self.polygon(outline(shape)), **painted)
        elif shape.corner == "round":
            radius = min(shape.radius, shape.width / 2, shape.height / 2)
            self.canvas.roundRect(shape.x, foot, shape.width, shape.height, radius, **painted)
        else:
            self.canvas.rect(shape.x, foot, shape.width, shape.height, **painted)

    def shape_of(self, polygon: Polygon) -> None:
        self.pen(polygon.stroke, polygon.line, polygon.dash, polygon.fill)
        painted = {"stroke": int(polygon.stroke is not None), "fill": int(polygon.fill is not None)}
        self.canvas.drawPath(self.polygon(polygon.points), **painted)

    def curve(self, curve: Curve) -> None:
        self.pen(curve.stroke, curve.line, curve.dash)
        path, (start, one, other, end) = self.canvas.beginPath(), shaft(curve)
        path.moveTo(*self.up(start))
        path.curveTo(*self.up(one), *self.up(other), *self.up(end))
        self.canvas.drawPath(path, stroke=1, fill=0)
        self.head(curve)

    def line(self, line: Line) -> None:
        self.pen(line.stroke, line.line, line.dash)
        path, (first, *_, last) = self.canvas.beginPath(), shaft(line)
        path.moveTo(*self.up(first))
        at = first
        for start, corner, end in bends(line):
            path.lineTo(*self.up(start))
            # A quadratic curve as a cubic one: each control point two thirds of the way to the corner.
            controls = (*self.up(_towards(start, corner)), *self.up(_towards(end, corner)))
            path.curveTo(*controls, *self.up(end))
            at = end
        if at != last:
            path.lineTo(*self.up(last))
        self.canvas.drawPath(path, stroke=1, fill=0)
        self.head(line)

    def head(self, line: Line | Curve) -> None:
        if line.arrow:
            self.pen(None, 0, (), line.stroke)
            self.canvas.drawPath(self.polygon(head(line)), stroke=0, fill=1)

    def text(self, text: Text) -> None:
        self.canvas.setFont(BOLD if text.bold else REGULAR, text.size)
        self.canvas.setFillColor(HexColor(text.fill))
        long = width(text.text, text.size, text.bold)
        before = {"start": 0.0, "middle": long / 2, "end": long}[text.anchor]
        x, y = self.up((text.x, text.y))
        self.canvas.saveState()
        self.canvas.translate(x, y)
        self.canvas.rotate(90 if text.upright else 0)
        self.canvas.drawString(-before, -CAPITAL * text.size, letters(text.text))
        self.canvas.restoreState()

    def pen(self, stroke: str | None, line: float, dash: tuple[float, ...], fill: str | None = None) -> None:
        if stroke is not None:
            self.canvas.setStrokeColor(HexColor(stroke))
            self.canvas.setLineWidth(line)
        if fill is not None:
            self.canvas.setFillColor(HexColor(fill))
        self.canvas.setDash(*([list(dash)] if dash else []))

    def polygon(self, points: Sequence[Point]) -> PDFPathObject:
        path = self.canvas.beginPath()
        path.moveTo(*self.up(points[0]))
        for point in points[1:]:
            path.lineTo(*self.up(point))
        path.close()
        return path

    def up(self, point: Point) -> Point:
        return point[0], self.height - point[1]


def _towards(start: Point, corner: Point) -> Point:
    return start[0] + (corner[0] - start[0]) * 2 / 3, start[1] + (corner[1] - start[1]) * 2 / 3
