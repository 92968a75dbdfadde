"""What a network computes from neither inputs nor weights is computed by the import, as PyTorch computes it."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import nn

from archdsl.frontends.aten.computed import ComputedTables
from archdsl.frontends.aten.table import Table
from archdsl.frontends.buffers import weights_on_meta
from archdsl.frontends.export import export
from archdsl.frontends.torch import from_torch


class Added(nn.Module):
    """Adds to its input what a function makes of it, of a table of indices and of a weight."""

    def __init__(self, function: Callable[..., torch.Tensor]) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.arange(10.0, 22.0).reshape(4, 3))
        self.register_buffer("index", torch.tensor([[3, 0], [1, 3]]), persistent=False)
        self.function = function

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x.flatten()[:, None] + self.function(x, self.index, self.weight).flatten()


def added_by(function: Callable[..., torch.Tensor]) -> Table | None:
    """The table of the value that a module adds."""
    module = Added(function)
    exported = export(module, (torch.zeros(2, 3, 2, 2),), "module")
    buffers = {node: module.index for node, key in exported.keys.items() if key == "index"}
    numbers = {**buffers, **exported.constants}
    tables = ComputedTables(numbers, lambda node: exported.keys.get(node.name) == "weight")
    return tables[exported.outputs[0][1].args[1]]


def in_place(x: torch.Tensor, *_: torch.Tensor) -> torch.Tensor:
    """A mask that code writes part by part, as Swin's is."""
    mask = x.new_zeros(4, 6)
    mask[1:3, -2:] = 1
    mask[0] += 2
    return mask.masked_fill(mask == 1, float("-inf")).reshape(2, 12)[:, None]


FIXED = (
    lambda x, index, weight: index[:, None] - index[None],
    lambda x, index, weight: torch.linspace(0, 1, x.shape[2], device=x.device).sin().outer(torch.ones_like(x)[0, 0, 0]),
    lambda x, index, weight: torch.cat([torch.tensor([0.5, 2.0]).repeat(6), torch.full_like(x, 3).flatten()[:12]]),
    in_place,
)  # fmt: skip


@pytest.mark.parametrize("function", FIXED)
def test_fixed_numbers_are_those_of_the_code(function: Callable[..., torch.Tensor]) -> None:
    table = added_by(function)
    module = Added(function)
    expected = function(torch.rand(2, 3, 2, 2), module.index, module.weight)
    assert table is not None
    assert table.weight is None
    assert torch.equal(torch.from_numpy(table.numbers).flatten(), expected.flatten())


PICKED = (
    lambda x, index, weight: weight[index.flatten()].reshape(2, 2, 3).permute(2, 0, 1),
    lambda x, index, weight: torch.cat([weight.T.flip(0), torch.ones_like(weight.T)]).gather(1, index.repeat(3, 1)),
    lambda x, index, weight: (weight[index] + index[..., None]).roll(1, 0)[:, 1:].expand(8, 2, 1, 3),
)  # fmt: skip


@pytest.mark.parametrize("function", PICKED)
def test_picked_numbers_are_those_of_the_weight(function: Callable[..., torch.Tensor]) -> None:
    table = added_by(function)
    module = Added(function)
    expected = function(torch.rand(2, 3, 2, 2), module.index, module.weight)
    assert table is not None
    assert table.weight is not None
    picked = torch.from_numpy(table.picked)
    numbers = torch.where(picked < 0, 0, module.weight.flatten()[picked])
    assert torch.equal((numbers + torch.from_numpy(table.numbers)).float().flatten(), expected.flatten())


@pytest.mark.parametrize(
    "function",
    [
        lambda x, index, weight: weight * weight,
        lambda x, index, weight: weight[index] + weight[index.T],
        lambda x, index, weight: x.sum() + weight,
        lambda x, index, weight: torch.rand(24, device=x.device),
    ],
)
def test_what_is_no_table_has_none(function: Callable[..., torch.Tensor]) -> None:
    assert added_by(function) is None


def test_fixed_numbers_are_one_node() -> None:
    """They are known by the numbers, so that two networks with other numbers are not taken for equal."""
    graphs = [
        from_torch(
            Added(lambda x, index, weight, n=n: torch.arange(12).mul(n).cos().repeat(2)), torch.zeros(2, 3, 2, 2)
        )
        for n in (1, 2, 2)
    ]
    nodes = [[node.op for node in graph if node.op.name == "fixed"] for graph in graphs]
    assert [len(found) for found in nodes] == [1, 1, 1]
    assert nodes[0] != nodes[1]
    assert nodes[1] == nodes[2]


def test_weights_without_numbers_stay_shared_and_buffers_have_theirs() -> None:
    class Tied(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.one, self.other = nn.Linear(3, 3), nn.Linear(3, 3)
            self.other.weight = self.one.weight
            self.register_buffer("places", torch.arange(3))

    with weights_on_meta():
        module = Tied()
    assert module.other.weight is module.one.weight
    assert all(parameter.is_meta for parameter in module.parameters())
    assert module.places.tolist() == [0, 1, 2]
    assert not nn.Linear(2, 2).weight.is_meta
