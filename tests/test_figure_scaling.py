"""Scaling: every network in the figure is the compiled one, and bars, plates and words follow its numbers."""

from __future__ import annotations

import doctest
import itertools
from functools import cache

import pytest

from archdsl import load
from archdsl.analyses import totals
from archdsl.analyses.notation import count
from archdsl.backends.figures import FIGURES, FigureError, as_scene_of, draw, written
from archdsl.backends.figures.charts import scaling as drawing
from archdsl.backends.figures.charts.scaling import Scaling, stages_of
from archdsl.driver import open_spec, split_variant
from archdsl.studies.scaling import scaling
from archdsl.studies.subject import Subject
from tests.pictures import Picture, own_shapes
from tests.test_figures import CHECKS, library, network

CALLS = [
    ("efficientnet", {"phi": 3}),
    ("efficientnet", {"phi": -1}),
    ("efficientnet@b7", {}),
    ("efficientnet", {"phi": 2, "classes": 10}),
    ("mobilenet", {"alpha": 0.5, "resolution": 160}),
    ("mobilenet_v2", {"width": 1.4}),
    ("resnet@152", {}),
    ("densenet@161", {}),
    ("resnet", {"layers": [3, 8, 200, 3]}),
    ("textcnn", {"filters": 200}),
]


@cache
def studied(number: int) -> Scaling:
    spec, settings = CALLS[number]
    name, variant = split_variant(spec)
    return scaling(Subject(open_spec(name), variant, settings))


@cache
def picture(number: int) -> Picture:
    return Picture(written(as_scene_of(studied(number), "scaling")))


every_call = pytest.mark.parametrize("number", range(len(CALLS)), ids=[f"{spec} {given}" for spec, given in CALLS])


@every_call
def test_the_first_is_the_base_and_the_last_what_was_asked_for(number: int) -> None:
    spec, settings = CALLS[number]
    first, *alone, last = studied(number).networks
    assert not first.changes
    assert last.graph == load(spec, **settings).graph or counts(last.graph) == counts(load(spec, **settings).graph)
    if len(alone) > 1:
        assert last.changes == tuple(change for growth in alone for change in growth.changes)


def counts(graph) -> tuple[int, int]:
    nodes = totals.nodes_in(graph)
    return totals.parameters(graph, nodes), totals.macs(graph, nodes)


@every_call
def test_the_costs_written_are_those_of_the_networks(number: int) -> None:
    words = picture(number).words
    for growth in studied(number).networks:
        parameters, macs = counts(growth.graph)
        assert f"{count(parameters)} parameters" in words
        assert any(word.startswith(f"{count(macs)} MACs") for word in words)


@every_call
def test_bars_are_as_wide_and_high_as_their_stages(number: int) -> None:
    """Over all networks: width² as the channels, height as the blocks (or their logarithm, in the same order)."""
    groups = [group for group in picture(number).groups() if group.get("data-kind") == "stage"]
    boxes = [own_shapes(group)[0] for group in groups]
    broad = {int(g.attrib["data-channels"]) / (b.right - b.left) ** 2 for g, b in zip(groups, boxes, strict=True)}
    assert max(broad) == pytest.approx(min(broad), rel=0.03)
    heights = sorted((int(g.attrib["data-blocks"]), b.bottom - b.top) for g, b in zip(groups, boxes, strict=True))
    assert [tall for _, tall in heights] == sorted(tall for _, tall in heights) or ordered(heights)
    for index, growth in enumerate(studied(number).networks):
        drawn = [
            (g.attrib["data-path"], int(g.attrib["data-channels"]), int(g.attrib["data-blocks"]))
            for g in groups
            if g.attrib["data-network"] == str(index)
        ]
        assert drawn == [(stage.path, stage.channels, stage.blocks) for stage in stages_of(growth.graph)]


def ordered(heights: list[tuple[int, float]]) -> bool:
    """More blocks are never lower, up to how exactly numbers are written."""
    return all(b - a >= -0.02 for (_, a), (_, b) in itertools.pairwise(heights))


@every_call
def test_plates_are_in_proportion(number: int) -> None:
    groups = [group for group in picture(number).groups() if group.get("data-kind") == "image"]
    assert {
        round((own_shapes(g)[0].right - own_shapes(g)[0].left) / int(g.attrib["data-side"]), 2) for g in groups
    } != {0}
    ratios = [(own_shapes(g)[0].right - own_shapes(g)[0].left) / int(g.attrib["data-side"]) for g in groups]
    assert not ratios or max(ratios) == pytest.approx(min(ratios), rel=0.01)


