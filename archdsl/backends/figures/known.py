"""What the command line and the figures both know: themes, forms of text, and the error of what cannot be drawn."""

from __future__ import annotations

from typing import Literal, get_args

ThemeName = Literal["light", "dark", "paired"]

THEMES: tuple[ThemeName, ...] = ("light", "dark")
"""The themes of files. "paired" is both at once, for pages that turn its pairs of colours into rules of their own."""

TextForm = Literal["font", "outline", "plain"]
"""How an SVG has its text: with the font in the file, as shapes, or with the name of the font alone."""

TEXT_FORMS: tuple[TextForm, ...] = get_args(TextForm)


class FigureError(ValueError):
    """What was asked for cannot be drawn: the network has no such block or place."""
