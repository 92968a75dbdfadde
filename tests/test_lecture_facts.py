"""Every cost that the lectures state, reproduced to the digits given; where a print is wrong, by how much it is."""

from __future__ import annotations

import pytest

import archdsl
from archdsl.analyses import memory
from archdsl.analyses.measures import summarize
from archdsl.analyses.receptive_field import receptive_fields
from archdsl.analyses.summary import Summary
from archdsl.analyses.working import output_working, params_working
from archdsl.ops.base import Family
from archdsl.tensor import Tensor


def network(input: str, *lines: str) -> archdsl.Network:
    return archdsl.loads("\n".join(["network Net:", f"    input image: {input}", *(f"    {line}" for line in lines)]))


def digits(value: float, printed: str) -> str:
    """`value` with as many digits after the point as are printed."""
    return f"{value:.{len(printed.partition('.')[2])}f}"


# --- single layers ---------------------------------------------------------------------------


def test_output_size() -> None:
    net = network("3 x 224 x 224", "conv(32, 5, padding=valid)")
    assert net.graph.node("conv").output.dims == (32, 220, 220)
    assert output_working(net.graph, net.graph.node("conv")) == "224 - 5 + 1 = 220"


def test_parameters_of_a_convolution_and_of_the_full_connection() -> None:
    convolution = network("3 x 32 x 32", "conv(8, 5, padding=valid)")
    assert convolution.params == 608
    assert params_working(convolution.graph, [convolution.graph.node("conv")]) == "5·5·3·8 + 8 = 608"
    assert network("3 x 32 x 32", "flatten -> linear(28 * 28 * 8)").params == 19_273_856


@pytest.mark.parametrize(("kernel", "padding"), [(1, 0), (3, 1), (5, 2), (9, 4)])
def test_padding_that_keeps_the_size(kernel: int, padding: int) -> None:
    same = network("3 x 32 x 32", f"conv(8, {kernel})").graph.node("conv")
    assert same.op.window(Tensor(3, 32, 32)).padding == ((padding, padding),) * 2
    assert same.output.spatial == (32, 32)


def test_a_stride_that_does_not_divide_is_said() -> None:
    net = network("1 x 7 x 7", "conv(1, 3, stride=3, padding=valid)")
    assert [warning.code for warning in net.warnings] == ["dropped-rows"]
    assert "never sees the last 1 row and 1 column" in net.warnings[0].message


@pytest.mark.parametrize(("convolutions", "field"), [(2, 5), (3, 7)])
def test_small_kernels_see_as_much_as_a_large_one(convolutions: int, field: int) -> None:
    small = network("8 x 32 x 32", " -> ".join(["conv(8, 3, bias=false)"] * convolutions))
    large = network("8 x 32 x 32", f"conv(8, {field}, bias=false)")
    for net in (small, large):
        assert receptive_fields(net.graph).fields[net.graph.outputs[0].values[0].node].size == (field, field)
    assert (small.params, large.params) == (convolutions * 9 * 8**2, field**2 * 8**2)


def test_three_small_kernels_save_45_percent() -> None:
    assert round(100 * (1 - 27 / 49)) == 45


def test_a_dilated_kernel_keeps_its_weights() -> None:
    assert network("1 x 32 x 32", "conv(1, 3, dilation=2, bias=false)").params == 9


# --- Inception -------------------------------------------------------------------------------


def test_the_naive_module() -> None:
    assert round(archdsl.load("inception_module@naive").macs / 1e6) == 854


def test_the_reduced_module() -> None:
    """The print is 358 M: it counts the 3x3 convolution twice, which is 87 M too many."""
    reduced = summarize(archdsl.load("inception_module@reduced").graph)
    assert round(reduced.total.macs / 1e6) == 271
    twice = reduced.nodes["module.conv3"].macs
    assert round(twice / 1e6) == 87
    assert round((reduced.total.macs + twice) / 1e6) == 358


def test_a_branch_through_a_narrow_convolution() -> None:
    assert round(network("192 x 28 x 28", "conv(32, 5)").macs / 1e6) == 120
    assert round(network("192 x 28 x 28", "conv(16, 1) -> conv(32, 5)").macs / 1e6) == 12


GOOGLENET = {
    "stem.unit1": (2.7, 34),
    "stem.unit2 and 3": (112, 360),
    "inception3.i3a": (159, 128),
    "inception3.i3b": (380, 304),
    "inception4.i4a": (364, 73),
    "inception4.i4b": (437, 88),
    "inception4.i4c": (463, 100),
    "inception4.i4d": (580, 119),
    "inception4.i4e": (840, 170),
    "inception5.i5a": (1072, 54),
    "inception5.i5b": (1388, 71),
    "head": (1000, 1),
}
"""Table 1 as printed: parameters in K = 1024, operations in M."""

GOOGLENET_IS_OFF = {
    "stem.unit1": (-6.5, -84),
    "inception3.i3b": (1, 0),
    "inception4.i4a": (-2.8, 0),
    "inception4.i4b": (-1, 0),
    "inception4.i4c": (-34.5, 0),
    "inception4.i4d": (-10.5, 0),
    "inception4.i4e": (-7, 0),
    "inception5.i5a": (54, 2.9),
    "inception5.i5b": (-21, 0),
}
"""By how much the print is off, in its own units."""


