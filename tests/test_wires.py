"""Lines of figures join what the graph joins: each is followed from box to box in the written SVG."""

from __future__ import annotations

from collections import defaultdict

import pytest
from random_specs import spec, template

import archdsl
from archdsl.analyses.notation import shape
from archdsl.backends.figures import draw
from archdsl.diagnostics import CompileError
from archdsl.ir.graph import Graph, Value
from tests.pictures import SVG, Picture
from tests.test_figures import OF_ONE, every_figure, every_network, network, picture
from tests.wires import OUTSIDE, Point, drawn, expected, near, on_border, parts, points, tips


def follow(graph: Graph, figure: str, found: Picture) -> int:
    """Holds a figure's lines to the graph, and gives how many edges it shows."""
    ends, count = tips(found.root), 0
    for part in parts(found.root, figure == "block"):
        seen, meant = drawn(part, ends), expected(graph, part, figure == "overview")
        assert seen == meant, f"{part.frame}: missing {sorted(meant - seen)}, not in the graph {sorted(seen - meant)}"
        count += len(seen)
    return count


def arrows_end_on_what_they_say(found: Picture) -> None:
    """The attributes of a line name the boxes at whose borders it begins and ends."""
    boxes = {path: boxes for part in parts(found.root) for path, boxes in part.boxes.items()}
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
            joined = any(near(point, other) for other in meeting[name, line.attrib["data-value"]])
            beside = any(on_border(box, point) for box in known)
            assert not known or joined or beside, f"{line.attrib}: {name} is not at {point}"


def shapes_are_of_their_values(graph: Graph, found: Picture) -> None:
    """A shape that stands beside a line is that of the value on it, and stands beside a line of that value."""
    for text in found.root.iter(f"{SVG}text"):
        if name := text.attrib.get("data-value"):
            node, _, port = name.partition(":")
            assert (text.text or "").endswith(shape(graph.tensor(Value(node, int(port or 0)))))


def check(graph: Graph, figure: str, found: Picture) -> int:
    count = follow(graph, figure, found)
    arrows_end_on_what_they_say(found)
    shapes_are_of_their_values(graph, found)
    return count


@every_figure
@every_network
def test_lines_join_what_the_graph_joins(name: str, figure: str) -> None:
    assert check(network(name), figure, picture(name, figure)) > 0


@pytest.mark.parametrize("seed", range(12))
def test_lines_of_random_networks(seed: int) -> None:
    try:
        graph = archdsl.loads(spec(template(seed), 0)).graph
    except CompileError:
        return
    for figure in OF_ONE:
        check(graph, figure, Picture(draw(graph, figure)))


SPOILED = {
    "begins elsewhere": ("graph", lambda line: "M3 3 L" + line["d"].partition(" L")[2], "d"),
    "names another box": ("graph", lambda line: "C1", "data-to"),
}


@pytest.mark.parametrize("fault", SPOILED)
def test_a_wrong_line_is_found(fault: str) -> None:
    """Every line of a figure in turn is drawn wrong, or says something wrong."""
    figure, spoil, name = SPOILED[fault]
    graph, text = network("lenet@5"), draw(network("lenet@5"), "graph")
    lines = [
        i
        for i, e in enumerate(Picture(text).root.iter())
        if e.get("data-value") and e.get("data-to") not in (None, "C1")
    ]
    assert len(lines) > 4
    for index in lines:
        spoiled = Picture(text)
        line = list(spoiled.root.iter())[index]
        line.set(name, spoil(line.attrib))
        with pytest.raises(AssertionError):
            check(graph, figure, spoiled)
