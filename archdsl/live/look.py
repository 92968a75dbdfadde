"""The page's style sheet: the font and the colours of figures in both themes, then the rules of the page itself."""

from __future__ import annotations

from functools import cache
from pathlib import Path

from archdsl.backends.figures.formats.svg import faces
from archdsl.backends.figures.scene import Text
from archdsl.webpage.colours import Colours

STATIC = Path(__file__).parent / "static"
"""The files of the page. `app.js` is built from `editors/page` by `make page`."""


@cache
def style() -> str:
    """The whole style sheet."""
    # A letter outside the usual ones asks for the whole font, since nobody knows what will be typed.
    letters = [Text(0, 0, "∀", 1, "", bold) for bold in (False, True)]
    return "\n".join([*faces(letters), Colours().rules(), (STATIC / "page.css").read_text(encoding="utf-8")])
