"""`compile --memory` and `--keep`: what is chosen to run again fits, is predicted, and trains as before."""

from __future__ import annotations

import copy
import pickle
import random
from collections.abc import Iterator
from itertools import combinations
from pathlib import Path
from typing import Any

import pytest
import torch
from calls import Caller
from emission import example_inputs, tensors_of
from live_memory import kept_memory
from recomputation import HEAVY, assert_same, small_inputs, step
from torch import nn
from torch.utils.flop_counter import FlopCounterMode
from variants import Variant, of_each_kind

import archdsl
from archdsl.analyses.budget import Budget, OverBudget
from archdsl.analyses.choosing import Steps, Unreachable, chosen
from archdsl.analyses.recomputation import Recomputation, Segment
from archdsl.backends.torch.extras import Extras
from archdsl.backends.torch.load import load
from archdsl.backends.torch.source import Emitted, emit
from archdsl.ir.graph import Graph, Value
from archdsl.outputs import prepared

BATCH = 2


def emitted(graph: Graph, **budget: Any) -> Emitted:
    return emit(prepared(graph, "torch"), Extras(budget=Budget(**budget)))


def made(text: Emitted, **where: Any) -> nn.Module:
    namespace = load(text.text, text.name.lower())
    with torch.device(where.get("device", "cpu")):
        module: nn.Module = getattr(namespace, text.name)()
    return module.to(dtype=where.get("dtype")).train()


# --- what is promised ------------------------------------------------------------------------

PUBLISHED = {"resnet@50": 0.49, "densenet@201": 0.27, "mobilenet_v2": 0.35, "efficientnet@b0": 0.32}
"""The shares that are kept for at most 40 % more multiply-adds in the forward pass."""


@pytest.mark.parametrize("name", PUBLISHED)
def test_what_is_kept(name: str, all_variants: bool) -> None:
    """Against PyTorch's own hooks, in the module itself."""
    if name != "mobilenet_v2" and not all_variants:
        pytest.skip("takes some seconds; runs with --all-variants")
    graph = archdsl.load(name).graph
    text = emitted(graph, keep=PUBLISHED[name], batch=BATCH)
    outcome = text.outcome
    assert outcome is not None
    module, inputs = made(text, device="meta"), example_inputs(graph, BATCH, device="meta")
    kept = kept_memory(module, inputs)
    module.checkpointing(False)
    before = kept_memory(module, inputs)
    assert kept == pytest.approx(outcome.kept, rel=0.02)
    assert kept <= PUBLISHED[name] * before
    assert before == outcome.before
    assert outcome.extra <= 0.4 * outcome.macs


def macs(module: nn.Module, inputs: list[torch.Tensor]) -> float:
    """Multiply-adds of a training step, as PyTorch counts them."""
    with FlopCounterMode(display=False) as counter:
        torch.stack([output.sum() for output in tensors_of(module(*inputs))]).sum().backward()
    return counter.get_total_flops() / 2


@pytest.mark.parametrize(
    ("name", "settings", "keep"),
    [
        ("resnet@18", {"resolution": 64}, 0.4),
        ("densenet_cifar@40_12", {"layers": 3}, 0.4),
    ],
)
def test_what_is_computed_twice(name: str, settings: dict[str, Any], keep: float) -> None:
    """Against PyTorch's own counter, and what is kept."""
    graph = archdsl.load(name, **settings).graph
    text = emitted(graph, keep=keep, batch=BATCH)
    outcome = text.outcome
    assert outcome is not None
    module, inputs = made(text, device="meta"), example_inputs(graph, BATCH, device="meta")
    assert kept_memory(module, inputs) == outcome.kept <= keep * outcome.before
    total = macs(module, inputs)
    module.checkpointing(False)
    assert total - macs(module, inputs) == outcome.extra


@of_each_kind
def test_trains_as_before(variant: Variant) -> None:
    """With half of the values kept, or as many as have to be; small images, random numbers and statistics included."""
    graph = variant.graph
    if sum(node.op.params(*graph.tensors_into(node.id)) for node in graph) > HEAVY:
        return
    try:
        text = emitted(graph, keep=0.5)
    except OverBudget as error:
        text = emitted(graph, keep=error.nearest.kept / error.nearest.before + 1e-9)
    module, inputs = made(text, dtype=torch.float64), small_inputs(graph)
    state = {name: value.clone() for name, value in module.state_dict().items()}
    module.checkpointing(False)
    try:
        expected = step(module, inputs)
    except RuntimeError:  # it does not take images that small
        return
    module.load_state_dict(state)
    module.zero_grad()
    module.checkpointing()
    assert_same(step(module, inputs), expected)


def test_concatenations_are_kept_as_their_parts() -> None:
    """In copies and pickles as well."""
    graph = archdsl.load("densenet_cifar@40_12", layers=2).graph
    text = emitted(graph, keep=0.35)
    assert "joined([x, y])" in text.text
    module, inputs = made(text, dtype=torch.float64), small_inputs(graph)
    copies = copy.deepcopy(module), pickle.loads(pickle.dumps(module))
    module.checkpointing(False)
    expected = step(module, inputs)
    for one in copies:
        assert_same(step(one, inputs), expected)


# --- the best choice -------------------------------------------------------------------------

LAYERS = ("conv(8, 3)", "conv(16, 1)", "conv(4, 5)", "bn", "relu", "sigmoid", "avg_pool(3, stride=1)", "bn -> relu")


def chains() -> Iterator[tuple[Recomputation, Steps]]:
    """Random networks without branches, and all segments of each."""
    numbers = random.Random(0)
    for _ in range(12):
        layers = " -> ".join(numbers.choice(LAYERS) for _ in range(6))
        graph = archdsl.loads(f"network Net:\n    input image: 4 x 12 x 12\n    conv(8, 3) -> {layers}").graph
        nodes = [node.id for node in graph if node.op.name != "input"]
        spans = list(combinations(range(len(nodes) + 1), 2))
        rows = {
            (start, stop): Segment(tuple(nodes[start:stop]), tuple(graph.inputs_of(nodes[start])))
            for start, stop in spans
        }
        yield Recomputation(graph), Steps(len(nodes), [rows], [[[] for _ in nodes]])


def choices(steps: Steps, start: int = 0) -> Iterator[list[Segment]]:
    """Every way to choose segments that do not overlap."""
    yield []
    for (first, stop), segment in steps.segments[0].items():
        if first >= start:
            yield from ([segment, *others] for others in choices(steps, stop))


def test_no_choice_is_better_in_a_chain() -> None:
    """Against all choices, for several budgets, in small random networks."""
    for network, steps in chains():
        possible = [one for one in choices(steps) if all(map(network.is_possible, one))]
        costs = [(network.kept(one), sum(map(network.extra, one))) for one in possible]
        plain = network.kept()
        for share in (0.9, 0.7, 0.5, 0.3, 0.1):
            most = int(share * plain)
            fitting = [extra for kept, extra in costs if kept <= most]
            if not fitting:
                with pytest.raises(Unreachable):
                    chosen(network, [steps], most)
                continue
            found = chosen(network, [steps], most)
            assert found.kept <= most
            assert found.macs == min(fitting)


def test_inputs_that_are_overwritten_are_not_kept() -> None:
    """A segment may not begin with an activation that overwrites what a convolution gives."""
    graph = archdsl.loads("network Net:\n    input image: 4 x 8 x 8\n    conv(8, 3) -> relu -> conv(8, 3)").graph
    assert not Recomputation(graph).is_possible(Segment(("relu", "conv2"), (Value("conv1"),)))


# --- the command -----------------------------------------------------------------------------


def test_a_file_says_what_runs_again(call: Caller, tmp_path: Path) -> None:
    done = call("compile", "resnet@18", "--memory", "2G", "--batch", "64", "-o", str(tmp_path / "net.py"))
    assert done.code == 0
    assert "more multiply-adds in the forward pass" in done.out
    assert "RECOMPUTED = {" in (tmp_path / "net.py").read_text()


@pytest.mark.parametrize(
    ("words", "error"),
    [
        ("--keep 0", "--keep takes a share above 0 and up to 1"),
        ("--keep 1.5", "--keep takes a share above 0 and up to 1"),
        ("--memory lots", "--memory takes a number of bytes"),
        ("--memory 0G", "--memory takes a number of bytes"),
        ("--memory 1G --keep 0.5", "leave one of them out"),
        ("--batch 8", "give --memory too"),
        ("--memory 8G --batch 0", "--batch takes a number of samples"),
        ("--keep 0.5 --for inference", "is not trained"),
        ("--keep 0.5 --emit onnx", "--emit does not name torch"),
    ],
)
def test_wrong_calls(call: Caller, words: str, error: str) -> None:
    done = call("compile", "resnet@50", *words.split(), "-o", "-")
    assert done.code == 2
    assert error in " ".join(done.err.split())


@pytest.mark.parametrize("words", ["--keep 0.01", "--memory 500M --batch 64"])
def test_the_nearest_budget_can_be_met(call: Caller, words: str) -> None:
    refused = call("compile", "resnet@18", *words.split(), "-o", "-")
    assert refused.code == 2
    nearest = " ".join(refused.err.split()).split("write ")[1].rstrip(".").split(",")[0].split()
    others = words.split()[2:]
    assert call("compile", "resnet@18", *nearest, *others, "-o", "-").code == 0


def test_one_network_at_a_time(call: Caller) -> None:
    done = call("compile", "resnet", "--variants", "18,34", "--keep", "0.5", "-o", "-")
    assert done.code == 2
    assert "compile one variant at a time" in " ".join(done.err.split())
