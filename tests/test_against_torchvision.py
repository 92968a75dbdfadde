"""Equal weights in our network and torchvision's give equal outputs, in both modes; `make variants`: at two sizes."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from reference import import_torchvision
from torch import nn

import archdsl
from archdsl.prove.prove import prove
from archdsl.prove.weights import load_weights

NETWORKS = {
    "alexnet@torchvision": ("alexnet", {}),
    "densenet@121": ("densenet121", {}),
    "efficientnet@b0": ("efficientnet_b0", {}),
    "googlenet@bn": ("googlenet", {"init_weights": False}),
    "mobilenet_v2@1.0": ("mobilenet_v2", {}),
    "resnet@18": ("resnet18", {}),
    "resnet@50": ("resnet50", {}),
    "vgg@A": ("vgg11", {}),
    "vgg@A_bn": ("vgg11_bn", {}),
}


@pytest.mark.sampled
@pytest.mark.parametrize("name", NETWORKS)
def test_outputs_are_equal(name: str, all_variants: bool) -> None:
    """At sizes in pixels that are small, so that float64 takes seconds, and that no reference was made for."""
    for size in (64, 96) if all_variants else (96,):
        check(name, size)


def check(name: str, size: int) -> None:
    torch.manual_seed(0)
    reference, options = NETWORKS[name]
    theirs: Any = getattr(import_torchvision().models, reference)(**options)
    net = archdsl.load(name, resolution=size)
    ours = net.module(dtype=torch.float64)
    weights = prove(net.graph, theirs, structure_only=True).weights
    assert weights is not None
    load_weights(ours, theirs.double().state_dict(), weights)
    for network in (ours, theirs):
        without_chance(network)
    image = torch.randn(2, 3, size, size, dtype=torch.float64)
    for training in (False, True):
        with torch.no_grad():
            mine, its = ours.train(training)(image), theirs.train(training)(image)
        for one, other in zip(outputs(mine), outputs(its), strict=True):
            assert (one - other).abs().max() <= 1e-9 * other.abs().max(), training


def without_chance(network: nn.Module) -> None:
    """Dropout and stochastic depth keep everything."""
    for module in network.modules():
        if type(module).__name__ in ("Dropout", "StochasticDepth", "DropPath"):
            module.p = 0.0


def outputs(result: Any) -> list[torch.Tensor]:
    """The outputs by name: torchvision puts GoogLeNet's second auxiliary classifier first."""
    if isinstance(result, torch.Tensor):
        return [result]
    found = result._asdict()
    return [
        found.get(name, found.get(other))
        for name, other in (("output", "logits"), ("aux1", "aux_logits1"), ("aux2", "aux_logits2"))
    ]
