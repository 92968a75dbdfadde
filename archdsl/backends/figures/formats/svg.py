"""Scene -> SVG text: ids that are paths, the same bytes on every run, and the font in the file."""

from __future__ import annotations

import json
from base64 import b64encode
from collections.abc import Iterable, Iterator
from functools import cache
from itertools import accumulate
from xml.sax.saxutils import escape, quoteattr

from archdsl.backends.figures.known import TextForm
from archdsl.backends.figures.scene import (
    Curve,
    Group,
    Item,
    Line,
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
from archdsl.backends.figures.steps import marked
from archdsl.backends.figures.text import CAPITAL, FONTS, letters, metrics, width

FAMILY = "Arimo, 'Liberation Sans', Arial, Helvetica, sans-serif"
"""All have the same widths. The first is the one in the file."""


def svg(scene: Scene, text: TextForm = "font") -> str:
    """One SVG document.

    With `text` "font" the file carries the letters; with "plain" it only names the font; with "outline" each text is
    a shape, for programs that do not read fonts from a file. Real text also states its width, so that it fits where
    another font must stand in.
    """
    wide, high = number(scene.width * scene.scale), number(scene.height * scene.scale)
    box = f"0 0 {number(scene.width)} {number(scene.height)}"
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" role="img" aria-labelledby="figure-title figure-description" '
        f'width="{wide}pt" height="{high}pt" viewBox="{box}" font-family="{FAMILY}">',
        f'<title id="figure-title">{escape(scene.title)}</title>',
        f'<desc id="figure-description">{escape(scene.description)}</desc>',
        *(("<style>", *faces(scene.items), "text{font-kerning:none}", "</style>") if text == "font" else ()),
        f'<rect width="{number(scene.width)}" height="{number(scene.height)}" fill="{scene.background}"/>',
        *elements(marked(scene) if scene.steps else scene.items, text),
        "</svg>",
    ]
    return "\n".join(lines) + "\n"


def elements(items: tuple[Item, ...], text: TextForm) -> Iterator[str]:
    """The lines of an SVG between its root's tags."""
    return _Writer(text).items(items, 0)


def faces(items: Iterable[Item]) -> Iterator[str]:
    """The font, as rules of CSS: a weight that is not used is left out, and rare letters where there are none."""
    texts = [leaf for leaf in leaves(items) if isinstance(leaf, Text)]
    rare = any(not metrics().usual.issuperset(letters(text.text)) for text in texts)
    for weight in ("regular", "bold"):
        if any(text.bold == (weight == "bold") for text in texts):
            file = FONTS / f"{weight}{'' if rare else '-usual'}.woff2"
            source = f"url(data:font/woff2;base64,{b64encode(file.read_bytes()).decode()}) format('woff2')"
            css = f"font-family:Arimo;font-weight:{'bold' if weight == 'bold' else 'normal'};src:{source}"
            yield f"@font-face{{{css}}}"


@cache
def _outlines() -> dict[str, dict[str, str]]:
    """The path of each letter, in the font's units, by weight."""
    found: dict[str, dict[str, str]] = json.loads((FONTS / "outlines.json").read_text(encoding="utf-8"))
    return found


def number(value: float) -> str:
    """At most two decimals and no more digits than it takes.

    >>> number(3.0), number(0.126), number(-0.001)
    ('3', '0.13', '0')
    """
    text = f"{value:.2f}".rstrip("0").rstrip(".")
    return "0" if text == "-0" else text


class _Writer:
    """Writes items, with their text in one of its forms."""

    def __init__(self, text: TextForm) -> None:
        self.form = text

    def items(self, items: tuple[Item, ...], depth: int) -> Iterator[str]:
        indent = " " * depth
        for item in items:
            match item:
                case Group():
                    yield f"{indent}<g{_attributes(item)}>"
                    if item.title:
                        yield f"{indent} <title>{escape(item.title)}</title>"
                    yield from self.items(item.items, depth + 1)
                    yield f"{indent}</g>"
                case Shape():
                    yield indent + _shape(item)
                case Polygon():
                    yield indent + _polygon(item)
                case Text():
                    yield indent + (_drawn(item) if self.form == "outline" else _text(item))
                case Line() | Curve():
                    yield from (indent + part for part in _line(item))


def _attributes(group: Group) -> str:
    return (f" id={quoteattr(group.id)}" if group.id else "") + _named(**dict(group.data)) + _step(group.step)


def _step(step: int) -> str:
    """What says when a group appears: to any program, and to reveal.js. What is there from the start is no fragment."""
    fragment = f' class="fragment" data-fragment-index="{step - 1}"' if step > 1 else ""
    return f'{fragment} data-step="{step}"' if step else ""


