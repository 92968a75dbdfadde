"""A picture as data: shapes, lines and text in points, y downwards. Writers turn it into SVG, PDF, PNG and TikZ."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from math import hypot
from typing import Literal

Corner = Literal["square", "round", "cut"]
Anchor = Literal["start", "middle", "end"]
Point = tuple[float, float]

CUT = 6.0
"""How much a cut corner takes of each side, in points."""


@dataclass(frozen=True, slots=True)
class Shape:
    """A rectangle. `radius` is used by round corners: half the height makes a pill, half of both a circle."""

    x: float
    y: float
    width: float
    height: float
    fill: str | None
    stroke: str | None
    line: float = 1.0
    dash: tuple[float, ...] = ()
    corner: Corner = "square"
    radius: float = 0.0


@dataclass(frozen=True, slots=True)
class Polygon:
    """A closed shape of straight sides."""

    points: tuple[Point, ...]
    fill: str | None
    stroke: str | None
    line: float = 1.0
    dash: tuple[float, ...] = ()


@dataclass(frozen=True, slots=True)
class Text:
    """One line of text; `y` is the middle of its capital letters.

    `of`: the value whose shape it is, by its name. `upright`: it is turned and reads from the foot to the top of the
    page; it then begins, or has its middle or end, at `y`, and `x` is the middle of its capitals.
    """

    x: float
    y: float
    text: str
    size: float
    fill: str
    bold: bool = False
    anchor: Anchor = "middle"
    of: str = ""
    upright: bool = False


@dataclass(frozen=True, slots=True)
class Wire:
    """A value on its way: its name, and the paths of the box or frame where the line begins and where it ends.

    A value that enters or leaves a frame is drawn as several lines, which meet at the frame's border. An empty path
    is the edge of a column, or of the page.
    """

    value: str
    source: str = ""
    target: str = ""


@dataclass(frozen=True, slots=True)
class Line:
    """Straight segments with rounded corners, perhaps with an arrow head at the end.

    `branch`: it leaves another line, so that its first corner is sharp. `wire`: of what flows along it, if anything.
    """

    points: tuple[Point, ...]
    stroke: str
    line: float = 1.4
    dash: tuple[float, ...] = ()
    arrow: bool = False
    branch: bool = False
    radius: float = 5.0
    wire: Wire | None = None


@dataclass(frozen=True, slots=True)
class Curve:
    """A Bézier curve: its start, two control points and its end, perhaps with an arrow head at the end."""

    points: tuple[Point, ...]
    stroke: str
    line: float = 1.4
    dash: tuple[float, ...] = ()
    arrow: bool = False
    wire: Wire | None = None


@dataclass(frozen=True, slots=True)
class Group:
    """Items that are one thing to the reader: `id` is the path of a node or scope, `data` further facts by name.

    `upright`: it stays as it is where all around it is turned upside down. `step`: in which step all of it appears,
    where that is said at all.
    """

    items: tuple[Item, ...]
    id: str = ""
    title: str = ""
    data: tuple[tuple[str, str], ...] = ()
    upright: bool = False
    step: int = 0


@dataclass(frozen=True, slots=True)
class Shift:
    """Items that lie elsewhere than they say; `placed` resolves it."""

    items: tuple[Item, ...]
    dx: float
    dy: float


Leaf = Shape | Polygon | Text | Line | Curve
Item = Leaf | Group | Shift


@dataclass(frozen=True, slots=True)
class Scene:
    """A whole picture. `scale` is its size on the slide for one point of its own; `notes` are what
    to tell its user: what is so, and what to do. `around` is how many of its items, at the start and at the end, are
    its head and its legend. `steps`: of a figure that is built up, the step from 1 on in which each leaf appears.
    """

    width: float
    height: float
    title: str
    description: str
    background: str
    items: tuple[Item, ...]
    scale: float = 1.0
    notes: tuple[tuple[str, str], ...] = ()
    around: tuple[int, int] = (0, 0)
    steps: tuple[int, ...] = ()


def moved(item: Item, dx: float, dy: float) -> Item:
    """The same, `dx` to the right and `dy` down."""
    return Shift((item,), dx, dy)


def placed(items: Iterable[Item], dx: float = 0.0, dy: float = 0.0) -> Iterator[Item]:
    """Items that lie where they say, without any `Shift`."""
    for item in items:
        match item:
            case Shift():
                yield from placed(item.items, dx + item.dx, dy + item.dy)
            case Group():
                yield replace(item, items=tuple(placed(item.items, dx, dy)))
            case Line() | Polygon() | Curve():
                yield replace(item, points=tuple((x + dx, y + dy) for x, y in item.points))
            case Shape() | Text():
                yield replace(item, x=item.x + dx, y=item.y + dy)


def named_once(items: Iterable[Item], known: set[str]) -> Iterator[Item]:
    """Items of which each id occurs once: the first time something is drawn."""
    for item in items:
        if isinstance(item, Group):
            id = "" if item.id in known else item.id
            known.add(item.id)
            yield replace(item, id=id, items=tuple(named_once(item.items, known)))
        else:
            yield item


def flipped(items: Iterable[Item], height: float) -> Iterator[Item]:
    """Upside down within `height`, text upright: what flowed down flows up."""
    for item in placed(items):
        match item:
            case Group(upright=True):
                shapes = [leaf for leaf in leaves(item.items) if isinstance(leaf, Shape)]
                top, bottom = min(s.y for s in shapes), max(s.y + s.height for s in shapes)
                yield from placed([item], 0, height - top - bottom)
            case Group():
                yield replace(item, items=tuple(flipped(item.items, height)))
            case Line() | Polygon() | Curve():
                yield replace(item, points=tuple((x, height - y) for x, y in item.points))
            case Shape():
                yield replace(item, y=height - item.y - item.height)
            case Text():
                yield replace(item, y=height - item.y)


def leaves(items: Iterable[Item]) -> Iterator[Leaf]:
    """Everything that is drawn, in the order in which it is."""
    for item in items:
        if isinstance(item, Group | Shift):
            yield from leaves(item.items)
        else:
            yield item


def outline(shape: Shape) -> tuple[Point, ...]:
    """The corners of a shape that has no round ones."""
    left, top, right, bottom = shape.x, shape.y, shape.x + shape.width, shape.y + shape.height
    if shape.corner != "cut":
        return (left, top), (right, top), (right, bottom), (left, bottom)
    return (
        (left + CUT, top),
        (right - CUT, top),
        (right, top + CUT),
        (right, bottom - CUT),
        (right - CUT, bottom),
        (left + CUT, bottom),
        (left, bottom - CUT),
        (left, top + CUT),
    )


HEAD_LENGTH, HEAD_WIDTH = 7.0, 6.0


def head(line: Line | Curve) -> tuple[Point, Point, Point]:
    """The arrow head's corners, its tip first: it points as the last part of the line does."""
    (fromx, fromy), (x, y) = line.points[-2:]
    long = hypot(x - fromx, y - fromy) or 1.0
    alongx, alongy = (x - fromx) / long, (y - fromy) / long
    backx, backy = x - alongx * HEAD_LENGTH, y - alongy * HEAD_LENGTH
    sidex, sidey = alongy * HEAD_WIDTH / 2, -alongx * HEAD_WIDTH / 2
    return (x, y), (backx + sidex, backy + sidey), (backx - sidex, backy - sidey)


def shaft(line: Line | Curve) -> tuple[Point, ...]:
    """The points of a line, which ends inside its arrow head so that the tip stays sharp."""
    if not line.arrow:
        return line.points
    (_, _), (x1, y1), (x2, y2) = head(line)
    return (*line.points[:-1], ((x1 + x2) / 2, (y1 + y2) / 2))


def bends(line: Line) -> Iterator[tuple[Point, Point, Point]]:
    """For each inner corner: where the curve begins, the corner itself, where the curve ends."""
    points = shaft(line)
    for i, (before, corner, after) in enumerate(zip(points, points[1:], points[2:], strict=False)):
        if line.branch and i == 0:
            yield corner, corner, corner
            continue
        radius = min(line.radius, _distance(before, corner) / 2, _distance(corner, after) / 2)
        yield _towards(corner, before, radius), corner, _towards(corner, after, radius)


def _distance(a: Point, b: Point) -> float:
    return abs(a[0] - b[0]) + abs(a[1] - b[1])


def _towards(start: Point, end: Point, by: float) -> Point:
    whole = _distance(start, end)
    if not whole:
        return start
    return start[0] + (end[0] - start[0]) * by / whole, start[1] + (end[1] - start[1]) * by / whole
