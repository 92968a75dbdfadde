"""The columns of a cell: what each holds, and where its parts stand from left to right."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

from archdsl.backends.figures.blocks.rails_reading import Chain, Column
from archdsl.backends.figures.items import OpRow
from archdsl.backends.figures.layout.compose import Pen, drawn
from archdsl.backends.figures.layout.route import STEP
from archdsl.backends.figures.parts import SIGN, Picture
from archdsl.ir.graph import Value

APART, BESIDE = 12.0, 5.0
"""Between two columns, and between the ops of one, in points."""
LINE = 7.0
"""What a line without an op takes on each side."""
CLEAR = 12.0
"""From where a value comes down to its rail to what others take from the rails above."""
REACH = SIGN + 24.0
"""Between the lines that enter a sum from its two sides, at least."""


@dataclass(slots=True)
class Spot:
    """A column in its place: `xs` is the axis of each chain, `foot` the height of the sum's middle once it is known."""

    column: Column
    xs: tuple[float, ...]
    pictures: dict[int, Picture]
    left: float
    right: float
    foot: float = 0.0

    def move(self, by: float) -> None:
        self.xs = tuple(x + by for x in self.xs)
        self.left, self.right = self.left + by, self.right + by

    @property
    def x(self) -> float:
        """Where what the column makes leaves it."""
        return sum(self.xs) / len(self.xs)

    @property
    def height(self) -> float:
        return max(self.long(chain) for chain in self.column.chains)

    def taps(self) -> Iterator[tuple[Chain, float]]:
        return zip(self.column.chains, self.xs, strict=True)

    def long(self, chain: Chain) -> float:
        """The height of a chain's ops and the lines between them."""
        return sum(self.pictures[id(item)].height + STEP for item in chain.items) - (STEP if chain.items else 0.0)

    def above(self, chain: Chain) -> float:
        """From the column's top to the chain's: chains have their middles at one height."""
        return (self.height - self.long(chain)) / 2


def spots(columns: Sequence[Column], concat: OpRow, pen: Pen) -> tuple[list[Spot], float]:
    """Columns side by side, and how wide they are together.

    A column that takes from others alone stands below one of them, if what that one makes does not pass there.
    """
    placed: dict[Value, Spot] = {}
    hosts: set[Value] = set()
    x = 0.0
    for column in columns:
        spot = _spot(column, pen)
        host = next((placed[v] for v in _hosts(column, placed, concat, hosts) if _fits(spot, placed[v])), None)
        if host is not None:
            hosts.add(host.column.made)
            spot.move(host.x - (spot.left + spot.right) / 2)
        else:
            spot.move(x - spot.left)
            x = spot.right + APART
        placed[column.made] = spot
    return list(placed.values()), x - APART


def _spot(column: Column, pen: Pen) -> Spot:
    """A column alone: its first chain is at x = 0."""
    pictures = {id(item): drawn(item, pen) for item in column.items}
    sizes = [_sides(chain, pictures) for chain in column.chains]
    xs = [0.0]
    for (_, right), (left, _) in pairwise(sizes):
        xs.append(xs[-1] + max(right + BESIDE + left, REACH))
    return Spot(column, tuple(xs), pictures, -sizes[0][0], xs[-1] + sizes[-1][1])


def _hosts(column: Column, placed: Mapping[Value, Spot], concat: OpRow, taken: set[Value]) -> Iterator[Value]:
    """The columns below which there is room for one: it takes from these alone, and the concat does not."""
    read = [chain.value for chain in column.chains]
    if all(value in placed for value in read):
        yield from (value for value in read if value not in concat.inputs and value not in taken)


def _fits(spot: Spot, host: Spot) -> bool:
    """Whether a column is no wider than the other, whose line comes down beside what it takes from elsewhere."""
    shift = host.x - (spot.left + spot.right) / 2
    others = [x + shift for chain, x in spot.taps() if chain.value != host.column.made]
    return spot.right - spot.left <= host.right - host.left and all(abs(x - host.x) >= CLEAR for x in others)


def _sides(chain: Chain, pictures: dict[int, Picture]) -> tuple[float, float]:
    """How far a chain reaches to the left and right of its axis."""
    found = [pictures[id(item)] for item in chain.items]
    return max([LINE, *(p.left for p in found)]), max([LINE, *(p.right for p in found)])
