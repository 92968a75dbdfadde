"""Attention that is written out, alone or inside windows, is imported as the op that computes the same."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable

import pytest
import torch
from reference import import_torchvision
from test_arranged_imports import Layered
from torch import nn
from torch.nn import functional as F

from archdsl.analyses import totals
from archdsl.frontends.load import opaque_nodes
from archdsl.frontends.torch import from_torch
from archdsl.ir.dump import written
from archdsl.prove.prove import prove_sides
from archdsl.prove.sides import of_graph, of_module
from archdsl.tensor import Tensor

torchvision = import_torchvision()


def steps_of(module: nn.Module, *dims: int) -> list[str]:
    """The steps of an import, after a proof that they compute the same as the module, with the same weights."""
    for parameter in module.parameters():
        nn.init.normal_(parameter, std=0.3)
    side = of_module(module, [Tensor(*dims)])
    assert not opaque_nodes(side.graph)
    assert totals.parameters(side.graph, list(side.graph)) == sum(p.numel() for p in module.parameters())
    proof = prove_sides(of_graph(side.graph), side)
    assert proof.ok, proof
    return [written(node.op) for node in side.graph]


def swin(windows: list[int], depths: list[int]) -> nn.Module:
    heads = [2, 4][: len(depths)]
    return torchvision.models.SwinTransformer(
        [2, 2], 8, depths, heads, windows, stochastic_depth_prob=0.0, num_classes=3
    )


SWINS = {
    "padded": (swin([4, 4], [2, 2]), (3, 20, 28),
               ["windows=4, relative=true", "windows=4, shift=2, relative=true"] * 2),
    "as high as the map": (swin([4, 3], [2]), (3, 8, 12),
                           ["windows=4x3, relative=true", "windows=4x3, shift=0x1, relative=true"]),
    "larger than the map": (swin([7, 7], [2]), (3, 12, 12), ["windows=7, relative=true"] * 2),
}  # fmt: skip


@pytest.mark.parametrize("name", SWINS)
def test_windows_of_swin(name: str) -> None:
    module, dims, expected = SWINS[name]
    steps = steps_of(module, *dims)
    found = [step for step in steps if step.startswith("attend")]
    assert [step.removeprefix("attend(").partition(", ")[2].rstrip(")") for step in found] == expected
    assert steps.count("space_to_depth(2, order=columns)") == len(expected) // 2 - 1
    assert any(step.startswith("pad") for step in steps) == (name in ("padded", "larger than the map"))


def test_windows_of_clips() -> None:
    """Windows of torchvision's Video Swin, which are longer than they are wide."""
    module = torchvision.models.video.SwinTransformer3d(
        [2, 2, 2], 8, [2], [2], [4, 2, 2], stochastic_depth_prob=0.0, num_classes=3
    )
    found = [step for step in steps_of(module, 3, 16, 8, 8) if step.startswith("attend")]
    assert found == [
        "attend(heads=2, windows=4x2x2, relative=true)",
        "attend(heads=2, windows=4x2x2, shift=2x1x1, relative=true)",
    ]


def test_windows_and_grids_of_maxvit() -> None:
    """The first map has four windows of four pixels in each direction, so that their sizes do not tell them apart."""
    module = torchvision.models.MaxVit((64, 64), 8, 4, [8, 8, 8], [1, 1, 1], 4, 0.0, num_classes=3)
    found = [step for step in steps_of(module, 3, 64, 64) if step.startswith("attend")]
    near, far = (f"attend(heads=2, windows=4, {grid}relative=true, scale={8**-0.5})" for grid in ("", "grid=true, "))
    # The last map is one window, which is no grid.
    assert found == [near, far, near, far, near, near]