@every_call
def test_it_fits_a_slide(number: int) -> None:
    for check in CHECKS[:-1]:
        check(picture(number))


def test_what_each_coefficient_does() -> None:
    heads = ["base", "deeper", "wider", "finer", "all three at once"]
    words = picture(0).words
    assert [word for word in words if word in heads] == heads
    assert {"depth 1 → 1.73", "width 1 → 1.33", "resolution 224 → 341"} <= set(words)
    assert {"5.29 M parameters", "386 M MACs", "3.25 G MACs (×8.4)"} <= set(words)
    words = picture(4).words
    assert [w for w in words if w in ("base", "narrower", "coarser", "both at once")] == [
        "base",
        "narrower",
        "coarser",
        "both at once",
    ]


def test_each_coefficient_changes_one_thing() -> None:
    """Of the compound scaling: depth no channels, width no blocks, resolution no stage at all."""
    base, deep, wide, fine, _ = (stages_of(growth.graph) for growth in studied(0).networks)
    assert [stage.channels for stage in deep] == [stage.channels for stage in base]
    assert [stage.blocks for stage in wide] == [stage.blocks for stage in base]
    assert fine == base


@pytest.mark.parametrize("spec", ["vit@b_16", "gpt2@small", "bert@base", "llama@tiny_1.1b"])
def test_a_transformer_is_as_wide_as_its_layers(spec: str) -> None:
    """Not as its classes, or words, are many; the layers' width is a setting of the spec."""
    graph = network(spec)
    width = next(setting.value for setting in graph.header.settings if setting.name == "width")
    assert max(stage.channels for stage in stages_of(graph)) == width


def test_what_is_no_growth_is_in_the_base_too() -> None:
    base, *_ = studied(3).networks
    assert {setting.name: setting.value for setting in base.graph.header.settings}["classes"] == 10


def test_what_is_no_network_alone_is_changed_with_the_others() -> None:
    """12 heads do not divide 1024 channels; the column of all says what no column before it shows."""
    found = scaling(Subject(open_spec("vit"), None, {"depth": 2, "width": 1024, "heads": 16}))
    names = [[change.name for change in growth.changes] for growth in found.networks]
    assert names == [[], ["depth"], ["depth", "width"]]
    assert "width 768 → 1024" in Picture(written(as_scene_of(found, "scaling"))).words
    found = scaling(Subject(open_spec("vit"), None, {"width": 1024, "heads": 16}))
    assert [[change.name for change in growth.changes] for growth in found.networks] == [[], ["width"]]


def test_a_variant_whose_blocks_need_its_numbers_is_refused_with_words() -> None:
    with pytest.raises(FigureError, match="nothing to grow from: VideoResNet with early = Full, late = Flat"):
        scaling(Subject(open_spec("r3d"), "mc3_18"))


def test_a_spec_without_growth_is_refused_with_words() -> None:
    with pytest.raises(FigureError, match=r"nothing makes LeNet larger or smaller here.*--maps"):
        scaling(Subject(open_spec("lenet")))


@pytest.mark.sampled
@pytest.mark.parametrize("name", [name for name in library() if "cifar@1" not in name])
def test_every_spec_is_drawn_or_refused_with_words(name: str) -> None:
    spec, variant = split_variant(name)
    try:
        found = scaling(Subject(open_spec(spec), variant))
    except FigureError:
        return
    drawn = Picture(written(as_scene_of(found, "scaling", theme="dark")))
    for check in CHECKS[:-1]:
        check(drawn)


def test_blocks_are_those_of_the_paper() -> None:
    """EfficientNet-B0 has 16 MBConv blocks: Tan and Le 2019, Table 1, without its first and its last stage."""
    found = studied(0).networks[0].graph
    assert sum(stage.blocks for stage in stages_of(found)) == 1 + 2 + 2 + 3 + 3 + 4 + 1


def test_a_graph_alone_has_no_coefficients() -> None:
    with pytest.raises(FigureError, match="is drawn from a spec"):
        draw(network("lenet@5"), "scaling")


def test_examples_in_docstrings() -> None:
    failed, tried = doctest.testmod(drawing)
    assert tried
    assert not failed


def test_figures_of_graphs_need_no_study() -> None:
    assert all((kind.of in ("graph", "graphs")) == (not kind.study) for kind in FIGURES.values())
