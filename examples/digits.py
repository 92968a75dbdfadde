"""Trains the compiled LeNet on handwritten digits, on a CPU, in less than a minute.

    pip install 'archdsl[examples]'
    python examples/digits.py

The 1,797 images of 8 x 8 pixels come with scikit-learn (Alpaydin & Kaynak 1998, Optical recognition of handwritten
digits). They are enlarged to the 32 x 32 of LeNet-5. A fifth of them is held out. Writes digits.svg, with the loss and
the share of digits that are read wrong, after each pass over the images.
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path
from typing import NamedTuple

import torch
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
from torch import Tensor, nn
from torch.nn import functional as F

import archdsl

FARTHEST = 3
"""How many pixels an image is moved at most, so that the network learns digits and not where they stand."""


class Data(NamedTuple):
    """Images (count, 1, 32, 32) of numbers around 0, and the digits (count) that they show."""

    images: Tensor
    digits: Tensor


class Pass(NamedTuple):
    """What was measured after a pass over the images: the mean loss, and the shares that are read right."""

    loss: float
    trained: float
    held_out: float


def digits() -> tuple[Data, Data]:
    """The images to learn from, and those that are held out."""
    found = load_digits()
    images = torch.tensor(found.images, dtype=torch.float32)[:, None] / 16
    images = F.interpolate((images - images.mean()) / images.std(), size=(32, 32), mode="bilinear")
    split = train_test_split(images, torch.tensor(found.target), test_size=0.2, random_state=0, stratify=found.target)
    return Data(split[0], split[2]), Data(split[1], split[3])


def right(model: nn.Module, data: Data) -> float:
    """The share of digits that a model reads right."""
    model.eval()
    with torch.no_grad():
        return float((model(data.images).argmax(1) == data.digits).float().mean())


def train(model: nn.Module, learned: Data, held_out: Data, passes: int, batch: int = 64) -> list[Pass]:
    """Trains a model, and prints what was measured after each pass."""
    optimizer = torch.optim.AdamW(model.parameters(), lr=3e-3)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, passes)
    history = []
    for count in range(1, passes + 1):
        loss = one_pass(model, learned, optimizer, batch)
        schedule.step()
        history.append(Pass(loss, right(model, learned), right(model, held_out)))
        print(f"pass {count:2} of {passes}: loss {loss:.4f}, held out {history[-1].held_out:.1%} right", flush=True)
    return history


def one_pass(model: nn.Module, data: Data, optimizer: torch.optim.Optimizer, batch: int) -> float:
    """One step for each batch, in a random order, with the images moved by some pixels. Returns the mean loss."""
    model.train()
    total = 0.0
    for chosen in torch.randperm(len(data.digits)).split(batch):
        down, right = torch.randint(-FARTHEST, FARTHEST + 1, (2,)).tolist()
        images = data.images[chosen].roll((down, right), dims=(2, 3))
        loss = F.cross_entropy(model(images), data.digits[chosen])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        total += loss.item() * len(chosen)
    return total / len(data.digits)


def plot(history: list[Pass], path: Path) -> None:
    """Draws the loss, and the shares that are read wrong."""
    import matplotlib

    matplotlib.use("svg")
    from matplotlib import pyplot

    figure, (left, second) = pyplot.subplots(1, 2, figsize=(9, 3.5), layout="constrained")
    numbers = range(1, len(history) + 1)
    left.plot(numbers, [one.loss for one in history])
    left.set(xlabel="pass over the images", ylabel="loss", yscale="log")
    second.plot(numbers, [100 * (1 - one.trained) for one in history], label="learned from")
    second.plot(numbers, [100 * (1 - one.held_out) for one in history], label="held out")
    second.set(xlabel="pass over the images", ylabel="read wrong, %")
    second.legend()
    figure.savefig(path)
    pyplot.close(figure)


def main() -> None:
    parser = argparse.ArgumentParser(description="Train LeNet-5 on the digits of scikit-learn.")
    parser.add_argument("--passes", type=int, default=40, help="passes over the images; default: %(default)s")
    parser.add_argument("-o", "--output", type=Path, default=Path("digits.svg"), help="default: %(default)s")
    given = parser.parse_args()
    torch.manual_seed(0)
    model = archdsl.load("lenet@5").module()
    learned, held_out = digits()
    start = time.perf_counter()
    history = train(model, learned, held_out, given.passes)
    plot(history, given.output)
    print(f"{history[-1].held_out:.1%} of {len(held_out.digits)} held-out digits right", end=" ")
    print(f"after {time.perf_counter() - start:.0f} s; wrote {given.output}")


if __name__ == "__main__":
    main()
