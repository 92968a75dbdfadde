"""Lines of figures join what the graph joins: each is followed from box to box in the written SVG."""

from __future__ import annotations

from collections import defaultdict
from math import inf

import pytest
from random_specs import spec, template

import archdsl
from archdsl.analyses.notation import shape
from archdsl.backends.figures import draw
from archdsl.diagnostics import CompileError
from archdsl.ir.graph import Graph, Value
from archdsl.ir.steps import drawn as without_lone_joins
from tests.pictures import SVG, Box, Picture, text_box
from tests.test_figures import OF_GRAPHS, every_network, network, picture
from tests.wires import OUTSIDE, Folds, Point, drawn, expected, near, on_border, parts, points, tips


def follow(graph: Graph, figure: str, found: Picture) -> int:
    """Holds a figure's lines to the graph, and gives how many edges it shows."""
    ends, count, graph = tips(found.root), 0, without_lone_joins(graph)
    for part in parts(found.root, figure == "block"):
        folds, meant = Folds(part), expected(graph, part, figure in ("overview", "volumes"))
        seen, meant = folds.tags_folded(drawn(part, ends)), folds.tags_folded(meant)
        assert seen == meant, f"{part.frame}: missing {sorted(meant - seen)}, not in the graph {sorted(seen - meant)}"
        count += len(seen)
    return count


def arrows_end_on_what_they_say(found: Picture) -> None:
    """The attributes of a line name the boxes at whose borders it begins and ends."""
    boxes = {path: boxes for part in parts(found.root) for path, boxes in part.boxes.items()}
    frames = {path: boxes for part in parts(found.root) for path, boxes in part.frames.items()}
    rows = {cell: row for part in parts(found.root) for cell, row in part.rows.items()}
    ends = tips(found.root)
    lines = [line for line in found.root.iter(f"{SVG}path") if "data-value" in line.attrib]
    meeting: dict[tuple[str, str], list[Point]] = defaultdict(list)
    for line in lines:
        way, value = points(line.attrib["d"]), line.attrib["data-value"]
        meeting["data-to", value].append(way[0])
        meeting["data-from", value].append(ends.get(id(line), way[-1]))
    for line in lines:
        way = points(line.attrib["d"])
        for name, point in (("data-from", way[0]), ("data-to", ends.get(id(line), way[-1]))):
            path = line.attrib.get(name, OUTSIDE)
            known = boxes.get(rows.get(path, path), [])
            assert path == OUTSIDE or known or path.startswith("tag ") or path in frames, f"there is no box {path}"
            inside = any(
                box.left <= point[0] <= box.right and box.top <= point[1] <= box.bottom for box in frames.get(path, ())
            )
            joined = any(near(point, other) for other in meeting[name, line.attrib["data-value"]])
            beside = any(on_border(box, point) for box in known)
            reached = joined or (beside if known else inside or path not in frames)
            assert reached, f"{line.attrib}: {name} is not at {point}"


def shapes_are_of_their_values(graph: Graph, found: Picture) -> None:
    """A shape that stands beside a line is that of the value on it, and stands beside a line of that value."""
    for text in found.root.iter(f"{SVG}text"):
        if name := text.attrib.get("data-value"):
            node, _, port = name.partition(":")
            assert (text.text or "").endswith(shape(graph.tensor(Value(node, int(port or 0)))))


NEXT = 8.0
"""From a shape to its line, in points, at most."""
OF_VOLUMES = {"volumes"}
"""Figures whose shapes are those of columns, not of lines: test_figure_volumes.py holds each column to its own."""


def shapes_stand_by_what_they_name(figure: str, found: Picture) -> None:
    """Of all lines the nearest to a shape has its value. In the overview it stands below, or above, its box."""
    for text in found.root.iter(f"{SVG}text"):
        if name := text.attrib.get("data-value"):
            box = text_box(text)
            if figure == "overview":
                below_its_box(box, name.partition(":")[0], found)
            elif figure not in OF_VOLUMES:
                beside_its_line(box, name, found)


