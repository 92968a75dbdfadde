"""Calls along dimensions that the language has no words for are held as they are, and compute the same when emitted."""

from __future__ import annotations

from collections.abc import Callable
from copy import deepcopy

import pytest
import torch
from torch import nn
from torch.nn import functional as F
from torch.utils.flop_counter import FlopCounterMode

from archdsl.analyses import totals
from archdsl.backends.torch.load import load
from archdsl.frontends.load import opaque_nodes
from archdsl.ir.dump import written
from archdsl.ir.graph import Graph
from archdsl.ir.serialize import from_json, to_json
from archdsl.ops.base import Example, Expression
from archdsl.ops.held import Held
from archdsl.ops.registry import REGISTRY
from archdsl.prove.prove import prove_sides
from archdsl.prove.sides import of_graph, of_module
from archdsl.tensor import Tensor


class Layered(nn.Module):
    """A function of an input, some layers, some parameters of the given shapes, and some buffers."""

    def __init__(
        self, function: Callable[..., torch.Tensor], *parts: nn.Module | tuple[int, ...] | torch.Tensor
    ) -> None:
        super().__init__()
        self.layers = nn.ModuleList(part for part in parts if isinstance(part, nn.Module))
        self.own = nn.ParameterList(nn.Parameter(torch.rand(part)) for part in parts if isinstance(part, tuple))
        for place, part in enumerate(part for part in parts if isinstance(part, torch.Tensor)):
            self.register_buffer(f"table{place}", part)
        self.function = function

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.function(x, *self.layers, *self.own, *self._buffers.values())


def across_channels(x: torch.Tensor) -> torch.Tensor:
    """Attention of channels to channels (XCiT): each head has as many scores as pairs of its channels."""
    q, k, v = x.flatten(2).reshape(x.shape[0], 3, 2, 4, -1).unbind(1)
    scores = F.normalize(q, dim=-1) @ F.normalize(k, dim=-1).transpose(-2, -1)
    return (scores.softmax(-1) @ v).flatten(1, 2)


def talking_heads(x: torch.Tensor, mix: nn.Module) -> torch.Tensor:
    """Scores of all heads are mixed before they are probabilities (CaiT)."""
    q = x.unflatten(1, (2, 4)).transpose(2, 3)
    scores = mix((q @ q.mT).permute(0, 2, 3, 1)).permute(0, 3, 1, 2)
    return (scores.softmax(-1) @ q).transpose(2, 3).flatten(1, 2)


def selective(x: torch.Tensor) -> torch.Tensor:
    """Branches weighted by a softmax over them (SKNet)."""
    branches = torch.stack([x, x.tanh(), x.sigmoid()], 1)
    weights = branches.sum(1).mean((2, 3), keepdim=True).unsqueeze(1) * branches.mean((3, 4), keepdim=True)
    return (branches * weights.softmax(1)).sum(1)


def with_learned_offsets(
    x: torch.Tensor, qkv: nn.Linear, mlp: nn.Sequential, factor: torch.Tensor, table: torch.Tensor
) -> torch.Tensor:
    """Cosine attention, whose bias a small network learns from a table of offsets; keys have no bias (Swin v2)."""
    bias = qkv.bias.clone()
    bias[8:16].zero_()
    q, k, v = F.linear(x.mT, qkv.weight, bias).unflatten(2, (3, 2, 4)).permute(2, 0, 3, 1, 4)
    places = torch.arange(10, device=x.device)
    added = mlp(table).view(-1, 2)[(places[:, None] - places + 9).view(-1)].view(10, 10, 2)
    scores = F.normalize(q, dim=-1) @ F.normalize(k, dim=-1).mT * factor.clamp(max=4.6).exp()
    return ((scores + added.permute(2, 0, 1)).softmax(-1) @ v).transpose(1, 2).flatten(2).mT


