"""One slip in a spec is one difference in a proof, at the line of the slip."""

from __future__ import annotations

import pytest
from slips import checked, drawn

import archdsl
from archdsl.prove.prove import prove_sides
from archdsl.prove.report import ProofReport, kinds
from archdsl.prove.sides import of_graph

SMALL = (
    ("lenet.arch", "5"),
    ("mlp.arch", "300"),
    ("nin_cifar.arch", "cifar10"),
    ("resnet_cifar.arch", "20"),
    ("mobilenet.arch", "1.0"),
    ("vgg.arch", "A_bn"),
    ("resnext_block.arch", "c"),
    ("xception_steps.arch", "inception"),
)
"""Networks that are quick to compile; `make fuzz` tries all."""


@pytest.mark.parametrize("seed", range(20))
def test_a_slip_is_one_kind_of_difference_at_its_line(seed: int) -> None:
    found = checked(drawn(seed, SMALL))
    assert found.outcome in ("one", "equal", "equal, by structure alone"), f"{found.case}\n{found.said}"


HEAD = "network Net:\n    input image: 3 x 32 x 32\n"
UNITS = """\
    conv(16, 3) -> bn -> relu
    Unit(16) * 3
    Unit(32) * 2 first(stride=2)
    global_avg_pool -> flatten -> linear(10)

block Unit(width, stride=1, groups=1):
    add:
        | conv(width, 3, stride=stride) -> bn -> relu -> conv(width, 3, groups=groups) -> bn
        | it -> if stride != 1 or it.channels != width then (conv(width, 1, stride=stride) -> bn)
    relu
"""

SLIPS = [
    ("a width", "Unit(32) * 2", "Unit(48) * 2", "out 48 here, 32 there", 5),
    ("a stride of the first copy", "first(stride=2)", "first(stride=3)", "stride 3 here, 2 there", 5),
    ("a copy too few", "Unit(16) * 3", "Unit(16) * 2", "conv -> bn -> relu -> ... (7 ops) only there", 4),
    ("a group count", "Unit(16) * 3", "Unit(16, groups=4) * 3", "groups 4 here, 1 there", 4),
    ("swapped steps", "conv(16, 3) -> bn -> relu", "conv(16, 3) -> relu -> bn", "relu -> bn here, bn -> relu there", 3),
    ("asymmetric padding", "conv(16, 3) ->", "conv(16, 3, padding=[0, 2, 0, 2]) ->", "padding 0 here, 1 there", 3),
    ("the other end of a padding", "conv(16, 3) ->", "conv(16, 3, padding=[1, 0, 1, 0]) ->",
     "conv gives 16x31x31 here, 16x32x32 there", 3),
    ("a missing step", " -> bn -> relu\n", " -> relu\n", "bn only there", 3),
    ("a missing last step", " -> linear(10)", "", "linear only there", 6),
    ("a kernel in a block", "conv(width, 3, stride", "conv(width, 5, stride", 
     "kernel 5 here, 3 there; padding 2 here, 1 there", 10),
    ("a bias", "conv(16, 3) ->", "conv(16, 3, bias=false) ->", "bias no here, yes there", 3),
    ("an eps", "conv(16, 3) -> bn ", "conv(16, 3) -> bn(eps=0.001) ", "eps 0.001 here, 1e-05 there", 3),
]  # fmt: skip


def proof(spec: str, other: str) -> ProofReport:
    return prove_sides(of_graph(archdsl.loads(spec).graph), of_graph(archdsl.loads(other).graph), True)


@pytest.mark.parametrize(("old", "new", "what", "line"), [case[1:] for case in SLIPS], ids=[case[0] for case in SLIPS])
def test_a_slip_is_named(old: str, new: str, what: str, line: int) -> None:
    assert old in UNITS
    report = proof(HEAD + UNITS.replace(old, new, 1), HEAD + UNITS)
    (kind,) = kinds(report.differences)
    assert kind.what == what
    assert f"spec.arch:{line}" in str(report)


