"""Blocks that are drawn in a form of their own: cells, hourglasses, dense blocks, and blocks inside themselves."""

from __future__ import annotations

import re
from collections import defaultdict
from functools import cache

import pytest

import archdsl
from archdsl.analyses import totals
from archdsl.backends.figures import draw
from archdsl.backends.figures.blocks import dense_reading as dense_read
from archdsl.backends.figures.blocks import glass_reading as glass_read
from archdsl.backends.figures.items import value_name
from archdsl.backends.figures.view import Viewer
from archdsl.ir.graph import Graph
from archdsl.ir.steps import drawn
from tests.pictures import SVG, Box, Picture, own_shapes
from tests.test_figures import CHECKS, network, picture
from tests.test_wires import check
from tests.wires import points, tips

DENSE = """
network Dense:
    input image: 3 x 32 x 32
    conv(16, 3) -> Joined{layers} -> conv(8, 1)

block Joined{layers}:
    {body}
"""
ANEW = DENSE.format(
    layers="",
    body="""path a = conv(12, 3) -> relu
    path b = concat{input | a} -> bn -> conv(12, 3)
    path c = concat{input | a | b} -> conv(12, 3)
    concat{c | b | a | input}""",
)
"""Each concat takes all values anew, and not in one order."""
LACKING = ANEW.replace("concat{input | a | b} ->", "concat{input | b} ->")
"""The last layer does not read the first one."""
NESTED = """
network Nested:
    input image: 3 x 32 x 32
    conv(16, 3) -> Grow(LAYERS) -> conv(8, 1)

block Grow(left):
    concat{it | bn -> relu -> conv(4, 3)}
    if left > 1 then Grow(left - 1)
"""
"""A dense block by recursion."""
DEEP = """
network Deep:
    input image: 8 x 128 x 128
    Down(LEVELS)

block Down(levels):
    add{it | max_pool(2) -> conv(8, 3) -> (if levels > 1 then Down(levels - 1) else relu) -> upsample(2)}
"""
FLAT = """
network Flat:
    input image: 8 x 64 x 64
    Narrow

block Narrow:
    path one = conv(8, 3) -> relu
    path two = one -> conv(8, 3, stride=2) -> relu
    path four = two -> conv(16, 3, stride=2) -> relu
    path up = concat{four -> conv(8, 1) -> upsample(2) | two} -> conv(8, 3)
    concat{up -> upsample(2) | one} -> conv(8, 3) -> relu
"""
"""An hourglass without recursion, with concats and without pools."""
CELL = """
network Cell:
    input image: 8 x 16 x 16
    conv(8, 3) as y
    (image, y) -> Pairs

block Pairs from old, new:
    path s = add{old -> conv(8, 3) | new}
    path t = add{s -> avg_pool(3, stride=1) | s -> conv(8, 1) -> relu}
    concat{s | t -> relu | new -> conv(4, 1)}
"""
ROLES = """
network Roles:
    input seen: 24 x 8
    Same -> Turned(seen) -> Parts -> Late

block Same:
    attend{it | it | it}

block Turned(other):
    parallel{other | it}
    Alone

block Alone from v, q:
    (q, v, v) -> attend(4, causal=true)

block Parts:
    linear(30, over=channels) -> split(5) as part
    (part[0], part[2], part[4]) -> attend(2) -> linear(24, over=channels)

block Late:
    path k = linear(24, over=channels)
    path q = k -> linear(24, over=channels) -> linear(24, over=channels)
    parallel{q | k | it}
    attend(3) -> linear(24, over=channels)
"""
"""Attentions to one value three times, in a block of other inputs, to parts of one value, and to values of all ages."""

SHOWN = {
    "six layers": lambda: (network("densenet@121"), "dense1"),
    "many layers": lambda: (network("densenet@121"), "dense3"),
    "layers of one op": lambda: (network("densenet_cifar@40_12"), "dense2"),
    "dense anew": lambda: (archdsl.loads(ANEW).graph, "Joined"),
    "dense by recursion": lambda: (archdsl.loads(NESTED.replace("LAYERS", "4")).graph, "Grow"),
    "hourglass": lambda: (network("hourglass@2"), "Hourglass"),
    "deep hourglass": lambda: (archdsl.loads(DEEP.replace("LEVELS", "7")).graph, "Down"),
    "flat hourglass": lambda: (archdsl.loads(FLAT).graph, "Narrow"),
    "normal cell": lambda: (network("nasnet_cifar@6_768"), "NormalCell"),
    "reduction": lambda: (network("nasnet_cifar@6_768"), "Reduce"),
    "cell of three tiers": lambda: (archdsl.loads(CELL).graph, "Pairs"),
}
"""Networks, with the block that is drawn."""
every_case = pytest.mark.parametrize("case", SHOWN)
KINDS = {"dense": dense_read.read, "glass": glass_read.read}