def googlenet_row(summary: Summary, row: str) -> tuple[float, float]:
    """Weights without biases in K = 1024, multiply-adds in M."""
    parts = ["stem.unit2", "stem.unit3"] if row == "stem.unit2 and 3" else [row]
    nodes = [summary.graph.node(id) for id in summary.nodes if id.startswith(tuple(f"{part}." for part in parts))]
    biases = sum(node.output.channels for node in nodes if node.op.family in (Family.CONV, Family.LINEAR))
    params = sum(summary.scopes[part].params for part in parts) - biases
    return params / 1024, sum(summary.scopes[part].macs for part in parts) / 1e6


@pytest.mark.parametrize("row", GOOGLENET)
def test_googlenets_table(row: str) -> None:
    params, macs = googlenet_row(summarize(archdsl.load("googlenet@paper").graph), row)
    printed, off = GOOGLENET[row], GOOGLENET_IS_OFF.get(row, (0, 0))
    # The authors cut the digits after the last one off in some rows and round in others.
    assert printed[0] == pytest.approx(params + off[0], abs=0.62)
    assert printed[1] == pytest.approx(macs + off[1], abs=0.62)


def test_googlenets_shapes() -> None:
    graph = archdsl.load("googlenet@paper").graph
    shapes = "64x112x112 64x56x56 192x56x56 192x28x28 256x28x28 480x28x28 480x14x14 512x14x14 512x14x14 512x14x14"
    shapes += " 528x14x14 832x14x14 832x7x7 832x7x7 1024x7x7"
    ends = "stem.unit1.relu stem.max_pool1 stem.unit3.relu stem.max_pool2 inception3.i3a.concat inception3.i3b.concat"
    ends += " inception3.max_pool inception4.i4a.concat inception4.i4b.concat inception4.i4c.concat"
    ends += (
        " inception4.i4d.concat inception4.i4e.concat inception4.max_pool inception5.i5a.concat inception5.i5b.concat"
    )
    assert [str(graph.node(id).output) for id in ends.split()] == shapes.split()


# --- separable convolutions ------------------------------------------------------------------


def test_separable_against_standard() -> None:
    """Multiplications 1/N + 1/K^2 of a convolution's, parameters M (K^2 + N)."""
    m, n, k = 32, 64, 3
    standard = network(f"{m} x 20 x 20", f"conv({n}, {k}, bias=false)")
    separable = network(f"{m} x 20 x 20", f"depthwise({k}, bias=false) -> conv({n}, 1, bias=false)")
    assert separable.macs / standard.macs == pytest.approx(1 / n + 1 / k**2)
    assert separable.params == m * (k**2 + n)


@pytest.mark.parametrize(
    ("channels", "pixels", "steps", "macs", "params"),
    [
        (512, 14, "conv({c}, 3, bias=false)", "462", "2.36"),
        (512, 14, "depthwise(3, bias=false) -> conv({c}, 1, bias=false)", "52.3", "0.27"),
        (384, 14, "depthwise(3, bias=false) -> conv({c}, 1, bias=false)", "29.6", "0.15"),
        (384, 10, "depthwise(3, bias=false) -> conv({c}, 1, bias=false)", "15.1", "0.15"),
    ],
    ids=["standard", "separable", "alpha 0.75", "rho 0.714"],
)
def test_mobilenets_layer(channels: int, pixels: int, steps: str, macs: str, params: str) -> None:
    net = network(f"{channels} x {pixels} x {pixels}", steps.format(c=channels))
    assert (digits(net.macs / 1e6, macs), digits(net.params / 1e6, params)) == (macs, params)


# --- whole networks --------------------------------------------------------------------------

PRINTED = {
    "mobilenet@1.0": ("569", 0),
    "mobilenet@0.75": ("325", 0),
    "mobilenet@0.5": ("149", 0),
    "mobilenet@0.25": ("41", 0),
    "mobilenet@192": ("418", 0),
    "mobilenet@160": ("290", -1),
    "mobilenet@128": ("186", 0),
    "mobilenet@full": ("4866", -1),
    "mobilenet_v2@1.4": ("585", 3),
    "resnet@18": ("1.8", 0),
    "resnet@34": ("3.6", -0.1),
    "resnet@50_v1": ("3.8", -0.1),
    "resnet@101_v1": ("7.6", 0),
    "resnet@152_v1": ("11.3", 0),
}
"""Multiply-adds as printed, in M, or in G where there is a point; and by how much the print is off."""

