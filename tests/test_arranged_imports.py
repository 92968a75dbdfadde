"""Layers on tokens, in windows, and on maps with the channels last become ops that compute the same."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import nn
from torch.nn import functional as F

import archdsl
from archdsl.analyses import totals
from archdsl.frontends.load import opaque_nodes
from archdsl.frontends.torch import from_torch
from archdsl.ir.dump import written
from archdsl.prove.prove import prove_sides
from archdsl.prove.sides import of_graph, of_module
from archdsl.tensor import Tensor


class Layered(nn.Module):
    """A function of an input and some layers for it."""

    def __init__(self, function: Callable[..., torch.Tensor], *layers: nn.Module) -> None:
        super().__init__()
        self.layers = nn.ModuleList(layers)
        self.function = function

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.function(x, *self.layers)


def in_windows(x: torch.Tensor, layer: nn.Module) -> torch.Tensor:
    """Windows of 4 x 4, folded into the batch, as in Swin."""
    batch, channels, height, width = x.shape
    x = x.permute(0, 2, 3, 1).reshape(batch, height // 4, 4, width // 4, 4, channels)
    x = layer(x.transpose(2, 3).reshape(-1, 16, channels))
    x = x.reshape(batch, height // 4, width // 4, 4, 4, channels).transpose(2, 3)
    return x.reshape(batch, height, width, channels).permute(0, 3, 1, 2).contiguous()


def three_parts(x: torch.Tensor, layer: nn.Module) -> torch.Tensor:
    """Queries, keys and values as attention takes them apart, and heads put together again."""
    batch, length, _ = x.transpose(1, 2).shape
    q, k, v = layer(x.transpose(1, 2)).reshape(batch, length, 3, 2, 4).permute(2, 0, 3, 1, 4).unbind(0)
    y = (q * k + v.tanh()).transpose(1, 2).reshape(batch, length, 8)
    return y.transpose(1, 2)


class Encoder(nn.Module):
    """A class token, a table of positions, and attention as nn.MultiheadAttention says it."""

    def __init__(self) -> None:
        super().__init__()
        self.class_token = nn.Parameter(torch.zeros(1, 1, 8))
        self.position = nn.Parameter(torch.zeros(1, 21, 8))
        self.attention = nn.MultiheadAttention(8, 2, batch_first=True)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = torch.cat([self.class_token.expand(x.shape[0], -1, -1), x.transpose(1, 2)], 1) + self.position
        return self.attention(x, x, x, need_weights=False)[0][:, 0]


def attention(x: torch.Tensor, causal: bool) -> torch.Tensor:
    """Heads that are taken apart and put together again, on a map whose pixels are the positions."""
    q, k, v = x.flatten(2).transpose(1, 2).unflatten(2, (2, 4)).transpose(1, 2), x.relu(), x.tanh()
    k, v = (y.flatten(2).unflatten(1, (2, 4)).transpose(2, 3) for y in (k, v))
    y = F.scaled_dot_product_attention(q, k, v, is_causal=causal, scale=0.3)
    return y.transpose(1, 2).flatten(2).transpose(1, 2)


class Biased(nn.Module):
    """Attention with a learned number for each head, query and key."""

    def __init__(self) -> None:
        super().__init__()
        self.bias = nn.Parameter(torch.zeros(1, 2, 20, 20))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        q = x.unflatten(1, (2, 4)).transpose(2, 3)
        bias = self.bias.expand(x.shape[0], -1, -1, -1)
        return F.scaled_dot_product_attention(q, q, q, attn_mask=bias).transpose(2, 3).flatten(1, 2)


MAP, TOKENS = (8, 12, 16), (8, 20)
CASES: list[tuple[str, nn.Module, tuple[int, ...], str]] = [
    ("channels last", Layered(lambda x, f: f(x.permute(0, 2, 3, 1)).movedim(-1, 1), nn.Linear(8, 6)), MAP,
     "linear(6, over=channels)"),
    ("block of ConvNeXt", Layered(
        lambda x, norm, one, two: x + two(F.gelu(one(norm(x.permute(0, 2, 3, 1))))).permute(0, 3, 1, 2),
        nn.LayerNorm(8), nn.Linear(8, 32), nn.Linear(32, 8)), MAP,
     "layer_norm linear(32, over=channels) gelu linear(8, over=channels) add"),
    ("tokens", Layered(lambda x, f: f(x.transpose(1, 2)).transpose(1, 2), nn.Linear(8, 6)), TOKENS, "linear(6)"),
    ("over positions", Layered(lambda x, f: f(x), nn.Linear(20, 5, bias=False)), TOKENS,
     "linear(5, bias=false, over=positions)"),
    ("mean of tokens", Layered(lambda x, f: f(x.transpose(1, 2)).mean(1), nn.LayerNorm(8)), TOKENS,
     "layer_norm global_avg_pool flatten"),
    ("mean, channels last", Layered(lambda x: x.permute(0, 2, 3, 1).mean((1, 2), keepdim=True).permute(0, 3, 1, 2)),
     MAP, "global_avg_pool"),
    ("windows", Layered(in_windows, nn.Linear(8, 8)), MAP, "linear(8, over=channels)"),
    ("attention's parts", Layered(three_parts, nn.Linear(8, 24)), TOKENS, "linear(24) split(parts=3) mul tanh add"),
    ("chunks of the last axis", Layered(lambda x: torch.cat(x.transpose(1, 2).chunk(2, -1)[::-1], 2).transpose(1, 2)),
     TOKENS, "split concat"),
    ("a part of a head", Layered(lambda x: x.unflatten(1, (2, 4)).select(1, 1)), MAP, "channel_slice(4)"),
    ("a channel of each head", Layered(lambda x: x.unflatten(1, (2, 4)).select(2, 1)), MAP,
     "channel_shuffle(2) channel_slice(2, stop=4)"),
    ("a slice of channels", Layered(lambda x: x.transpose(1, 2)[..., 2:5].transpose(1, 2)), TOKENS,
     "channel_slice(2, stop=5)"),
    ("rows cut off", Layered(lambda x: x.permute(0, 2, 3, 1)[:, 1:-2].permute(0, 3, 1, 2)), MAP, "trim(0x0x1x2)"),
    ("a shuffle by hand", Layered(lambda x: x.unflatten(1, (2, 4)).transpose(1, 2).flatten(1, 2).relu()), MAP,
     "channel_shuffle(2) relu"),
    ("a factor for each channel", Layered(lambda x, f: (x.transpose(1, 2) * f.weight).transpose(1, 2),
     nn.LayerNorm(8)), TOKENS, "layer_scale"),
    ("a factor in a shape of its own", Layered(lambda x, f: x * f.weight.reshape(1, -1, 1, 1), nn.BatchNorm2d(8)), MAP,
     "layer_scale"),
    ("class token and attention", Encoder(), TOKENS,
     "learned(8x1) concat(over=positions) learned(8x21) add linear(24) channel_slice(0, stop=8) "
     "channel_slice(8, stop=16) channel_slice(16) attend(heads=2) linear(8) token(0)"),
    ("attention on a map", Layered(lambda x: attention(x, False)), MAP,
     "relu tanh tokens tokens tokens attend(heads=2, scale=0.3)"),
    ("causal attention", Layered(lambda x: attention(x, True)), MAP,
     "relu tanh tokens tokens tokens attend(heads=2, causal=true, scale=0.3)"),
    ("attention with a bias", Biased(), TOKENS, "learned(2x20x20) attend(heads=2, bias=like)"),
]  # fmt: skip


@pytest.mark.parametrize(("module", "dims", "expected"), [c[1:] for c in CASES], ids=[c[0] for c in CASES])
def test_layouts_make_no_ops(module: nn.Module, dims: tuple[int, ...], expected: str) -> None:
    for parameter in module.parameters():
        nn.init.normal_(parameter)
    side = of_module(module, [Tensor(*dims)])
    assert " ".join(written(node.op) for node in side.graph if node.op.name != "input") == expected
    proof = prove_sides(of_graph(side.graph), side)
    assert proof.numbers is not None
    assert proof.numbers.ok, proof


def test_a_batch_folded_into_channels_is_not_taken_for_them() -> None:
    """The batch norm counts samples times tokens as its batch: it normalizes the channels of a sequence."""
    module = Layered(lambda x, f, norm: norm(f(x).flatten(0, 1)).reshape_as(x), nn.Linear(16, 16), nn.BatchNorm1d(16))
    graph = from_torch(module, torch.zeros(2, 20, 16))
    assert [written(node.op) for node in graph] == [
        "input(20x16)",
        "linear(16, over=positions)",
        "permute(2x1)",
        "bn",
        "permute(2x1)",
    ]
    assert totals.parameters(graph, list(graph)) == 16 * 16 + 16 + 2 * 16


def test_samples_do_not_count_as_positions_of_opaque_ops() -> None:
    """Windows are folded into the batch: each sample has twelve of them."""
    graph = from_torch(Layered(lambda x: in_windows(x, lambda y: y.cumsum(-2))), torch.zeros(2, *MAP))
    assert [(node.op.target, node.output) for node in opaque_nodes(graph)] == [("aten.cumsum", Tensor(*MAP))]
    graph = from_torch(Layered(lambda x: torch.cdist(x.reshape(-1, 16, 8), x.reshape(-1, 16, 8))), torch.zeros(2, *MAP))
    products = [node for node in opaque_nodes(graph) if node.op.target == "aten.cdist"]
    assert [node.output for node in products] == [Tensor(12, 16, 16)]


def test_what_needs_a_permute_says_how_the_value_lies() -> None:
    """A linear layer over the rows of a map needs a permute; a proof must not take it for one over columns."""
    rows, columns = (
        from_torch(Layered(lambda x, f, axis=axis: f(x.transpose(axis, 3)).transpose(axis, 3), nn.Linear(12, 12)),
                   torch.zeros(2, 8, 12, 12))
        for axis in (2, 3)
    )  # fmt: skip
    assert opaque_nodes(rows) == opaque_nodes(columns) == ()
    assert [written(node.op) for node in rows] != [written(node.op) for node in columns]


def test_a_convolution_of_kernel_1_is_a_linear_layer_at_every_position() -> None:
    spec = "network Net:\n    input image: 8 x 6 x 5\n    conv(4, 1) -> relu -> linear(3, over=channels)\n"
    module = Layered(
        lambda x, one, two: two(one(x.permute(0, 2, 3, 1)).relu().permute(0, 3, 1, 2)),
        nn.Linear(8, 4),
        nn.Conv2d(4, 3, 1),
    )
    report = archdsl.loads(spec).prove(module)
    assert report.ok, report
    over_rows = Layered(lambda x, one: one(x), nn.Linear(6, 4))
    report = archdsl.loads("network Net:\n    input text: 6 x 6\n    conv(4, 1)\n").prove(over_rows)
    assert not report.ok
