"""What a proof takes for granted of PyTorch's functions: which keep all numbers in order, which act by chance."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from types import ModuleType
from typing import Any

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from archdsl.ops.internal import RESHAPES
from archdsl.prove.canonical import form
from archdsl.prove.numbers import WithoutChance
from archdsl.prove.sides import of_module
from archdsl.tensor import Tensor

# --- shapes ------------------------------------------------------------------------------------

Call = Callable[[torch.Tensor], torch.Tensor]

CALLS: dict[str, Call] = {
    "view": lambda x: x.view(len(x), 4, -1),
    "reshape": lambda x: x.reshape(len(x), 4, -1),
    "_unsafe_view": lambda x: torch.ops.aten._unsafe_view(x, [len(x), 4, -1]),
    "flatten": lambda x: x.flatten(2),
    "unflatten": lambda x: x.unflatten(1, (4, 1)),
    "squeeze": lambda x: x.squeeze(3),
    "unsqueeze": lambda x: x.unsqueeze(2),
    "expand": lambda x: x.expand(-1, 4, 6, 6),
    "expand to the same": lambda x: x.unsqueeze(2).expand(-1, -1, 1, -1, -1),
    "repeat": lambda x: x.repeat(1, 1, 2, 1),
    "transpose": lambda x: x.transpose(2, 3),
    "transpose of channels": lambda x: x.reshape(len(x), 4, -1).transpose(1, 2),
    "permute": lambda x: x.permute(0, 1, 3, 2),
    "swap of groups": lambda x: x.unflatten(1, (2, 2)).transpose(1, 2).flatten(1, 2),
    "flip": lambda x: x.flip(1),
    "roll": lambda x: x.roll(1, 1),
    "rot90": lambda x: x.rot90(2, (1, 2)),
    "sort": lambda x: x.sort(1)[0],
    "cumsum": lambda x: x.cumsum(1),
    "slice": lambda x: x[:, 1:],
    "contiguous": lambda x: x.transpose(2, 3).contiguous(),
}
"""Functions of PyTorch that change shapes or order, on a square map or on a single pixel."""

STARTS: dict[str, Call] = {"a map": lambda x: x.relu(), "a pixel": lambda x: x.relu().mean((2, 3), keepdim=True)}


class Function(nn.Module):
    def __init__(self, *calls: Call) -> None:
        super().__init__()
        self.calls = calls

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        for call in self.calls:
            x = call(x)
        return x


def keeps_all(call: Call, start: Call) -> bool:
    """Whether PyTorch gives the same numbers in the same order."""
    value = start(torch.randn(2, 4, 6, 6))
    return torch.equal(call(value).flatten(), value.flatten())


def parts(*calls: Call) -> list[str]:
    return [part.op for part in form(of_module(Function(*calls), [Tensor(4, 6, 6)]).graph).parts()]


@pytest.mark.parametrize("start", STARTS)
@pytest.mark.parametrize("name", CALLS)
def test_what_a_proof_passes_over_keeps_all_numbers(name: str, start: str) -> None:
    if parts(STARTS[start], CALLS[name]) == parts(STARTS[start]):
        assert keeps_all(CALLS[name], STARTS[start])


@pytest.mark.parametrize("start", STARTS)
@pytest.mark.parametrize("name", sorted(RESHAPES))
def test_a_reshape_keeps_all_numbers(name: str, start: str) -> None:
    if (name, start) != ("squeeze", "a map"):
        assert keeps_all(CALLS[name], STARTS[start])


def test_a_reshape_of_a_pixel_is_no_difference() -> None:
    """So the tests above have something to look at."""
    passed = {name for name in CALLS if parts(STARTS["a pixel"], CALLS[name]) == parts(STARTS["a pixel"])}
    assert passed >= RESHAPES


# --- chance ------------------------------------------------------------------------------------


def dropouts() -> Iterator[Callable[..., Any]]:
    """All public functions of PyTorch's whose name says that they drop values and that give nothing else."""
    spaces: tuple[ModuleType, ...] = (F, torch)
    names = {(space, name) for space in spaces for name in dir(space) if re.match(r"(?!_|native_).*dropout", name)}
    yield from dict.fromkeys(getattr(space, name) for space, name in sorted(names, key=str))


def image_for(function: Callable[..., Any]) -> torch.Tensor:
    dimensions = {"1d": 1, "3d": 3}.get(function.__name__.rstrip("_")[-2:], 2)
    return torch.rand(2, 4, *(3,) * dimensions) + 1


DROPOUTS = pytest.mark.parametrize(
    "function", [*dict.fromkeys((*dropouts(), *sorted(WithoutChance.DROPOUTS, key=str)))]
)


@DROPOUTS
def test_a_dropout_hands_on_its_input_without_chance(function: Callable[..., Any]) -> None:
    given = image_for(function)
    with WithoutChance():
        assert torch.equal(function(given.clone(), 0.5, True), given)


@DROPOUTS
def test_what_is_passed_over_acts_by_chance_and_in_training_alone(function: Callable[..., Any]) -> None:
    torch.manual_seed(0)
    given = image_for(function)
    assert torch.equal(function(given.clone(), 0.5, False), given)
    found = [function(given.clone(), 0.5, True) for _ in range(20)]
    assert not all(torch.equal(found[0], other) for other in found)


@pytest.mark.parametrize("given", [(), (0.2,), (0.9,)])
def test_a_random_mask_is_its_mean_without_chance(given: tuple[float, ...]) -> None:
    torch.manual_seed(0)
    with WithoutChance():
        mask = torch.empty(100_000).bernoulli_(*given)
    assert torch.equal(mask, mask[:1].expand_as(mask))
    assert mask[0].item() == pytest.approx(torch.empty(100_000).bernoulli_(*given).mean().item(), abs=0.01)
