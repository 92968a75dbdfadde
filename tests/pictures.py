"""Reads an SVG figure back: what is where, by nothing but the file."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from math import hypot
from typing import NamedTuple
from xml.etree import ElementTree

SVG = "{http://www.w3.org/2000/svg}"


@dataclass(frozen=True, slots=True)
class Box:
    """A rectangle in the picture's points; `name` says what it is for a message."""

    left: float
    top: float
    right: float
    bottom: float
    name: str = ""

    def meets(self, other: Box, by: float = 1.0) -> bool:
        """Whether the two overlap by more than `by` points."""
        wide = min(self.right, other.right) - max(self.left, other.left)
        return wide > by and min(self.bottom, other.bottom) - max(self.top, other.top) > by

    def distance(self, other: Box) -> float:
        """Between the two, 0 where they meet."""
        wide = max(self.left - other.right, other.left - self.right, 0.0)
        return hypot(wide, max(self.top - other.bottom, other.top - self.bottom, 0.0))

    def holds(self, other: Box, slack: float = 0.5) -> bool:
        across = self.left - slack <= other.left and other.right <= self.right + slack
        return across and self.top - slack <= other.top and other.bottom <= self.bottom + slack


class Wire(NamedTuple):
    """A line of a value: its straight parts. An arrow's line ends inside its head."""

    value: str
    parts: tuple[Box, ...]


@dataclass(frozen=True, slots=True)
class Thing:
    """A group that stands for an op, a closed box, a frame: its outline and its own texts."""

    id: str
    kind: str
    outline: Box
    texts: tuple[Box, ...]


class Picture:
    """One SVG file."""

    def __init__(self, data: bytes) -> None:
        self.root = ElementTree.fromstring(data)
        left, top, wide, high = map(float, self.root.attrib["viewBox"].split())
        self.page = Box(left, top, left + wide, top + high, "page")
        self.width, self.height = (float(self.root.attrib[side].removesuffix("pt")) for side in ("width", "height"))

    @property
    def scale(self) -> float:
        """Points on the slide for one of the picture."""
        return self.width / (self.page.right - self.page.left)

    @property
    def ids(self) -> list[str]:
        return [element.attrib["id"] for element in self.root.iter() if "id" in element.attrib]

    @property
    def words(self) -> list[str]:
        return [element.text or "" for element in self.root.iter(f"{SVG}text")]

    def groups(self) -> Iterator[ElementTree.Element]:
        return self.root.iter(f"{SVG}g")

    def texts(self) -> list[Box]:
        return [text_box(element) for element in self.root.iter(f"{SVG}text")]

    def sizes(self) -> list[float]:
        return [float(element.attrib["font-size"]) for element in self.root.iter(f"{SVG}text")]

    def things(self) -> list[Thing]:
        """Ops and closed boxes: groups with a shape of their own and no group inside."""
        return [
            Thing(group.attrib.get("id", ""), group.attrib["data-kind"], outline(group), own_texts(group))
            for group in self.groups()
            if "data-kind" in group.attrib and group.find(f"{SVG}g") is None and outline(group) is not None
        ]

    def shapes(self) -> list[Box]:
        boxes = [rect_box(element) for element in self.root.iter(f"{SVG}rect")]
        return boxes + [points_box(element.attrib["points"]) for element in self.root.iter(f"{SVG}polygon")]

    @cached_property
    def wires(self) -> list[Wire]:
        lines = [path.attrib for path in self.root.iter(f"{SVG}path") if "data-value" in path.attrib]
        return [Wire(line["data-value"], tuple(straight(line["d"]))) for line in lines]

    def strokes(self) -> list[Box]:
        """Straight parts of lines outside of things, as boxes without width; corners count as sharp."""
        inside = {id(path) for group in self.groups() if "data-op" in group.attrib for path in group.iter()}
        return [
            part
            for path in self.root.iter(f"{SVG}path")
            if id(path) not in inside
            for part in straight(path.attrib["d"])
        ]


def text_box(element: ElementTree.Element) -> Box:
    """From the capitals' tops to the baseline, as wide as the file says."""
    x, y, size = (float(element.attrib[name]) for name in ("x", "y", "font-size"))
    long = float(element.attrib["textLength"])
    before = {"start": 0.0, "middle": long / 2, "end": long}[element.attrib["text-anchor"]]
    if "transform" in element.attrib:
        middle, foot = x, y - 0.36 * size + before  # it is turned around the middle of its capitals
        half = 0.36 * size
        return Box(middle - half, foot - long, middle + half, foot, element.text or "")
    left = x - before
    return Box(left, y - 0.72 * size, left + long, y, element.text or "")


def rect_box(element: ElementTree.Element) -> Box:
    x, y = (float(element.attrib.get(name, "0")) for name in ("x", "y"))
    return Box(x, y, x + float(element.attrib["width"]), y + float(element.attrib["height"]), "rectangle")


def points_box(points: str) -> Box:
    numbers = [float(number) for number in re.findall(r"-?[\d.]+", points)]
    return Box(min(numbers[::2]), min(numbers[1::2]), max(numbers[::2]), max(numbers[1::2]), "polygon")


def outline(group: ElementTree.Element) -> Box:
    """The last of the group's own shapes: what is behind it is the shadow of a pile."""
    return own_shapes(group)[-1]


def own_shapes(group: ElementTree.Element) -> list[Box]:
    rects = {f"{SVG}rect", f"{SVG}polygon"}
    found = [rect_box(e) if e.tag == f"{SVG}rect" else points_box(e.attrib["points"]) for e in group if e.tag in rects]
    assert found, f"nothing is drawn for {group.attrib}"
    return found


def own_texts(group: ElementTree.Element) -> tuple[Box, ...]:
    return tuple(text_box(element) for element in group if element.tag == f"{SVG}text")


def straight(path: str) -> Iterator[Box]:
    for (x, y), (onward, below) in pairwise(corners(path)):
        yield Box(min(x, onward), min(y, below), max(x, onward), max(y, below), f"line at {x:g}, {y:g}")


def corners(path: str) -> list[tuple[float, float]]:
    """The points of a line. Of a curve, which is one Bézier curve, so many that the parts between are nearly on it."""
    points = [(float(x), float(y)) for x, y in re.findall(r"(-?[\d.]+) (-?[\d.]+)", path)]
    if "C" not in path:
        return points
    assert len(points) == 4, f"more than one curve: {path}"
    parts = [i / CURVE for i in range(CURVE + 1)]
    weights = [((1 - t) ** 3, 3 * t * (1 - t) ** 2, 3 * t * t * (1 - t), t**3) for t in parts]
    return [
        (
            sum(w * x for w, (x, _) in zip(row, points, strict=True)),
            sum(w * y for w, (_, y) in zip(row, points, strict=True)),
        )
        for row in weights
    ]


CURVE = 48
"""Into how many straight parts a curve is cut."""