def test_windows_of_timm() -> None:
    """Masks are buffers there, squares become channels by views, and layers run on flat maps."""
    models = pytest.importorskip("timm.models.swin_transformer")
    options = {
        "patch_size": 4,
        "window_size": 4,
        "embed_dim": 8,
        "depths": (2, 2),
        "num_heads": (2, 4),
        "num_classes": 3,
    }
    module = models.SwinTransformer(img_size=64, drop_path_rate=0.0, **options)
    found = Counter(step for step in steps_of(module, 3, 64, 64) if step.startswith(("attend", "space", "pad")))
    assert found == {
        "attend(heads=2, windows=4, relative=true)": 1,
        "attend(heads=2, windows=4, shift=2, relative=true)": 1,
        "space_to_depth(2, order=columns)": 1,
        "attend(heads=4, windows=4, relative=true)": 1,
        "attend(heads=4, windows=4, shift=2, relative=true)": 1,
    }


def parts(x: torch.Tensor) -> tuple[torch.Tensor, ...]:
    """Queries, keys and values in two heads of four channels."""
    return x.unflatten(1, (3, 2, 4)).transpose(-2, -1).unbind(1)


def causal(x: torch.Tensor) -> torch.Tensor:
    q, k, v = parts(x)
    hidden = torch.ones(x.shape[2], x.shape[2], device=x.device).triu(1).bool()
    scores = (q @ k.mT / 2).masked_fill(hidden, float("-inf")).softmax(-1)
    return (scores @ v).transpose(2, 3).flatten(1, 2)


def in_einsums(x: torch.Tensor) -> torch.Tensor:
    q, k, v = parts(x)
    scores = torch.einsum("nhid,nhjd->nhij", q * 0.3, k).softmax(3)
    return torch.einsum("nhij,nhje->nhei", scores, v).flatten(1, 2)


def turned(x: torch.Tensor) -> torch.Tensor:
    q, k, v = x.chunk(3, 1)
    return v @ (q.mT @ k * 0.5).softmax(-1).mT


def grouped(x: torch.Tensor) -> torch.Tensor:
    """Heads and samples in one axis, as code with `bmm` has them."""
    q, k, v = (part.reshape(-1, x.shape[2], 4) for part in parts(x))
    return torch.bmm(torch.bmm(q, k.mT).softmax(-1), v).unflatten(0, (-1, 2)).transpose(2, 3).flatten(1, 2)


def heads_first(x: torch.Tensor) -> torch.Tensor:
    """Each head's query, key and value lie side by side, as in some models of timm; hidden is what is later."""
    q, k, v = x.unflatten(1, (2, 12)).chunk(3, 2)
    hidden = torch.full((x.shape[2], x.shape[2]), -1e9, device=x.device).triu(1)
    return F.scaled_dot_product_attention(q.mT, k.mT, v.mT, attn_mask=hidden).mT.flatten(1, 2)


TOKENS: list[tuple[Callable[[torch.Tensor], torch.Tensor], str]] = [
    (causal, "attend(heads=2, causal=true)"),
    (in_einsums, "attend(heads=2, scale=0.3)"),
    (turned, "attend(scale=0.5)"),
    (grouped, "attend(heads=2, scale=1.0)"),
    (heads_first, "attend(heads=2, causal=true)"),
]


@pytest.mark.parametrize(("function", "expected"), TOKENS, ids=[function.__name__ for function, _ in TOKENS])
def test_products_and_a_softmax_are_attention(function: Callable[[torch.Tensor], torch.Tensor], expected: str) -> None:
    assert steps_of(Layered(function), 24, 6)[-1] == expected


def shifted(x: torch.Tensor, mask: float, shift: int, back: int) -> torch.Tensor:
    """One row of windows of four pixels, which are moved along the row."""
    y = x.roll(-shift, 3).unflatten(3, (-1, 4)).permute(0, 3, 2, 4, 1).flatten(2, 3)
    part = torch.arange(x.shape[3], device=x.device).ge(x.shape[3] - 2).unflatten(0, (-1, 4))
    scores = y @ y.mT + (part[:, :, None] != part[:, None]) * mask
    y = (scores.softmax(-1) @ y).unflatten(2, (1, 4)).permute(0, 4, 2, 1, 3).flatten(3)
    return y.roll(back, 3)