def beside_its_line(text: Box, name: str, found: Picture) -> None:
    own, others = [], [inf]
    for line in found.wires:
        (own if line.value == name else others).append(min(text.distance(part) for part in line.parts))
    assert own, f"{text.name}: no line has the value {name}"
    assert min(own) <= NEXT, f"{text.name} is {min(own)} from the line of {name}"
    assert min(own) < min(others), f"{text.name} is nearer to a line of another value than to that of {name}"


def below_its_box(text: Box, id: str, found: Picture) -> None:
    middle = (text.left + text.right) / 2
    own, others = [], []
    for part in parts(found.root):
        holder = Folds(part).box(id)
        for path, boxes in part.boxes.items():
            away = [max(box.left - middle, middle - box.right, 0.0) for box in boxes]
            (own if path == holder else others).extend(away if not path.startswith("tag ") else [])
    assert own, f"{text.name}: no box makes {id}"
    assert min(own) <= min([*others, inf]) + 1, f"{text.name} stands at another box than that of {id}"


def check(graph: Graph, figure: str, found: Picture) -> int:
    count = follow(graph, figure, found)
    arrows_end_on_what_they_say(found)
    shapes_are_of_their_values(graph, found)
    shapes_stand_by_what_they_name(figure, found)
    return count


WITHOUT_LINES = {"profile"}
"""Figures that do not show what is joined to what."""

wired_figure = pytest.mark.parametrize("figure", [name for name in OF_GRAPHS if name not in WITHOUT_LINES])


@pytest.mark.sampled
@wired_figure
@every_network
def test_lines_join_what_the_graph_joins(name: str, figure: str) -> None:
    assert check(network(name), figure, picture(name, figure)) > 0


@pytest.mark.sampled
@pytest.mark.parametrize("seed", range(12))
def test_lines_of_random_networks(seed: int) -> None:
    try:
        graph = archdsl.loads(spec(template(seed), 0)).graph
    except CompileError:
        return
    for figure in sorted(set(OF_GRAPHS) - WITHOUT_LINES):
        check(graph, figure, Picture(draw(graph, figure)))


SPOILED = {
    "begins elsewhere": (lambda line: "M3 3 L" + line["d"].partition(" L")[2], "d"),
    "names another box": (lambda line: "S2.avg_pool", "data-to"),
}


@pytest.mark.parametrize("fault", SPOILED)
def test_a_wrong_line_is_found(fault: str) -> None:
    """Every line of a figure in turn is drawn wrong, or says something wrong."""
    spoil, name = SPOILED[fault]
    graph, text = network("lenet@5"), draw(network("lenet@5"), "graph")
    boxes = {path for part in parts(Picture(text).root) for path in (*part.boxes, *part.rows)}
    lines = [i for i, e in enumerate(Picture(text).root.iter()) if e.get("data-to") in boxes - {"S2.avg_pool"}]
    assert len(lines) > 4
    for index in lines:
        spoiled = Picture(text)
        line = list(spoiled.root.iter())[index]
        line.set(name, spoil(line.attrib))
        with pytest.raises(AssertionError):
            check(graph, "graph", spoiled)


def test_a_shape_at_another_line_is_found() -> None:
    """Every shape of a figure in turn is said to be that of another value, or moved away."""
    text = draw(network("unet@2015"), "graph")
    shapes_stand_by_what_they_name("graph", Picture(text))
    named = {
        i: element.attrib["data-value"]
        for i, element in enumerate(Picture(text).root.iter())
        if element.tag == f"{SVG}text" and "data-value" in element.attrib
    }
    assert len(named) > 4
    for index, value in named.items():
        other = next(name for name in named.values() if name != value)
        for attribute in ("data-value", "x"):
            spoiled = Picture(text)
            element = list(spoiled.root.iter())[index]
            element.set(attribute, other if attribute == "data-value" else str(float(element.attrib["x"]) + 40))
            with pytest.raises(AssertionError):
                shapes_stand_by_what_they_name("graph", spoiled)
