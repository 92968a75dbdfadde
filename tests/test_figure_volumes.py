"""The picture of volumes: sizes are the graph's, heights follow numbers, lines end on volumes, nothing lies on them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache
from itertools import combinations, pairwise
from math import hypot, log2
from textwrap import dedent
from xml.etree.ElementTree import Element

import pytest

import archdsl
from archdsl.backends.figures import as_scene, draw
from archdsl.backends.figures.scene import Text, leaves
from archdsl.backends.figures.view import Viewer
from archdsl.backends.figures.volumes.reading import columns_of
from archdsl.backends.figures.volumes.stacks import MOST_RUNS, Column, Kind
from archdsl.ir.graph import Graph, Node
from archdsl.ir.steps import drawn
from archdsl.ops.base import Family
from tests.pictures import SVG, Box, Picture, points_box
from tests.test_figures import network, picture
from tests.wires import Point, points, tips

ALL_SHOWN = ("lenet@5", "alexnet@single", "zfnet@lecture", "vgg@A_bn", "nin@imagenet", "unet@2015", "mlp@300_100")
"""Networks without blocks that are drawn as one: each of their ops is counted somewhere."""
SAMPLE = (
    *ALL_SHOWN,
    *("resnet@50_v1", "googlenet@bn", "inception_v4", "densenet@201", "efficientnet@b4", "nasnet@mobile"),
    *("mobilenet_v2@1.4", "fcn@16s", "fcn@8s", "hourglass@2", "textcnn", "xception", "resnext_block@b"),
)
"""What all figures keep is held for every network of the library elsewhere."""
every_network = pytest.mark.parametrize("name", SAMPLE)
FAMILIES = {Family.CONV: (Kind.CONV, Kind.UP), Family.LINEAR: (Kind.LINEAR,), Family.POOL: (Kind.POOL,)}

Corners = list[Point]


@cache
def shown(name: str) -> Graph:
    return drawn(network(name))


@cache
def columns(name: str) -> list[Column]:
    return columns_of(Viewer(shown(name)))[0]


def groups(found: Picture) -> dict[str, Element]:
    return {group.attrib["data-path"]: group for group in found.groups() if "data-volumes" in group.attrib}


def polygons(group: Element) -> list[Corners]:
    faces = (e.attrib["points"].split() for e in group.iter(f"{SVG}polygon"))
    return [[(float(x), float(y)) for x, y in (pair.split(",") for pair in face)] for face in faces]


def surrounded(faces: list[Corners]) -> Box:
    return points_box(" ".join(f"{x},{y}" for face in faces for x, y in face))


def fronts(group: Element) -> list[Box]:
    """The faces that are upright rectangles, from left to right."""
    found = [face for face in polygons(group) if len({x for x, _ in face}) == len({y for _, y in face}) == 2]
    boxes = [Box(min(x for x, _ in f), min(y for _, y in f), max(x for x, _ in f), max(y for _, y in f)) for f in found]
    return sorted(boxes, key=lambda box: box.left)


def volumes(group: Element) -> list[tuple[str, tuple[int, ...], Box]]:
    """What is drawn: the kind, true size and front of each, as the column says and as it is drawn."""
    told = [entry.split(" ", 1) for entry in group.attrib["data-volumes"].split("; ")]
    runs = [(int(count), *rest.removesuffix(" of int").rsplit(" ", 1)) for count, rest in told]
    each = [(kind, tuple(map(int, size.split("x")))) for count, kind, size in runs for _ in range(min(count, 3))]
    return [(kind, size, front) for (kind, size), front in zip(each, fronts(group), strict=True)]


def outside(point: Point, corners: Corners) -> float:
    """How far a point is from a polygon's border."""
    return min(_distance(point, a, b) for a, b in zip(corners, [*corners[1:], corners[0]], strict=True))


def _distance(point: Point, a: Point, b: Point) -> float:
    (x, y), (ax, ay), (bx, by) = point, a, b
    long = (bx - ax) ** 2 + (by - ay) ** 2
    part = min(max(((x - ax) * (bx - ax) + (y - ay) * (by - ay)) / long, 0.0), 1.0) if long else 0.0
    return hypot(x - ax - part * (bx - ax), y - ay - part * (by - ay))


def inside(point: Point, corners: Corners) -> bool:
    """Whether a point lies in a convex polygon, more than half a point from its border."""
    turns = [
        (bx - ax) * (point[1] - ay) - (by - ay) * (point[0] - ax)
        for (ax, ay), (bx, by) in zip(corners, [*corners[1:], corners[0]], strict=True)
    ]
    one_side = all(turn > 0 for turn in turns) or all(turn < 0 for turn in turns)
    return one_side and min(_distance(point, a, b) for a, b in pairwise([*corners, corners[0]])) > 0.5


