"""Explanations say nothing but the truth: Python, given the numbers as they are printed, comes to the same values."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest

from archdsl.cli.explain import _lines
from archdsl.diagnostics import CompileError
from archdsl.driver import compile_network, open_spec
from archdsl.elaborate.derive import Fact, shown
from archdsl.elaborate.explain import explain
from archdsl.ir.graph import Graph
from archdsl.ir.serialize import from_json, to_json
from archdsl.resolve.names import FUNCTIONS
from archdsl.resolve.resolve import resolve
from archdsl.resources import specs_folder
from archdsl.source import Source

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


@pytest.mark.sampled
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
    assert (rate.value, rate.origin) == (shown(0.2 * 14 / 16), "14/16 of 0.2, by its place in the network")


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


def printed(graph: Graph, id: str) -> str:
    return "\n".join(_lines(explain(graph, id)))


@pytest.mark.sampled
@pytest.mark.parametrize("spec", sorted(path.stem for path in specs_folder().glob("*.arch")))
def test_a_graph_file_is_explained_as_the_spec_it_was_made_from(spec: str) -> None:
    graph = compiled(spec)
    again = from_json(to_json(graph))
    ids = [node.id for node in graph]
    for id in ids[:: max(1, len(ids) // 8)]:
        assert printed(again, id) == printed(graph, id)


ODD = """\
def D(c) = c * 2
defaults: conv(bias=false)

network Odd:
    param width: int = 8
    param unit: block = Unit
    param kernel = 1x3
    scaling:
        depth = ceil(width / 4)
    def C(c) = D(c) + width
    input image: 3 x 16 x 16
    defaults: bn(eps=0.001)
    let widths = [width, C(4), 12]
    let chosen = if width > 2 then unit(D(4), grow=3) else Unit(4)
    conv(widths[1], kernel, stride=2)
    stage one: Trunk(width=width + 4)
    one.low -> conv(one.low.channels + one.channels, 1) as lows
    stage two: Wrap(chosen, lows)
    stage three:
        let inner = it.channels
        for c in [[4, 8], [8, 2]]:
            conv(c[0] + c[1], 1)
    concat{it | for k in [1, 3]: Unit(8 * k, size=k)}
    conv(inner, 1, stride=(2)) -> bn
    split(2) as (l, r)
    l -> Rest(r, 4) * depth first(grow=2)
    parallel{l | r | it} -> Join(2)
block Unit(out, grow=1, size=3, mid=out * grow):
    conv(mid, size) -> conv(out, 1)
block Rest(skip, n, grow=1):
    conv(skip.channels * grow, 1) -> conv(n * skip.height, 1)
block Wrap(unit: block, skip):
    let sum = skip.channels + it.channels
    unit -> conv(sum, 1)
block Join(n) from first, *rest:
    let k = len(rest) + rest[0].channels
    concat{first | *rest} -> conv(k * n, 1)
network Trunk:
    param width: int = 4
    param more: int = 2
    scaling:
        total = width * more
    input image: 3 x 8 x 8
    stage low: conv(total, 3)
    stage high: conv(total + 1, 3)
"""
"""What names can be: values of the network, several of them, a stage of an inner network, lists, blocks with arguments,
functions of the file and of the network, a loop's variable that is given to a block."""

REASONS: dict[str, str] = {
    "image": "dims: 3x16x16  (odd.arch:11:18)",
    "conv1": """\
out: 16, by widths[1]  (odd.arch:15:10)
  widths: [8, 16, 12]  (odd.arch:13:18)
    width: 8  (default, odd.arch:5:24)
    C(4): 16 = 8 + 8, by D(c) + width  (odd.arch:10:5)
      D(4): 8 = 4 × 2, by c × 2  (odd.arch:1:1)
kernel: 1x3  (odd.arch:15:21)
  kernel: 1x3  (default, odd.arch:7:20)
stride: 2  (odd.arch:15:29)
bias: false  (odd.arch:2:16)""",
    "one.low.conv": """\
out: 24 = total  (odd.arch:44:21)
  total: 24 = 12 × 2, by width × more  (odd.arch:42:17)
    width: 12 = 8 + 4, by width + 4  (given, odd.arch:16:22)
      width: 8  (default, odd.arch:5:24)
    more: 2  (default, odd.arch:40:23)""",
    "lows": """\
out: 49 = 24 + 25, by one.low.channels + one.channels  (odd.arch:17:21)
  one.low.channels: 24  (of one.low.conv, 24x8x8, odd.arch:44:16)
  one.channels: 25  (of one.high.conv, 25x8x8, odd.arch:45:17)""",
    "two.unit.conv1": """\
out: 24 = mid  (odd.arch:29:10)
  mid: 24 = 8 × 3, by out × grow  (default, odd.arch:28:37)
    out: 8 = D(4)  (odd.arch:14:41)
      D(4): 8 = 4 × 2, by c × 2  (odd.arch:1:1)
    grow: 3  (odd.arch:14:47)""",
    "three.repeat.1.conv": """\
out: 10 = 8 + 2, by c[0] + c[1]  (odd.arch:22:18)
  c: [8, 2]  (turn 2 of 2, odd.arch:21:9)""",
    "branch.1.conv1": """\
    out: 24 = 8 × 3, by 8 × k  (odd.arch:23:39)
      k: 3  (turn 2 of 2, odd.arch:23:17)""",
    "conv2": """\
out: 98 = inner  (odd.arch:24:10)
  inner: 98  (odd.arch:20:21)
    it.channels: 98  (of two.conv, 98x8x8, odd.arch:34:13)""",
    "rest.0.conv1": """\
out: 98 = 49 × 2, by skip.channels × grow  (odd.arch:31:10)
  skip.channels: 49  (of split, 49x4x4, odd.arch:25:5)
  grow: 2  (odd.arch:26:35)""",
    "join.conv": """\
by len(rest) + rest[0].channels  (odd.arch:36:13)
    rest[0].channels: 49  (of split, 49x4x4, odd.arch:25:5)""",
}


@pytest.mark.parametrize("id", REASONS)
def test_every_kind_of_name_is_followed(id: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "100")
    graph = compile_network(resolve(Source("odd.arch", ODD))).graph
    assert REASONS[id] in printed(graph, id)
    assert printed(from_json(to_json(graph)), id) == printed(graph, id)


def test_settings_from_outside_are_followed_in_a_graph_file() -> None:
    file = resolve(Source("odd.arch", ODD))
    graph = compile_network(file, None, {"width": "4 * 3", "kernel": "3x1", "unit": "Unit(mid=2)"}).graph
    again = from_json(to_json(graph))
    for node in graph:
        assert printed(again, node.id) == printed(graph, node.id)
    assert "kernel: 3x1  (given)" in printed(graph, "conv1")
    assert "width: 12  (given)" in printed(graph, "conv1")
    assert explain(graph, "two.unit.conv1").arguments[0].value == "2"
