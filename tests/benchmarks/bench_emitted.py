"""How fast emitted modules are, beside those that people wrote. `make bench` prints it; nothing is asserted on time."""

from __future__ import annotations

from collections.abc import Callable

import torch
from measure import beside, report
from reference import import_torchvision
from torch import nn

from archdsl import load

PAIRS = {
    "resnet@50": "resnet50",
    "mobilenet_v2": "mobilenet_v2",
    "googlenet@bn": "googlenet",
    "densenet@121": "densenet121",
    "efficientnet@b0": "efficientnet_b0",
}


def bench_emitted_modules() -> None:
    """A forward pass in evaluation, and one with its backward pass in training, of 4 images of 128 pixels.

    Both have the same weights: how long a maximum takes depends on the numbers.
    """
    images = torch.randn(4, 3, 128, 128)
    models = import_torchvision().models
    for spec, name in PAIRS.items():
        reference = models.get_model(name, weights=None)
        emitted = load(spec).load_weights(reference.state_dict(), from_=f"torchvision:{name}")
        for what, make in (("forward", inference), ("training step", training)):
            ours, theirs = beside(*(make(module, images) for module in (emitted, reference)))
            report(f"{spec}, {what}, emitted / torchvision's, seconds", ours, theirs, 1)


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
