"""One training step of a module, and what two such steps may not differ in: outputs, gradients, running statistics."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from emission import example_inputs, tensors_of
from torch import Tensor, nn

from archdsl.ir.graph import Graph

HEAVY = 3 * 10**6
"""Learned numbers with which a step on the CPU takes too long."""

LARGE = 10**6
"""Numbers of an input with which it does."""


def small_inputs(graph: Graph, shrink: int = 8) -> list[Tensor]:
    """Inputs in double precision, with images that are `shrink` times smaller than those of the graph."""
    inputs = example_inputs(graph)
    cut = [x[(..., *[slice(max(32, size // shrink)) for size in x.shape[2:]])] for x in inputs]
    return [x.double() if x.is_floating_point() else x for x in cut]


def step(module: nn.Module, inputs: Sequence[Tensor]) -> dict[str, Tensor]:
    """Outputs, gradients, and buffers after one step, with the same random numbers each time."""
    torch.manual_seed(1)
    taken = [x.detach().clone().requires_grad_(x.is_floating_point()) for x in inputs]
    outputs = tensors_of(module(*taken))
    torch.stack([(output**2).sum() for output in outputs]).sum().backward()
    found = {f"output {place}": output.detach() for place, output in enumerate(outputs)}
    found |= {f"input {place}": x.grad for place, x in enumerate(taken) if x.grad is not None}
    found |= {name: p.grad for name, p in module.named_parameters() if p.grad is not None}
    return found | {f"buffer {name}": buffer.clone() for name, buffer in module.named_buffers()}


def assert_same(found: dict[str, Tensor], expected: dict[str, Tensor]) -> None:
    """Equal up to the rounding of sums in another order."""
    assert found.keys() == expected.keys()
    for name, value in expected.items():
        torch.testing.assert_close(
            found[name], value, rtol=1e-9, atol=1e-9, equal_nan=True, msg=lambda text, name=name: f"{name}: {text}"
        )
