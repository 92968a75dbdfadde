"""Colours of pages whose drawings are shown in both themes: pairs, each of which becomes a rule of CSS."""

from __future__ import annotations

import re

from archdsl.backends.figures.style import COLOURS, PAIRED, halves

PAIR = re.compile("#[0-9A-F]{6}/#[0-9A-F]{6}")
"""A colour in both themes."""


def in_either(text: str) -> str:
    """A drawing in `PAIRED` whose colours are those of the page's `color-scheme`, as CSS has it."""
    return PAIR.sub(lambda pair: "light-dark({}, {})".format(*halves(pair[0])), text)


class Colours:
    """Gives each pair of colours a name, and writes the rules that say what it is in which theme."""

    def __init__(self) -> None:
        self.names = {getattr(PAIRED, name): f"--{name}" for name in COLOURS}

    def named(self, text: str) -> str:
        """A drawing in `PAIRED` whose colours are names."""
        return PAIR.sub(lambda found: f"var({self._name(found[0])})", text)

    def _name(self, pair: str) -> str:
        return self.names.setdefault(pair, f"--c{len(self.names)}")

    def rules(self) -> str:
        """What each name is in the light and in the dark theme, as CSS."""
        light, dark = (";".join(f"{name}:{halves(pair)[side]}" for pair, name in self.names.items()) for side in (0, 1))
        dark_rule = f"{{color-scheme:dark;{dark}}}"
        return "\n".join(
            [
                f":root{{color-scheme:light;{light}}}",
                f"@media screen and (prefers-color-scheme:dark){{:root:not([data-theme=light]){dark_rule}}}",
                f"@media screen{{:root[data-theme=dark]{dark_rule}}}",
            ]
        )
