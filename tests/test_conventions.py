"""Other counters' rules against those counters themselves: on every op, and on torchvision's own networks.

One network of each kind is counted, and all by `make variants`.
"""

from __future__ import annotations

import logging
import re
import warnings
from collections.abc import Callable
from typing import Any

import pytest
import torch
from emitted_ops import build, values
from gallery import COUNTERPARTS, Counterpart
from reference import import_torchvision
from torch import nn
from torch.utils.flop_counter import FlopCounterMode
from variants import about, one_of_each

import archdsl
from archdsl.analyses import totals
from archdsl.analyses.conventions import CONVENTIONS
from archdsl.analyses.measures import summarize
from archdsl.analyses.summary import Basis
from archdsl.ir.graph import Node
from archdsl.ops.base import Example, Module
from archdsl.ops.registry import REGISTRY


def by_fvcore(module: nn.Module, inputs: tuple[torch.Tensor, ...]) -> int:
    """It traces, which does not work on the meta device: weights and inputs become zeros."""
    from fvcore.nn import FlopCountAnalysis

    logging.getLogger("fvcore").setLevel(logging.ERROR)
    if inputs[0].device.type == "meta":
        inputs = tuple(torch.zeros(x.shape) for x in inputs)
        module = module.to_empty(device="cpu")
        for tensor in (*module.parameters(), *module.buffers()):
            nn.init.zeros_(tensor)
    with warnings.catch_warnings(), torch.no_grad():
        warnings.simplefilter("ignore")
        return int(FlopCountAnalysis(module, inputs).unsupported_ops_warnings(False).total())


def by_thop(module: nn.Module, inputs: tuple[torch.Tensor, ...]) -> int:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from thop import profile

        return int(profile(module, inputs, verbose=False)[0])


def by_torch(module: nn.Module, inputs: tuple[torch.Tensor, ...]) -> int:
    with FlopCounterMode(display=False) as counter:
        module(*inputs)
    return counter.get_total_flops()


COUNTERS: dict[str, Callable[[nn.Module, tuple[torch.Tensor, ...]], int]] = {
    "fvcore": by_fvcore,
    "thop": by_thop,
    "torch": by_torch,
}

# --- networks --------------------------------------------------------------------------------

TORCHVISION = [
    pair
    for pair in COUNTERPARTS
    if pair.reference.startswith("torchvision:") and not pair.reference.endswith(("+aux", ")")) and not pair.settings
]
"""Classifiers by name alone. Those that are called with arguments find maps, at sizes that would take long here."""

WITHOUT_EFFECT = {"alexnet": 256 * 6 * 6, "vgg": 512 * 7 * 7}
"""Numbers that torchvision's network pools from 6x6 to 6x6, or from 7x7 to 7x7, which the spec leaves out."""


def unseen(counter: str, pair: Counterpart) -> int:
    """What thop misses in torchvision's network: pools that are functions, and layers of classes of its own.

    Of fvcore only ViT: while it does not train, its attention is one operator, which fvcore does not know. Swin and
    MaxViT write their attention out, and fvcore sees products there that it does not see in our attention.
    """
    graph = archdsl.load(pair.spec).graph
    if counter == "fvcore" and pair.spec.startswith(("swin", "maxvit")):
        return -totals.macs(graph, [node for node in graph if node.op.name == "attend"])
    if counter == "torch" or (counter == "fvcore" and not pair.spec.startswith("vit")):
        return 0
    nodes = (node for node in graph if is_unseen(pair, node) and node.id not in graph.training_only)
    return sum(CONVENTIONS[counter].count(graph, node) for node in nodes)


def is_unseen(pair: Counterpart, node: Node) -> bool:
    name = pair.reference.partition(":")[2]
    if name in ("r3d_18", "mc3_18"):
        return ".unit" in node.id  # its blocks have classes that are made from nn.Conv3d
    if name.startswith("convnext"):
        return node.op.name == "layer_norm" and not re.search(r"\.\d+\.", node.id)  # over maps, outside the blocks
    if name.startswith("vit"):
        return ".self_attention." in node.id  # nn.MultiheadAttention reads the weights of its layers itself
    if name.startswith("swin"):
        return ".window_attention." in node.id  # so does its ShiftedWindowAttention
    if name.startswith(("densenet", "mobilenet")):
        return node.op.name == "global_avg_pool"
    return name == "inception_v3" and node.op.name == "avg_pool"


def torchvision_module(name: str) -> nn.Module:
    options: dict[str, Any] = {"init_weights": False} if name in ("googlenet", "inception_v3") else {}
    with torch.device("meta"):
        module: nn.Module = import_torchvision().models.get_model(name, **options)
    return module.eval()