def on_tokens(x: torch.Tensor, qkv: nn.Module, shift: int) -> torch.Tensor:
    """Windows of 2 x 3 of tokens that were a map of 4 x 6, as the first code of Swin has them."""
    tokens = x.flatten(2).transpose(1, 2)
    y = tokens.tanh().view(-1, 4, 6, 8)
    y = y.roll((-shift, -shift), (1, 2)).view(-1, 2, 2, 2, 3, 8).transpose(2, 3).reshape(-1, 6, 8)
    q, k, v = qkv(y).view(-1, 6, 3, 2, 4).permute(2, 0, 3, 1, 4)
    scores = q @ k.mT / 2
    if shift:
        part = torch.arange(4)[:, None].ge(4 - shift) * 2 + torch.arange(6).ge(6 - shift)
        part = part.view(2, 2, 2, 3).transpose(1, 2).reshape(4, 1, 6).to(x.device)
        hidden = torch.where(part == part.mT, 0.0, -100.0)
        scores = (scores.view(-1, 4, 2, 6, 6) + hidden[:, None]).view(-1, 2, 6, 6)
    y = (scores.softmax(-1) @ v).transpose(1, 2).reshape(-1, 2, 2, 2, 3, 8).transpose(2, 3).reshape(-1, 4, 6, 8)
    return (tokens + y.roll((shift, shift), (1, 2)).view(-1, 24, 8)).transpose(1, 2)


@pytest.mark.parametrize("shift", [0, 1])
def test_windows_of_sequences_are_those_of_their_map(shift: int) -> None:
    def flat(x: torch.Tensor, qkv: nn.Module, mix: nn.Module) -> torch.Tensor:
        return on_tokens(mix(x.flatten(2)).unflatten(2, (4, 6)), qkv, shift)

    steps = steps_of(Layered(flat, nn.Linear(8, 24), nn.Linear(24, 24)), 8, 4, 6)
    assert f"attend(heads=2, windows=2x3{', shift=1' if shift else ''})" in steps


def test_moved_windows_need_their_mask() -> None:
    steps = steps_of(Layered(lambda x: shifted(x, -1e4, 2, 2)), 8, 1, 12)
    assert steps[-1] == "attend(windows=1x4, shift=0x2, scale=1.0)"
    for mask, shift in ((-1.0, 2), (0.0, 2), (-100.0, 1)):
        graph = from_torch(Layered(lambda x, m=mask, s=shift: shifted(x, m, s, s)), torch.zeros(2, 8, 1, 12))
        assert "attend" not in {node.op.name for node in graph}, (mask, shift)


def test_windows_that_are_moved_back_by_less_are_moved_once_more() -> None:
    side = of_module(Layered(lambda x: shifted(x, -100.0, 2, 1)), [Tensor(8, 1, 12)])
    assert [node.op.name for node in side.graph][-2:] == ["attend", "rolled"]
    proof = prove_sides(of_graph(side.graph), side)
    assert proof.ok, proof


def test_a_map_that_is_moved_and_attends_as_a_whole_is_not_taken_for_windows() -> None:
    """The op does not move a window that is as large as the map, so it would mask nothing."""
    graph = from_torch(Layered(lambda x: shifted(x, -100.0, 2, 2)), torch.zeros(2, 8, 1, 4))
    assert "attend" not in {node.op.name for node in graph}


def test_a_mask_of_truth_values_says_what_is_kept() -> None:
    def kept(x: torch.Tensor) -> torch.Tensor:
        seen = torch.ones(x.shape[2], x.shape[2], device=x.device).tril().bool()
        return F.scaled_dot_product_attention(*parts(x), attn_mask=seen).transpose(2, 3).flatten(1, 2)

    assert steps_of(Layered(kept), 24, 6)[-1] == "attend(heads=2, causal=true)"
