"""Arrangements say where the numbers of views and permutes lie: what they predict is what PyTorch gives."""

from __future__ import annotations

import random
from math import prod

import pytest
import torch

from archdsl.frontends.arrangement import REPEATED, Arrangement, along, whole

DIVISORS = {n: [d for d in range(2, n) if n % d == 0] for n in range(1, 13)}


def predicted(value: torch.Tensor, arrangement: Arrangement) -> torch.Tensor:
    """The tensor that lies so in a value, read from the value's memory, number by number."""
    strides = dict(enumerate(value.stride())) | {REPEATED: 0}
    atoms = [atom for axis in arrangement.axes for atom in axis]
    steps = [strides[atom.dim] * atom.step for atom in atoms]
    return value.as_strided([atom.size for atom in atoms], steps).reshape(arrangement.shape)


def changed(tensor: torch.Tensor, arrangement: Arrangement, chance: random.Random) -> tuple[torch.Tensor, Arrangement]:
    """Both after the same random change of the layout."""
    shape = list(tensor.shape)
    axis = chance.randrange(len(shape))
    match chance.choice(["permute", "split", "merge", "unsqueeze", "squeeze", "expand"]):
        case "permute":
            order = chance.sample(range(len(shape)), len(shape))
            return tensor.permute(order), arrangement.permuted(order)
        case "split" if DIVISORS.get(shape[axis]):
            outer = chance.choice(DIVISORS[shape[axis]])
            shape[axis : axis + 1] = [outer, shape[axis] // outer]
        case "merge":
            shape[axis : axis + 2] = [prod(shape[axis : axis + 2])]
        case "unsqueeze" if len(shape) < 6:
            shape.insert(axis, 1)
        case "squeeze":
            shape = [size for size in shape if size != 1] or [1]
        case "expand" if shape[axis] == 1 and tensor.numel() < 5000:
            shape[axis] = 3
            return tensor.expand(shape), arrangement.expanded(shape)
    found = arrangement.reshaped(shape)
    return (tensor, arrangement) if found is None else (tensor.reshape(shape), found)


@pytest.mark.parametrize("seed", range(20))
def test_what_an_arrangement_predicts_is_what_torch_gives(seed: int) -> None:
    chance = random.Random(seed)
    for _ in range(20):
        dims = [chance.choice([1, 2, 3, 4, 6, 12]) for _ in range(chance.randint(1, 4))]
        value = torch.arange(prod(dims)).reshape(dims)
        tensor, arrangement = value, whole(dims)
        for _ in range(8):
            tensor, arrangement = changed(tensor, arrangement, chance)
            assert arrangement.shape == tuple(tensor.shape)
            assert torch.equal(predicted(value, arrangement), tensor)


def test_what_was_taken_apart_and_put_together_is_whole_again() -> None:
    maps = whole((2, 12, 8, 8))
    windows = maps.reshaped((2, 12, 2, 4, 2, 4))
    assert windows is not None
    turned = windows.permuted((0, 2, 4, 3, 5, 1)).reshaped((8, 16, 12))
    assert turned is not None
    assert str(turned) == "batch 2:2 by 4 3:2 by 4, 2:4 3:4, 1:12"
    opened = turned.reshaped((2, 2, 2, 4, 4, 12))
    assert opened is not None
    assert opened.permuted((0, 5, 1, 3, 2, 4)).reshaped((2, 12, 8, 8)) == maps


def test_a_cut_through_uneven_pieces_is_none() -> None:
    assert whole((2, 3)).permuted((1, 0)).reshaped((2, 3)) is None
    assert whole((4, 3)).reshaped((2, 6)) == Arrangement((along(0, 2, 2), along(0, 2) + along(1, 3)))


def test_the_batch_is_left_out_of_the_axis_that_it_is_folded_into() -> None:
    windows = whole((2, 8, 4, 6)).permuted((2, 0, 3, 1)).reshaped((8, 48))
    assert windows is not None
    assert windows.without_batch() == (4, 48)
    assert windows.expanded((5, 8, 48)).without_repeats().shape == (1, 8, 48)