def the_only_kind(spec: str, old: str, new: str) -> tuple[str, str]:
    """What a proof says of a slip in a spec, which is one kind of difference, and the whole report."""
    assert old in spec
    report = proof(spec.replace(old, new, 1), spec)
    (kind,) = kinds(report.differences)
    return kind.what, str(report)


SUMS = f"""\
{HEAD}    Outer
    conv(4, 1)

block Outer:
    add:
        | Inner
        | conv(it.channels, 5)

block Inner:
    add{{it | conv(it.channels, 3)}}
"""
"""A sum in a sum, which is one sum of three where it is compared."""

SLIPS_IN_SUMS = [
    ("the outer sum", "add:", "maximum:", "maximum here, add there", 7),
    ("the inner sum", "add{", "maximum{", "maximum here, add there", 12),
    ("a mean", "add{", "mean{", "scale only here", 12),
    ("a step between", "| Inner", "| Inner -> relu", "relu only here", 8),
]


@pytest.mark.parametrize(
    ("old", "new", "what", "line"), [c[1:] for c in SLIPS_IN_SUMS], ids=[c[0] for c in SLIPS_IN_SUMS]
)
def test_a_slip_in_a_sum_of_sums_is_at_its_line(old: str, new: str, what: str, line: int) -> None:
    said, report = the_only_kind(SUMS, old, new)
    assert said == what
    assert f"spec.arch:{line}" in report
    said, report = the_only_kind(SUMS.replace(old, new, 1), new, old)
    assert f"spec.arch:{line}" in report


POOLS = """\
network Net:
    input image: 3 x 80 x 80
    stage a: Double(8)
    stage b: max_pool(2) -> Double(10)
    stage c: max_pool(2) -> Double(12)

block Double(width):
    conv(width, 3, padding=valid) -> relu
    conv(width, 3, padding=valid) -> relu
"""

SLIPS_BESIDE_EQUAL_STEPS = [
    ("moved to its like", "max_pool(2) -> Double(10)", "Double(10) -> max_pool(2)",
     "conv -> relu -> conv -> ... (5 ops) here, max pool -> conv -> relu -> ... (5 ops) there", 4),
    ("one of two that are alike", "a: Double(8)", "a: Double(8) -> max_pool(2)", "max pool only here", 3),
]  # fmt: skip


@pytest.mark.parametrize(
    ("old", "new", "what", "line"),
    [case[1:] for case in SLIPS_BESIDE_EQUAL_STEPS],
    ids=[case[0] for case in SLIPS_BESIDE_EQUAL_STEPS],
)
def test_of_two_equal_steps_the_right_one_is_named(old: str, new: str, what: str, line: int) -> None:
    said, report = the_only_kind(POOLS, old, new)
    assert said == what
    assert f"spec.arch:{line}" in report


def test_the_order_of_a_concat_is_one_difference() -> None:
    branches = ["conv(8, 1) -> relu", "conv(16, 3)", "max_pool(3, stride=1) -> conv(4, 1)", "it"]
    text = "    concat{{{}}} -> conv(32, 3) -> bn -> relu\n    concat{{it | conv(8, 3)}} -> conv(4, 1)\n"
    swapped = [branches[0], *branches[2:], branches[1]]
    report = proof(HEAD + text.format(" | ".join(swapped)), HEAD + text.format(" | ".join(branches)))
    (difference,) = report.differences
    assert difference.what.startswith("concat takes ")
    assert difference.places == ("spec.arch:3",)


def test_two_slips_are_two_differences() -> None:
    spec = UNITS.replace("conv(16, 3) -> bn", "conv(16, 5) -> bn").replace("linear(10)", "linear(12)")
    found = kinds(proof(HEAD + spec, HEAD + UNITS).differences)
    assert [kind.what for kind in found] == ["kernel 5 here, 3 there; padding 2 here, 1 there", "out 12 here, 10 there"]
