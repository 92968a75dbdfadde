"""Explanations say nothing but the truth: Python, given the numbers as they are printed, comes to the same values."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest

from archdsl.diagnostics import CompileError
from archdsl.driver import compile_network, open_spec
from archdsl.elaborate.derive import Fact, shown
from archdsl.elaborate.explain import explain
from archdsl.ir.graph import Graph
from archdsl.resolve.names import FUNCTIONS

NETWORKS = ["efficientnet@b3", "resnet@50", "googlenet", "nasnet@mobile", "mobilenet@0.5", "densenet@121", "unet"]
NETWORKS += ["textcnn", "hourglass@2", "inception_v4", "senet@154", "resnext@50_32x4d", "shufflenet@g3", "vgg@C"]


def compiled(name: str, **settings: Any) -> Graph:
    spec, _, variant = name.partition("@")
    return compile_network(open_spec(spec), variant or None, settings).graph


def all_facts(fact: Fact) -> Iterator[Fact]:
    yield fact
    for reason in fact.because:
        yield from all_facts(reason)


def calculated(worked: str) -> str | None:
    """What Python makes of `round_to(32 × 1.2 = 38.4, 8)`; None of a name, which has a fact of its own."""
    text = re.sub(r" = [^,)\]]+", "", worked).replace("×", "*").replace("^", "**")
    try:
        return shown(eval(text, {"true": True, "false": False, **FUNCTIONS}))
    except NameError:
        return None


def digits(number: str) -> str:
    """A number without what separates its thousands."""
    return re.sub("[,_]", "", number)


@pytest.mark.parametrize("name", NETWORKS)
def test_the_arithmetic_is_right(name: str) -> None:
    graph = compiled(name)
    ids = [node.id for node in graph]
    checked = 0
    for id in ids[:: max(1, len(ids) // 50)]:
        explanation = explain(graph, id)
        for argument in (*explanation.arguments, *explanation.sizes, *explanation.costs):
            for fact in all_facts(argument):
                found = calculated(fact.worked) if fact.worked else None
                if found is not None:
                    assert digits(found) == digits(fact.value), f"{id}: {fact.name} = {fact.worked}"
                    checked += 1
    assert checked >= 5


def test_every_number_ends_at_a_line_or_a_default() -> None:
    for id in ("stage4.0.conv1", "stage9.linear", "stage2.0.squeeze_gate.conv1"):
        for argument in explain(compiled("efficientnet@b3"), id).arguments:
            for fact in all_facts(argument):
                assert fact.span is not None, fact


def test_a_derivation_runs_from_the_op_to_the_settings() -> None:
    (out, *_) = explain(compiled("efficientnet", phi=3), "stage1.conv").arguments
    assert (out.name, out.value, out.worked) == ("out", "40", "C(32)")
    (function,) = out.because
    assert (function.worked, function.written) == ("round_to(32 × 1.331 = 42.592, 8)", "round_to(c × width, 8)")
    (width,) = function.because
    assert (width.value, width.worked, width.written) == ("1.331", "1.1 ^ 3", "beta ^ phi")
    assert [(fact.name, fact.value, fact.origin) for fact in width.because] == [
        ("beta", "1.1", "default"),
        ("phi", "3", "given"),
    ]


def test_it_is_what_flowed_in_there_and_not_what_flows_last(tmp_path: Any) -> None:
    spec = tmp_path / "n.arch"
    spec.write_text(
        "network N:\n    input image: 3 x 8 x 8\n    conv(it.channels * 2, 3)\n    conv(it.channels * 5, 3)\n    relu\n"
        "    let last = it.channels\n    conv(last, 1)\n"
    )
    graph = compile_network(open_spec(spec)).graph
    worked = [explain(graph, id).arguments[0].worked for id in ("conv1", "conv2", "conv3")]
    assert worked == ["3 × 2", "6 × 5", "last"]
    (last,) = explain(graph, "conv3").arguments[0].because
    assert (last.value, last.because[0].origin) == ("30", "of relu, 30x8x8")


def test_turns_of_a_loop_know_their_number(tmp_path: Any) -> None:
    spec = tmp_path / "n.arch"
    spec.write_text("network N:\n    input image: 3 x 8 x 8\n    for k in [4, 6]:\n        conv(k * 2, 3)\n")
    graph = compile_network(open_spec(spec)).graph
    facts = [explain(graph, f"repeat.{turn}.conv").arguments[0] for turn in (0, 1)]
    assert [(fact.worked, fact.because[0].origin) for fact in facts] == [
        ("4 × 2", "turn 1 of 2"),
        ("6 × 2", "turn 2 of 2"),
    ]


def test_what_the_place_in_the_network_decides_is_said() -> None:
    graph = compiled("efficientnet@b0")
    last = [node for node in graph if node.op.name == "drop_path"][-1]
    rate = explain(graph, last.id).arguments[0]
    # The sixteenth block, counted from 0 as in the published code; the last that drops is the fifteenth.
    assert (rate.value, rate.origin) == (shown(0.2 * 14 / 16), "from 0.2, by its place in the network")


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("conv4", "`conv4` is a stage, not a node"),
        ("conv4.0", "`conv4.0` is a block, not a node"),
        ("conv4.0.conv9", "the network has no node `conv4.0.conv9`"),
        ("conv2", "`conv2` is a stage"),
        ("conv", "nodes are called `conv`"),
        ("", "has no node ``"),
    ],
)
def test_what_is_no_node(name: str, message: str) -> None:
    with pytest.raises(CompileError, match=re.escape(message)):
        explain(compiled("resnet@50"), name)


def test_a_name_that_only_one_node_has_is_enough() -> None:
    assert explain(compiled("resnet@50"), "linear").node.id == "head.linear"
