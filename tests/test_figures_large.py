"""Figures of very large networks: few boxes, whose costs still add up, with text that can be read."""

from __future__ import annotations

from functools import cache

import pytest

from archdsl.analyses import memory, totals
from archdsl.backends.figures import as_scene, written
from archdsl.backends.figures.scene import Scene
from archdsl.driver import Limits, compile_network
from archdsl.ir.graph import Graph
from archdsl.resolve.resolve import resolve
from archdsl.source import Source
from tests.pictures import Picture
from tests.test_figures import CHECKS, OF_GRAPHS, network
from tests.test_wires import WITHOUT_LINES
from tests.test_wires import check as check_lines

HEAD = "network N:\n    input image: 3 x 64 x 64\n"
SPECS = {
    "stages": HEAD + "    for i in range(300):\n        stage s{i}: conv(8 + i % 3, 3) -> bn -> relu\n",
    "blocks": HEAD + "    stage s:\n        for i in range(200): Unit(8 + i % 2)\n"
    "block Unit(width):\n    add{conv(width, 3) -> relu | conv(width, 1)}\n    relu\n",
    "layers": HEAD + "    stage s:\n" + "        conv(8, 3) -> relu\n        conv(6, 1)\n" * 200,
    "branches": HEAD + f"    stage s: concat{{{' | '.join(['conv(4, 1)'] * 150)}}}\n",
}
"""Most of their parts differ from their neighbours, so that they are no repeats."""
MOST = 130
"""Boxes of a figure."""


@cache
def large(name: str) -> Graph:
    return compile_network(resolve(Source(f"{name}.arch", SPECS[name])), limits=Limits(steps=10**6)).graph


@cache
def scene(name: str, figure: str) -> Scene:
    return as_scene(large(name), figure)


every_figure = pytest.mark.parametrize("figure", OF_GRAPHS)
every_network = pytest.mark.parametrize("name", SPECS)


@pytest.mark.sampled
@every_figure
@every_network
def test_a_large_network_is_a_slide(name: str, figure: str) -> None:
    """It has text of 14 points, as the checks of every figure say, or its notes tell that it has not."""
    found = Picture(written(scene(name, figure)))
    assert 0 < len(found.things()) < MOST
    assert not scene(name, figure).notes
    for check in CHECKS:
        check(found)


@every_network
def test_the_costs_of_few_boxes_add_up(name: str) -> None:
    graph = large(name)
    groups = [group.attrib for group in Picture(written(scene(name, "overview"))).groups()]
    boxes = [group for group in groups if "data-macs" in group]
    nodes = totals.nodes_in(graph)
    assert sum(int(group["data-macs"]) for group in boxes) == totals.macs(graph, nodes)
    assert sum(int(group["data-parameters"]) for group in boxes) == totals.parameters(graph, nodes)
    bars = [group.attrib for group in Picture(written(scene(name, "profile"))).groups() if "data-lane" in group.attrib]
    counted = {"MACs": totals.macs(graph, nodes), "parameters": totals.parameters(graph, nodes)}
    counted["outputs"] = sum(made for id, made in memory.outputs(graph).items() if id not in {"image"})
    for lane, number in counted.items():
        assert sum(int(bar["data-number"]) for bar in bars if bar["data-lane"] == lane) == number, lane


def test_what_is_not_drawn_is_counted_in_words() -> None:
    for figure in ("overview", "graph", "volumes", "profile"):
        words = " ".join(Picture(written(scene("stages", figure))).words)
        drawn = sum(f"s{i}" in words.split() for i in range(300))
        more = int(words.partition("… ")[2].partition(" more")[0].replace(",", ""))
        assert drawn + more == 300 + (figure != "profile") - ("image" in words.split()), figure


@pytest.mark.parametrize("figure", sorted(set(OF_GRAPHS) - WITHOUT_LINES - {"block"}))
def test_lines_of_large_networks(figure: str) -> None:
    assert check_lines(large("stages"), figure, Picture(written(scene("stages", figure)))) > 0


def test_what_fits_is_not_folded() -> None:
    for name in ("unet@2015", "densenet@121"):
        for figure in ("overview", "graph", "volumes"):
            assert "more stages" not in " ".join(Picture(written(as_scene(network(name), figure))).words)


def test_tags_of_outputs_are_no_steps() -> None:
    """Nine further outputs of one stage: nothing is left out of two stages, and no box stands for tags alone."""
    outputs = "\n".join(f"    output far{i}: near -> conv({i}, 1)" for i in range(1, 10))
    text = f"{HEAD}    stage near: conv(8, 3)\n    stage last: conv(4, 1)\n{outputs}\n"
    graph = compile_network(resolve(Source("outputs.arch", text))).graph
    shown = written(as_scene(graph, "overview"), "svg", "plain").decode()
    assert "more" not in shown
    assert "far9" in shown
