"""What things look like: one table from family to colour and shape, and a light and a dark theme.

Colours are Okabe and Ito's (2008), which colour-blind readers tell apart; corner, dash and text say the same again.
"""

from __future__ import annotations

from dataclasses import dataclass

from archdsl.backends.figures.known import ThemeName
from archdsl.backends.figures.scene import Corner
from archdsl.ops.base import Family

ORANGE, SKY, GREEN, YELLOW = "#E69F00", "#56B4E9", "#009E73", "#F0E442"
BLUE, VERMILLION, PURPLE = "#0072B2", "#D55E00", "#CC79A7"

CONTRAST = 4.5
"""Least contrast of text and what is behind it (WCAG AA)."""

SIZE = 14.0
"""Text on the slide, in points: nothing is smaller."""
TITLE = 20.0


@dataclass(frozen=True, slots=True)
class Look:
    """How the boxes of a family are drawn. Without a colour: in the theme's ink."""

    colour: str | None
    corner: Corner = "square"
    dash: tuple[float, ...] = ()
    line: float = 1.2


LOOKS: dict[Family, Look] = {
    Family.INPUT: Look(None, "round"),
    Family.CONV: Look(SKY),
    Family.LINEAR: Look(BLUE, line=2.4),
    Family.ATTENTION: Look(GREEN, "cut", line=2.4),
    Family.RECURRENT: Look(ORANGE, "square", line=2.4),
    Family.EMBED: Look(PURPLE, "cut"),
    Family.NORM: Look(YELLOW),
    Family.ACTIVATION: Look(ORANGE, "round"),
    Family.POOL: Look(VERMILLION, "cut"),
    Family.MERGE: Look(None, "round"),
    Family.RESHAPE: Look(None, "square", (3, 2)),
    Family.REGULARIZE: Look(None, "round", (3, 2)),
    Family.OPAQUE: Look(PURPLE, "square", (4, 2)),
}
"""In the order of the legend."""

SKIP = GREEN


@dataclass(frozen=True, slots=True)
class Theme:
    """Colours of a page. `tint` is how much of a family's colour its boxes have, the rest is the background."""

    background: str
    ink: str
    faint: str
    stage: str
    block: str
    border: str
    skip: str
    tint: float

    def fill(self, family: Family) -> str:
        """What is behind the text of a family's boxes."""
        look = LOOKS[family]
        if look.colour is None:
            return self.stage if look.dash else self.background
        return mix(look.colour, self.background, self.tint)

    def stroke(self, family: Family) -> str:
        colour = LOOKS[family].colour
        return mix(colour, self.ink, 0.75) if colour else self.ink


THEMES: dict[ThemeName, Theme] = {
    "light": Theme("#FFFFFF", "#16191D", "#555B63", "#F1F3F5", "#FFFFFF", "#8A9199", GREEN, 0.42),
    "dark": Theme("#14171B", "#F2F4F6", "#B4BBC3", "#20252B", "#171B20", "#78818B", "#2BC79A", 0.42),
}

COLOURS = ("background", "ink", "faint", "stage", "block", "border", "skip")
"""The names of a theme's colours."""


def _paired() -> Theme:
    light, dark = THEMES["light"], THEMES["dark"]
    assert light.tint == dark.tint, "a pair is mixed in one proportion"
    pairs = {name: f"{getattr(light, name)}/{getattr(dark, name)}" for name in COLOURS}
    return Theme(**pairs, tint=light.tint)


PAIRED = _paired()
"""Both themes at once: each colour is a pair, `#FFFFFF/#14171B`. What is drawn so can be shown in either."""

THEMES["paired"] = PAIRED


def mix(colour: str, other: str, part: float) -> str:
    """`part` of a colour, the rest of another, by their red, green and blue. Of a pair (see `PAIRED`), each half.

    >>> mix("#FF0000", "#FFFFFF", 0.5), mix("#FF0000", "#FFFFFF/#000000", 0.5)
    ('#FF8080', '#FF8080/#800000')
    """
    if "/" in colour + other:
        light, dark = zip(halves(colour), halves(other), strict=True)
        return f"{mix(*light, part)}/{mix(*dark, part)}"
    pairs = zip(channels(colour), channels(other), strict=True)
    return "#" + "".join(f"{round(a * part + b * (1 - part)):02X}" for a, b in pairs)


def halves(colour: str) -> tuple[str, str]:
    """A colour in the light and in the dark theme: the halves of a pair, or twice the same."""
    light, _, dark = colour.partition("/")
    return light, dark or light


def contrast(colour: str, other: str) -> float:
    """From 1 to 21, as WCAG 2 defines it.

    >>> contrast("#000000", "#FFFFFF")
    21.0
    """
    dark, light = sorted((_luminance(colour), _luminance(other)))
    return (light + 0.05) / (dark + 0.05)


def channels(colour: str) -> tuple[int, ...]:
    """Red, green and blue of `#RRGGBB`, from 0 to 255."""
    return tuple(int(colour[i : i + 2], 16) for i in (1, 3, 5))


def _luminance(colour: str) -> float:
    red, green, blue = (
        c / 255 / 12.92 if c / 255 <= 0.04045 else ((c / 255 + 0.055) / 1.055) ** 2.4 for c in channels(colour)
    )
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue
