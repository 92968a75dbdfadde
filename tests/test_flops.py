"""Operations beside MACs, arithmetic intensity and the roofline."""

from __future__ import annotations

import pytest
import torch
from emitted_ops import build
from variants import NAMES

import archdsl
from archdsl.analyses.flops import ITEMS, flops, rules
from archdsl.analyses.fused import fused_traffic, runs
from archdsl.analyses.machine import MACHINES, changed, own_machine, roofline, traffic
from archdsl.analyses.measures import summarize
from archdsl.analyses.summary import Basis
from archdsl.diagnostics import CompileError
from archdsl.ops.base import Family
from archdsl.ops.registry import REGISTRY
from archdsl.tensor import Tensor

INPUT = Tensor(8, 12, 12)
NUMBERS = 8 * 12 * 12


def rest(call: str) -> int:
    """Of one op on 8x12x12, written as in a spec."""
    graph = archdsl.loads(f"network Net:\n    input image: 8 x 12 x 12\n    {call}\n").graph
    return flops(graph, graph).total - 2 * flops(graph, graph).macs


def test_every_op_has_a_rule() -> None:
    listed = {name for ops in rules().values() for name in ops}
    assert listed == set(REGISTRY)
    assert all(rule for ops in rules().values() for rule in ops.values())


def test_every_op_that_counts_has_an_item() -> None:
    for name, op in REGISTRY.items():
        for example in op.examples():
            if example.op.rest(*example.inputs).count:
                assert op.family in ITEMS, name


@pytest.mark.parametrize(
    ("call", "expected"),
    [
        ("conv(4, 3)", 4 * 144),
        ("conv(4, 3, bias=false)", 0),
        ("flatten -> linear(10)", 10),
        ("up_conv(4, 2, stride=2)", 4 * 576),
        ("bn", 2 * NUMBERS),
        ("layer_norm", 7 * NUMBERS),
        ("layer_norm(affine=false)", 5 * NUMBERS),
        ("lrn(5)", 9 * NUMBERS),
        ("relu", NUMBERS),
        ("silu", 5 * NUMBERS),
        ("max_pool(2)", 3 * 8 * 36),
        ("avg_pool(2)", 4 * 8 * 36),
        ("global_avg_pool", NUMBERS),
        ("global_max_pool", NUMBERS - 8),
        ("add{it | it | it}", 2 * NUMBERS),
        ("mean{it | it}", 2 * NUMBERS),
        ("mul{it | global_avg_pool}", 2 * NUMBERS),
        ("concat{it | it}", 0),
        ("upsample(2, mode=bilinear)", 7 * 4 * NUMBERS),
        ("upsample(2)", 0),
        ("dropout(0.5) -> identity -> flatten", 0),
    ],
)
def test_rules(call: str, expected: int) -> None:
    assert rest(call) == expected


@pytest.mark.parametrize(("name", "size"), [("adaptive_avg_pool", (5, 7)), ("adaptive_avg_pool", (12, 1))])
def test_adaptive_windows_are_those_of_torch(name: str, size: tuple[int, int]) -> None:
    """As many operations as numbers that some output depends on, each output for itself."""
    op = REGISTRY[name](size=size)
    module = build(op, (INPUT,), dtype=torch.float64)
    jacobian = torch.autograd.functional.jacobian(module, torch.rand(1, *INPUT.dims, dtype=torch.float64))
    assert op.rest(INPUT).count == int((jacobian != 0).sum())


def test_items_of_a_network() -> None:
    graph = archdsl.loads(
        "network Net:\n    input image: 8 x 12 x 12\n    add{it | conv(8, 3) -> bn -> relu}\n    global_avg_pool\n"
    ).graph
    found = flops(graph, graph)
    assert found.macs == 8 * 8 * 9 * 144
    assert dict(found.rest) == {
        "bias": NUMBERS,
        "normalization": 2 * NUMBERS,
        "activation": NUMBERS,
        "pooling": NUMBERS,
        "merges": NUMBERS,
    }
    assert found.total == 2 * found.macs + 6 * NUMBERS


# --- the roofline ----------------------------------------------------------------------------


def test_traffic_is_inputs_outputs_and_weights_once() -> None:
    graph = archdsl.loads("network Net:\n    input image: 8 x 12 x 12\n    add{it | conv(8, 1)} -> flatten\n").graph
    found = {node.id: traffic(graph, node, 4) for node in graph}
    assert found == {
        "image": 0,
        "conv": 4 * (2 * NUMBERS + 8 * 8 + 8),
        "add": 4 * 3 * NUMBERS,
        "flatten": 0,
    }
    assert traffic(graph, graph.node("conv"), 2, batch=3) == 2 * (3 * 2 * NUMBERS + 72)


def test_an_op_takes_as_long_as_what_is_scarcer() -> None:
    machine = own_machine(peak=1e12, bandwidth=1e11, precision="fp32")
    assert roofline(10**12, 10**9, machine, "fp32") == 1.0
    assert roofline(10**9, 10**11, machine, "fp32") == 1.0


def test_time_of_a_network_is_the_sum() -> None:
    graph = archdsl.load("resnet@50").graph
    summary = summarize(graph, Basis(machine=MACHINES["h200"], batch=8))
    slowest = max(summary.nodes.values(), key=lambda facts: facts.time)
    assert summary.total.time == pytest.approx(sum(facts.time for facts in summary.nodes.values()))
    assert slowest.time == max(slowest.flops / 67e12, slowest.traffic / 4.8e12)
    assert summary.total.intensity == summary.total.flops / summary.total.traffic


def test_larger_batches_are_no_slower_a_sample() -> None:
    """Weights are read once for all of them."""
    graph = archdsl.load("alexnet").graph
    one, many = (summarize(graph, Basis(machine=MACHINES["cpu"], batch=batch)).total for batch in (1, 64))
    assert many.time < 64 * one.time
    assert many.flops == 64 * one.flops
    assert many.params == one.params


def test_a_machine_without_a_peak_for_the_precision() -> None:
    with pytest.raises(CompileError, match=r"the peak of AMD EPYC 9654.* is not known"):
        summarize(archdsl.load("lenet").graph, Basis(machine=MACHINES["cpu"], precision="bf16"))
    assert changed(MACHINES["cpu"], 1e13, None, "bf16").peak("bf16") == 1e13


def test_every_machine_cites_its_numbers() -> None:
    for machine in MACHINES.values():
        assert "datasheet" in machine.source
        assert machine.peaks["fp32"] > machine.bandwidth


def test_most_of_what_an_imported_op_does_is_not_known() -> None:
    assert rules()[Family.OPAQUE] == {"opaque": "not counted"}


def test_values_between_fused_ops_are_not_moved() -> None:
    text = """\
network Net:
    input image: 8 x 12 x 12
    conv(8, 1) -> bn -> relu as body
    add{body | conv(8, 1)} -> relu as sum
    concat{sum | max_pool(3, stride=1)}
"""
    graph = archdsl.loads(text).graph
    run = {tuple(node.id for node in run): fused_traffic(graph, run, 4) for run in runs(graph, list(graph))}
    weights = 8 * 8 + 8
    assert run == {
        ("image",): 0,
        ("conv1", "bn", "body"): 4 * (2 * NUMBERS + weights + 16 + 17),  # bn learns 16 numbers, and keeps 17
        ("conv2", "add", "sum"): 4 * (2 * NUMBERS + weights),  # the shortcut is what the convolution takes
        ("max_pool",): 4 * 2 * NUMBERS,
        ("concat",): 0,
    }


def test_outputs_and_values_that_others_take_are_moved() -> None:
    text = """\
network Net:
    input image: 8 x 12 x 12
    conv(8, 1) as raw
    output early: raw
    relu -> conv(8, 1) as used
    add{relu | used}
"""
    graph = archdsl.loads(text).graph
    assert [[node.id for node in run] for run in runs(graph, list(graph))] == [
        ["image"],
        ["raw"],
        ["relu1"],
        ["used"],
        ["relu2", "add"],
    ]


@pytest.mark.sampled
@pytest.mark.parametrize("name", sorted({name.partition("@")[0] for name in NAMES}))
def test_fusing_never_makes_slower_nor_moves_less_than_must_be(name: str) -> None:
    machine = MACHINES["a100"]
    total = summarize(archdsl.load(name).graph, Basis(machine=machine)).total
    least = max(total.flops / machine.peak("fp32"), 4 * total.params / machine.bandwidth)
    assert least * (1 - 1e-9) <= total.fused <= total.time * (1 + 1e-9)
