"""A scene read for its boxes: which leaves are one box, in which frames it lies, what wires join, what lies beside."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

from archdsl.backends.figures.scene import (
    Curve,
    Group,
    Item,
    Leaf,
    Line,
    Point,
    Polygon,
    Shape,
    Shift,
    Text,
    Wire,
    leaves,
)

FOLLOWING = frozenset({"tag", "cost", "bar"})
"""Kinds that are no boxes: they come with the box that they belong to."""
TOGETHER = frozenset({"band", "column", "family"})
"""Facts of groups that come as one, whatever is in them."""
NEAR = 1.0
"""How far from a border a line may end, in points."""
ASIDE = 30.0
"""How far beside a box a text may stand that belongs to it."""
OUTER = 12.0
"""How far beyond a band a text may be anchored that belongs to it."""

Extent = tuple[float, float, float, float]
"""Left, top, right and bottom of something, in points."""


@dataclass(frozen=True, slots=True)
class Unit:
    """One box: its place in the order of writing, the frames around it from the outside in, and its outline.

    `band`: what lies above or below it belongs to it. `only`: of networks side by side, whether one alone has it ("0"
    or "1"); `network` is its own. `family`: it comes with others of that; `late`: it is another form of one of them.
    """

    number: int
    frames: tuple[int, ...]
    left: float
    top: float
    right: float
    bottom: float
    band: bool = False
    network: str = ""
    only: str = ""
    family: str = ""
    late: bool = False

    def touches(self, point: Point) -> bool:
        return _touches((self.left, self.top, self.right, self.bottom), point)

    def inside(self, depth: int) -> tuple[str, int]:
        """The frame at a depth that it lies in; where it lies in none, itself."""
        return ("frame", self.frames[depth]) if depth < len(self.frames) else ("unit", self.number)


@dataclass(frozen=True, slots=True)
class Entry:
    """A leaf: the unit that it is part of, or the last one before it in the same list; and the frames around it."""

    leaf: Leaf
    frames: tuple[int, ...]
    unit: int | None
    before: int | None


class Reading:
    """What is known of a scene's items. Everything is by number: units, frames, and entries in the order of leaves."""

    def __init__(self, items: Sequence[Item]) -> None:
        self.units: list[Unit] = []
        self.entries: list[Entry] = []
        self.paths: dict[str, list[int]] = defaultdict(list)
        """The units of a path: of a frame's, all that lie in it."""
        self.held: list[list[int]] = []
        """The units of each frame."""
        self.borders: set[str] = set()
        """The paths of frames."""
        self.tags: list[tuple[range, str, Extent]] = []
        """Names in place of lines: the numbers of their entries, their paths, what they cover."""
        self._read(items, ())

    # --- reading ---

    def _read(self, items: Iterable[Item], frames: tuple[int, ...]) -> None:
        before: int | None = None
        for item in items:
            if isinstance(item, Group) and _is_frame(item):
                before = self._frame(item, frames)
            elif isinstance(item, Group) and _is_unit(item):
                before = self._unit(item, frames)
            elif isinstance(item, Group):
                first, facts = len(self.entries), dict(item.data)
                self.entries += (Entry(leaf, frames, None, before) for leaf in leaves(item.items))
                if facts.get("kind") == "tag":
                    path = f"tag {facts.get('name', '')}"
                    self.tags.append((range(first, len(self.entries)), path, covered(leaves(item.items))))
            elif not isinstance(item, Shift):
                self.entries.append(Entry(item, frames, None, before))

    def _frame(self, group: Group, frames: tuple[int, ...]) -> int | None:
        number, first = len(self.held), len(self.units)
        self.held.append([])
        self._read(group.items, (*frames, number))
        self.held[number] = list(range(first, len(self.units)))
        for path in _paths(group):
            self.borders.add(path)
            self.paths[path] += self.held[number]
        return len(self.units) - 1 if len(self.units) > first else None

    def _unit(self, group: Group, frames: tuple[int, ...]) -> int:
        number, inner, facts = len(self.units), list(leaves(group.items)), _facts(group)
        paths = dict.fromkeys(path for part in _groups(group) for path in _paths(part))
        network = next(iter(paths), "").partition("/")[0]
        only, family, box = facts.get("only", ""), facts.get("family", ""), covered(inner)
        self.units.append(Unit(number, frames, *box, "band" in facts, network, only, family, "base" in facts))
        self.entries += (Entry(leaf, frames, number, number) for leaf in inner)
        for path in paths:
            self.paths[path].append(number)
        return number

    # --- kinds of figures ---

    @cached_property
    def banded(self) -> bool:
        """Whether units are bands, in which all else stands."""
        return any(unit.band for unit in self.units)

    @cached_property
    def families(self) -> bool:
        return any(unit.family for unit in self.units)

    @cached_property
    def beside_each_other(self) -> bool:
        """Whether several networks are drawn that have something in common."""
        return any(unit.only for unit in self.units)

    # --- wires ---

    @cached_property
    def wires(self) -> list[tuple[int, Line | Curve, Wire]]:
        """Lines that carry a value, by the number of their entry."""
        return [
            (i, entry.leaf, entry.leaf.wire)
            for i, entry in enumerate(self.entries)
            if isinstance(entry.leaf, Line | Curve) and entry.leaf.wire and entry.unit is None
        ]

    @cached_property
    def joined(self) -> list[tuple[int, list[int]]]:
        """Each part of a way with those that end where it begins, and again with those that begin where it ends."""
        starts: dict[Point, list[int]] = defaultdict(list)
        ends: dict[Point, list[int]] = defaultdict(list)
        for i, leaf, _ in self.wires:
            starts[_rounded(leaf.points[0])].append(i)
            ends[_rounded(leaf.points[-1])].append(i)
        pairs = (
            (i, [other for other in known[_rounded(point)] if other != i])
            for i, leaf, _ in self.wires
            for known, point in ((ends, leaf.points[0]), (starts, leaf.points[-1]))
        )
        return [(i, others) for i, others in pairs if others]

    def at(self, path: str, point: Point) -> list[int]:
        """The units at an end of a line: those of its path that it touches, or all of them.

        A path that no unit has is that of an op which a box is drawn for without saying so: what is touched is it.
        """
        known = self.paths.get(path, ()) if path in self.paths or not path else range(len(self.units))
        touched = [unit for unit in known if self.units[unit].touches(point)]
        return touched or list(self.paths.get(path, ()))

    def makers(self, value: str) -> list[int]:
        """The units that make a value: its op, or the box or frame that stands for it."""
        path = value.partition(":")[0]
        while path and path not in self.paths:
            path = path.rpartition(".")[0]
        return self.paths.get(path, [])

    @cached_property
    def backward(self) -> dict[int, list[int]]:
        """The units written before it to which a wire leads from a unit: what stands in the lane of a skip has some."""
        found: dict[int, list[int]] = defaultdict(list)
        for _, leaf, wire in self.wires:
            for source in self.at(wire.source, leaf.points[0]) if wire.source not in self.borders else ():
                for target in self.at(wire.target, leaf.points[-1]) if wire.target not in self.borders else ():
                    if target < source:
                        found[source].append(target)
        return found

    # --- what is no box ---

    @cached_property
    def users(self) -> dict[int, list[int]]:
        """The units that the line from a tag leads to, by the tag's entries; none of a tag where a line ends."""
        found: dict[int, list[int]] = {}
        for entries, path, box in self.tags:
            for _, leaf, wire in self.wires:
                if wire.source == path and _touches(box, leaf.points[0]):
                    found.update(dict.fromkeys(entries, self.at(wire.target, leaf.points[-1])))
        return found

    def line_before(self, number: int, value: str) -> int | None:
        """The line of a value beside which a text was written, right after it."""
        for i in range(number - 1, -1, -1):
            entry = self.entries[i]
            if entry.unit is not None or isinstance(entry.leaf, Shape | Polygon):
                return None
            if isinstance(entry.leaf, Line | Curve) and entry.leaf.wire and entry.leaf.wire.value == value:
                return i
        return None

    def level_with(self, leaf: Leaf) -> list[int]:
        """The units at the height of a text and right beside it."""
        if not isinstance(leaf, Text):
            return []
        level = [unit for unit in self.units if unit.top <= leaf.y <= unit.bottom]
        return [unit.number for unit in level if unit.left - ASIDE <= leaf.x <= unit.right + ASIDE]

    def inside_of(self, frames: tuple[int, ...]) -> list[int]:
        """The units of the innermost of these frames."""
        return self.held[frames[-1]] if frames else []

    def bands_over(self, leaf: Leaf) -> list[int]:
        """The bands above or below which something lies, that of the largest part first; a text where it is anchored.

        Of two that a place lies beside, the nearer is first.
        """
        left, _, right, _ = extent(leaf)
        parts = [(min(right, unit.right) - max(left, unit.left), unit.number) for unit in self.units]
        outer = OUTER if isinstance(leaf, Text) else 0.0
        return [number for part, number in sorted(parts, key=lambda found: -found[0]) if part > -outer]


