"""The profile: its bars add up to the network's totals, and their heights and the steps follow the numbers."""

from __future__ import annotations

from collections import defaultdict

import pytest

from archdsl import load, loads
from archdsl.analyses import memory, totals
from archdsl.analyses.receptive_field import receptive_fields
from archdsl.backends.figures import draw
from archdsl.backends.figures.charts.slots import EVERYTHING, FINENESS, Fineness, Slot, bands
from archdsl.ir.graph import Graph
from tests.pictures import SVG, Box, Picture, own_shapes
from tests.test_figures import CHECKS, every_network, library, network, picture

HUGE = ("preresnet_cifar@1202", "resnet_cifar@1001")
"""Thousands of ops: only what is drawn of them is looked at."""
every_fineness = pytest.mark.parametrize("fineness", FINENESS)


def slots(graph: Graph, fineness: Fineness) -> list[Slot]:
    return [slot for band in bands(graph, [fineness])[fineness] for slot in band.slots]


def bars(found: Picture) -> dict[str, list[tuple[int, Box]]]:
    """By lane: the number of each bar and the bar."""
    lanes = defaultdict(list)
    for group in found.groups():
        if group.get("data-kind") == "bar":
            lanes[group.attrib["data-lane"]].append((int(group.attrib["data-number"]), own_shapes(group)[0]))
    return lanes


@pytest.mark.sampled
@every_fineness
@pytest.mark.parametrize("name", [name for name in library() if name not in HUGE])
def test_slots_add_up_to_the_totals(name: str, fineness: Fineness) -> None:
    graph = network(name)
    found, nodes = slots(graph, fineness), totals.nodes_in(graph)
    assert sum(slot.params for slot in found) == totals.parameters(graph, nodes)
    assert sum(slot.macs for slot in found) == totals.macs(graph, nodes)
    assert sum(slot.memory for slot in found) == sum(memory.outputs(graph).values())
    held = [node.id for slot in found for node in slot.nodes]
    assert sorted(held) == sorted(node.id for node in nodes if node.op.name != "input"), "each op is in one slot"


@every_network
def test_bars_add_up_to_the_totals(name: str) -> None:
    """What is written into the file, with the finest slots that fit."""
    graph, lanes = network(name), bars(picture(name, "profile"))
    nodes = totals.nodes_in(graph)
    assert sum(number for number, _ in lanes["parameters"]) == totals.parameters(graph, nodes)
    assert sum(number for number, _ in lanes["MACs"]) == totals.macs(graph, nodes)


@every_network
def test_bars_are_as_tall_as_their_numbers(name: str) -> None:
    """Proportional to the tallest, but for those of a point that are more than zero; all stand on one line."""
    for lane in bars(picture(name, "profile")).values():
        most, tallest = max(lane, key=lambda pair: pair[0])
        for number, bar in lane:
            exact = number / most * (tallest.bottom - tallest.top)
            assert bar.bottom == pytest.approx(tallest.bottom, abs=0.02)
            assert bar.bottom - bar.top == pytest.approx(max(exact, 1.0), abs=0.03)


@every_network
def test_numbers_stand_over_their_bars(name: str) -> None:
    """Every number of a lane is that of a bar that it stands over, and that ends right below it."""
    found = picture(name, "profile")
    tops = {}
    for group in found.groups():
        if group.get("data-kind") == "bar":
            written = (group.findtext(f"{SVG}title") or "").rpartition(": ")[2]
            tops.setdefault(written, []).append(own_shapes(group)[0])
    lanes = bars(found)
    high = max(bar.bottom for lane in lanes.values() for _, bar in lane)
    least = min(bar.top for lane in lanes.values() for _, bar in lane) - 20
    left = min(bar.left for lane in lanes.values() for _, bar in lane) - 10
    for text in found.texts():
        if least < text.bottom < high and text.left > left:
            near = [bar for bar in tops[text.name] if abs(bar.top - text.bottom) < 6]
            assert any(bar.left < text.right and text.left < bar.right for bar in near) or len(near) > 1, text


def test_fields_are_those_of_the_layers() -> None:
    graph = network("vgg@D_bn")
    fields = receptive_fields(graph).fields
    for slot in slots(graph, "layer"):
        last = fields[slot.nodes[-1].id].largest
        assert slot.field == (last[0].size if last[0].jump else EVERYTHING)
    ends = [band.slots[-1].field for band in bands(graph, ["stage"])["stage"]]
    assert ends == [6, 16, 44, 100, 212, EVERYTHING]


def test_gates_do_not_widen_a_field() -> None:
    """A network with gates sees what the same network sees without them; with gates, it is all of the image."""
    plain, gated = (slots(load(name).graph, "stage") for name in ("resnet@50", "senet@50"))
    assert [slot.field for slot in plain] == [slot.field for slot in gated]
    seen = receptive_fields(load("senet@50").graph).fields["conv5.2.add"]
    assert not any(field.jump for field in seen.largest)


@pytest.mark.parametrize(
    ("name", "fineness"),
    [("vgg@D", "layer"), ("resnet@50", "block"), ("densenet@121", "stage"), ("nasnet@mobile", "block")],
)
def test_slots_become_coarser_where_they_are_narrow(name: str, fineness: str) -> None:
    assert f"of each {fineness}" in Picture(draw(load(name).graph, "profile")).words


@pytest.mark.parametrize("count", [1, 9, 30, 70])
def test_many_stages_with_long_names(count: int) -> None:
    """Titles are wrapped, then turned; with more stages than fit the page grows, and nothing is cut."""
    stages = "".join(
        f'    stage s{i} "Stage number {i} of extraordinary length": conv(8, 3) -> relu\n' for i in range(count)
    )
    found = Picture(draw(loads(f"network Long:\n    input image: 3 x 32 x 32\n{stages}").graph, "profile"))
    for check in CHECKS if count < 40 else CHECKS[1:]:
        check(found)


def test_shared_weights_count_once() -> None:
    text = "network N:\n    input image: 3 x 8 x 8\n    shared twice = conv(3, 3)\n    twice -> relu -> twice\n"
    found = slots(loads(text).graph, "layer")
    assert [slot.params for slot in found] == [84, 0]
    assert found[0].macs == found[1].macs > 0


def test_a_block_that_holds_itself_is_no_single_bar() -> None:
    """All of a diffusion network is one block, of which this shows where the costs lie."""
    found = slots(load("ddpm_unet").graph, "inner block")
    assert len(slots(load("ddpm_unet").graph, "block")) < 6 < len(found)
    assert max(slot.macs for slot in found) < sum(slot.macs for slot in found) / 5
    same = load("resnet@18").graph
    assert slots(same, "inner block") == slots(same, "block")
