"""Colours of a scene -> colours of LaTeX by name, and mixtures of these.

A figure is painted with the theme's colours, with those of Okabe and Ito, and with mixtures of one of them and the page
or the ink. Written as such mixtures, all tints follow where one colour is changed.
"""

from __future__ import annotations

from archdsl.backends.figures import style
from archdsl.backends.figures.style import Theme, mix

PALETTE = {
    "orange": style.ORANGE,
    "sky": style.SKY,
    "green": style.GREEN,
    "yellow": style.YELLOW,
    "blue": style.BLUE,
    "vermillion": style.VERMILLION,
    "purple": style.PURPLE,
}


class Colours:
    """The colours of one figure, by the name that they have in its file. `used` are those that have been asked for."""

    def __init__(self, theme: Theme) -> None:
        named = {"paper": theme.background, "ink": theme.ink, "faint": theme.faint, "border": theme.border}
        named |= {"panel": theme.stage, "card": theme.block, **PALETTE, "bright": theme.skip}
        self.named: dict[str, str] = {}
        for name, colour in named.items():
            if colour not in self.named.values():
                self.named[name] = colour
        self.used: dict[str, str] = {}
        self._found: dict[str, str] = {}

    def __call__(self, colour: str) -> str:
        """What a colour (`#RRGGBB`) is called: `ink`, or `sky!42!paper`."""
        if colour not in self._found:
            self._found[colour] = self._name(colour)
        name = self._found[colour]
        for part in name.split("!")[::2]:
            self.used[part] = self.named[part]
        return name

    def _name(self, colour: str) -> str:
        for name, known in self.named.items():
            if known == colour:
                return name
        for digits in (0, 1):
            for on in ("paper", "ink"):
                for name in (*PALETTE, "bright", "ink"):
                    part = self._part(colour, name, on, digits)
                    if part:
                        return f"{name}!{part}!{on}"
        name = f"tint{sum(name.startswith('tint') for name in self.named) + 1}"
        self.named[name] = colour
        return name

    def _part(self, colour: str, name: str, on: str, digits: int) -> str:
        """How many percent of a colour, mixed with another, give `colour`; empty where none do."""
        base, other = self.named.get(name), self.named[on]
        if base is None or base == other:
            return ""
        pairs = zip(style.channels(colour), style.channels(base), style.channels(other), strict=True)
        _, mixed = max((abs(b - o), (c - o) / (b - o)) for c, b, o in pairs if b != o)
        percent = round(100 * mixed, digits)
        if not 0 < percent < 100 or mix(base, other, percent / 100) != colour:
            return ""
        return f"{percent:g}"
