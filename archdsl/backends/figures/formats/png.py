"""Scene -> PNG, by resvg, with the font of the figures and no other."""

from __future__ import annotations

import resvg_py

from archdsl.backends.figures.formats.svg import svg
from archdsl.backends.figures.scene import Scene
from archdsl.backends.figures.text import FONTS

PIXELS = 96
"""Of an inch in SVG: a slide of 960 points is 1280 wide."""
ZOOM = 2
"""Pixels of the picture for each of these."""


def png(scene: Scene) -> bytes:
    """The picture of a scene, 2560 pixels wide where it is a slide."""
    fonts = [str(FONTS / f"{weight}.ttf") for weight in ("regular", "bold")]
    data = resvg_py.svg_to_bytes(
        svg_string=svg(scene, "plain"), dpi=PIXELS, zoom=ZOOM, skip_system_fonts=True, font_files=fonts
    )
    return bytes(data)
