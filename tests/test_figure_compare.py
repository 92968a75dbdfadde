"""The figure of several networks: what it says is the graphs', nothing overlaps, whatever the networks are."""

from __future__ import annotations

import doctest
import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import cache
from importlib import import_module
from itertools import combinations

import pytest
from calls import Caller

from archdsl.analyses import totals
from archdsl.backends.figures import THEMES, FigureError, ThemeName, as_scene_of, draw, draw_several
from archdsl.backends.figures.compare.align import align
from archdsl.backends.figures.compare.look import alone
from archdsl.backends.figures.compare.track import track
from archdsl.backends.figures.scene import Group, Item, Line, Point, Scene, Shape, Shift, Text, leaves, placed
from archdsl.backends.figures.style import CONTRAST, SIZE, contrast
from archdsl.backends.figures.style import THEMES as STYLES
from archdsl.backends.figures.text import width
from archdsl.ir.graph import Graph
from archdsl.ir.steps import drawn
from tests.pictures import Box
from tests.test_figures import library, network

PAIRS = [
    ("resnet@plain34", "resnet@34"),
    ("resnet@18", "resnet@34", "resnet@50"),
    ("resnext_block@a", "resnext_block@b", "resnext_block@c"),
    ("inception_module@naive", "inception_module@reduced"),
    ("vgg@D", "vgg@E"),
    ("densenet@121", "densenet@169"),
    ("unet", "unet@2015"),
]
GALLERY = [name for name in library() if not name.startswith(("resnet_cifar", "preresnet_cifar"))]
"""Without those of a thousand layers, which take long to compile."""
SHOWN = [*PAIRS, *((name, "alexnet") for name in GALLERY[::4])]
several = pytest.mark.parametrize("names", SHOWN, ids="+".join)


@cache
def scene(names: tuple[str, ...], cost: str | None = None) -> Scene | None:
    """The figure, or None where the networks do not fit."""
    try:
        return as_scene_of([network(name) for name in names], cost=cost)
    except FigureError:
        return None


def text_box(text: Text) -> Box:
    long = width(text.text, text.size, text.bold)
    before = {"start": 0.0, "middle": long / 2, "end": long}[text.anchor]
    half = 0.36 * text.size
    if text.upright:
        return Box(text.x - half, text.y - long + before, text.x + half, text.y + before, text.text)
    return Box(text.x - before, text.y - half, text.x - before + long, text.y + half, text.text)


def shape_box(shape: Shape) -> Box:
    return Box(shape.x, shape.y, shape.x + shape.width, shape.y + shape.height)


def groups(items: Sequence[Item]) -> Iterator[Group]:
    for item in items:
        if isinstance(item, Group):
            yield item
            yield from groups(item.items)


def boxes(found: Scene, *kinds: str) -> list[tuple[Group, Box]]:
    """Groups of these kinds with their outlines."""
    return [
        (group, next(shape_box(leaf) for leaf in group.items if isinstance(leaf, Shape)))
        for group in groups(found.items)
        if dict(group.data).get("kind") in kinds
    ]


def says_a_difference(found: Scene) -> bool:
    """Whether anything is marked as what not all networks have, in colour or in the words of a row."""
    marked = any(dict(group.data).get("only") == "1" for group in groups(found.items))
    words = [leaf.text for leaf in leaves(found.items) if isinstance(leaf, Text)]
    return marked or any(re.search(r"· with |^with ", text) for text in words)


SUBTLE = [("resnet@50", "senet@50"), ("vgg@D", "vgg@D_bn"), ("vgg@D", "vgg@se_D"), ("resnet@50", "resnet@50_v1")]
"""Networks with the same layers on their longest way, or the same but for a stride."""


@pytest.mark.parametrize("names", [*SHOWN, *SUBTLE], ids="+".join)
def test_networks_that_look_alike_are_alike(names: tuple[str, ...]) -> None:
    """Where parameters or multiply-adds differ, the figure shows in what."""
    found = scene(names)
    nodes = [totals.nodes_in(network(name)) for name in names]
    costs = {
        (totals.parameters(network(name), own), totals.macs(network(name), own))
        for name, own in zip(names, nodes, strict=True)
    }
    if found is not None and len(costs) > 1:
        assert says_a_difference(found)