def covered(items: Iterable[Leaf]) -> Extent:
    """What several leaves cover."""
    lefts, tops, rights, bottoms = zip(*map(extent, items), strict=True)
    return min(lefts), min(tops), max(rights), max(bottoms)


def _touches(box: Extent, point: Point) -> bool:
    (left, top, right, bottom), (x, y) = box, point
    return left - NEAR <= x <= right + NEAR and top - NEAR <= y <= bottom + NEAR


def extent(leaf: Leaf) -> Extent:
    """What a leaf covers: left, top, right, bottom. Of a text, the place where it is anchored."""
    match leaf:
        case Shape():
            return leaf.x, leaf.y, leaf.x + leaf.width, leaf.y + leaf.height
        case Text():
            return leaf.x, leaf.y, leaf.x, leaf.y
    xs, ys = zip(*leaf.points, strict=True)
    return min(xs), min(ys), max(xs), max(ys)


def _rounded(point: Point) -> Point:
    return round(point[0], 2), round(point[1], 2)


def _groups(group: Group) -> Iterator[Group]:
    yield group
    for item in group.items:
        if isinstance(item, Group):
            yield from _groups(item)


def _facts(group: Group) -> dict[str, str]:
    """What a group and the groups in it say, the outermost first."""
    return {name: value for part in reversed(list(_groups(group))) for name, value in part.data}


def _is_frame(group: Group) -> bool:
    """Whether it is drawn around boxes: the scope that it stands for has a path of its own."""
    own = dict(group.data)
    return "kind" in own and "path" in own and any(isinstance(item, Group) for item in group.items)


def _is_unit(group: Group) -> bool:
    facts = [fact for part in _groups(group) for fact in part.data]
    return any(name in TOGETHER or (name == "kind" and value not in FOLLOWING) for name, value in facts)


def _paths(group: Group) -> Iterator[str]:
    """The paths of all that one group stands for."""
    facts = dict(group.data)
    yield from (path for path in (group.id, facts.get("path", "")) if path)
    yield from facts.get("nodes", "").split()
    yield from facts.get("alike", "").replace(";", "").split()
