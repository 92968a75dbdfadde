"""Blocks that papers call equal compute the same once their weights are arranged alike."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

import archdsl

PATHS = 32
WIDTH = 4


@pytest.fixture
def grouped() -> nn.Module:
    """The grouped form of the ResNeXt block with weights, statistics and all, at random."""
    module = _module("resnext_block@c")
    for name, value in module.state_dict().items():
        if value.dtype == torch.float64:
            value.copy_(torch.rand_like(value) + 0.5 if "running_var" in name else torch.randn_like(value) / 8)
    return module


@pytest.mark.parametrize("form", ["a", "b"])
def test_paths_of_resnext_are_one_grouped_convolution(form: str, grouped: nn.Module) -> None:
    """Xie et al. 2017, Figure 3: paths added, paths joined, groups."""
    paths = _module(f"resnext_block@{form}")
    paths.load_state_dict({name: _piece(name, grouped.state_dict()) for name in paths.state_dict()})
    image = torch.randn(2, 256, 8, 8, dtype=torch.float64)
    torch.testing.assert_close(paths(image), grouped(image), rtol=1e-12, atol=1e-12)


def _piece(name: str, state: dict[str, Tensor]) -> Tensor:
    """What a parameter or statistic of the forms in paths is of the grouped form's."""
    *scope, owner, kind = name.split(".")
    if "form" not in scope:
        return state[name]
    restoring = state["unit.form.conv3.weight"]
    if "branch" not in scope:
        return restoring
    path = int(scope[scope.index("branch") + 1])
    channels = slice(path * WIDTH, (path + 1) * WIDTH)
    if owner == "conv":
        return restoring[:, channels]
    whole = state[f"unit.form.{owner}.{kind}"]
    return whole[channels] if whole.dim() else whole


def test_segments_of_an_inception_module_are_one_grouped_convolution() -> None:
    """Chollet 2017, Figures 2 and 3: branches of one kind start from one 1x1 convolution, cut into segments."""
    branches, segments = _module("xception_steps@simplified"), _module("xception_steps@reformulated")
    state = branches.state_dict()
    joined = {
        f"unit.conv{place}.{kind}": torch.cat([state[f"unit.conv{branch + place}.{kind}"] for branch in (0, 2, 4)])
        for place in (1, 2)
        for kind in ("weight", "bias")
    }
    segments.load_state_dict(joined)
    image = torch.randn(2, 288, 9, 9, dtype=torch.float64)
    torch.testing.assert_close(branches(image), segments(image), rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("spec", ["resnet@18", "resnet@50", "resnet@50_v1"])
def test_a_block_that_starts_at_zero_is_the_identity(spec: str) -> None:
    """What the last normalization of a residual gives is 0, and the block after it gives what came in."""
    module = archdsl.load(spec, zero_init=True, resolution=64).module(dtype=torch.float64).train()
    block = module.get_submodule("conv2.unit.1")
    channels = 64 if spec == "resnet@18" else 256
    image = torch.rand(2, channels, 8, 8, dtype=torch.float64)
    torch.testing.assert_close(block(image), image)


def _module(spec: str) -> nn.Module:
    module: nn.Module = archdsl.load(spec).module(dtype=torch.float64).eval()
    return module
