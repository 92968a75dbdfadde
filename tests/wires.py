"""What the lines of a figure join, found from the geometry of the written SVG, and what they should join by the graph.

Lines are followed from end to end: one begins on the border of a box, or where another ends. Attributes of the lines
are not used for that; whether they say the same is checked apart.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from itertools import pairwise
from typing import NamedTuple
from xml.etree.ElementTree import Element

from archdsl.backends.figures.items import data_inputs
from archdsl.ir.graph import Graph, Node, Value
from tests.pictures import SVG, Box, corners, outline, own_shapes

NEAR = 0.8
"""How near an end is to a border, or to another end, to touch it: in points."""
OUTSIDE = ""
"""Where lines begin and end that come from outside, or leave."""

Point = tuple[float, float]


class Edge(NamedTuple):
    """A box (its path) that hands a value to another; `OUTSIDE` is the page, `tag …` a name in place of a line."""

    source: str
    target: str


@dataclass
class Part:
    """A figure, or one block of a figure of several: its boxes by path, and its lines."""

    boxes: dict[str, list[Box]] = field(default_factory=lambda: defaultdict(list))
    lines: list[tuple[Element, list[Point]]] = field(default_factory=list)
    rows: dict[str, str] = field(default_factory=dict)
    alike: list[list[list[str]]] = field(default_factory=list)
    frames: dict[str, list[Box]] = field(default_factory=lambda: defaultdict(list))
    frame: str = ""
    bars: set[str] = field(default_factory=set)
    """Boxes of concats that show all the values they join: also those of concats that go into them."""
    nested: set[str] = field(default_factory=set)
    """Boxes whose concats are shown so by the bars that they go into."""


# --- what is drawn -------------------------------------------------------------------------


def parts(root: Element, blocks: bool = False) -> Iterator[Part]:
    """Of a figure of `blocks`, each block; of others, the whole."""
    frames = [g for g in root if g.get("data-path") and any(i.get("data-path") for i in g.iter() if i is not g)]
    if not blocks or any(g.get("data-path") and g not in frames for g in root):
        part = Part()
        collect(root, part)
        part.frame = ".".join(common([path.split(".") for path in part.boxes])) if blocks else ""
        yield part
        return
    for group in frames:
        part = Part(frame=group.attrib["data-path"])
        collect(group, part)
        for element in root:
            if element.tag == f"{SVG}path" and part.frame in (element.get("data-from"), element.get("data-to")):
                part.lines.append((element, points(element.attrib["d"])))
        yield part


def common(paths: list[list[str]]) -> list[str]:
    """The scope that holds all of several paths."""
    least, most = min(paths)[:-1], max(paths)[:-1]
    same = next((i for i, (a, b) in enumerate(zip(least, most, strict=False)) if a != b), min(len(least), len(most)))
    return least[:same]


def collect(element: Element, part: Part) -> None:
    """Fills `part` from an element. The cells of a row are one box, called as its first."""
    for child in element:
        kind, path = child.get("data-kind"), child.get("data-path", "")
        if child.get("data-alike"):
            part.alike.append([entry.split(" ") for entry in child.attrib["data-alike"].split("; ")])
        if child.tag == f"{SVG}path" and "data-value" in child.attrib:
            part.lines.append((child, points(child.attrib["d"])))
        if child.tag != f"{SVG}g":
            continue
        if kind == "row":
            cells = [g.attrib["data-path"] for g in child.iter(f"{SVG}g") if g.get("data-kind") == "op"]
            part.rows.update(dict.fromkeys(cells, cells[0]))
        if child.get("data-joins"):
            part.nested.add(path)
        if child.get("data-joins") == "all":
            part.bars.add(path)
        if child.get("data-nodes"):
            part.rows.update(dict.fromkeys(child.attrib["data-nodes"].split(), path))
        if kind == "tag" and child.get("data-value"):
            part.boxes[f"tag {child.attrib['data-value']}"].append(outline(child))
        elif kind is not None and path and not any(g.get("data-path") for g in child.iter(f"{SVG}g") if g is not child):
            part.boxes[part.rows.get(path, path)] += own_shapes(child)
        elif kind is not None and path:
            part.frames[path] += own_shapes(child)
        collect(child, part)


def points(path: str) -> list[Point]:
    """The corners of a line: of a round corner its control point. An arrow's line ends inside its head."""
    if "C" in path:
        return corners(path)
    found: list[Point] = []
    for command, numbers in re.findall(r"([MLQ])([-\d. ]+)", path):
        values = [float(number) for number in numbers.split()]
        if command == "Q":
            found[-1:] = [found[-1], (values[0], values[1])]
        else:
            found.append((values[0], values[1]))
    return found


