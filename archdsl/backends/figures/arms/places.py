"""Where the boxes of a U stand, and how its lines run."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NamedTuple

from archdsl.backends.figures.arms.reading import Arms, Rung
from archdsl.backends.figures.fold import paths
from archdsl.backends.figures.items import Item as Step
from archdsl.backends.figures.scene import Point
from archdsl.backends.figures.style import SIZE
from archdsl.backends.figures.text import width
from archdsl.ir.graph import Value

LINE = 17.0
"""From one line in a box to the next."""
PADDING = 12.0
"""From a box's edge to its text."""
APART = 14.0
"""From a box's first line to what stands beside it."""
ARROW = 18.0
"""From one box to the next, where nothing is written beside the arrow."""
ASIDE = 8.0
"""From an arrow to what is written beside it."""
INSET = 20.0
"""How much further in each row of the U begins."""
UNDER = 8.0
"""From the lowest row to the bottom, which is entered from its side."""
BESIDE = 12.0
"""Between rails, and from them to the boxes that they do not enter."""
ACROSS = 30.0
"""Of a skip in the lowest row, beside what is written on it."""
ROOM = 16.0
"""Of an arrow on both sides of the text beside it, together."""


@dataclass(slots=True)
class Spot:
    """A box: the steps that it stands for, its lines (bold or not), what it costs; then where it is.

    `beside` stands at the right of the first line, `entry` beside the arrow that enters the box.
    """

    steps: tuple[Step, ...]
    lines: list[tuple[str, bool]]
    costs: tuple[int, int]
    beside: str = ""
    entry: list[str] = field(default_factory=list)
    left: float = 0.0
    top: float = 0.0
    wide: float = 0.0
    high: float = 0.0

    def __post_init__(self) -> None:
        widths = [width(line, SIZE, bold) for line, bold in self.lines]
        if self.beside:
            widths[0] += APART + width(self.beside, SIZE)
        self.wide = max(widths) + 2 * PADDING
        self.high = LINE * len(self.lines) + 9

    @property
    def path(self) -> str:
        return next(path for step in self.steps for path in paths(step))

    @property
    def right(self) -> float:
        return self.left + self.wide

    @property
    def bottom(self) -> float:
        return self.top + self.high

    @property
    def middle(self) -> float:
        return self.left + self.wide / 2

    @property
    def centre(self) -> float:
        return self.top + self.high / 2

    @property
    def above(self) -> float:
        """The length of the arrow that enters."""
        return max(ARROW, LINE * len(self.entry) + ROOM) if self.entry else ARROW

    @property
    def entering(self) -> float:
        """How far what is written beside the arrow that enters reaches from it."""
        return max((ASIDE + width(line, SIZE) for line in self.entry), default=0.0)


class Tap(NamedTuple):
    """Where a rail is tapped, and where the branch ends on its box."""

    spot: Spot
    point: Point
    end: Point