def in_windows(x: torch.Tensor) -> torch.Tensor:
    """A softmax in windows that are folded into the batch."""
    y = x.unflatten(3, (2, 8)).permute(0, 3, 1, 2, 4).flatten(0, 1)
    y = (y.flatten(2) @ y.flatten(2).mT).softmax(1)
    return y.unflatten(0, (-1, 2)).sum(1)


def folded(x: torch.Tensor, layer: Callable[..., torch.Tensor]) -> torch.Tensor:
    """A layer on windows of 4 x 8 that are folded into the batch."""
    y = layer(x.unflatten(3, (2, 8)).unflatten(2, (3, 4)).permute(0, 2, 4, 1, 3, 5).flatten(0, 2))
    return y.unflatten(0, (-1, 3, 2)).permute(0, 3, 1, 4, 2, 5).flatten(4).flatten(2, 3)


def pooled_heads(x: torch.Tensor, layer: Callable[..., torch.Tensor]) -> torch.Tensor:
    """A layer on the clip of each of two heads, alike for both; the first token stays as it is (MViT)."""
    token, clip = x.unflatten(1, (2, 4)).mT.tensor_split([1], 2)
    clip = layer(clip.mT.reshape(-1, 4, 2, 3, 4)).reshape(x.shape[0], 2, 4, -1)
    return torch.cat([token, clip.mT], 2)


