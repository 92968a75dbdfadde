"""Scene -> SVG text: real text, ids that are paths, the same bytes on every run."""

from __future__ import annotations

from collections.abc import Iterator
from xml.sax.saxutils import escape, quoteattr

from archdsl.backends.figures.scene import Group, Item, Line, Scene, Shape, Text, bends, head, outline, shaft
from archdsl.backends.figures.text import width

FONTS = "Helvetica, Arial, 'Liberation Sans', 'Nimbus Sans', sans-serif"
CAPITAL = 0.36
"""Half the height of a capital letter, of the size: from the middle of a line down to its baseline."""


def svg(scene: Scene) -> str:
    """One SVG document. Text states its width, so that it also fits where another font must stand in."""
    wide, high = number(scene.width * scene.scale), number(scene.height * scene.scale)
    box = f"0 0 {number(scene.width)} {number(scene.height)}"
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" role="img" aria-labelledby="figure-title figure-description" '
        f'width="{wide}pt" height="{high}pt" viewBox="{box}" font-family="{FONTS}">',
        f'<title id="figure-title">{escape(scene.title)}</title>',
        f'<desc id="figure-description">{escape(scene.description)}</desc>',
        f'<rect width="{number(scene.width)}" height="{number(scene.height)}" fill="{scene.background}"/>',
        *_items(scene.items, 0),
        "</svg>",
    ]
    return "\n".join(lines) + "\n"


def number(value: float) -> str:
    """At most two decimals and no more digits than it takes.

    >>> number(3.0), number(0.126), number(-0.001)
    ('3', '0.13', '0')
    """
    text = f"{value:.2f}".rstrip("0").rstrip(".")
    return "0" if text == "-0" else text


def _items(items: tuple[Item, ...], depth: int) -> Iterator[str]:
    indent = " " * depth
    for item in items:
        match item:
            case Group():
                yield f"{indent}<g{_attributes(item)}>"
                if item.title:
                    yield f"{indent} <title>{escape(item.title)}</title>"
                yield from _items(item.items, depth + 1)
                yield f"{indent}</g>"
            case Shape():
                yield indent + _shape(item)
            case Text():
                yield indent + _text(item)
            case Line():
                yield from (indent + part for part in _line(item))


def _attributes(group: Group) -> str:
    facts = [("id", group.id)] if group.id else []
    facts += [(f"data-{name}", value) for name, value in group.data]
    return "".join(f" {name}={quoteattr(value)}" for name, value in facts)


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


def _stroke(stroke: str | None, line: float, dash: tuple[float, ...]) -> str:
    if stroke is None:
        return ""
    dashes = f' stroke-dasharray="{" ".join(map(number, dash))}"' if dash else ""
    return f' stroke="{stroke}" stroke-width="{number(line)}"{dashes}'


def _text(text: Text) -> str:
    weight = ' font-weight="bold"' if text.bold else ""
    length = number(width(text.text, text.size, text.bold))
    return (
        f'<text x="{number(text.x)}" y="{number(text.y + CAPITAL * text.size)}" font-size="{number(text.size)}"'
        f'{weight} text-anchor="{text.anchor}" textLength="{length}" lengthAdjust="spacingAndGlyphs" '
        f'fill="{text.fill}">{escape(text.text)}</text>'
    )


def _line(line: Line) -> Iterator[str]:
    yield f'<path d="{_path(line)}" fill="none"{_stroke(line.stroke, line.line, line.dash)}/>'
    if line.arrow:
        points = " ".join(f"{number(x)},{number(y)}" for x, y in head(line))
        yield f'<polygon points="{points}" fill="{line.stroke}"/>'


def _path(line: Line) -> str:
    points = shaft(line)
    steps = [f"M{_pair(points[0])}"]
    for start, corner, end in bends(line):
        steps += [f"L{_pair(start)}", f"Q{_pair(corner)} {_pair(end)}"]
    return " ".join([*steps, f"L{_pair(points[-1])}"])


def _pair(point: tuple[float, float]) -> str:
    return f"{number(point[0])} {number(point[1])}"
