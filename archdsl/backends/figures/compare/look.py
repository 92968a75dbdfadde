"""What the forms of the figure of several networks have in common: how what only one has looks, and costs."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import NamedTuple

from archdsl.analyses import totals
from archdsl.backends.figures.known import FigureError
from archdsl.backends.figures.page import Key
from archdsl.backends.figures.parts import Picture
from archdsl.backends.figures.scene import Shape
from archdsl.backends.figures.style import ORANGE, Theme, mix
from archdsl.ir.graph import Graph, Node

COSTS: dict[str, tuple[str, Callable[[Graph, Sequence[Node]], int]]] = {
    "macs": ("MACs", totals.macs),
    "params": ("parameters", totals.parameters),
}
"""What bars can be of, by the word of `--cost`: its name, and how it is counted."""


class Drawing(NamedTuple):
    """The picture of several networks, and the legend that it needs."""

    picture: Picture
    keys: list[Key]


def alone(shape: Shape, theme: Theme) -> Shape:
    """The same box as of something that no other network has: orange, with a thicker border."""
    return replace(shape, fill=mix(ORANGE, theme.background, 0.5), stroke=mix(ORANGE, theme.ink, 0.7), line=2.6)


def counter(cost: str) -> tuple[str, Callable[[Graph, Sequence[Node]], int]]:
    """The name of a cost and its count. Raises `FigureError` for a word that is none."""
    if cost not in COSTS:
        raise FigureError(f"there is no cost '{cost}'; it may be {' or '.join(COSTS)}")
    return COSTS[cost]


def path(network: int, id: str) -> str:
    """What stands for a node or scope of one of several networks: `2/conv1`."""
    return f"{network + 1}/{id}"