def test_gates_are_shown_where_they_are() -> None:
    """Each bar of a bottleneck's last convolution in SENet-50, and none in ResNet-50."""
    found = scene(("resnet@50", "senet@50"))
    assert found is not None
    told = [dict(group.data) for group in groups(found.items) if dict(group.data).get("kind") == "layer"]
    gated = [data for data in told if data["text"].endswith("+ gate")]
    assert {data["text"] for data in gated} == {f"1×1, {width} + gate" for width in (256, 512, 1024, 2048)}
    assert all(data["path"].startswith("2/") and data["only"] == "1" for data in gated)


@several
def test_fits_a_slide_and_nothing_overlaps(names: tuple[str, ...]) -> None:
    found = scene(names)
    if found is None:
        return
    assert found.width == pytest.approx(960, abs=0.01) or found.width < 960
    assert found.width / found.height == pytest.approx(16 / 9, abs=0.01)
    page = Box(0, 0, found.width, found.height)
    texts = [text_box(leaf) for leaf in leaves(found.items) if isinstance(leaf, Text)]
    assert min(leaf.size for leaf in leaves(found.items) if isinstance(leaf, Text)) >= SIZE
    for box in [*texts, *(shape_box(leaf) for leaf in leaves(found.items) if isinstance(leaf, Shape))]:
        assert page.holds(box), box
    for one, other in combinations(texts, 2):
        assert not one.meets(other, 0.5), (one, other)
    things = [box for _, box in boxes(found, "layer", "op", "sign")]
    for one, other in combinations(things, 2):
        assert not one.meets(other, 0.5), (one, other)
    for group, box in boxes(found, "layer", "op"):
        for leaf in group.items:
            assert not isinstance(leaf, Text) or box.holds(text_box(leaf), 0.0), (leaf.text, box)


@several
def test_lines_end_on_borders_and_cross_nothing(names: tuple[str, ...]) -> None:
    found = scene(names)
    if found is not None:
        holds_lines(found)


def holds_lines(found: Scene) -> None:
    solid = [box for _, box in boxes(found, "layer", "op", "sign")]
    wired = [leaf for leaf in leaves(found.items) if isinstance(leaf, Line) and leaf.wire is not None]
    assert wired
    at: dict[str, list[Box]] = {}
    for group, box in boxes(found, "layer", "op", "sign"):  # a layer that takes a skip has a sign before its box
        at.setdefault(dict(group.data)["path"], []).append(box)
    texts = [text_box(leaf) for leaf in leaves(found.items) if isinstance(leaf, Text)]
    for line in wired:
        for (x, y), (onward, below) in zip(line.points, line.points[1:], strict=False):
            part = Box(min(x, onward) - 0.5, min(y, below) - 0.5, max(x, onward) + 0.5, max(y, below) + 0.5)
            for box in [*solid, *texts]:
                assert not part.meets(box, 0.99), (line.wire, box)
        assert line.wire is not None
        targets = at.get(line.wire.target, [])
        assert not targets or any(on_border(target, line.points[-1]) for target in targets), line.wire


def on_border(box: Box, point: Point) -> bool:
    x, y = point
    upright = min(abs(x - box.left), abs(x - box.right)) < 0.1 and box.top - 0.1 <= y <= box.bottom + 0.1
    return upright or (min(abs(y - box.top), abs(y - box.bottom)) < 0.1 and box.left - 0.1 <= x <= box.right + 0.1)


@pytest.mark.parametrize("cost", ["macs", "params"])
@pytest.mark.parametrize("names", [PAIRS[0], PAIRS[3], PAIRS[4], PAIRS[5]], ids="+".join)
def test_bars_add_up_to_the_totals(names: tuple[str, ...], cost: str) -> None:
    found = scene(names, cost)
    assert found is not None
    for i, name in enumerate(names):
        graph = drawn(network(name))
        data = [dict(group.data) for group in groups(found.items)]
        bars = [int(one[cost]) for one in data if one.get("kind") == "cost" and one["network"] == str(i + 1)]
        of = {"macs": totals.macs, "params": totals.parameters}[cost]
        assert sum(bars) == of(graph, totals.nodes_in(graph))


@pytest.mark.sampled
@pytest.mark.parametrize("name", GALLERY)
def test_a_network_is_like_itself(name: str) -> None:
    """Nothing is in colour; and every layer of the longest way is drawn, as often as it is there."""
    found = scene((name, name))
    if found is None:
        return
    data = [dict(group.data) for group in groups(found.items)]
    assert {one["only"] for one in data if "only" in one} == {"0"}
    words = [leaf.text for leaf in leaves(found.items) if isinstance(leaf, Text)]
    assert not [word for word in words if "only in" in word]
    ids = [group.id for group in groups(found.items) if group.id]
    assert len(ids) == len(set(ids))


