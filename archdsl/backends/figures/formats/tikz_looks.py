"""Looks that several things of a figure share -> styles of TikZ by name, so that each is changed in one place."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from archdsl.backends.figures.formats.svg import number
from archdsl.backends.figures.formats.tikz_colours import PALETTE, Colours
from archdsl.backends.figures.scene import HEAD_LENGTH, HEAD_WIDTH, Curve, Line, Polygon, Shape, Text
from archdsl.backends.figures.style import LOOKS, SIZE, TITLE, Theme
from archdsl.backends.figures.text import CAPITAL

POINT = r"\figurepoint"
"""The length that is one point of the figure."""

TIP = ", ".join(
    rf"{side}=\the\dimexpr{number(long)}{POINT}" for side, long in (("length", HEAD_LENGTH), ("width", HEAD_WIDTH))
)
"""How large an arrow's head is, as in other formats. TikZ takes no length by its name here, only its value."""

HELPERS = {"round": f"rounded corners=#1{POINT}", "arrow": f"arrows={{-Triangle[{TIP}]}}"}
"""Styles that are added to others."""


class Looks:
    """The styles of one figure, named when they are asked for."""

    def __init__(self, theme: Theme) -> None:
        self.theme, self.colours = theme, Colours(theme)
        self.helpers: set[str] = set()
        self._names: dict[tuple[str, str], str] = {}
        self._counts: Counter[str] = Counter()
        looks = {
            family: (theme.fill(family), theme.stroke(family), look.line, look.dash, look.corner)
            for family, look in LOOKS.items()
        }
        often = Counter(looks.values())
        self._families = {look: family.name.lower() for family, look in looks.items() if often[look] == 1}

    def shape(self, shape: Shape | Polygon, kind: str) -> str:
        """The style of a box or polygon: called as its family, else by its colour, else by what it is part of."""
        corner = "square" if isinstance(shape, Polygon) else shape.corner
        family = self._families.get((shape.fill or "", shape.stroke or "", shape.line, shape.dash, corner))
        options = [f"fill={self.colours(shape.fill)}"] if shape.fill else []
        if shape.stroke:
            options.append(f"draw={self.colours(shape.stroke)}")
            options += _pen(shape.line, shape.dash)
        return self._named(", ".join(options), family or f"{self._hue(shape.fill) or kind or 'plain'} box")

    def line(self, line: Line | Curve) -> str:
        """The style of a line, without its arrow and its corners."""
        options = [f"draw={self.colours(line.stroke)}", *_pen(line.line, line.dash)]
        hue = "" if line.stroke == self.theme.ink else self.colours(line.stroke).split("!")[0]
        base = "skip" if line.stroke == self.theme.skip else f"{hue} line".strip()
        return self._named(", ".join(options), base)

    def text(self, text: Text) -> str:
        """The style of a text, without its colour where that is not the ink. Nodes are as high as capital letters."""
        size, line, high = (f"{number(part * text.size)}{POINT}" for part in (1, 1.2, 2 * CAPITAL))
        font = rf"\fontsize{{{size}}}{{{line}}}\usefont{{T1}}{{phv}}{{{'b' if text.bold else 'm'}}}{{n}}"
        options = f"font={font}, text height={high}"
        known = {(SIZE, False): "words", (SIZE, True): "strong", (TITLE, True): "title"}
        return self._named(options, known.get((text.size, text.bold), "words"))

    def helper(self, name: str) -> str:
        """The style of that name in `HELPERS`, which is then defined."""
        self.helpers.add(name)
        return name

    def definitions(self) -> Iterator[str]:
        """The lines that define all styles that have been asked for."""
        yield from (f"{name}/.style={{{options}}}," for name, options in HELPERS.items() if name in self.helpers)
        for (options, _), name in self._names.items():
            yield f"{name}/.style={{{options}}},"

    def _named(self, options: str, base: str) -> str:
        if (options, base) not in self._names:
            self._counts[base] += 1
            count = self._counts[base]
            self._names[options, base] = f"{base} {count}" if count > 1 else base
        return self._names[options, base]

    def _hue(self, colour: str | None) -> str:
        """The colour of the palette that a tint is made of, if it is made of one."""
        name = self.colours(colour).split("!")[0] if colour else ""
        return name if name in PALETTE or name == "bright" else ""


def _pen(line: float, dash: tuple[float, ...]) -> list[str]:
    """How thick a line is, and its dashes."""
    parts = [f"{word} {number(long)}{POINT}" for word, long in zip(("on", "off") * len(dash), dash, strict=False)]
    return [f"line width={number(line)}{POINT}", *([f"dash pattern={' '.join(parts)}"] if dash else [])]