def along(box: Box) -> Iterator[Point]:
    """Points of a box, or of a straight part of a line, a point apart at most."""
    across, down = (max(int(n) + 1, 1) for n in (box.right - box.left, (box.bottom - box.top) / 4))
    down = max(int(box.bottom - box.top) + 1, 1) if across == 1 else down
    for i in range(across + 1):
        for j in range(down + 1):
            yield box.left + (box.right - box.left) * i / across, box.top + (box.bottom - box.top) * j / down


@every_network
def test_heights_and_widths_follow_the_numbers(name: str) -> None:
    """Of two maps the larger is higher, equal ones are equally high; more channels are wider, but for pools."""
    found = [volume for group in groups(picture(name, "volumes")).values() for volume in volumes(group)]
    maps = [(size[1], front.bottom - front.top) for _, size, front in found if len(size) == 3]
    vectors = [(size[0], front.bottom - front.top) for kind, size, front in found if len(size) == 1 and kind != "input"]
    wide = [(size[0], front.right - front.left) for kind, size, front in found if len(size) == 3 and kind != "pooling"]
    for pairs in (maps, vectors, wide):
        by_number: dict[int, float] = {}
        for number, long in pairs:
            assert by_number.setdefault(number, long) == pytest.approx(long, abs=0.05)
        assert all(a < b for (_, a), (_, b) in pairwise(sorted(by_number.items())))


ROWS = ("vit@b_16", "gpt2@small", "bert@base", "transformer@base", "textcnn", "pointnet", "lstm_text")


@pytest.mark.parametrize("name", ROWS)
def test_positions_are_a_row_of_columns(name: str) -> None:
    """So many as the positions' doublings and one; each as high as a vector of the numbers at one position."""
    count = 0
    for group in groups(picture(name, "volumes")).values():
        sizes = [entry.split()[-1] if not entry.endswith("int") else "1x" + entry.split()[-3] for entry in told(group)]
        lines = [face for face in polygons(group) if len({x for x, _ in face}) == 2 and len({y for _, y in face}) == 3]
        for size, front in zip(sizes, fronts(group), strict=True):
            numbers = [int(number) for number in size.split("x")]
            inner = {x for face in lines for x, _ in face[:2] if front.left + 0.1 < x < front.right - 0.1}
            if len(numbers) == 2:
                assert len(inner) == round(log2(numbers[1]))
                assert front.bottom - front.top == pytest.approx(16 + 10 * log2(numbers[0]), abs=0.1)
                count += 1
    assert count


def told(group: Element) -> list[str]:
    """What the column says of each volume that is drawn."""
    entries = (entry.split(" ", 1) for entry in group.attrib["data-volumes"].split("; "))
    return [size for count, size in entries for _ in range(min(int(count), 3))]


@every_network
def test_each_column_says_a_true_size(name: str) -> None:
    """Sizes are of values; that they are those values' own is held for all figures. Each column has one."""
    graph, found = shown(name), picture(name, "volumes")
    named = [
        text.attrib["data-value"].partition(":")[0]
        for text in found.root.iter(f"{SVG}text")
        if "data-value" in text.attrib
    ]
    for column in columns(name):
        path, nodes = column.stage.path, column.stage.nodes
        copies = [copy for (copy,) in column.stage.alike if column.stage.alike]
        assert any(id in nodes or id.startswith(tuple(f"{p}." for p in (path, *copies))) for id in named), path
    sizes = [word for word in found.words if re.fullmatch(r"(→ )?\d+(×\d+)+", word)]
    assert len(sizes) <= len(named)
    assert all(id in graph for id in named)


@every_network
def test_volumes_are_of_what_made_them(name: str) -> None:
    """The value of a volume that a single op made comes from such an op, past what only cuts it."""
    graph = shown(name)
    for column in columns(name):
        assert 0 < len(column.runs) <= max(MOST_RUNS, len({run.kind for run in column.runs}))
        for run in column.runs:
            family = maker(graph, graph.node(run.value.node)).op.family
            if run.kind in (Kind.CONV, Kind.LINEAR, Kind.POOL, Kind.EMBED, Kind.INPUT):
                assert family.value == run.kind.value


def maker(graph: Graph, node: Node) -> Node:
    """The op of weight that a value comes from."""
    while node.op.family in (Family.RESHAPE, Family.ACTIVATION, Family.NORM):
        node = graph.node(graph.inputs_of(node.id)[0].node)
    return node


@pytest.mark.parametrize("name", ALL_SHOWN)
def test_every_op_is_counted(name: str) -> None:
    graph = shown(name)
    runs = [run for column in columns(name) for run in column.runs]
    assert not any(run.kind is Kind.BLOCK for run in runs)
    for family, kinds in FAMILIES.items():
        there = sum(node.op.family is family for node in graph)
        assert sum(run.count for run in runs if run.kind in kinds) == there


