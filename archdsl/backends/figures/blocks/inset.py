"""The frame of a block that is drawn from left to right: its name and a fact above, notes below."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from archdsl.backends.figures import parts
from archdsl.backends.figures.label import scope_name
from archdsl.backends.figures.page import LINE
from archdsl.backends.figures.parts import Picture
from archdsl.backends.figures.scene import Group, Item, Polygon, Shape, Text, moved
from archdsl.backends.figures.style import SIZE, Theme
from archdsl.backends.figures.text import width
from archdsl.ir.graph import Scope

MARGIN, OUTSIDE = 8.0, 14.0
"""From the frame to what it holds, and the length of the lines that enter and leave it, in points."""
BESIDE = 10.0
"""From the name to the fact."""
Key = tuple[str, tuple[Shape | Polygon, ...]]
"""An entry of the legend: its text, and a swatch in 26 by 20 points."""


class Title(NamedTuple):
    """What stands at the top of the frame."""

    name: str
    told: str

    @property
    def width(self) -> float:
        """With the margins of the frame."""
        return width(self.name, SIZE, True) + BESIDE + width(self.told, SIZE) + 2 * MARGIN


class Extent(NamedTuple):
    """How far the frame reaches to the right, up and down: it begins at x = 0, and the data runs along y = 0."""

    right: float
    top: float
    bottom: float


def inset(
    scope: Scope, title: Title, extent: Extent, items: Sequence[Item], notes: Sequence[str], theme: Theme
) -> Picture:
    """The items in the frame of their scope."""
    right, top, bottom = extent
    frame = Shape(0, top, right, bottom - top, theme.block, theme.border, corner="round", radius=6)
    name = Text(MARGIN, top + 13, title.name, SIZE, theme.ink, True, "start")
    beside = MARGIN + width(title.name, SIZE, True) + BESIDE
    told = Text(beside, top + 13, title.told, SIZE, theme.faint, anchor="start")
    data = (*parts.facts("block", scope.block or scope_name(scope)), ("path", scope.path))
    whole: list[Item] = [Group((frame, name, told, *items), scope.path, data=data)]
    whole += [Text(right / 2, bottom + LINE * (i + 0.8), note, SIZE, theme.faint) for i, note in enumerate(notes)]
    beyond = max([OUTSIDE, *(width(note, SIZE) / 2 - right / 2 for note in notes)])
    high = bottom - top + LINE * (len(notes) + 0.5)
    return Picture(beyond, right + beyond, high, tuple(moved(item, 0, -top) for item in whole), (), ())