def increased(x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
    """A sum with a part of a value, in place."""
    z = 2 * x
    z[:, :, 1:, 2:-1] += y[:, :, 1:, :13]
    return z * z.sigmoid()


def overwritten(x: torch.Tensor, end: int | None) -> torch.Tensor:
    """Rows in the place of others."""
    z = 2 * x
    z[:, :, 3:end] = x[:, :, : z[:, :, 3:end].shape[2]]
    return z


def by_frames(x: torch.Tensor, table: torch.Tensor) -> torch.Tensor:
    """Products in which the rows of all samples follow each other, as of relative positions in time (MViT)."""
    frames = x.permute(2, 0, 3, 1)
    products = frames.reshape(12, -1, 8) @ table
    return products.unflatten(1, frames.shape[1:3]).permute(1, 3, 0, 2)


def read_by_rows(x: torch.Tensor, layer: nn.RNNBase) -> torch.Tensor:
    """Each row as a sequence of its own (Sequencer)."""
    rows = layer(x.permute(0, 2, 3, 1).flatten(0, 1))[0]
    return rows.unflatten(0, (x.shape[0], -1)).permute(0, 3, 1, 2)


def read_by_columns(x: torch.Tensor, layer: nn.RNNBase) -> torch.Tensor:
    """Each column as a sequence of its own, with the positions first, as PyTorch's layers take them by default."""
    columns = layer(x.permute(2, 0, 3, 1).flatten(1, 2))[0]
    return columns.unflatten(1, (x.shape[0], -1)).permute(1, 3, 0, 2)


def blurred(x: torch.Tensor, kernel: torch.Tensor) -> torch.Tensor:
    """Every other pixel of a map that a fixed filter has smoothed (Zhang 2019)."""
    return F.conv2d(F.pad(x, (1, 1, 1, 1), mode="reflect"), kernel.expand(8, -1, -1, -1), stride=2, groups=8)


def standardized(x: torch.Tensor, layer: nn.Conv2d, gain: torch.Tensor | None = None) -> torch.Tensor:
    """Kernels of mean 0 and variance 1 (NFNet)."""
    kernels = layer.weight.reshape(1, layer.out_channels, -1)
    factor = None if gain is None else (gain * 0.3).view(-1)
    kernels = F.batch_norm(kernels, None, None, weight=factor, training=True, momentum=0.0, eps=1e-5)
    return F.conv2d(x, kernels.reshape_as(layer.weight), layer.bias, layer.stride, layer.padding)


def offsets(x: torch.Tensor, table: torch.Tensor) -> torch.Tensor:
    """Attention with a learned bias for each head and distance (LeViT)."""
    q, k, v = x.unflatten(1, (3, 2, 4)).transpose(3, 4).unbind(1)
    places = torch.arange(10, device=x.device)
    scores = q @ k.mT + table[:, (places[:, None] - places + 9)]
    return (scores.softmax(-1) @ v).transpose(2, 3).flatten(1, 2)


def biased(x: torch.Tensor, layer: nn.Module, q: torch.Tensor, v: torch.Tensor) -> torch.Tensor:
    """Biases of queries and values alone (BEiT)."""
    return F.linear(x.transpose(1, 2), layer.weight, torch.cat([q, torch.zeros_like(q), v])).transpose(1, 2)


def embedded_positions(x: torch.Tensor, layer: nn.Module, repeat: bool) -> torch.Tensor:
    """A convolution of fixed numbers, made once (XCiT) or for each sample (EdgeNeXt)."""
    places = x.new_ones(1 if repeat else x.shape[0], 3, 12, 16)
    embedded = layer(places.cumsum(3) * places.cumsum(2) * 0.125)
    return x + (embedded.repeat(x.shape[0], 1, 1, 1) if repeat else embedded)


def first_state(x: torch.Tensor, layer: nn.Module) -> torch.Tensor:
    """A layer of a state that is 0 at the beginning (DIANet)."""
    return layer(x) + layer(torch.zeros_like(x))


MAP, TOKENS, VECTOR = (8, 12, 16), (8, 20), (24,)
CASES: list[tuple[str, nn.Module, tuple[int, ...], str]] = [
    ("attention across channels", Layered(across_channels), (24, 4, 5), "matrix_product"),
    ("talking heads", Layered(talking_heads, nn.Linear(2, 2)), TOKENS, "linear"),
    ("selective kernels", Layered(selective), MAP, "softmax"),
    ("attention with a bias", Layered(
        lambda x, b: F.scaled_dot_product_attention(*(x.unflatten(1, (3, 2, 4)).transpose(3, 4).unbind(1)), b)
        .transpose(2, 3).flatten(1, 2), (2, 10, 10)), (24, 10), "scaled_attention"),
    ("attention in the batch", Layered(
        lambda x: F.scaled_dot_product_attention(*[x.permute(0, 2, 3, 1).flatten(0, 1)[:, None]] * 3, scale=0.2)
        .squeeze(1).unflatten(0, (x.shape[0], -1)).permute(0, 3, 1, 2)), MAP, "attend"),
    ("standardized kernels", Layered(standardized, nn.Conv2d(8, 6, 3, padding=1, stride=2), (6, 1, 1, 1)), MAP,
     "standardized_conv"),
    ("standardized kernels without a gain", Layered(standardized, nn.Conv2d(8, 6, 1, bias=False)), MAP,
     "standardized_conv"),
    ("a scale without a shift", Layered(lambda x, w: F.group_norm(x, 2, w), (8,)), MAP, "layer_scale"),
    ("a scale without a shift, of tokens", Layered(lambda x, f: f(x.mT).mT, nn.LayerNorm(8, bias=False)), TOKENS,
     "layer_scale"),
    ("rolled rows", Layered(lambda x: x.permute(0, 2, 3, 1).roll((1, -2), (1, 2)).permute(0, 3, 1, 2) * x), MAP,
     "rolled"),
    ("fixed numbers", Layered(lambda x: x + torch.arange(16, device=x.device).mul(0.25).square()), MAP, "fixed"),
    ("positions that a convolution embeds", Layered(lambda x, f: embedded_positions(x, f, True), nn.Conv2d(3, 8, 1)),
     MAP, "fixed"),
    ("positions of each sample", Layered(lambda x, f: embedded_positions(x, f, False), nn.Conv2d(3, 8, 1)), MAP,
     "fixed"),
    ("a layer of zeros", Layered(lambda x, f: f(x) + first_state(x, f), nn.Linear(24, 24)), VECTOR, "fixed"),
    ("biases by offsets", Layered(offsets, (2, 19)), (24, 10), "picked"),
    ("patches", Layered(lambda x: F.fold(F.unfold(x, 3, 1, 1, 2).tanh(), (12, 16), 3, 1, 1, 2)), MAP, "patches"),
    ("windows that slide", Layered(lambda x: x.unfold(2, 4, 2).unfold(3, 4, 4).amax((4, 5))), MAP, "slid"),
    ("a finer map", Layered(lambda x: F.interpolate(x, (18, 20), mode="bicubic")), MAP, "resampled"),
    ("a coarser map", Layered(lambda x: F.interpolate(x, (7, 9), mode="bicubic", antialias=True)), MAP, "resampled"),
    ("positions for another size", Layered(
        lambda x, p: x + F.interpolate(p, x.shape[2:], mode="bilinear", align_corners=True), (1, 8, 5, 5)), MAP,
     "resampled"),
    ("windows", Layered(in_windows), MAP, "matrix_product"),
    ("convolutions in windows", Layered(lambda x, one, two: folded(x, lambda y: two(one(y))),
     nn.Conv2d(8, 6, (3, 1), padding=(1, 0)), nn.Conv2d(6, 6, 3, padding="same", groups=6, dilation=2)), MAP,
     "conv(6, 1x3x1)"),
    ("a convolution at each place of windows", Layered(folded, nn.Conv2d(8, 6, 1)), MAP, "conv(6, 1)"),
    ("pools in windows", Layered(lambda x: folded(x, lambda y: F.max_pool2d(y, 2) + F.avg_pool2d(y, 3, 2, 1))), MAP,
     "max_pool(1x2x2, padding=0)"),
    ("convolutions of clips in heads", Layered(pooled_heads,
     nn.Conv3d(4, 4, 3, (1, 2, 2), 1, groups=4, bias=False)), (8, 25), "folded_conv"),
    ("convolutions of clips in heads, of all channels", Layered(pooled_heads,
     nn.Conv3d(4, 4, (1, 3, 3), padding=(1, 2, 2), dilation=(1, 2, 2), groups=2)), (8, 25), "folded_conv"),
    ("a sum with a part", Layered(lambda x: increased(x, x.relu())), MAP, "bordered"),
    ("rows in the place of others", Layered(lambda x: overwritten(x, 7)), MAP, "joined"),
    ("rows in the place of the last ones", Layered(lambda x: overwritten(x, None)), MAP, "joined"),
    ("rows of all samples", Layered(by_frames, (12, 8, 5)), MAP, "matrix_product"),
    ("rows of a map as sequences", Layered(read_by_rows, nn.LSTM(8, 5, bidirectional=True, batch_first=True)), MAP,
     "lstm_along"),
    ("columns of a map as sequences", Layered(read_by_columns, nn.GRU(8, 5, 2)), MAP, "gru_along"),
    ("a blurred map", Layered(blurred, torch.tensor([[1.0, 2, 1], [2, 4, 2], [1, 2, 1]])[None, None] / 16), MAP,
     "blur_pool"),
    ("a table in tiles", Layered(lambda x, p: x + p.tile(3, 2), (1, 8, 4, 8)), MAP, "expanded"),
    ("columns in a row twice", Layered(lambda x: x.repeat(1, 1, 1, 2).relu()), MAP, "expanded"),
    ("columns side by side", Layered(lambda x: x.repeat_interleave(2, 3).tanh()), MAP, "expanded"),
    ("queries for all windows", Layered(
        lambda x, q: (x.mT.unflatten(1, (5, 4)).flatten(0, 1) @ q(x.mean(2)).unflatten(1, (8, 3))
        .repeat_interleave(5, 0)).unflatten(0, (-1, 5)).flatten(1, 2).mT, nn.Linear(8, 24)), TOKENS, "expanded"),
    ("a sum over products with a table", Layered(
        lambda x, p: torch.einsum("bhwc, wkc -> bhwk", x.permute(0, 2, 3, 1).unflatten(3, (2, 4)).movedim(3, 1)
        .flatten(0, 1), p[torch.arange(16)[:, None] - torch.arange(16) + 15]).unflatten(0, (-1, 2)).sum(2), (31, 4)),
     MAP, "matrix_product"),
    ("a sum over products", Layered(lambda x: torch.einsum("bchw,bdhw->bhdc", x, x.tanh())), MAP,
     "matrix_product"),
    ("biases of some channels", Layered(biased, nn.Linear(8, 6), (2,), (2,)), TOKENS, "split"),
    ("biases of parts of unequal size", Layered(biased, nn.Linear(8, 7), (2,), (3,)), TOKENS, "bordered"),
    ("a learned scale and shift", Layered(lambda x, a, b: a * x.relu().square() + b, (1,), (1,)), MAP, "applied"),
    ("a shift for each channel", Layered(lambda x, b: x + b.view(-1, 1, 1), (8,)), MAP, "add"),
    ("scale and shift in one call", Layered(lambda x, a, b: torch.addcmul(b, a, x), (1, 8, 1), (1, 8, 1)), TOKENS,
     "add"),
    ("an outer product", Layered(lambda x: x[:, :, None] * x[:, None]), VECTOR, "arithmetic"),
    ("a constant", Layered(lambda x: 2 / (1 - x.sigmoid() / 3 + 0.5)), MAP, "applied"),
    ("borders of numbers", Layered(lambda x: x.clamp(-0.5, 0.25).clamp_min(-0.1)), MAP, "applied"),
    ("functions", Layered(lambda x: (x.exp() + 1).log().sqrt() + x.sin() * x.cos() + F.softplus(x).rsqrt()), MAP,
     "applied"),
    ("powers", Layered(lambda x: (x**2 + 0.1) ** 1.5 + (x.square() + 1) ** -0.5), MAP, "applied"),
    ("sums and means", Layered(lambda x: x.sum(1) + x.mean((1, 2)).unsqueeze(1) + x.amax(1, keepdim=True).squeeze(1)),
     MAP, "reduced"),
    ("a norm", Layered(lambda x: x / (x.norm(p=2, dim=(2, 3), keepdim=True) + 1e-6)), MAP, "reduced"),
    ("every other row", Layered(lambda x: x[:, :, ::2] + x[:, :, 1::2]), MAP, "part"),
    ("parts of rows", Layered(lambda x: sum(part.tanh() for part in x.split([4, 4, 4], 2))), MAP, "parts"),
    ("one row", Layered(lambda x: x.select(2, -1) - x[:, :, 3]), MAP, "part"),
    ("rows in a row", Layered(lambda x: torch.cat([x, x.relu(), x.tanh()], 2)), MAP, "joined"),
    ("a new axis", Layered(lambda x: torch.stack([x, x.relu()], -1).flatten(3)), MAP, "joined"),
    ("channels of zeros", Layered(lambda x: F.pad(x, (0, 0, 0, 0, 1, 3))), MAP, "bordered"),
    ("no border", Layered(lambda x: F.pad(x.permute(0, 2, 3, 1), (0, 0, 0, 0, 0, 0)).permute(0, 3, 1, 2).relu()), MAP,
     "relu"),
    ("a layer over rows", Layered(lambda x, f: f(x), nn.Linear(16, 5)), MAP, "permute"),
    ("a norm over rows", Layered(lambda x, f: f(x), nn.LayerNorm(16)), MAP, "layer_norm"),
    ("a root mean square", Layered(lambda x, f: f(x.transpose(1, 2)).transpose(1, 2), nn.RMSNorm(8, eps=1e-5)), TOKENS,
     "rms_norm"),
    ("a root mean square without a scale", Layered(lambda x: F.rms_norm(x.mT, (8,), eps=1e-5).mT), TOKENS, "reduced"),
    ("tokens in the batch", Layered(lambda x, f: f(x.transpose(1, 2).flatten(0, 1)).view(x.shape[0], 20, 8).mT,
     nn.BatchNorm1d(8)), TOKENS, "bn"),
    ("a convolution of a transposed map", Layered(lambda x, f: f(x.permute(0, 3, 1, 2)), nn.Conv2d(16, 4, 3)), MAP,
     "conv(4, 3, padding=0)"),
    ("a parameter in another shape", Layered(lambda x, w: x + w.view(12, 16, 8).permute(2, 0, 1), (192, 8)), MAP,
     "learned"),
    ("biases from a table of offsets", Layered(with_learned_offsets, nn.Linear(8, 24),
     nn.Sequential(nn.Linear(2, 16), nn.ReLU(), nn.Linear(16, 2, bias=False)), (2, 1, 1), torch.rand(1, 19, 2)),
     (8, 10), "picked_along"),
    ("a buffer of numbers", Layered(lambda x, table: x * table, torch.rand(8, 20)), TOKENS, "fixed"),
    ("channels at the places of a buffer", Layered(lambda x, places: x[:, places], torch.tensor([[7, 0], [-1, 3]])),
     TOKENS, "picked_along"),
    ("a product with a matrix", Layered(lambda x, w: (x.transpose(1, 2) @ w).transpose(1, 2), (8, 5)), TOKENS,
     "matrix_product"),
]  # fmt: skip


@pytest.mark.sampled
@pytest.mark.parametrize(("module", "dims", "op"), [c[1:] for c in CASES], ids=[c[0] for c in CASES])
def test_what_is_held_computes_the_same(module: nn.Module, dims: tuple[int, ...], op: str) -> None:
    side = of_module(module, [Tensor(*dims)])
    assert opaque_nodes(side.graph) == ()
    assert op in {written(node.op).partition("(")[0] for node in side.graph} | {written(n.op) for n in side.graph}
    assert totals.parameters(side.graph, list(side.graph)) == sum(p.numel() for p in used(module, side.graph))
    assert totals.macs(side.graph, list(side.graph)) == multiply_adds(module, torch.zeros(1, *dims))
    proof = prove_sides(of_graph(from_json(to_json(side.graph))), side)
    assert proof.numbers is not None
    assert proof.numbers.ok, proof


def used(module: nn.Module, graph: Graph) -> list[nn.Parameter]:
    """The parameters that a call of the module reads."""
    x = torch.rand(2, *graph.inputs[0].output.dims, requires_grad=True)
    module.zero_grad()
    module(x).sum().backward()
    return [parameter for parameter in module.parameters() if parameter.grad is not None]


def multiply_adds(module: nn.Module, x: torch.Tensor) -> int:
    """Counted on `meta`, where PyTorch's counter sees attention."""
    with FlopCounterMode(display=False) as counter:
        deepcopy(module).to("meta").eval()(x.to("meta"))
    return int(counter.get_total_flops()) // 2


def test_a_fixed_filter_of_other_numbers_blurs_nothing() -> None:
    laplace = torch.tensor([[0.0, 1, 0], [1, -4, 1], [0, 1, 0]])[None, None]
    (left,) = opaque_nodes(of_module(Layered(blurred, laplace), [Tensor(*MAP)]).graph)
    assert left.op.target == "aten.conv2d"


HELD = [
    (name, example)
    for name, op in REGISTRY.items()
    if issubclass(op, Held)
    for example in op.examples()
    if isinstance(example.op.torch(*example.inputs), Expression)
]


@pytest.mark.parametrize(("name", "example"), HELD, ids=[f"{name}-{written(example.op)}" for name, example in HELD])
def test_held_ops_give_what_they_say(name: str, example: Example) -> None:
    emission = example.op.torch(*example.inputs)
    assert isinstance(emission, Expression)
    names = {f"x{place}": torch.rand(2, *tensor.dims) + 0.1 for place, tensor in enumerate(example.inputs)}
    text = emission.written(tuple(names))
    function = load(
        f"import torch\nimport torch.nn.functional as F\n\n\ndef call({', '.join(names)}):\n    return {text}\n"
    ).call
    found = function(*names.values())
    shapes = [tuple(part.shape[1:]) for part in (found if isinstance(found, tuple) else (found,))]
    assert shapes == [tensor.dims for tensor in example.op.outputs(*example.inputs)]
