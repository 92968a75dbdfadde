"""Random PyTorch modules whose parts are called in an order that need not be that of their tree, as in published code.

Some layers want the channels first, others last; some values are learned. A module may call layers of its parts itself,
so that the calls of one part stand between those of another.
"""

from __future__ import annotations

import random

import torch
from torch import Tensor, nn

WIDTH, SIDE = 4, 3


class Last(nn.Module):
    """A layer that wants the channels last."""

    def __init__(self, layer: nn.Module) -> None:
        super().__init__()
        self.layer = layer

    def forward(self, x: Tensor) -> Tensor:
        return self.layer(x.movedim(1, -1)).movedim(-1, 1)


class Joined(nn.Module):
    """A layer of two values side by side."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(2 * WIDTH, WIDTH, 1)

    def forward(self, x: Tensor, y: Tensor) -> Tensor:
        return self.conv(torch.cat([x, y], 1))


class Learned(nn.Module):
    """Adds a learned value, or joins it."""

    def __init__(self, joins: bool) -> None:
        super().__init__()
        self.value = nn.Parameter(torch.randn(1, WIDTH, SIDE, SIDE))
        self.joined = Joined() if joins else None

    def forward(self, x: Tensor) -> Tensor:
        return self.joined(x, self.value.expand(x.shape[0], -1, -1, -1)) if self.joined else x + self.value


LEAVES = (
    lambda: nn.Conv2d(WIDTH, WIDTH, 3, padding=1),
    lambda: Last(nn.Linear(WIDTH, WIDTH)),
    lambda: Last(nn.LayerNorm(WIDTH)),
    lambda: Learned(joins=False),
    lambda: Learned(joins=True),
    nn.ReLU,
    Joined,
)


class Part(nn.Module):
    """Layers and further parts, and a forward pass that calls these, or the layers of a part, in any order."""

    def __init__(self, draw: random.Random, depth: int) -> None:
        super().__init__()
        count = draw.randint(2, 4)
        made = [Part(draw, depth - 1) if depth and draw.random() < 0.5 else draw.choice(LEAVES)() for _ in range(count)]
        self.parts = nn.ModuleList(made)
        opened = [part for part in made if isinstance(part, Part) and draw.random() < 0.4]
        calls = [part for part in made if part not in opened]
        calls += [layer for part in opened for layer in part.parts]
        calls += draw.sample(calls, draw.random() < 0.3)
        draw.shuffle(calls)
        self.calls = [(self._path(layer), draw.random(), draw.random()) for layer in calls]
        self.ends = draw.random()

    def _path(self, layer: nn.Module) -> str:
        return next(path for path, module in self.named_modules() if module is layer)

    def forward(self, x: Tensor, y: Tensor) -> Tensor:
        """Two values flow in; each call takes values made before, mostly late ones."""
        values = [y, x]
        for path, one, other in self.calls:
            layer = self.get_submodule(path)
            taken = [values[-1 - int(len(values) * share * share)] for share in (one, other)]
            values.append(layer(*taken) if isinstance(layer, Part | Joined) else layer(taken[0]))
        return values[-1] + values[int((len(values) - 1) * self.ends)]


class Whole(nn.Module):
    """A random network of one image."""

    def __init__(self, seed: int) -> None:
        super().__init__()
        self.part = Part(random.Random(seed), depth=2)

    def forward(self, image: Tensor) -> Tensor:
        return self.part(image, image.relu())
