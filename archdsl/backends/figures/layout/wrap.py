"""Views -> one picture in as many columns as fill the page best, or in the form of a U."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from typing import NamedTuple

from archdsl.backends.figures.items import View
from archdsl.backends.figures.layout.columns import columns, filled, pieces, side_by_side
from archdsl.backends.figures.layout.compose import Pen
from archdsl.backends.figures.layout.towers import towers
from archdsl.backends.figures.layout.ushape import ushape
from archdsl.backends.figures.options import Paper
from archdsl.backends.figures.page import scale
from archdsl.backends.figures.parts import Picture

MOST_COLUMNS = 12
TRIED = 4
"""Of the ways to fill columns, how many of the most promising are drawn."""


class WrapOptions(NamedTuple):
    """How to draw the same in less room: `slim`, `flat` as a pen; cutting `blocks`, and where `most` values go on."""

    slim: bool
    blocks: bool
    most: int
    flat: bool = False


def wrapped(views: Sequence[View], pen: Pen, paper: Paper, way: WrapOptions) -> Picture:
    """The views one after the other in that number of columns which fills the page best."""
    parts = [
        replace(piece, starts=i > 0 and j == 0)
        for i, view in enumerate(views)
        for j, piece in enumerate(pieces(view, pen, way.most if i == 0 else 0, way.blocks))
    ]
    form = ushape(views[0], replace(pen, flat=True, drawn={}, kept={})) if len(views) == 1 else None
    form = form or towers(views, pen, paper)
    if form is not None:
        return form
    ways = {tuple(ends): (wide, high) for ends, wide, high in map(partial(filled, parts), range(1, MOST_COLUMNS + 1))}
    likely = sorted(ways, key=lambda ends: scale(Picture(0, *ways[ends], ()), paper))[-TRIED:]
    pictures = [side_by_side(columns(parts, ends, pen), pen.theme) for ends in likely]
    return max(pictures, key=lambda picture: scale(picture, paper))