def _named(**facts: str) -> str:
    """Facts as attributes; the ones without a value are left out."""
    return "".join(f" data-{name}={quoteattr(value)}" for name, value in facts.items() if value)


def _shape(shape: Shape) -> str:
    paint = f'fill="{shape.fill or "none"}"' + _stroke(shape.stroke, shape.line, shape.dash)
    if shape.corner == "cut":
        points = " ".join(f"{number(x)},{number(y)}" for x, y in outline(shape))
        return f'<polygon points="{points}" {paint}/>'
    place = " ".join(
        f'{name}="{number(value)}"'
        for name, value in (("x", shape.x), ("y", shape.y), ("width", shape.width), ("height", shape.height))
    )
    radius = f' rx="{number(shape.radius)}"' if shape.corner == "round" else ""
    return f"<rect {place}{radius} {paint}/>"


def _polygon(polygon: Polygon) -> str:
    points = " ".join(f"{number(x)},{number(y)}" for x, y in polygon.points)
    paint = f'fill="{polygon.fill or "none"}"' + _stroke(polygon.stroke, polygon.line, polygon.dash)
    return f'<polygon points="{points}" {paint}/>'


def _stroke(stroke: str | None, line: float, dash: tuple[float, ...]) -> str:
    if stroke is None:
        return ""
    dashes = f' stroke-dasharray="{" ".join(map(number, dash))}"' if dash else ""
    return f' stroke="{stroke}" stroke-width="{number(line)}"{dashes}'


def _turn(text: Text) -> str:
    """What turns a text around the point where it is anchored."""
    return f' transform="rotate(-90 {number(text.x)} {number(text.y)})"' if text.upright else ""


def _text(text: Text) -> str:
    weight = ' font-weight="bold"' if text.bold else ""
    length = number(width(text.text, text.size, text.bold))
    return (
        f'<text x="{number(text.x)}" y="{number(text.y + CAPITAL * text.size)}" font-size="{number(text.size)}"'
        f'{weight} text-anchor="{text.anchor}" textLength="{length}" lengthAdjust="spacingAndGlyphs" '
        f'fill="{text.fill}"{_named(value=text.of)}{_turn(text)}>{escape(text.text)}</text>'
    )


def _drawn(text: Text) -> str:
    """A text as a shape. A letter that the font lacks is left out."""
    weight = "bold" if text.bold else "regular"
    drawn, units = letters(text.text), metrics().units
    starts = accumulate((width(letter, units, text.bold) for letter in drawn), initial=0.0)
    long = width(text.text, text.size, text.bold)
    left = text.x - {"start": 0.0, "middle": long / 2, "end": long}[text.anchor]
    place = f"translate({number(left)} {number(text.y + CAPITAL * text.size)}) scale({text.size / units:.6f} "
    paths = [
        f'<path d="{path}" transform="translate({number(start)} 0)"/>'
        for letter, start in zip(drawn, starts, strict=False)
        if (path := _outlines()[weight].get(letter))
    ]
    told = quoteattr(text.text)
    turned = f'transform="{place}{-text.size / units:.6f})"'
    drawn = f'<g role="img" aria-label={told} fill="{text.fill}" {turned}>{"".join(paths)}</g>'
    return f"<g{_turn(text)}>{drawn}</g>" if text.upright else drawn


def _line(line: Line | Curve) -> Iterator[str]:
    wire = line.wire
    named = _named(value=wire.value, **{"from": wire.source, "to": wire.target}) if wire else ""
    path = _path(line) if isinstance(line, Line) else _curve(line)
    yield f'<path d="{path}" fill="none"{_stroke(line.stroke, line.line, line.dash)}{named}/>'
    if line.arrow:
        points = " ".join(f"{number(x)},{number(y)}" for x, y in head(line))
        yield f'<polygon points="{points}" fill="{line.stroke}"/>'


def _path(line: Line) -> str:
    points = shaft(line)
    steps = [f"M{_pair(points[0])}"]
    for start, corner, end in bends(line):
        steps += [f"L{_pair(start)}", f"Q{_pair(corner)} {_pair(end)}"]
    return " ".join([*steps, f"L{_pair(points[-1])}"])


def _curve(curve: Curve) -> str:
    start, *others = shaft(curve)
    return f"M{_pair(start)} C{' '.join(map(_pair, others))}"


def _pair(point: tuple[float, float]) -> str:
    return f"{number(point[0])} {number(point[1])}"
