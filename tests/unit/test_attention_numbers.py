"""What attention and positions compute, against PyTorch's own attention and the code of public implementations."""

from __future__ import annotations

import math
from collections.abc import Mapping

import pytest
import torch
from emitted_ops import build, outputs
from reference import import_torchvision
from torch import nn

from archdsl.ops.base import Op
from archdsl.ops.registry import REGISTRY
from archdsl.tensor import Tensor

same = torch.testing.assert_close


def run(op: Op, *given: torch.Tensor, weights: Mapping[str, torch.Tensor] | None = None) -> torch.Tensor:
    """The emitted op on these values, in double precision."""
    inputs = tuple(Tensor(*v.shape[1:], kind="float" if v.is_floating_point() else "int") for v in given)
    module = build(op, inputs, dtype=torch.float64).eval()
    module.load_state_dict({f"op.{name}": value for name, value in (weights or {}).items()})
    return outputs(module(*given))[0]


def random(*shape: int, seed: int = 7) -> torch.Tensor:
    return torch.randn(*shape, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))


# --- attention -----------------------------------------------------------------------------------


@pytest.mark.parametrize("causal", [False, True])
def test_attention_between_projections_is_pytorchs(causal: bool) -> None:
    """`nn.MultiheadAttention` without its projections, which are set to the identity."""
    width, heads = 24, 4
    q, k, v = (random(2, width, 9, seed=seed) for seed in (1, 2, 3))
    theirs = nn.MultiheadAttention(width, heads, bias=False, batch_first=True).double().eval()
    with torch.no_grad():
        theirs.in_proj_weight.copy_(torch.eye(width).repeat(3, 1))
        theirs.out_proj.weight.copy_(torch.eye(width))
    mask = nn.Transformer.generate_square_subsequent_mask(9, dtype=torch.float64) if causal else None
    expected, _ = theirs(*(x.transpose(1, 2) for x in (q, k, v)), attn_mask=mask, is_causal=causal)
    same(run(REGISTRY["attend"](heads=heads, causal=causal), q, k, v), expected.transpose(1, 2))


def test_grouped_queries_are_attention_with_repeated_keys() -> None:
    """As `repeat_kv` of Hugging Face's LLaMA: each head of the keys follows itself."""
    q, k, v = random(2, 32, 6, seed=1), random(2, 8, 6, seed=2), random(2, 8, 6, seed=3)

    def repeated(x: torch.Tensor) -> torch.Tensor:
        return x.unflatten(1, (2, 4)).repeat_interleave(4, dim=1).flatten(1, 2)

    op = REGISTRY["attend"](heads=8, causal=True)
    same(run(op, q, k, v), run(op, q, repeated(k), repeated(v)))


def test_dropout_acts_in_training_alone() -> None:
    q, k, v = (random(1, 8, 5, seed=seed) for seed in (1, 2, 3))
    op = REGISTRY["attend"](dropout=0.5)
    same(run(op, q, k, v), run(REGISTRY["attend"](), q, k, v))
    module = build(op, (Tensor(8, 5),) * 3, dtype=torch.float64).train()
    assert not torch.equal(module(q, k, v), module(q, k, v))


# --- rotary positions ----------------------------------------------------------------------------


