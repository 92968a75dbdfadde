"""Trains the compiled ResNet-18 and torchvision's side by side, and shows that they learn alike.

    pip install 'archdsl[examples]' torchvision
    python examples/same_loss.py

Both begin with the same weights, and see the same images in the same order. In float64 their losses stay equal to 1e-6
over 50 steps: the compiled module is not only the same function, but is trained the same way, running statistics
included. The images are random numbers, so nothing but the comparison is to be learned from the curve. Writes
same_loss.svg.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn import functional as F

import archdsl

REFERENCE = "torchvision:resnet18(num_classes=10)"
TOLERANCE = 1e-6


def both() -> tuple[nn.Module, nn.Module]:
    """The compiled network and torchvision's, with the same weights, in float64."""
    from archdsl.frontends.references import build

    theirs = build(REFERENCE)
    ours = archdsl.load("resnet@18", classes=10).load_weights(theirs.state_dict(), REFERENCE)
    assert isinstance(ours, nn.Module)
    return ours.double(), theirs.double()


def batches(count: int) -> list[tuple[Tensor, Tensor]]:
    """Random images (8, 3, 32, 32) and their classes (8), the same at each call."""
    generator = torch.Generator().manual_seed(0)
    images = torch.randn(count, 8, 3, 32, 32, dtype=torch.float64, generator=generator)
    return list(zip(images, torch.randint(10, (count, 8), generator=generator), strict=True))


def losses(model: nn.Module, steps: list[tuple[Tensor, Tensor]]) -> list[float]:
    """Trains a model with one step for each batch, and returns the loss of each."""
    model.train()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.05, momentum=0.9, weight_decay=1e-4)
    found = []
    for images, classes in steps:
        loss = F.cross_entropy(model(images), classes)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        found.append(loss.item())
    return found


def plot(ours: list[float], theirs: list[float], path: Path) -> None:
    """Draws both curves over each other."""
    import matplotlib

    matplotlib.use("svg")
    from matplotlib import pyplot

    figure, axes = pyplot.subplots(figsize=(6, 3.5), layout="constrained")
    axes.plot(theirs, label="torchvision", linewidth=4, alpha=0.4)
    axes.plot(ours, label="compiled", linewidth=1.5)
    axes.set(xlabel="step", ylabel="loss")
    axes.legend()
    figure.savefig(path)
    pyplot.close(figure)


def main() -> None:
    parser = argparse.ArgumentParser(description="Compare the training of ResNet-18 with torchvision's.")
    parser.add_argument("--steps", type=int, default=50, help="default: %(default)s")
    parser.add_argument("-o", "--output", type=Path, default=Path("same_loss.svg"), help="default: %(default)s")
    given = parser.parse_args()
    compiled, public = both()
    steps = batches(given.steps)
    ours, theirs = losses(compiled, steps), losses(public, steps)
    plot(ours, theirs, given.output)
    apart = max(abs(one - other) for one, other in zip(ours, theirs, strict=True))
    print(f"losses of {given.steps} steps differ by {apart:.1e} at most; wrote {given.output}")
    if apart > TOLERANCE:
        raise SystemExit(f"that is more than {TOLERANCE:g}")


if __name__ == "__main__":
    main()