@every_network
def test_nothing_lies_on_a_volume(name: str) -> None:
    """No text, no line, no other column: by the faces, not by the boxes around them."""
    found = picture(name, "volumes")
    faces = {path: polygons(group) for path, group in groups(found).items()}
    around = {path: surrounded(some) for path, some in faces.items()}
    for (one, a), (other, b) in combinations(around.items(), 2):
        assert not a.meets(b), f"{one} and {other} overlap"
    for thing in [*found.texts(), *found.strokes()]:
        for path, box in around.items():
            if box.meets(thing, -1.0):
                held = [face for face in faces[path] if any(inside(point, face) for point in along(thing))]
                assert not held, f"{thing} lies on {path}"


@every_network
def test_lines_end_on_a_face(name: str) -> None:
    """An arrow begins and ends on the border of a face of the volumes that it names, or of the op in its lane."""
    found = picture(name, "volumes")
    faces = {path: polygons(group) for path, group in groups(found).items()}
    ends = tips(found.root)
    lines = [line for line in found.root.iter(f"{SVG}path") if "data-value" in line.attrib]
    assert lines
    for line in lines:
        way = points(line.attrib["d"])
        for end, point in (("data-from", way[0]), ("data-to", ends.get(id(line), way[-1]))):
            known = faces.get(line.attrib[end])
            assert known is None or min(outside(point, face) for face in known) < 0.1, line.attrib


def test_more_than_nine_columns_wrap() -> None:
    for name, count in (("efficientnet@b4", 10), ("densenet@201", 11), ("alexnet@single", 9), ("resnet@50_v1", 7)):
        around = [surrounded(polygons(group)) for group in groups(picture(name, "volumes")).values()]
        axes = sorted((box.top + box.bottom) / 2 for box in around)
        assert len(columns(name)) == count
        assert 1 + sum(b - a > 1 for a, b in pairwise(axes)) == (2 if count > 9 else 1)


def test_a_u_net_is_a_u_of_volumes() -> None:
    found = groups(picture("unet@2015", "volumes"))
    foot = {path: max(front.bottom for front in fronts(group)) for path, group in found.items()}
    top = {path: min(front.top for front in fronts(group)) for path, group in found.items()}
    order = ["enc1", "enc2", "enc3", "enc4", "bottom", "dec4", "dec3", "dec2", "dec1"]
    assert all(fronts(found[a])[-1].right < fronts(found[b])[0].left for a, b in pairwise(order))
    for deeper, level in ((2, 1), (3, 2), (4, 3)):
        assert top[f"enc{deeper}"] > top[f"enc{level}"]
        assert top[f"dec{deeper}"] > top[f"dec{level}"]
    for level in (1, 2, 3, 4):
        assert top[f"enc{level}"] < top["bottom"]
        middle = [(top[f"{arm}{level}"] + foot[f"{arm}{level}"]) / 2 for arm in ("enc", "dec")]
        assert middle[0] == pytest.approx(middle[1], abs=4)
    words = picture("unet@2015", "volumes").words
    assert [word for word in words if word.startswith("crop to")] == [f"crop to {n}×{n}" for n in (56, 104, 200, 392)]


def test_a_skip_between_unequal_sizes_makes_no_u() -> None:
    text = """
        network Uneven:
            input image: 3 x 64 x 64
            stage a: conv(8, 3) -> relu
            stage b: max_pool(2) -> conv(16, 3) -> relu
            stage c: max_pool(2) -> conv(32, 3) -> relu
            stage d: concat{it | a -> max_pool(4)} -> conv(8, 1)
    """
    found = groups(Picture(draw(archdsl.loads(dedent(text)).graph, "volumes")))
    middles = {path: round(volumes(group)[-1][2].bottom) for path, group in found.items() if path in ("c", "d")}
    assert len(set(middles.values())) == 1


def test_many_alike_are_three_and_a_number() -> None:
    found = picture("resnet_cifar@1001", "volumes")
    assert [len(fronts(group)) for path, group in groups(found).items() if path in ("conv2", "conv3", "conv4")] == [
        3,
        3,
        3,
    ]
    assert "Bottleneck 16 ×111" in found.words
    assert any("at most 3 are drawn" in word for word in found.words)


def test_more_stages_than_fit_are_folded() -> None:
    steps = "".join(f"    stage q{i}: conv({8 * i}, 3) -> relu\n" for i in range(1, 91))
    graph = archdsl.loads(f"network Long:\n    input image: 3 x 32 x 32\n{steps}").graph
    scene = as_scene(graph, "volumes")
    assert not scene.notes
    assert any(" more" in leaf.text for leaf in leaves(scene.items) if isinstance(leaf, Text))