def at(pair: Counterpart, counter: str) -> dict[str, int]:
    """The size to compare at. fvcore computes, so it gets a smaller image or clip where the network allows one."""
    fixed = pair.spec.startswith(("vit", "swin", "maxvit"))
    if counter != "fvcore" or fixed or pair.reference.endswith("inception_v3"):
        return {}
    return {"resolution": 96} | ({"frames": 8} if pair.spec.startswith("r3d") else {})


@pytest.mark.sampled
@pytest.mark.parametrize("spec", sorted({pair.spec.partition("@")[0] for pair in TORCHVISION}))
@pytest.mark.parametrize("name", COUNTERS)
def test_counts_torchvisions_networks_alike(name: str, spec: str, all_variants: bool) -> None:
    pairs = [pair for pair in TORCHVISION if pair.spec.partition("@")[0] == spec]
    for pair in pairs if all_variants else one_of_each(pairs):
        with about(pair):
            check_count(name, pair)


def check_count(name: str, pair: Counterpart) -> None:
    reference = pair.reference.partition(":")[2]
    graph = archdsl.load(pair.spec, **at(pair, name)).graph
    ours = summarize(graph, Basis(CONVENTIONS[name])).total.count
    x = torch.empty(1, *graph.inputs[0].output.dims, device="meta")
    theirs = COUNTERS[name](torchvision_module(reference), (x,))
    idle = next((n for start, n in WITHOUT_EFFECT.items() if reference.startswith(start)), 0)
    expected = ours - unseen(name, pair) + (2 * idle if name == "thop" else 0)
    # fvcore rounds what it finds for the einsums of MaxViT to four digits.
    rounds = name == "fvcore" and pair.spec.startswith("maxvit")
    assert theirs == pytest.approx(expected, rel=1e-6 if rounds else 0, abs=0)


def test_every_torchvision_network_of_the_gallery_is_compared() -> None:
    names = " ".join(pair.reference for pair in TORCHVISION)
    for family in "alexnet vgg googlenet inception resnet resnext wide_resnet densenet mobilenet efficientnet".split():
        assert family in names


def test_resnet_50_by_each_rule() -> None:
    graph = archdsl.load("resnet@50").graph
    counts = {name: summarize(graph, Basis(rule)).total.count for name, rule in CONVENTIONS.items()}
    assert {name: round(count / 1e9, 4) for name, count in counts.items()} == {
        "paper": 4.0892,
        "fvcore": 4.1115,
        "thop": 4.1337,
        "torch": 8.1784,
    }


# --- ops -------------------------------------------------------------------------------------


def examples() -> list[tuple[str, Example]]:
    return [(name, example) for name, op in sorted(REGISTRY.items()) if not op.internal for example in op.examples()]


def is_known_to_thop(example: Example) -> bool:
    """thop goes by PyTorch's own classes; of ours it knows none."""
    emission = example.op.torch(*example.inputs)
    return not (isinstance(emission, Module) and emission.support)


def count(name: str, example: Example) -> int:
    op, outputs = example.op, example.outputs
    convention = CONVENTIONS[name]
    further = convention.further.get(op.name)
    first = outputs if not isinstance(outputs, tuple) else outputs[0]
    return convention.factor * op.macs(*example.inputs) + (further(op, example.inputs, first) if further else 0)


COUNTED = [
    (counter, name, example)
    for counter in COUNTERS
    for name, example in examples()
    if counter != "thop" or is_known_to_thop(example)
]


@pytest.mark.parametrize(
    ("counter", "name", "example"), COUNTED, ids=lambda v: "x".join(map(str, v.inputs)) if isinstance(v, Example) else v
)
def test_counts_every_op_alike(counter: str, name: str, example: Example) -> None:
    batch = 2 if name == "bn" else 1  # one sample has no statistics
    device = "meta" if counter == "torch" else "cpu"  # on a CPU, torch counts nothing for an LSTM
    module = build(example.op, example.inputs, device).eval()
    theirs = COUNTERS[counter](module, values(example.inputs, batch, device))
    assert theirs == batch * count(counter, example)


@pytest.mark.parametrize("name", ["fvcore", "thop"])
def test_attention_is_not_seen(name: str) -> None:
    """Only the projections are counted; `paper` and PyTorch's own counter have both products as well."""
    net = archdsl.loads("network Net:\n    input words: 16 x 12\n    linear(48) -> split(3) -> attend(2)\n")
    found = COUNTERS[name](net.module().eval(), (torch.zeros(1, 16, 12),))
    assert found == sum(CONVENTIONS[name].count(net.graph, node) for node in net.graph) == 16 * 48 * 12
