"""How fast emitted modules are, beside those that people wrote. `make bench` prints it; nothing is asserted on time."""

from __future__ import annotations

from collections.abc import Callable

import torch
from measure import beside, report
from torch import nn

from archdsl import load
from archdsl.frontends.references import build

PAIRS = {
    "resnet@50": "torchvision:resnet50",
    "mobilenet_v2": "torchvision:mobilenet_v2",
    "googlenet@bn": "torchvision:googlenet",
    "densenet@121": "torchvision:densenet121",
    "efficientnet@b0": "torchvision:efficientnet_b0",
}


def bench_emitted_modules() -> None:
    """A forward pass in evaluation, and one with its backward pass in training, of 4 images of 128 pixels."""
    images = torch.randn(4, 3, 128, 128)
    for spec, reference in PAIRS.items():
        modules = [load(spec).module(), build(reference)]
        for what, make in (("forward", inference), ("training step", training)):
            ours, theirs = beside(*(make(module, images) for module in modules))
            report(f"{spec}, {what}, emitted / {reference}, seconds", ours, theirs, 1)


def inference(module: nn.Module, images: torch.Tensor) -> Callable[[], object]:
    def run() -> None:
        module.eval()
        with torch.no_grad():
            module(images)

    return run


def training(module: nn.Module, images: torch.Tensor) -> Callable[[], object]:
    def run() -> None:
        module.train()
        module.zero_grad()
        found = module(images)
        (found[0] if isinstance(found, tuple) else found).sum().backward()

    return run