def drawn(part: Part, ends: Mapping[int, Point]) -> set[Edge]:
    """The boxes that the lines join, each line followed through those that begin where it ends."""
    lines = [(line[0], ends.get(id(element), line[-1])) for element, line in part.lines]
    starts: dict[int, list[int]] = {}
    for i, (_, end) in enumerate(lines):
        starts[i] = [j for j, (start, _) in enumerate(lines) if j != i and near(start, end)]
    continued = {j for following in starts.values() for j in following}
    edges: set[Edge] = set()
    for i, (start, _) in enumerate(lines):
        sources = touched(part, start)
        if not sources and i in continued:
            continue
        for target in reached(part, lines, starts, i):
            edges |= {Edge(source, target) for source in sources or [OUTSIDE]}
    return edges


def reached(part: Part, lines: list[tuple[Point, Point]], starts: Mapping[int, list[int]], first: int) -> set[str]:
    found: set[str] = set()
    pending, seen = [first], {first}
    while pending:
        i = pending.pop()
        targets = touched(part, lines[i][1])
        found.update(targets)
        if not targets and not starts[i]:
            found.add(OUTSIDE)
        if not targets:
            pending += [j for j in starts[i] if j not in seen]
            seen.update(starts[i])
    return found


def near(one: Point, other: Point) -> bool:
    return abs(one[0] - other[0]) <= NEAR and abs(one[1] - other[1]) <= NEAR


def touched(part: Part, point: Point) -> list[str]:
    """The boxes on whose border a point lies."""
    return [path for path, boxes in part.boxes.items() if any(on_border(box, point) for box in boxes)]


def on_border(box: Box, point: Point) -> bool:
    x, y = point
    across = box.left - NEAR <= x <= box.right + NEAR
    along = box.top - NEAR <= y <= box.bottom + NEAR
    level = min(abs(y - box.top), abs(y - box.bottom)) <= NEAR
    upright = min(abs(x - box.left), abs(x - box.right)) <= NEAR
    return (across and level) or (along and upright)


def tips(root: Element) -> dict[int, Point]:
    """Where lines with an arrow really end, by the line: the tip is the first corner of the head that follows it."""
    found: dict[int, Point] = {}
    for element in root.iter():
        for line, head in pairwise(element):
            if line.tag == f"{SVG}path" and head.tag == f"{SVG}polygon" and "data-value" in line.attrib:
                x, y = map(float, head.attrib["points"].split()[0].split(","))
                found[id(line)] = (x, y)
    return found


# --- what should be drawn ------------------------------------------------------------------


class Folds:
    """Which box stands for a node: one drawn for several copies has the paths of the first."""

    def __init__(self, part: Part) -> None:
        self.part = part
        self.first = {
            path: own
            for copies in part.alike
            for others in copies[1:]
            for path, own in zip(others, copies[0], strict=True)
        }

    def drawn_as(self, id: str) -> str:
        """The path of a node, or of a tag, in the first of all copies that it lies in."""
        tag, id = id[: 4 * id.startswith("tag ")], id.removeprefix("tag ")
        steps = id.split(".")
        for length in range(1, len(steps) + 1):
            path = ".".join(steps[:length])
            if path in self.first:
                return tag + self.drawn_as(".".join([self.first[path], *steps[length:]]))
        return tag + id

    def copies(self, id: str) -> tuple[str, ...]:
        """The copies that a node lies in, as drawn for one another."""
        steps = id.split(".")
        paths = [".".join(steps[:length]) for length in range(1, len(steps) + 1)]
        return tuple(path for path in paths if path in self.first or path in self.first.values())

    def box(self, id: str) -> str | None:
        """The box that stands for a node, if there is one."""
        for name in (id, self.drawn_as(id)):
            steps = name.split(".")
            for length in range(len(steps), 0, -1):
                path = ".".join(steps[:length])
                path = self.part.rows.get(path, path)
                if path in self.part.boxes:
                    return path
        return None

    def tags_folded(self, edges: set[Edge]) -> set[Edge]:
        """Edges in which a name that stands for a line is that of the first copy."""
        folded = ({end: self.drawn_as(end) if end.startswith("tag ") else end for end in edge} for edge in edges)
        return {Edge(names[edge.source], names[edge.target]) for edge, names in zip(edges, folded, strict=True)}