def llama(x: torch.Tensor, heads: int, base: float) -> torch.Tensor:
    """`apply_rotary_pos_emb` of transformers' modeling_llama.py, with the frequencies of its LlamaRotaryEmbedding."""
    size, length = x.shape[1] // heads, x.shape[2]
    inv_freq = 1.0 / (base ** (torch.arange(0, size, 2, dtype=torch.int64).double() / size))
    freqs = torch.outer(torch.arange(length).double(), inv_freq)
    emb = torch.cat((freqs, freqs), dim=-1)
    q = x.transpose(1, 2).reshape(len(x), length, heads, size).transpose(1, 2)
    half = torch.cat((-q[..., size // 2 :], q[..., : size // 2]), dim=-1)
    turned = (q * emb.cos()) + (half * emb.sin())
    return turned.transpose(1, 2).flatten(2).transpose(1, 2)


def meta(x: torch.Tensor, heads: int, base: float) -> torch.Tensor:
    """`apply_rotary_emb` of Meta's llama/model.py: neighbours are complex numbers."""
    size, length = x.shape[1] // heads, x.shape[2]
    freqs = 1.0 / (base ** (torch.arange(0, size, 2).double() / size))
    freqs_cis = torch.polar(torch.ones(length, size // 2).double(), torch.outer(torch.arange(length).double(), freqs))
    xq = x.transpose(1, 2).reshape(len(x), length, heads, size // 2, 2)
    turned = torch.view_as_real(torch.view_as_complex(xq.contiguous()) * freqs_cis[:, None]).flatten(2)
    return turned.transpose(1, 2)


@pytest.mark.parametrize("base", [10_000.0, 500.0])
def test_rotary_is_that_of_public_code(base: float) -> None:
    x = random(2, 24, 11)
    same(run(REGISTRY["rotary"](heads=3, base=base), x), llama(x, 3, base))
    same(run(REGISTRY["rotary"](heads=3, base=base, pairs="neighbours"), x), meta(x, 3, base))


def test_the_two_pairings_are_not_the_same() -> None:
    """Equal counts, different numbers."""
    x = random(2, 24, 11)
    assert (llama(x, 3, 1e4) - meta(x, 3, 1e4)).abs().max() > 1


# --- sinusoids -----------------------------------------------------------------------------------


def diffusers(timesteps: torch.Tensor, width: int, flip: bool, shift: int) -> torch.Tensor:
    """`get_timestep_embedding` of diffusers' embeddings.py: flip_sin_to_cos and downscale_freq_shift are set."""
    half_dim = width // 2
    exponent = -math.log(10000) * torch.arange(0, half_dim, dtype=torch.float64)
    emb = torch.exp(exponent / (half_dim - shift))
    emb = timesteps[:, None].double() * emb[None, :]
    emb = torch.cat([torch.sin(emb), torch.cos(emb)], dim=-1)
    return torch.cat([emb[:, half_dim:], emb[:, :half_dim]], dim=-1) if flip else emb


def vaswani(length: int, width: int) -> torch.Tensor:
    """Section 3.5 of the paper, number by number."""
    table = torch.empty(width, length, dtype=torch.float64)
    for pos in range(length):
        for i in range(width // 2):
            table[2 * i, pos] = math.sin(pos / 10000 ** (2 * i / width))
            table[2 * i + 1, pos] = math.cos(pos / 10000 ** (2 * i / width))
    return table


STEPS = torch.tensor([[0.0], [1.0], [17.0], [999.0]], dtype=torch.float64)


def test_sinusoids_are_those_of_diffusion_models() -> None:
    """DDPM's as in Ho et al. 2020, and Stable Diffusion's."""
    ddpm = run(REGISTRY["sinusoid"](width=128, order="sin_cos", last=True), STEPS)
    same(ddpm, diffusers(STEPS[:, 0], 128, flip=False, shift=1))
    stable = run(REGISTRY["sinusoid"](width=320, order="cos_sin"), STEPS)
    same(stable, diffusers(STEPS[:, 0], 320, flip=True, shift=0))


def test_sinusoids_of_positions_are_the_papers() -> None:
    tokens = torch.arange(40).expand(2, -1)
    same(run(REGISTRY["sinusoid"](width=16), tokens), vaswani(40, 16).expand(2, -1, -1))


def test_the_three_orders_have_the_same_numbers_at_other_channels() -> None:
    orders = [
        run(REGISTRY["sinusoid"](width=16, order=order), STEPS) for order in ("interleaved", "sin_cos", "cos_sin")
    ]
    assert len({tuple(found[2].tolist()) for found in orders}) == 3
    for found in orders:
        same(found.sort(1)[0], orders[0].sort(1)[0])


def test_half_precision_keeps_the_angles_exact() -> None:
    """Step 999 of a thousand: the angles are computed in single precision, whatever the module's precision is."""
    op = REGISTRY["sinusoid"](width=128)
    half = build(op, (Tensor(4, kind="int"),), dtype=torch.float16)(torch.tensor([[0, 1, 17, 999]]))
    assert half.dtype == torch.float16
    exact = run(op, torch.tensor([[0, 1, 17, 999]]))
    assert (half.double() - exact).abs().max() < 1e-3


# --- windows -------------------------------------------------------------------------------------


@pytest.mark.parametrize(("size", "shift"), [(28, 0), (28, 3), (14, 3), (7, 0), (7, 3), ((7, 21), 3)])
def test_shifted_windows_are_swins(size: int | tuple[int, int], shift: int) -> None:
    """torchvision's ShiftedWindowAttention, whose last projection is the identity."""
    import_torchvision()
    from torchvision.models.swin_transformer import ShiftedWindowAttention

    width, heads = 12, 3
    height, across = (size, size) if isinstance(size, int) else size
    theirs = ShiftedWindowAttention(width, [7, 7], [shift, shift], heads).double().eval()
    nn.init.eye_(theirs.proj.weight)
    nn.init.zeros_(theirs.proj.bias)
    nn.init.normal_(theirs.relative_position_bias_table)
    x = random(2, height, across, width)
    q, k, v = theirs.qkv(x).movedim(-1, 1).chunk(3, dim=1)
    op = REGISTRY["attend"](heads=heads, windows=7, shift=shift, relative=True)
    found = run(op, q, k, v, weights={"bias_table": theirs.relative_position_bias_table})
    same(found, theirs(x).movedim(-1, 1), rtol=0, atol=1e-12)


@pytest.mark.parametrize(("size", "shift"), [((8, 6, 9), (0, 0, 0)), ((8, 6, 9), (2, 1, 1)), ((4, 3, 9), (2, 1, 1))])
def test_windows_of_clips_are_video_swins(size: tuple[int, ...], shift: tuple[int, ...]) -> None:
    """torchvision's ShiftedWindowAttention3d, whose last projection is the identity."""
    import_torchvision()
    from torchvision.models.video.swin_transformer import ShiftedWindowAttention3d

    width, heads, window = 12, 3, (4, 3, 3)
    theirs = ShiftedWindowAttention3d(width, list(window), list(shift), heads).double().eval()
    nn.init.eye_(theirs.proj.weight)
    nn.init.zeros_(theirs.proj.bias)
    nn.init.normal_(theirs.relative_position_bias_table)
    x = random(2, *size, width)
    q, k, v = theirs.qkv(x).movedim(-1, 1).chunk(3, dim=1)
    op = REGISTRY["attend"](heads=heads, windows=window, shift=shift, relative=True)
    found = run(op, q, k, v, weights={"bias_table": theirs.relative_position_bias_table})
    same(found, theirs(x).movedim(-1, 1), rtol=0, atol=1e-12)


@pytest.mark.parametrize("grid", [False, True])
def test_windows_and_grids_are_maxvits(grid: bool) -> None:
    """torchvision's partitions, as its PartitionAttentionLayer puts them together; it scales by the whole width."""
    import_torchvision()
    from torchvision.models import maxvit

    width, size, window = 16, 12, 4
    part, parts = (size // window, window) if grid else (window, size // window)
    swap = maxvit.SwapAxes(-2, -3) if grid else nn.Identity()
    attention = maxvit.RelativePositionalMultiHeadAttention(width, 8, window**2).double().eval()
    nn.init.eye_(attention.merge.weight)
    nn.init.zeros_(attention.merge.bias)
    nn.init.normal_(attention.relative_position_bias_table)
    x = random(2, width, size, size)
    cut = swap(maxvit.WindowPartition()(x, part))
    expected = maxvit.WindowDepartition()(swap(attention(cut)), part, parts, parts)
    q, k, v = attention.to_qkv(x.movedim(1, -1)).movedim(-1, 1).chunk(3, dim=1)
    op = REGISTRY["attend"](heads=2, windows=window, grid=grid, relative=True, scale=width**-0.5)
    found = run(op, q, k, v, weights={"bias_table": attention.relative_position_bias_table})
    same(found, expected, rtol=0, atol=1e-12)


def test_pixels_by_columns_are_swins_patch_merging() -> None:
    """torchvision's PatchMerging without its normalization and reduction, and YOLOv5's Focus."""
    import_torchvision()
    from torchvision.models.swin_transformer import _patch_merging_pad

    x = random(2, 3, 6, 8)
    found = run(REGISTRY["space_to_depth"](factor=2, order="columns"), x)
    same(found, _patch_merging_pad(x.movedim(1, -1)).movedim(-1, 1))
    same(found, torch.cat([x[..., ::2, ::2], x[..., 1::2, ::2], x[..., ::2, 1::2], x[..., 1::2, 1::2]], 1))