@cache
def shown(case: str) -> tuple[Graph, Picture]:
    graph, block = SHOWN[case]()
    return graph, Picture(draw(graph, "block", block=block))


def kind(graph: Graph, path: str) -> str | None:
    """The form that a scope has."""
    viewer = Viewer(drawn(graph))
    return next((name for name, read in KINDS.items() if read(viewer, viewer.graph.scopes[path])), None)


@every_case
def test_it_is_the_graph_and_fits_a_slide(case: str) -> None:
    graph, found = shown(case)
    for one in CHECKS:
        one(found)
    assert check(graph, "block", found) > 0


def test_forms_follow_from_structure() -> None:
    assert kind(archdsl.loads(ANEW).graph, "joined") == "dense"
    assert kind(archdsl.loads(LACKING).graph, "joined") is None
    assert kind(archdsl.loads(NESTED.replace("LAYERS", "4")).graph, "grow") == "dense"
    assert kind(archdsl.loads(NESTED.replace("LAYERS", "2")).graph, "grow") is None
    assert kind(archdsl.loads(FLAT).graph, "narrow") == "glass"
    assert kind(archdsl.loads(FLAT.replace("| two}", "| four -> upsample(2)}")).graph, "narrow") is None
    assert kind(network("resnet@50"), "conv3.1") is None


@pytest.mark.parametrize(("case", "count"), [("six layers", 21), ("many layers", 15)])
def test_every_value_has_an_arc_to_every_later_concat(case: str, count: int) -> None:
    """n (n + 1) / 2 for n layers, where the next concat is reached on the axis, that of the input from layer 1 on."""
    _, found = shown(case)
    arcs = [path for path in found.root.iter(f"{SVG}path") if " C" in path.attrib["d"]]
    assert len(arcs) == count
    assert len({(arc.get("data-from"), arc.get("data-to")) for arc in arcs}) == count


@pytest.mark.parametrize("case", [case for case in SHOWN if "layers" in case])
def test_layers_cost_as_much_as_their_block(case: str) -> None:
    graph, found = shown(case)
    layers = [group for group in found.groups() if "data-macs" in group.attrib]
    (path,) = {group.attrib["data-path"].split(".")[0] for group in layers}
    nodes = totals.nodes_in(graph, path)
    assert sum(int(group.attrib["data-macs"]) for group in layers) == totals.macs(graph, nodes)
    assert sum(int(group.attrib["data-parameters"]) for group in layers) == totals.parameters(graph, nodes)
    assert not any(word.startswith("layer 7") for word in found.words)


@pytest.mark.parametrize("case", [case for case in SHOWN if "hourglass" in case])
def test_an_hourglass_is_as_high_as_its_maps_are_large(case: str) -> None:
    """Of two things in the row the one with larger maps is higher, and equal ones are equally high."""
    graph, found = shown(case)
    middle, heights = 0.0, defaultdict[int, set[float]](set)
    boxes = {id: (box, size) for id, box, size in made_in(graph, found)}
    middle = max(boxes.values(), key=lambda entry: entry[0].bottom - entry[0].top)[0]
    axis = (middle.top + middle.bottom) / 2
    for box, size in boxes.values():
        if abs((box.top + box.bottom) / 2 - axis) < 0.1:
            heights[size].add(round(box.bottom - box.top, 1))
    assert len(heights) > 1
    ordered = [heights[size] for size in sorted(heights)]
    assert all(len(same) == 1 for same in ordered)
    assert [max(same) for same in ordered] == sorted({max(same) for same in ordered})


