"""What the command line and the figures both know: the themes, and the error where something cannot be drawn."""

from __future__ import annotations

from typing import Literal, get_args

ThemeName = Literal["light", "dark"]

THEMES: tuple[ThemeName, ...] = get_args(ThemeName)


class FigureError(ValueError):
    """What was asked for cannot be drawn: the network has no such block or place."""