IN_SENETS_TABLE = {
    "resnet@50_v1": ("3.86", 0),
    "senet@50_v1": ("3.87", 0.01),
    "resnet@101_v1": ("7.58", 0.01),
    "senet@101_v1": ("7.60", 0.03),
    "resnet@152_v1": ("11.30", 0.02),
    "senet@152_v1": ("11.32", 0.03),
    "resnext@50_32x4d": ("4.24", 0.01),
    "senet@next50": ("4.25", 0.02),
    "resnext@101_32x4d": ("7.99", 0.02),
    "senet@next101": ("8.00", 0.03),
    "vgg@D": ("15.47", 0),
    "vgg@se_D": ("15.48", 0.01),
    "bn_inception@v2": ("2.03", 0),
    "bn_inception@se": ("2.04", 0.01),
    "inception_resnet@v2": ("11.75", -1.41),
    "inception_resnet@se_v2": ("11.76", -1.40),
}
"""The same as printed by Hu et al. 2018, in G. Their gates cost less than the digits show."""


@pytest.mark.parametrize(
    ("spec", "printed", "off"),
    [(spec, *value) for table in (PRINTED, IN_SENETS_TABLE) for spec, value in table.items()],
)
def test_multiply_adds_as_printed(spec: str, printed: str, off: float) -> None:
    true = archdsl.load(spec).macs / (1e9 if "." in printed else 1e6)
    assert digits(float(digits(true, printed)) + off, printed) == printed


@pytest.mark.parametrize(
    ("spec", "printed"),
    [
        ("mobilenet@1.0", "4.2"),
        ("mobilenet@0.75", "2.6"),
        ("mobilenet@0.5", "1.3"),
        ("mobilenet@0.25", "0.5"),
        ("mobilenet@192", "4.2"),
        ("mobilenet@full", "29.3"),
        ("densenet_cifar@bc_190_40", "25.6"),
    ],
)
def test_parameters_as_printed(spec: str, printed: str) -> None:
    assert digits(archdsl.load(spec).params / 1e6, printed) == printed


def test_se_gates_cost_less_than_one_percent() -> None:
    for plain, gated in [("resnet@50_v1", "senet@50_v1"), ("resnext@50_32x4d", "senet@next50"), ("vgg@D", "vgg@se_D")]:
        assert 1 < archdsl.load(gated).macs / archdsl.load(plain).macs < 1.01


def test_each_step_of_phi_doubles_the_cost() -> None:
    costs = [archdsl.load("efficientnet", phi=phi).macs for phi in range(8)]
    assert costs[7] / costs[0] == pytest.approx(2**7, rel=0.25)


def test_where_alexnets_parameters_and_operations_lie() -> None:
    graph = archdsl.load("alexnet@single").graph
    summary = summarize(graph)
    linear = [node.id for node in graph if node.op.family is Family.LINEAR]
    assert sum(summary.nodes[id].params for id in linear) / summary.total.params > 0.9
    assert sum(summary.nodes[id].macs for id in linear) / summary.total.macs < 0.1


def test_peak_memory_of_a_graph() -> None:
    """M(G) = max over ops of inputs + outputs + the op's own; here of numbers of one byte."""
    net = network("3 x 8 x 8", "conv(16, 3) -> max_pool(2) -> conv(8, 3)")
    sizes = {"conv1": 3 * 64 + 16 * 64, "max_pool": 16 * 64 + 16 * 16 + 8 * 16 * 16, "conv2": 16 * 16 + 8 * 16}
    assert memory.largest_op(net.graph, 1) == ("max_pool", max(sizes.values()))


# --- depth -----------------------------------------------------------------------------------

DEPTHS = {
    "alexnet": {None: 8},
    "vgg": {"A": 11, "B": 13, "C": 16, "D": 16, "E": 19, "D_bn": 16},
    "googlenet": {"paper": 22, "bn": 22},
    "resnet": {"18": 18, "34": 34, "50": 50, "101": 101, "152": 152, "plain18": 18, "plain34": 34},
    "resnet_cifar": {"20": 20, "32": 32, "44": 44, "56": 56, "110": 110},
    "preresnet": {"18": 18, "50": 50},
    "wide_resnet": {"34_2": 34, "50_2": 50, "101_2": 101},
    "resnext": {"50_32x4d": 50, "101_32x4d": 101},
    "densenet": {"121": 121, "161": 161, "169": 169, "201": 201},
    "densenet_cifar": {"40_12": 40, "bc_100_12": 100, "bc_190_40": 190},
    "senet": {"18": 18, "50": 50, "101": 101, "152": 152, "next50": 50, "154": 154},
    "mobilenet": {"1.0": 28},
}
"""Weighted layers that the networks are named after, or that their papers state."""


@pytest.mark.parametrize(
    ("spec", "variant", "depth"), [(s, v, d) for s, table in DEPTHS.items() for v, d in table.items()]
)
def test_depth_is_in_the_name(spec: str, variant: str | None, depth: int) -> None:
    assert summarize(archdsl.load(spec, variant).graph).depth == depth


@pytest.mark.parametrize(("variant", "named"), [("16_8", 16), ("28_10", 28), ("40_10", 40)])
def test_wide_resnets_count_their_projections(variant: str, named: int) -> None:
    """They are named after their convolutions, the three projections beside the blocks too, without the classifier."""
    assert summarize(archdsl.load("wide_resnet_cifar", variant).graph).depth == named - 3 + 1