def made_in(graph: Graph, found: Picture) -> list[tuple[str, Box, int]]:
    """Boxes of the row with the height of the maps that they make, but for signs and what changes the size."""
    made = []
    for group in found.groups():
        path = group.get("data-path", "")
        nodes = totals.nodes_in(graph, path) if path in graph.scopes else [graph.node(path)] if path in graph else []
        inside = any(child.get("data-path") for child in group.iter() if child is not group)
        if not path or not nodes or inside or any(child.tag.endswith("polygon") for child in group):
            continue
        tensors = [*graph.tensors_into(nodes[0].id)[:1], nodes[-1].output]
        if group.get("data-op") != "add" and tensors[0].spatial == tensors[-1].spatial:
            made.append((path, own_shapes(group)[0], tensors[-1].spatial[0]))
    return made


def test_a_block_inside_itself_is_one_box() -> None:
    words = picture("hourglass@2", "block").words
    assert words.count("Hourglass") == 1
    assert words.count("this block again") == 1
    assert "Hourglass(depth = 3)" in words
    text = "network N:\n    input image: 4 x 8 x 8\n    Chain(5, 3)\n\nblock Chain(left, kernel):\n"
    text += "    conv(4, kernel)\n    if left > 1 then Chain(left - 1, kernel)\n"
    graph = archdsl.loads(text).graph
    found = Picture(draw(graph, "block", block="Chain"))
    assert [word for word in found.words if "Chain" in word] == ["Chain", "Chain(left = 4)"]
    assert check(graph, "block", found) == 3


@pytest.mark.parametrize(("case", "names"), [("normal cell", ("prev", "cur")), ("cell of three tiers", ("old", "new"))])
def test_inputs_have_their_names_where_they_enter(case: str, names: tuple[str, str]) -> None:
    """That each stands at its own line is held for all texts that name a value."""
    graph, found = shown(case)
    texts = [text for text in found.root.iter(f"{SVG}text") if "data-value" in text.attrib]
    named = {(text.text or "").split()[0]: text.attrib["data-value"] for text in texts}
    scopes = [scope for scope in graph.scopes.values() if scope.ports == names and len(set(scope.inputs)) == 2]
    assert {name: named[name] for name in names} in [
        dict(zip(names, (value.node for value in scope.inputs), strict=True)) for scope in scopes
    ]


@pytest.mark.parametrize("case", [case for case in SHOWN if "cell" in case or case == "reduction"])
def test_a_cell_has_rails(case: str) -> None:
    """Dots where ops take from them: as many as ops, in columns, that share what they take."""
    _, found = shown(case)
    assert sum(rect.get("rx") == "3" and rect.get("width") == "6" for rect in found.root.iter(f"{SVG}rect")) >= 4


def test_the_one_block_that_fits_is_the_one_used_most() -> None:
    words = picture("nasnet@mobile", "block").words
    assert "NormalCell" in words
    assert any(re.match("Also: .*ReductionCell", word) for word in words)


def test_each_input_of_an_attention_enters_under_its_role() -> None:
    """From left to right on the top of its box, the role at the right of the arrow's end."""
    graph = archdsl.loads(ROLES).graph
    found = Picture(draw(graph, "graph"))
    for one in CHECKS:
        one(found)
    assert check(graph, "graph", found) > 0
    boxes, ends = {thing.id: thing.outline for thing in found.things()}, tips(found.root)
    for node in [node for node in graph if node.op.name == "attend"]:
        box = boxes[node.id]
        lines = [line for line in found.root.iter(f"{SVG}path") if line.get("data-to") == node.id]
        lines.sort(key=lambda line: ends[id(line)])
        assert [line.get("data-value") for line in lines] == [value_name(value) for value in graph.inputs_of(node.id)]
        for line, role in zip(lines, "qkv", strict=True):
            x, y = ends[id(line)]
            assert y == pytest.approx(box.top, abs=0.1)
            above = [text for text in found.texts() if 0 < box.top - text.bottom < 8 and 3 < text.left - x < 8]
            assert [text.name for text in above] == [role]


def test_what_is_split_goes_straight_down_into_attention() -> None:
    graph = archdsl.loads(ROLES).graph
    found = Picture(draw(graph, "block", block="Parts"))
    (to,) = (node.id for node in graph if node.op.name == "attend" and node.scope == "parts")
    ways = [points(line.attrib["d"]) for line in found.root.iter(f"{SVG}path") if line.get("data-to") == to]
    assert [len(way) for way in ways] == [2, 2, 2]
    assert all(start[0] == end[0] for start, end in ways)