@pytest.mark.parametrize("name", GALLERY)
def test_every_weighted_layer_of_the_longest_way_is_in_a_row(name: str) -> None:
    graph: Graph = drawn(network(name))
    found = track(graph)
    ends = [unit.end for unit in found.units]
    assert [unit.start for unit in found.units] == [0, *ends[:-1]]
    assert ends[-1] == len(found.layers)
    assert set(found.homes) == {node.id for node in graph}
    assert [layer.level for layer in track(graph, closed=True).layers] == [found.layers[end - 1].level for end in ends]
    for skip in found.all_skips:
        assert 0 <= skip.start < skip.end <= len(found.layers)


def test_what_only_one_has_is_in_colour() -> None:
    found = scene(("vgg@D", "vgg@E"))
    assert found is not None
    only = [dict(group.data) for group, _ in boxes(found, "layer") if dict(group.data)["only"] == "1"]
    assert [one["text"] for one in only] == ["3×3, 256", "3×3, 512", "3×3, 512"]
    assert all(one["path"].startswith("2/") for one in only)


def test_equal_layers_stand_one_above_the_other() -> None:
    found = scene(("resnet@plain34", "resnet@34"))
    assert found is not None
    at = {dict(group.data)["path"]: box for group, box in boxes(found, "layer")}
    first = {path.removeprefix("1/"): box.left for path, box in at.items() if path.startswith("1/")}
    second = {path.removeprefix("2/"): box.left for path, box in at.items() if path.startswith("2/")}
    assert first == second
    assert len(first) == 36


def test_equal_counts_are_said_once() -> None:
    words = [leaf.text for leaf in leaves((scene(PAIRS[2]) or pytest.fail("none")).items) if isinstance(leaf, Text)]
    assert len([word for word in words if "71.2 K parameters" in word]) == 1


def test_alignment_keeps_order_and_loses_nothing() -> None:
    places = align(["abcabc", "bcab", "cabx"], lambda a, b: 1.0 if a == b else 0.1)
    for i, word in enumerate(["abcabc", "bcab", "cabx"]):
        assert "".join(place[i] for place in places if place[i] is not None) == word


@pytest.mark.parametrize("theme", THEMES)
def test_text_can_be_read_on_what_only_one_has(theme: ThemeName) -> None:
    colours = STYLES[theme]
    fill = alone(Shape(0, 0, 1, 1, None, None), colours).fill
    assert fill is not None
    assert contrast(colours.ink, fill) >= CONTRAST


def test_a_wrong_picture_is_found() -> None:
    """A bar that is moved by its width lies on another, and the line no longer ends on it."""
    found = scene(PAIRS[0])
    assert found is not None
    (first, _), *_ = boxes(found, "layer")
    moved_items = tuple(placed(Shift((item,), 20, 0) if item is first else item for item in found.items))
    spoiled = replace(found, items=moved_items)
    with pytest.raises(AssertionError):
        holds_lines(spoiled)


@pytest.mark.parametrize("theme", THEMES)
def test_the_same_networks_give_the_same_bytes(theme: ThemeName) -> None:
    graphs = [network(name) for name in PAIRS[3]]
    assert draw_several(graphs, theme=theme) == draw_several(graphs, theme=theme)


def test_one_network_or_five_are_refused() -> None:
    with pytest.raises(FigureError, match="drawn from several networks"):
        draw(network("lenet@5"), "compare")
    with pytest.raises(FigureError, match="2 to 4 networks, and got 1"):
        draw_several([network("lenet@5")])
    with pytest.raises(FigureError, match="got 5"):
        draw_several([network("lenet@5")] * 5)
    with pytest.raises(FigureError, match="overview shows one network"):
        draw_several([network("lenet@5")] * 2, "overview")
    with pytest.raises(FigureError, match="no cost 'watts'"):
        draw_several([network("lenet@5")] * 2, cost="watts")


def test_the_command_takes_several(call: Caller, tmp_path: object) -> None:
    code, _, err = call("draw", "lenet", "mlp", "--figure", "compare", "-o", f"{tmp_path}/two.svg")
    assert code == 0, err
    code, _, err = call("draw", "lenet", "mlp", "-o", f"{tmp_path}/two.svg")
    assert code != 0
    assert "is of one network" in err


@pytest.mark.parametrize("module", ["compare.align", "compare.places", "compare.names", "compare.rows"])
def test_examples_in_docstrings(module: str) -> None:
    failed, tried = doctest.testmod(import_module(f"archdsl.backends.figures.{module}"))
    assert tried
    assert not failed