def expected(graph: Graph, part: Part, between_boxes: bool = False) -> set[Edge]:
    """The edges of the graph, or of what a block holds, as the figure folds them.

    `between_boxes`: without what comes in, goes out, or goes to a further output, which figures of the stages do not
    draw.
    """
    edges = _expected(graph, part)
    return {
        edge for edge in edges if not between_boxes or (edge.source.strip() and edge.target and "tag " not in str(edge))
    }


def _expected(graph: Graph, part: Part) -> set[Edge]:
    folds = Folds(part)
    inside = [node for node in graph if not part.frame or node.id.startswith(f"{part.frame}.")]
    ids = {node.id for node in inside}
    edges: set[Edge] = set()
    for node in graph:
        for value in operands(graph, folds, node):
            if node.id in ids or value.node in ids:
                edges |= set(edges_of(graph, folds, value, node.id, ids))
    for output in graph.outputs:
        for value in output.values:
            if value.node in ids and (output is graph.outputs[0] or side(graph, value.node)):
                edges.add(Edge(str(folds.box(value.node)), OUTSIDE))
            elif value.node in ids:
                edges.add(Edge(str(folds.box(value.node)), tag_of(value)))
    return edges


def operands(graph: Graph, folds: Folds, node: Node) -> Iterator[Value]:
    """What a node takes; of a concat that shows all values it joins, also what the concats that go into it take."""
    for value in data_inputs(graph, node):
        maker = graph.node(value.node)
        joined = maker.op.name == "concat" == node.op.name and folds.box(maker.id) in folds.part.nested
        if joined and folds.box(node.id) in folds.part.bars:
            yield from through(graph, folds, maker)
        else:
            yield value


def through(graph: Graph, folds: Folds, concat: Node) -> Iterator[Value]:
    """The values that a concat joins, by way of those concats that are drawn in one with it."""
    for value in data_inputs(graph, concat):
        maker = graph.node(value.node)
        if maker.op.name == "concat" and folds.box(maker.id) in folds.part.nested:
            yield from through(graph, folds, maker)
        else:
            yield value


def edges_of(graph: Graph, folds: Folds, value: Value, user: str, ids: set[str]) -> Iterator[Edge]:
    source = folds.box(value.node) if value.node in ids else OUTSIDE
    target = folds.box(user) if user in ids else OUTSIDE
    if side(graph, value.node) != side(graph, user) and not folds.part.frame:
        yield from (Edge(str(source), tag_of(value)), Edge(tag_of(value), str(target)))
    elif side(graph, value.node) != side(graph, user) and source:
        yield Edge(source, tag_of(value))  # to an output that the block does not hold
    elif source == target or between_copies(folds, value.node, user):
        return
    else:
        yield Edge(str(source), str(target))


def tag_of(value: Value) -> str:
    """What stands for lines of a value that are not drawn."""
    return f"tag {value.node}" + (f":{value.port}" if value.port else "")


def between_copies(folds: Folds, one: str, other: str) -> bool:
    """Whether a value comes to a further copy than the first, from one before: `×3` says so.

    What comes from outside has passed through the copies before.
    """
    makers, users = folds.copies(one), folds.copies(other)
    if any(a != b and folds.drawn_as(a) == folds.drawn_as(b) for a, b in zip(makers, users, strict=False)):
        return True
    return any(path in folds.first and path not in makers for path in users)


def side(graph: Graph, id: str) -> str | None:
    """The further output that a node serves alone."""
    scope = graph.node(id).scope
    return next((s.path for s in graph.ancestry(scope) if s.kind == "output"), None)
