"""Networks that go down and up inside their blocks, and encoders beside decoders: told by structure, never by name."""

from __future__ import annotations

from functools import cache
from itertools import pairwise

import pytest

from archdsl import loads
from archdsl.backends.figures import as_scene, draw, written
from archdsl.backends.figures.arms.reading import Arms, read
from archdsl.backends.figures.layout.towers import meeting
from archdsl.backends.figures.view import Viewer
from archdsl.ir.graph import Graph
from archdsl.ir.steps import drawn
from tests.pictures import Box, Picture, own_shapes
from tests.test_figures import CHECKS, network, picture
from tests.test_wires import check

UNETS = ("ddpm_unet@cifar10", "latent_diffusion@sd_1.5", "attention_unet")

RENAMED = """
network Wavy:
    input picture: 3 x 32 x 32
    input hour: 1
    stage a: hour -> sinusoid(16) -> linear(16)
    stage b: picture -> conv(8, 3) -> Fold([8, 16, 32], a)
    stage c: conv(3, 3)

block Fold(sizes, hint):
    Step(sizes[0], hint) as kept
    if len(sizes) > 1:
        max_pool(2)
        Fold(sizes[1:], hint)
        upsample(2) -> conv(sizes[0], 3)
    else:
        conv(sizes[0], 3) -> relu
    concat{it | kept} -> Step(sizes[0], hint)

block Step(width, hint):
    add{conv(width, 3) -> relu | hint -> linear(width)} -> conv(width, 3)
"""
"""A diffusion network's form under names that say nothing."""

TWO_WAYS = """
network Pair:
    input left: 64 x 16
    input right: 64 x 8
    stage one: left -> Half * 3
    stage two: right -> Other(one) * 3

block Half:
    add{it | linear(64, over=channels) -> relu}

block Other(asked):
    add{it | Asks(asked)}
    add{it | linear(64, over=channels) -> relu}

block Asks(asked):
    parallel{linear(64, over=channels) | asked -> linear(64, over=channels) | asked -> linear(64, over=channels)}
    attend(4)
"""


@cache
def renamed() -> Graph:
    return drawn(loads(RENAMED).graph)


def arms_of(graph: Graph) -> Arms:
    found = read(Viewer(graph))
    assert found is not None
    return found


@pytest.mark.parametrize("name", UNETS)
@pytest.mark.parametrize("figure", ["overview", "graph"])
def test_a_u_inside_a_block_is_a_u(name: str, figure: str) -> None:
    """A box for each size on either side, each as high as the one across, the smaller below the larger."""
    graph, groups = (
        network(name),
        {g.attrib["data-path"]: g for g in picture(name, figure).groups() if g.get("data-nodes")},
    )
    arms = arms_of(drawn(graph))
    boxes = [[own_shapes(groups[rung.items[0].ends[0]])[-1] for rung in arm] for arm in (arms.down, arms.up)]
    for one, other in zip(*boxes, strict=True):
        assert (one.top, one.bottom) == (other.top, other.bottom)
        assert one.right < other.left
    for arm in boxes:
        assert all(a.bottom < b.top for a, b in pairwise(arm))


def test_every_op_is_on_one_rung() -> None:
    """Of all that works on the picture; what is made of the time is beside."""
    arms = arms_of(renamed())
    rungs = [item for rung in (*arms.down, arms.bottom, *arms.up) for item in rung.items]
    assert [len(arm) for arm in (arms.down, arms.up)] == [3, 3]
    assert len({id(item) for item in rungs}) == len(rungs)
    assert [skip.level for skip in arms.skips] == [0, 1, 2]
    assert [[maker.ends[0] for maker in rail.makers] for rail in arms.rails] == [["hour", "a"]]


@pytest.mark.parametrize("figure", ["overview", "graph"])
@pytest.mark.parametrize("theme", ["light", "dark"])
def test_a_u_is_told_by_its_sizes(figure: str, theme: str) -> None:
    graph = loads(RENAMED).graph
    found = Picture(written(as_scene(graph, figure, theme=theme)))
    assert {"8×32×32", "16×16×16", "32×8×8", "a, into every Step"} <= set(found.words)
    assert check(graph, figure, found) >= 14
    for held in CHECKS:
        held(found)


def test_no_u_where_maps_do_not_come_back() -> None:
    """Nor where what enters aside has several sources of its own."""
    assert read(Viewer(drawn(network("resnet@18")))) is None
    assert (
        read(
            Viewer(
                drawn(loads(RENAMED.replace("max_pool(2)", "conv(sizes[0], 3)").replace("upsample(2) -> ", "")).graph)
            )
        )
        is None
    )


def place(found: Picture, path: str) -> Box:
    return next(own_shapes(group)[-1] for group in found.groups() if group.get("data-path") == path)


def test_an_encoder_stands_beside_its_decoder() -> None:
    graph = loads(TWO_WAYS).graph
    met = meeting(Viewer(drawn(graph)).closed)
    assert met is not None
    assert met.taker == "two.0.asks"
    found = Picture(draw(graph, "graph"))
    one, two = place(found, "one"), place(found, "two")
    assert one.right < two.left
    assert one.top == two.top
    box = place(found, met.taker)
    parts = [part for wire in found.wires if wire.value == met.value.node for part in wire.parts]
    assert any(abs(part.right - box.left) < 8 and part.left < two.left and part.top == part.bottom for part in parts)
    check(graph, "graph", found)


def test_the_overview_gives_two_ways_a_row_each() -> None:
    found = Picture(draw(loads(TWO_WAYS).graph, "overview"))
    left, one, right, two = (place(found, path) for path in ("left", "one", "right", "two"))
    assert left.top == one.top < right.top == two.top
    assert one.left == two.left


def test_a_sum_and_its_normalization_are_one_row() -> None:
    """Add & Norm; before a normalization that begins a branch, the sum stands alone."""
    rows = [g for g in picture("bert@base", "block").groups() if g.get("data-kind") == "row"]
    names = [[op.attrib["data-op"] for op in row if op.get("data-op")] for row in rows]
    assert names.count(["add", "layer_norm"]) == 2
    rows = [g for g in picture("vit@b_16", "block").groups() if g.get("data-kind") == "row"]
    assert not any(op.get("data-op") == "add" for row in rows for op in row)
