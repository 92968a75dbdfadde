"""Where on a picture there is room for a text: boxes that are taken, and the first place of several that is free."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from itertools import pairwise

from archdsl.backends.figures.scene import Line, Point, Text
from archdsl.backends.figures.text import CAPITAL, width


@dataclass(frozen=True, slots=True)
class Area:
    """A rectangle, in points."""

    left: float
    top: float
    right: float
    bottom: float

    def meets(self, other: Area) -> bool:
        across = self.left < other.right and other.left < self.right
        return across and self.top < other.bottom and other.top < self.bottom

    def holds(self, other: Area) -> bool:
        across = self.left <= other.left and other.right <= self.right
        return across and self.top <= other.top and other.bottom <= self.bottom


def area(text: Text, around: float = 1.5) -> Area:
    """What a text covers: from the top of its capitals to the baseline, and `around` it; letters may hang lower."""
    long, half = width(text.text, text.size, text.bold), CAPITAL * text.size
    left = text.x - {"start": 0.0, "middle": long / 2, "end": long}[text.anchor]
    return Area(left - around, text.y - half - around, left + long + around, text.y + half + around)


def along(line: Line, around: float = 1.5) -> Iterator[Area]:
    """What a line of level and upright parts covers."""
    yield from between(line.points, around)


def between(points: Iterable[Point], around: float = 1.5) -> Iterator[Area]:
    for (x, y), (onward, below) in pairwise(points):
        left, right, top, bottom = min(x, onward), max(x, onward), min(y, below), max(y, below)
        yield Area(left - around, top - around, right + around, bottom + around)


@dataclass
class Room:
    """A region, and what is taken of it."""

    whole: Area
    taken: list[Area] = field(default_factory=list)

    def is_free(self, place: Area) -> bool:
        return self.whole.holds(place) and not any(place.meets(other) for other in self.taken)

    def first(self, texts: Iterable[Text]) -> Text | None:
        """The first of several places for a text that is free, which is then taken; None: there is none."""
        for text in texts:
            if self.is_free(area(text)):
                self.taken.append(area(text))
                return text
        return None