class Places:
    """All places, from the boxes' sizes."""

    def __init__(self, arms: Arms, spots: dict[int, Spot], skips: float) -> None:
        """`spots` are the boxes by the identity of what they are; `skips` is the longest text on a skip."""
        self.arms, self.known = arms, spots
        self.across = skips + ACROSS
        self.down, self.up = [self.of(rung) for rung in arms.down], [self.of(rung) for rung in arms.up]
        self.first, self.bottom = self.of(arms.first), self.of(arms.bottom)
        self.last = [self.of(step) for step in arms.last]
        self.way = [self.first, *self.down, self.bottom, *self.up[::-1], *self.last]
        self.spots = [*(self.of(step) for rail in arms.rails for step in rail.makers), *self.way]
        self._across(self._sources())
        self._along()

    def of(self, what: Rung | Step) -> Spot:
        return self.known[id(what)]

    # --- from left to right ---

    def _sources(self) -> float:
        """Places what makes the rails, from left to right; where the arms may begin."""
        x = 0.0
        for rail in self.arms.rails:
            chain = [self.of(step) for step in rail.makers]
            wide = max(spot.wide for spot in chain)
            for spot in chain:
                spot.left = x + (wide - spot.wide) / 2
            x += wide + BESIDE
        return x + (4 if self.arms.rails else 0)

    def _across(self, left: float) -> None:
        """One width for all rungs; the lowest row is wide enough for the bottom and for what is on its skip."""
        wide = max(spot.wide for spot in (*self.down, *self.up))
        for spot in (*self.down, *self.up):
            spot.wide = wide
        rows = len(self.down) - 1
        between = max(self.bottom.wide - wide + 2 * ARROW + 8, self.across)
        for level in range(1, rows + 1):
            # What is written beside the arrows down and up, between this row and the one above.
            written = self.down[level].entering + self.up[level - 1].entering + BESIDE
            between = max(between, written - wide - 2 * INSET * (rows - level))
        for level, (one, other) in enumerate(zip(self.down, self.up, strict=True)):
            one.left = left + INSET * level
            other.left = left + wide + between + INSET * (2 * rows - level)
        self.bottom.left = (self.down[-1].left + self.up[-1].right - self.bottom.wide) / 2
        self.first.left = self.down[0].middle - self.first.wide / 2
        for spot in self.last:
            spot.left = self.up[0].middle - spot.wide / 2
        self.beyond = max(self.up[0].right, self.up[-1].middle + self.up[-1].entering)
        self.width = self.beyond + (4 + BESIDE * len(self.arms.rails) if self.arms.rails else 0)
        self.width = max([self.width, *(spot.right for spot in self.last)])

    # --- from top to bottom ---

    def _along(self) -> None:
        chains = [[self.of(step) for step in rail.makers] for rail in self.arms.rails]
        for chain in chains:
            y = 0.0
            for spot in chain:
                spot.top, y = y, y + spot.high + ARROW
        self.started = max((chain[-1].bottom for chain in chains), default=0.0)
        ending = sum(spot.high + ARROW for spot in self.last) + ARROW
        row = max(self.down[0].high, self.up[0].high)
        y = max(self.started + BESIDE - row / 4, self.first.high + self.down[0].above, ending)
        self.first.top = y - self.down[0].above - self.first.high
        top = y
        for spot in self.last:
            top -= ARROW + spot.high
            spot.top = top
        for level, (one, other) in enumerate(zip(self.down, self.up, strict=True)):
            high = max(one.high, other.high)
            one.high = other.high = high
            one.top = other.top = y
            below = [spots[level + 1].above for spots in (self.down,) if level + 1 < len(spots)]
            y += high + max([*below, other.above, ARROW])
        self.bottom.top = y - ARROW + UNDER
        self.foot = self.bottom.bottom + BESIDE
        rails = len(self.arms.rails)
        self.height = self.foot + BESIDE * rails if rails else self.bottom.bottom

    # --- lines ---

    def arrow(self, number: int, turn: int) -> tuple[Point, ...]:
        """From one box of the way to the next; around the bottom with a bend."""
        one, other = self.way[number], self.way[number + 1]
        if number + 1 == turn:
            return (one.middle, one.bottom), (one.middle, other.centre), (other.left, other.centre)
        if number == turn:
            return (one.right, one.centre), (other.middle, one.centre), (other.middle, other.bottom)
        if number < turn:
            return (other.middle, one.bottom), (other.middle, other.top)
        return (one.middle, one.top), (one.middle, other.bottom)

    def _rail_at(self, number: int) -> tuple[float, float, float]:
        """Where a rail runs down, across below, and up again: the first one outside."""
        inner = len(self.arms.rails) - 1 - number
        source = self.of(self.arms.rails[number].makers[-1])
        return source.middle, self.foot + BESIDE * inner, self.beyond + 4 + BESIDE * (inner + 1)

    def taps(self, number: int, value: Value) -> list[Tap]:
        """Down the left, along the foot, up the right."""
        rails = len(self.arms.rails)
        left, foot, right = self._rail_at(number)
        found = []
        for rung, spot in zip(self.arms.down, self.down, strict=True):
            if takes(rung, value):
                y = self._height(spot, number)
                found.append(Tap(spot, (left, y), (spot.left, y)))
        if takes(self.arms.bottom, value):
            x = self.bottom.middle + 40 * (number - (rails - 1) / 2)
            found.append(Tap(self.bottom, (x, foot), (x, self.bottom.bottom)))
        for rung, spot in reversed(list(zip(self.arms.up, self.up, strict=True))):
            if takes(rung, value):
                y = self._height(spot, number)
                found.append(Tap(spot, (right, y), (spot.right, y)))
        return found

    def _height(self, spot: Spot, number: int) -> float:
        return spot.top + spot.high * (number + 1) / (len(self.arms.rails) + 1)

    def along(self, number: int, start: Point, end: Point) -> tuple[Point, ...]:
        """The way on a rail from one of its points to a later one."""
        left, foot, right = self._rail_at(number)
        corners = [(left, foot), (right, foot)]
        if start[0] != left:
            corners.remove((left, foot))
        if end[0] != right or start[0] == right:
            corners.remove((right, foot))
        if end[0] == left:
            corners = []
        return (start, *corners, end)


def takes(rung: Rung, value: Value) -> bool:
    """Whether something on a rung takes a value from the side."""
    return any(value in step.inputs for step in rung.items)
