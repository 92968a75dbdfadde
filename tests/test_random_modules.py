"""Random PyTorch modules: what is imported and emitted computes the same, with equal weights; `make variants`: more."""

from __future__ import annotations

import warnings

import pytest
import torch
from random_modules import SIDE, WIDTH, Whole
from torch import Tensor, nn

import archdsl

SEEDS = (4, 8, 26, 33, 36)
"""Those of the first that show most: parts called in parts, out of order, and with channels moved between them."""


def proven(module: nn.Module) -> bool:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # parts whose results nothing uses are left out, which is said
        return archdsl.from_torch(module, torch.zeros(2, WIDTH, SIDE, SIDE)).prove(module).ok


def test_parts_may_be_called_in_any_order(all_variants: bool) -> None:
    wrong = [seed for seed in (range(200) if all_variants else SEEDS) if not proven(Whole(seed))]
    assert not wrong


class Backwards(nn.Module):
    """Calls copies of a block from the last to the first; `skipped` are left out."""

    def __init__(self, skipped: int = 0) -> None:
        super().__init__()
        self.layers = nn.ModuleList(nn.Sequential(nn.Conv2d(WIDTH, WIDTH, 1), nn.ReLU()) for _ in range(4))
        self.skipped = skipped

    def forward(self, x: Tensor) -> Tensor:
        for layer in list(self.layers)[: self.skipped - 1 if self.skipped else None : -1]:
            x = layer(x)
        return x


@pytest.mark.parametrize("skipped", [0, 1])
def test_copies_that_are_not_called_in_the_order_of_their_numbers_keep_their_weights(skipped: int) -> None:
    module = Backwards(skipped)
    assert proven(module)
