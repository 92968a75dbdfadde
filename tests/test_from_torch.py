"""Modules become graphs: counted as measured, named as in the code, computing the same, and refused in clear words."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from gallery import measured
from reference import import_torchvision
from torch import nn
from torch.nn import functional as F
from typer.testing import CliRunner

import archdsl
from archdsl.analyses import totals
from archdsl.cli.app import app
from archdsl.decompile.spec import spec_of
from archdsl.diagnostics import CompileError
from archdsl.frontends.load import load_reference, opaque_nodes
from archdsl.frontends.references import build, usual_input
from archdsl.frontends.torch import from_torch, imported, stand_ins
from archdsl.ir.dump import written
from archdsl.ir.graph import Graph
from archdsl.ir.serialize import from_json, to_json
from archdsl.prove.numbers import TOLERANCE
from archdsl.prove.prove import prove_sides
from archdsl.prove.sides import of_graph, of_module, of_reference
from archdsl.readers import is_reference
from archdsl.tensor import Tensor

MEASURED = measured()

REFERENCES = [
    "pytorchcv:alexnet",
    "pytorchcv:shufflenet_g3_w1",
    "timm:legacy_seresnet50",
    "timm:nasnetalarge",
    "torchvision:densenet121",
    "torchvision:efficientnet_b0",
    "torchvision:googlenet",
    "torchvision:googlenet+aux",
    "torchvision:inception_v3+aux",
    "torchvision:mobilenet_v2",
    "torchvision:resnet18",
    "torchvision:resnet50",
    "torchvision:vgg16_bn",
]
"""Each brings operations that the others lack."""


@pytest.mark.sampled
@pytest.mark.parametrize("reference", REFERENCES)
def test_sizes_and_costs_are_those_measured(reference: str) -> None:
    row = MEASURED[reference]
    graph = load_reference(reference.removesuffix("+aux"), [(row.input, "float")])
    nodes = totals.nodes_in(graph, training=reference.endswith("+aux"))
    assert opaque_nodes(graph) == ()
    assert totals.parameters(graph, nodes) == row.params
    assert totals.buffers(graph, nodes) == row.buffers
    assert totals.macs(graph, totals.nodes_in(graph)) == row.macs


# --- names -----------------------------------------------------------------------------------


def test_nodes_are_called_as_modules_and_keep_their_parameters_names() -> None:
    module = build("torchvision:resnet18", meta=True)
    found = imported(module, torch.empty(2, 3, 64, 64, device="meta"), "torchvision:resnet18")
    graph = found.graph
    assert {key for keys in found.keys.values() for key in keys.values()} == set(module.state_dict())
    assert all(
        key == f"{graph.node(id).weights}.{slot}" for id, keys in found.keys.items() for slot, key in keys.items()
    )
    assert written(graph.node("layer2.0.downsample.0").op) == "conv(128, 1, stride=2, bias=false)"
    # One module of the code that is called twice is two nodes.
    assert [node.id for node in graph if node.scope == "layer1.0" and node.op.name == "relu"] == [
        "layer1.0.relu",
        "layer1.0.relu2",
    ]
    assert graph.scopes["layer1"].kind == "stage"
    assert graph.scopes["layer1.1"].copy == (1, 2)
    assert graph.scopes["layer1.1"].block == "BasicBlock"
    assert [value.node for value in graph.scopes["layer1"].results] == ["layer1.1.relu2"]
    assert graph.node("fc").span.text == "fc: Linear(in_features=512, out_features=1000, bias=True)"
    assert str(graph.node("x").span) == "torchvision:resnet18:2:1"


class Awkward(nn.Module):
    """Names that a step may not have."""

    def __init__(self) -> None:
        super().__init__()
        self.add_module("class", nn.Conv2d(3, 3, 1))
        self.add_module("norm-1", nn.BatchNorm2d(3))
        self.list = nn.ModuleList([nn.ReLU(), nn.ReLU()])

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = getattr(self, "norm-1")(getattr(self, "class")(x))
        return self.list[0](x) + self.list[1](x) + self.list[0](-1 * x) + x


def test_names_are_legal() -> None:
    found = imported(Awkward(), torch.zeros(2, 3, 4, 4))
    ids = [node.id for node in found.graph]
    assert ids == ["x", "class1", "norm_1", "list.0", "list.1", "add1", "scale", "list.relu2", "add2", "add3"]
    assert found.keys["norm_1"]["running_mean"] == "norm-1.running_mean"
    assert found.graph.node("class1").weights == "class"


def test_a_module_that_makes_several_nodes_is_their_scope() -> None:
    graph = load_reference("timm:efficientnet_b0")
    assert [node.name for node in graph if node.scope == "blocks.0.0.bn1"] == ["bn", "act"]
    assert graph.node("blocks.0.0.bn1.bn").weights == "blocks.0.0.bn1"


def test_graphs_survive_json() -> None:
    for graph in (load_reference("torchvision:googlenet"), from_torch(Attention(), torch.zeros(2, 10, 16))):
        assert from_json(to_json(graph)) == graph


# --- every operation ---------------------------------------------------------------------------


def seq(*modules: nn.Module) -> nn.Module:
    return nn.Sequential(*modules)


class Calls(nn.Module):
    """A function of PyTorch's as a module."""

    def __init__(self, function: Callable[..., Any]) -> None:
        super().__init__()
        self.function = function

    def forward(self, *inputs: torch.Tensor) -> Any:
        return self.function(*inputs)


def shuffle(x: torch.Tensor) -> torch.Tensor:
    batch, channels, height, width = x.shape
    return x.view(batch, 4, channels // 4, height, width).transpose(1, 2).reshape(batch, channels, height, width)


def chunked(x: torch.Tensor) -> torch.Tensor:
    first, second, _ = x.split([3, 4, 1], 1)
    left, right = x.chunk(2, dim=1)
    return torch.cat([right, first, second, left, x[:, 2:-1]], 1)


IMAGE = (8, 9, 12)
CLIP = (4, 5, 6, 7)
OPERATIONS: list[tuple[str, nn.Module, tuple[int, ...], str]] = [
    ("conv", nn.Conv2d(8, 6, (3, 5), stride=(1, 2), padding=(2, 0), dilation=(2, 1), groups=2), IMAGE,
     "conv(6, 3x5, stride=1x2, padding=2x0, dilation=2x1, groups=2)"),
    ("conv same", nn.Conv2d(8, 4, 4, padding="same", bias=False), IMAGE, "conv(4, 4, padding=1x2x1x2, bias=false)"),
    ("conv valid", nn.Conv2d(8, 4, 3, padding="valid"), IMAGE, "conv(4, 3, padding=0)"),
    ("conv1d", nn.Conv1d(8, 4, 3, padding=1), (8, 20), "conv(4, 3)"),
    ("depthwise", nn.Conv2d(8, 16, 3, groups=8), IMAGE, "depthwise(3, multiplier=2, padding=0)"),
    ("transposed", nn.ConvTranspose2d(8, 4, 3, 2, padding=1, output_padding=1, groups=2, bias=False), IMAGE,
     "up_conv(4, 3, stride=2, padding=1, output_padding=1, groups=2, bias=false)"),
    ("transposed 1d", nn.ConvTranspose1d(8, 4, 3, dilation=2), (8, 20), "up_conv(4, 3, dilation=2)"),
    ("linear", nn.Linear(8, 3, bias=False), (8,), "linear(3, bias=false)"),
    ("bn", nn.BatchNorm2d(8, eps=1e-3, momentum=0.01), IMAGE, "bn(eps=0.001, momentum=0.01)"),
    ("bn plain", nn.BatchNorm1d(8, affine=False, track_running_stats=False), (8,), "bn(affine=false, track=false)"),
    ("instance norm", nn.InstanceNorm2d(8, affine=True, track_running_stats=True), IMAGE,
     "instance_norm(affine=true, track=true)"),
    ("group norm", nn.GroupNorm(4, 8, eps=1e-6), IMAGE, "group_norm(4, eps=1e-06)"),
    ("layer norm", nn.LayerNorm(8), (8,), "layer_norm"),
    ("lrn", nn.LocalResponseNorm(3, alpha=0.1, beta=0.5, k=2.0), IMAGE, "lrn(3, alpha=0.1, beta=0.5, k=2.0)"),
    ("lrn 1d", nn.LocalResponseNorm(4), (8, 20), "lrn(4)"),
    ("max pool", nn.MaxPool2d(3, 2, padding=1, dilation=2, ceil_mode=True), IMAGE,
     "max_pool(3, stride=2, padding=1, dilation=2, ceil=true)"),
    ("max pool 1d", nn.MaxPool1d(2), (8, 20), "max_pool(2, padding=0)"),
    ("max pool, border", Calls(lambda x: F.max_pool2d(F.pad(x, (0, 1, 0, 1), value=float("-inf")), 3, 2)), IMAGE,
     "max_pool(3, stride=2, padding=0x1x0x1)"),
    ("avg pool", nn.AvgPool2d((3, 2), 2, padding=(1, 0), count_include_pad=False), IMAGE,
     "avg_pool(3x2, stride=2, padding=1x0, include_padding=false)"),
    ("avg pool 1d", nn.AvgPool1d(3, 2, ceil_mode=True), (8, 20), "avg_pool(3, stride=2, padding=0, ceil=true)"),
    ("global", nn.AdaptiveAvgPool2d(1), IMAGE, "global_avg_pool"),
    ("global max", nn.AdaptiveMaxPool1d(1), (8, 20), "global_max_pool"),
    ("adaptive", nn.AdaptiveAvgPool2d((2, 3)), IMAGE, "adaptive_avg_pool(2x3)"),
    ("adaptive max", nn.AdaptiveMaxPool2d(4), IMAGE, "adaptive_max_pool(4)"),
    ("mean", Calls(lambda x: x.mean((2, 3), keepdim=True)), IMAGE, "global_avg_pool"),
    ("mean, vector", Calls(lambda x: x.mean((-1, -2))), IMAGE, "global_avg_pool flatten"),
    ("amax", Calls(lambda x: x.amax((2, 3), keepdim=True)), IMAGE, "global_max_pool"),
    ("max over time", Calls(lambda x: x.max(2).values), (8, 20), "global_max_pool flatten"),
    ("relu", nn.ReLU(inplace=True), IMAGE, "relu"),
    ("relu6", nn.ReLU6(), IMAGE, "relu6"),
    ("clamp", Calls(lambda x: x.clamp(0, 6)), IMAGE, "relu6"),
    ("clamp_min", Calls(lambda x: x.clamp(min=0)), IMAGE, "relu"),
    ("silu", nn.SiLU(), IMAGE, "silu"),
    ("hardswish", nn.Hardswish(), IMAGE, "hard_swish"),
    ("mish", nn.Mish(), IMAGE, "mish"),
    ("hardsigmoid", nn.Hardsigmoid(), IMAGE, "hard_sigmoid"),
    ("hard sigmoid by hand", Calls(lambda x: F.relu6(x + 3) / 6), IMAGE, "hard_sigmoid"),
    ("sigmoid", nn.Sigmoid(), IMAGE, "sigmoid"),
    ("tanh", nn.Tanh(), IMAGE, "tanh"),
    ("leaky relu", nn.LeakyReLU(0.2), IMAGE, "leaky_relu(slope=0.2)"),
    ("elu", nn.ELU(0.5), IMAGE, "elu(alpha=0.5)"),
    ("gelu", nn.GELU(), IMAGE, "gelu"),
    ("gelu tanh", nn.GELU("tanh"), IMAGE, "gelu(approximate=true)"),
    ("prelu", nn.PReLU(8), IMAGE, "prelu(per_channel=true)"),
    ("prelu one", nn.PReLU(), IMAGE, "prelu"),
    ("softmax", nn.Softmax(1), IMAGE, "softmax"),
    ("log softmax", nn.LogSoftmax(-1), (8,), "log_softmax"),
    ("add", Calls(lambda x: torch.add(x, x, alpha=0.5)), IMAGE, "scale(0.5) add"),
    ("exp", Calls(lambda x: (0.5 * x).exp()), IMAGE, "scale(0.5) exp"),
    ("abs", Calls(torch.abs), IMAGE, "abs"),
    ("add vector", Calls(lambda x: x + x.mean((2, 3))[:, :, None, None]), IMAGE,
     "global_avg_pool add"),
    ("expanded sum", Calls(lambda x: x - x.mean((2, 3), keepdim=True).expand_as(x)), IMAGE, "global_avg_pool sub"),
    ("tokens", Calls(lambda x: x.flatten(2)), IMAGE, "tokens"),
    ("reshape", Calls(lambda x: x.flatten(1).view(len(x), -1, 4)), IMAGE, "reshape(216x4)"),
    ("token", Calls(lambda x: x[:, :, 1] - x[:, :, -1]), (8, 20), "token(1) token(-1) sub"),
    ("sub", Calls(lambda x: x.relu() - x), IMAGE, "relu sub"),
    ("mul", Calls(lambda x: x * x.mean((2, 3), keepdim=True)), IMAGE, "global_avg_pool mul"),
    ("expanded gate", Calls(lambda x: x * x.mean((2, 3), keepdim=True).expand_as(x)), IMAGE, "global_avg_pool mul"),
    ("scale", Calls(lambda x: x * 0.25), IMAGE, "scale(0.25)"),
    ("div", Calls(lambda x: x / 4), IMAGE, "scale(0.25)"),
    ("maximum", Calls(lambda x: torch.maximum(x, x.tanh())), IMAGE, "tanh maximum"),
    ("slices", Calls(chunked), IMAGE,
     "split(parts=3x4x1) split channel_slice(2, stop=7) concat"),
    ("flatten", nn.Flatten(), IMAGE, "flatten"),
    ("view", Calls(lambda x: x.view(x.size(0), -1)), IMAGE, "flatten"),
    ("squeeze", Calls(lambda x: x.mean((2, 3), True).squeeze(-1).squeeze(-1)), IMAGE, "global_avg_pool flatten"),
    ("crop", Calls(lambda x: x[:, :, 1:-2, 3:]), IMAGE, "trim(0x0x1x2) trim(3x0x0x0)"),
    ("pad", nn.ZeroPad2d((1, 0, 2, 0)), IMAGE, "pad(1x0x2x0)"),
    ("pad and crop", Calls(lambda x: F.pad(x, (-1, 1, -1, 1))), IMAGE, "trim(1x0x1x0) pad(0x1x0x1)"),
    ("pad value", nn.ConstantPad2d(1, 2.0), IMAGE, "pad(1, value=2.0)"),
    ("reflect", nn.ReflectionPad2d(2), IMAGE, "pad(2, mode=reflect)"),
    ("replicate", nn.ReplicationPad1d((1, 2)), (8, 20), "pad(1x2, mode=replicate)"),
    ("channel shuffle", nn.ChannelShuffle(4), IMAGE, "channel_shuffle(4)"),
    ("channel shuffle by hand", Calls(shuffle), IMAGE, "channel_shuffle(4)"),
    ("pixel shuffle", nn.PixelShuffle(2), IMAGE, "pixel_shuffle(2)"),
    ("space to depth", nn.PixelUnshuffle(3), IMAGE, "space_to_depth(3)"),
    ("upsample", nn.Upsample(scale_factor=2), IMAGE, "upsample"),
    ("upsample bilinear", nn.Upsample(scale_factor=(2, 3), mode="bilinear", align_corners=True), IMAGE,
     "upsample(factor=2x3, mode=bilinear, align_corners=true)"),
    ("resize", nn.Upsample(size=(20, 7), mode="bilinear"), IMAGE, "resize(20x7, mode=bilinear)"),
    ("resize 1d", nn.Upsample(size=50, mode="linear"), (8, 20), "resize(50, mode=bilinear)"),
    ("channel layer norm", Calls(lambda x: F.layer_norm(x.permute(0, 2, 3, 1), (8,)).permute(0, 3, 1, 2)), IMAGE,
     "layer_norm(affine=false)"),
    ("contiguous", Calls(lambda x: x.contiguous().clone().relu()), IMAGE, "relu"),
    ("conv 3d", nn.Conv3d(4, 6, (3, 1, 2), stride=(1, 2, 1), padding=(1, 0, 1), groups=2), CLIP,
     "conv(6, 3x1x2, stride=1x2x1, padding=1x0x1, groups=2)"),
    ("depthwise 3d", nn.Conv3d(4, 4, (1, 3, 3), padding=(0, 1, 1), groups=4), CLIP, "depthwise(1x3x3)"),
    ("transposed 3d", nn.ConvTranspose3d(4, 2, (1, 2, 2), stride=(1, 2, 2)), CLIP, "up_conv(2, 1x2x2, stride=1x2x2)"),
    ("norms 3d", seq(nn.BatchNorm3d(4), nn.InstanceNorm3d(4), nn.GroupNorm(2, 4), nn.LocalResponseNorm(3)), CLIP,
     "bn instance_norm group_norm(2) lrn(3)"),
    ("pools 3d", seq(nn.MaxPool3d((1, 2, 2)), nn.AvgPool3d(2, stride=1)), CLIP,
     "max_pool(1x2x2, padding=0) avg_pool(2, stride=1, padding=0)"),
    ("adaptive 3d", seq(nn.AdaptiveAvgPool3d((1, 2, 3)), nn.AdaptiveMaxPool3d(1)), CLIP,
     "adaptive_avg_pool(1x2x3) global_max_pool"),
    ("global 3d", seq(nn.AdaptiveAvgPool3d(1), nn.Flatten()), CLIP, "global_avg_pool flatten"),
    ("mean 3d", Calls(lambda x: x.mean((2, 3, 4))), CLIP, "global_avg_pool flatten"),
    ("pads 3d", seq(nn.ZeroPad3d((0, 0, 1, 0, 2, 0)), nn.ReplicationPad3d(1), nn.ReflectionPad3d((0, 0, 1, 1, 0, 0))),
     CLIP, "pad(0x0x1x0x2x0) pad(1, mode=replicate) pad(0x1x0, mode=reflect)"),
    ("crop 3d", Calls(lambda x: x[:, :, 1:]), CLIP, "trim(0x0x0x0x1x0)"),
    ("resize 3d", seq(nn.Upsample(scale_factor=(1, 2, 2)), nn.Upsample(size=(3, 7, 8), mode="trilinear")), CLIP,
     "upsample(factor=1x2x2) resize(3x7x8, mode=bilinear)"),
    ("channel shuffle 3d", nn.ChannelShuffle(2), CLIP, "channel_shuffle(2)"),
]  # fmt: skip


@pytest.mark.parametrize(("module", "dims", "expected"), [o[1:] for o in OPERATIONS], ids=[o[0] for o in OPERATIONS])
def test_operations_are_ops_that_compute_the_same(module: nn.Module, dims: tuple[int, ...], expected: str) -> None:
    """What is written of the graph, run with the module's weights, gives its outputs and gradients."""
    side = of_module(module, [Tensor(*dims)])
    ops = [written(node.op) for node in side.graph if node.op.name != "input"]
    assert " ".join(ops) == expected
    proof = prove_sides(of_graph(side.graph), side)
    assert proof.numbers is not None
    assert max(proof.numbers.evaluation, proof.numbers.training) < TOLERANCE
    # torch computes the gradient of Hardsigmoid with a sixth in single precision, in float64 too.
    assert proof.numbers.gradients < (1e-7 if expected == "hard_sigmoid" else TOLERANCE)


class Text(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.embedding = nn.Embedding(50, 8)
        self.conv = nn.Conv1d(8, 4, 3)

    def forward(self, tokens: torch.Tensor) -> torch.Tensor:
        return self.conv(self.embedding(tokens).transpose(1, 2)).amax(-1)


def test_tokens_are_embedded_channels_first() -> None:
    side = of_module(Text(), [Tensor(20, kind="int")])
    assert [written(node.op) for node in side.graph][:3] == [
        "input(20, kind=int)",
        "embedding(50, 8)",
        "conv(4, 3, padding=0)",
    ]
    assert prove_sides(of_graph(side.graph), side).ok


def test_a_padding_token_is_kept() -> None:
    module = Text()
    module.embedding = nn.Embedding(50, 8, padding_idx=3)
    side = of_module(module, [Tensor(20, kind="int")])
    assert written(list(side.graph)[1].op) == "embedding(50, 8, padding=3)"
    assert prove_sides(of_graph(side.graph), side).ok


def test_dropout_is_kept() -> None:
    module = seq(nn.Dropout(0.3), nn.Dropout2d(0.2, inplace=True), nn.Conv2d(8, 2, 1), nn.AlphaDropout(0.1))
    graph = from_torch(module, torch.zeros(2, *IMAGE))
    assert [written(node.op) for node in graph][1:4] == ["dropout(p=0.3)", "channel_dropout(p=0.2)", "conv(2, 1)"]
    assert [node.op.target for node in opaque_nodes(graph)] == ["aten.alpha_dropout"]


# --- values that are changed in place ------------------------------------------------------------


class InPlace(nn.Module):
    """Readers of a value that was changed read what it was changed into."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(8, 8, 1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        y = self.conv(x)
        z = y.tanh()
        y *= 0.5
        y.relu_()
        return y * z


class InPlaceThroughViews(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(8, 8, 1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        y = self.conv(x)
        y[:, 2:4].relu_()
        return y.flatten(1)


def test_changes_in_place_reach_later_readers() -> None:
    side = of_module(InPlace(), [Tensor(*IMAGE)])
    assert [node.op.name for node in side.graph] == ["input", "conv", "tanh", "scale", "relu", "mul"]
    assert prove_sides(of_graph(side.graph), side).ok


def test_changes_through_views_are_not_lost() -> None:
    side = of_module(InPlaceThroughViews(), [Tensor(*IMAGE)])
    parts = ["channel_slice", "channel_slice", "relu", "channel_slice"]
    assert sorted(node.op.name for node in side.graph) == sorted(["input", "conv", *parts, "concat", "flatten"])
    assert [node.op.name for node in side.graph][-2:] == ["concat", "flatten"]
    proof = prove_sides(of_graph(side.graph), side)
    assert proof.ok, proof


# --- what runs in a context ----------------------------------------------------------------------


class InContexts(nn.Module):
    """Code in contexts, one of them inside another. Of the first, two values are used outside."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(8, 8, 1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        with torch.autocast("cpu", enabled=False):
            y = self.conv(x)
            with torch.autocast("cpu", cache_enabled=False, enabled=False):
                z = y.tanh()
        with torch.enable_grad():
            gate = z.sigmoid()
        return y * gate + z


def test_what_runs_in_a_context_is_part_of_the_network() -> None:
    side = of_module(InContexts(), [Tensor(*IMAGE)])
    assert [node.op.name for node in side.graph] == ["input", "conv", "tanh", "sigmoid", "mul", "add"]
    assert prove_sides(of_graph(side.graph), side).ok


# --- what the language has no op for -------------------------------------------------------------


class Attention(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.position = nn.Parameter(torch.zeros(1, 10, 16))
        self.attention = nn.MultiheadAttention(16, 2, batch_first=True)
        self.flat = nn.Linear(16, 3)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = x + self.position
        x = x + self.attention(x, x, x, need_weights=False)[0]
        return self.flat(x.flip(1)).mean(1)


def test_foreign_operations_are_opaque_and_counted() -> None:
    module = Attention().eval()
    example = torch.zeros(2, 10, 16)
    graph = from_torch(module, example)
    nodes = totals.nodes_in(graph)
    assert totals.parameters(graph, nodes) == sum(p.numel() for p in module.parameters())
    # Projections of 16 to 48, 16 and 3 features at ten places, and two products of ten by ten in each of two heads.
    assert totals.macs(graph, nodes) == 10 * 16 * (48 + 16 + 3) + 2 * 2 * 10 * 10 * 8
    targets = {node.op.target: node for node in opaque_nodes(graph)}
    # The input has its features last; they are the channels.
    assert targets["aten.flip"].op.arguments == "dims=[1], input 1: batch, 2:10, 1:16"
    assert targets["aten.flip"].output == Tensor(16, 10)
    assert graph.node("flat").output == Tensor(3, 10)


class Sorted(nn.Module):
    """Gives one of the two results of an operation that the language lacks."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(8, 8, 1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.conv(x).sort(1)[0]


def test_a_block_may_give_one_of_several_results() -> None:
    found = imported(seq(Sorted(), Sorted(), nn.ReLU()), torch.zeros(2, *IMAGE))
    read = archdsl.loads(spec_of(found.graph, found.recorded, "sorted")).graph
    assert prove_sides(of_graph(read), of_graph(found.graph), structure_only=True).ok


def test_constant_filters_are_not_learned() -> None:
    """A convolution whose weights are no parameters, and no blur, has no op."""

    class Filtered(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.register_buffer("filter", torch.arange(12.0).reshape(3, 1, 2, 2))

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return F.conv2d(x, self.filter, groups=3)

    graph = from_torch(Filtered(), torch.zeros(2, 3, 8, 8))
    (conv,) = opaque_nodes(graph)
    assert (conv.op.params(), conv.op.buffers(), conv.op.macs()) == (0, 12, 3 * 4 * 49)


def test_tied_weights_count_once() -> None:
    first = nn.Conv2d(3, 3, 3)
    module = seq(first, nn.ReLU(), first, Calls(lambda x: x + 1))
    graph = from_torch(module, torch.zeros(2, 3, 16, 16))
    assert totals.parameters(graph, list(graph)) == 84
    convs = [node for node in graph if node.op.name == "conv"]
    assert len(convs) == 2
    assert convs[0].weights == convs[1].weights

    class Tied(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.weight = nn.Parameter(torch.ones(8, 8))

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return F.linear(F.linear(x, self.weight) @ self.weight, self.weight)

    graph = from_torch(Tied(), torch.zeros(2, 8))
    assert totals.parameters(graph, list(graph)) == 64


# --- and back to source ---------------------------------------------------------------------------


class Lent(nn.Module):
    """Calls a layer that another one of these calls, too."""

    def __init__(self, width: int, layer: nn.Module) -> None:
        super().__init__()
        self.own = nn.Conv2d(width, width, 1)
        self.layer = layer

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.layer(self.own(x))


class LentTwice(nn.Module):
    def __init__(self, width: int, out: int) -> None:
        super().__init__()
        self.widen = nn.Conv2d(width, out, 1)
        layer = nn.Conv2d(out, out, 3, padding=1)
        self.first, self.second = Lent(out, layer), Lent(out, layer)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.second(self.first(self.widen(x)))


def test_a_layer_of_two_modules_is_emitted_around_them() -> None:
    """The class that holds such a layer is made in two widths."""
    side = of_module(seq(LentTwice(8, 4), LentTwice(4, 6)), [Tensor(*IMAGE)])
    report = prove_sides(of_graph(side.graph), side)
    assert report.ok, report


@pytest.mark.parametrize("reference", ["timm:efficientnet_b0", "timm:res2net50_26w_4s", "torchvision:googlenet"])
def test_what_was_imported_can_be_written_as_source(reference: str) -> None:
    """Numbered modules, modules of several ops, and modules whose parts are used in between others."""
    side = of_reference(reference, [Tensor(3, 64, 64)])
    graph = from_json(to_json(side.graph))
    report = prove_sides(of_graph(graph), side)
    assert report.ok, report


def test_opaque_nodes_cannot_be_written_as_source(folder: Path) -> None:
    (folder / "net.json").write_text(to_json(from_torch(Attention(), torch.zeros(2, 10, 16))))
    code, output = run("compile", "net.json", "-o", "net.py")
    assert code == 1
    assert "flip is aten.flip, which no op of the language expresses" in output
    assert not (folder / "net.py").exists()


@pytest.mark.parametrize("command", ["check", "table", "show", "draw"])
def test_commands_take_graphs(folder: Path, command: str) -> None:
    code, _ = run("import", "torchvision:resnet18", "-o", "net.json")
    assert code == 0
    code, output = run(command, "net.json")
    assert code == 0
    assert output
    code, output = run(command, "net.json", "--classes", "10")
    assert code == 2
    assert "net.json is a graph, and has no parameter `classes`" in output


# --- training -----------------------------------------------------------------------------------


def test_outputs_of_training_are_marked() -> None:
    graph = load_reference("torchvision:googlenet")
    assert [(o.name, o.training) for o in graph.outputs] == [
        ("output", False),
        ("aux_logits2", True),
        ("aux_logits1", True),
    ]
    assert {id.split(".")[0] for id in graph.training_only} == {"aux1", "aux2"}


class WithAuxiliary(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.norm, self.head, self.auxiliary = nn.BatchNorm2d(3), nn.Conv2d(3, 2, 1), nn.Conv2d(3, 2, 3)

    def forward(self, x: torch.Tensor) -> Any:
        x = self.norm(x)
        return (self.head(x), self.auxiliary(x)) if self.training else self.head(x)


def test_importing_changes_nothing() -> None:
    module = WithAuxiliary().train()
    module.norm.eval()
    before = {name: value.clone() for name, value in module.state_dict().items()}
    modes = [inner.training for inner in module.modules()]
    graph = from_torch(module, torch.zeros(1, 3, 8, 8))
    assert [output.training for output in graph.outputs] == [False, True]
    assert [inner.training for inner in module.modules()] == modes
    assert all(torch.equal(value, before[name]) for name, value in module.state_dict().items())


class TwoOutputs(nn.Module):
    def forward(self, x: torch.Tensor, y: torch.Tensor) -> dict[str, Any]:
        return {"sum": x + y, "others": [x.relu(), y.relu()]}


def test_several_inputs_and_outputs_have_names() -> None:
    graph = from_torch(TwoOutputs(), (torch.zeros(2, 3, 4, 4), torch.zeros(2, 3, 4, 4)))
    assert [node.id for node in graph.inputs] == ["x", "y"]
    assert [output.name for output in graph.outputs] == ["output", "others", "output3"]


# --- what cannot be imported ----------------------------------------------------------------------


class Remembers(nn.Module):
    """torch.export refuses this; torch.fx does not mind."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 4, 3)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        self.seen = self.conv(x)
        return self.seen.relu()


class Forgets(torch.autograd.Function):
    """As in reversible blocks, what was read is given back, and would be computed anew for gradients."""

    @staticmethod
    def forward(ctx: Any, x: torch.Tensor, layer: nn.Module) -> torch.Tensor:
        half = x.chunk(2, 1)[0].contiguous()
        y = torch.cat([half + layer(half), half], 1)
        half.set_()
        return y


class Reversible(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(2, 2, 1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        y = Forgets.apply(x, self.conv)
        x.data.set_()
        return y


class Doubtful(nn.Module):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x * 2 if x.sum() > 0 else x


class Foreign(nn.Module):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return torch.from_numpy(x.detach().numpy() * 2)


class Silent(nn.Module):
    def forward(self, x: torch.Tensor) -> int:
        return 3


def test_torch_fx_is_asked_where_torch_export_refuses() -> None:
    graph = from_torch(Remembers(), torch.zeros(2, 3, 8, 8))
    assert [node.op.name for node in graph] == ["input", "conv", "relu"]


def test_what_gives_its_memory_back_is_traced() -> None:
    graph = from_torch(seq(nn.Conv2d(3, 4, 3), Reversible()), torch.zeros(2, 3, 8, 8))
    assert [node.op.name for node in graph] == ["input", "conv", "split", "conv", "add", "concat"]


@pytest.mark.parametrize(
    ("module", "code", "message", "reached"),
    [
        (seq(nn.ReLU(), Doubtful()), "data-dependent", "depends on the numbers", "reached 1 (Doubtful), at test_from"),
        (
            Foreign(),
            "cannot-trace",
            "net runs, but neither torch.export nor torch.fx can trace it",
            "reached test_from",
        ),
        (seq(nn.Conv2d(4, 2, 1)), "reference-inputs", "net does not take the input 3x8x8", "reached 0 (Conv2d)"),
        (TwoOutputs(), "reference-inputs", "net does not take the input 3x8x8", ""),
        (Silent(), "cannot-trace", "net does not return a tensor", ""),
    ],
    ids=["asks", "foreign", "shape", "count", "silent"],
)
def test_what_cannot_be_imported_says_why(module: nn.Module, code: str, message: str, reached: str) -> None:
    with pytest.raises(CompileError) as caught:
        from_torch(module, torch.zeros(2, 3, 8, 8), "net")
    (diagnostic,) = caught.value.diagnostics
    assert diagnostic.code == code
    assert message in diagnostic.message
    assert any(note.text.startswith(reached) for note in diagnostic.notes) or not reached


class Reader(nn.Module):
    """torch.export would follow it through every pixel, for hours."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x * max(x.flatten().tolist())


def test_a_trace_that_would_not_end_is_given_up() -> None:
    with pytest.raises(CompileError) as caught:
        from_torch(seq(nn.ReLU(), Reader()), torch.zeros(1, 3, 224, 224), "net")
    (diagnostic,) = caught.value.diagnostics
    assert diagnostic.code == "data-dependent"
    notes = [note.text for note in diagnostic.notes]
    assert notes[0] == "it reads more than 1000 single numbers of its values"
    assert notes[1].startswith("reached 1 (Reader), at test_from_torch.py:")


def test_a_map_may_be_taken_apart_row_by_row() -> None:
    """Each is a vector, not a number: the trace ends, and says nothing of numbers."""
    module = Calls(lambda x: torch.stack(x.unbind(2)[:2], 2))
    graph = from_torch(module, torch.zeros(1, 3, 1100, 4))
    assert graph.tensor(graph.outputs[0].values[0]) == Tensor(3, 2, 4)


def test_a_module_in_double_precision_is_traced_in_it() -> None:
    module = seq(nn.Conv2d(3, 4, 1), nn.ReLU()).double()
    assert [node.op.name for node in imported(module, stand_ins(module, [Tensor(3, 8, 8)])).graph] == [
        "input",
        "conv",
        "relu",
    ]


def test_a_reference_may_have_arguments() -> None:
    module = build("torchvision:resnet18(num_classes=7)", meta=True)
    assert module.fc.out_features == 7
    assert build("torch.nn:Linear(in_features=3, out_features=2)").in_features == 3
    assert build("timm:resnet18(num_classes=5, in_chans=1)", meta=True).conv1.in_channels == 1
    assert build("pytorchcv:resnet18(in_size=(64, 64))", meta=True).in_size == (64, 64)


REFERENCE_ERRORS = [
    ("timm:resnet50(10)", "unknown-reference", "names with plain values, as in `timm:resnet50(num_classes=10)`", None),
    ("timm:resnet50(a=b)", "unknown-reference", "`timm:resnet50(a=b)` names no model: its options are", None),
    ("timm:resnet50(a=", "unknown-reference", "`timm:resnet50(a=` names no model: its options are", None),
    ("timm:resnet18(depth=3)", "broken-reference", "cannot be made: TypeError", None),
    ("torchvision:resnet51", "unknown-reference", "torchvision has no network `resnet51`", "`torchvision:resnet50`"),
    ("timm:efficientnt_b0", "unknown-reference", "timm has no network", "timm:efficientnet_b"),
    ("no_such_package:net", "broken-reference", "there is no module `no_such_package`", None),
    ("torchvison:resnet18", "broken-reference", "there is no module `torchvison`", "`torchvision:resnet18`"),
    ("resnet:50", "broken-reference", "there is no module `resnet`", "`resnet@50`"),
    ("nets:Nte", "unknown-reference", "nets has no network `Nte`", "`nets:Net`"),
    ("nets:fails", "broken-reference", "nets:fails cannot be made: ValueError: out of luck", None),
    ("nets:number", "broken-reference", "nets:number gives a int, not a torch.nn.Module", None),
    ("broken:Net", "broken-reference", "broken does not import: SyntaxError", None),
    ("resnet50", "unknown-reference", "`resnet50` names no model", None),
]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The current folder, with modules of its own."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [*sys.path])
    for name in ("nets", "broken"):
        monkeypatch.delitem(sys.modules, name, raising=False)
    (tmp_path / "broken.py").write_text("class Net(:\n")
    (tmp_path / "nets.py").write_text(
        "from torch import nn\n\n"
        "def Net():\n    return nn.Conv2d(3, 2, 1)\n\n"
        "made = nn.Sequential(nn.Conv2d(3, 2, 1))\n\n"
        "def fails():\n    raise ValueError('out of luck')\n\n"
        "def number():\n    return 3\n\n"
        "class Mirror(nn.Module):\n    def forward(self, x):\n        return x.flip(3)\n\n"
        "class Mirrors(nn.Module):\n    def __init__(self):\n        super().__init__()\n"
        "        self.conv = nn.Conv2d(3, 2, 3, padding=1)\n"
        "        self.mirrors = nn.Sequential(*(Mirror() for _ in range(4)))\n\n"
        "    def forward(self, x):\n        return self.mirrors(self.conv(x)).relu()\n"
    )
    return tmp_path


@pytest.mark.parametrize(("reference", "code", "message", "help"), REFERENCE_ERRORS)
def test_references_that_are_none_say_so(
    folder: Path, reference: str, code: str, message: str, help: str | None
) -> None:
    for meta in (True, False):
        with pytest.raises(CompileError) as caught:
            build(reference, meta)
        (diagnostic,) = caught.value.diagnostics
        assert diagnostic.code == code
        assert message in diagnostic.message
        assert help is None or help in (diagnostic.help or "")


def test_factories_and_modules_of_the_current_folder_can_be_named(folder: Path) -> None:
    for name in ("nets:Net", "nets:made"):
        graph = load_reference(name, [((3, 8, 8), "float")])
        assert [node.op.name for node in graph] == ["input", "conv"]


def test_paths_are_no_references() -> None:
    assert [
        is_reference(name) for name in ("timm:resnet50", "my.nets:Net", "resnet@50", "C:\\net.arch", "a/b.arch")
    ] == [
        True,
        True,
        False,
        False,
        False,
    ]


@pytest.mark.parametrize(
    ("reference", "size"),
    [
        ("torchvision:inception_v3", 299),
        ("torchvision:vit_h_14", 224),  # its published weights are for 518, with another table of positions
        ("timm:nasnetalarge", 331),
        ("pytorchcv:resnet20_cifar10", 32),
    ],
)
def test_the_input_is_what_the_network_is_made_for(reference: str, size: int) -> None:
    assert usual_input(reference, build(reference, meta=True)) == (3, size, size)


def test_the_input_of_a_network_of_videos_is_a_clip() -> None:
    graph = load_reference("torchvision:mc3_18")
    assert [node.output.dims for node in graph.inputs] == [(3, 16, 112, 112)]
    assert opaque_nodes(graph) == ()


# --- the command ----------------------------------------------------------------------------------


def run(*words: str) -> tuple[int, str]:
    result = CliRunner().invoke(app(), list(words))
    return result.exit_code, result.output


def test_the_command_writes_a_graph_and_lists_what_is_opaque(folder: Path) -> None:
    code, output = run("import", "nets:Mirrors", "-o", "net.json")
    assert code == 0
    assert "nets:Mirrors: 7 nodes, 56 params, 2.71 M MACs, 3x224x224 -> 2x224x224" in output
    assert "aten.flip x 4: mirrors.0, mirrors.1, mirrors.2 ..." in output
    graph = from_json((folder / "net.json").read_text())
    assert isinstance(graph, Graph)
    assert graph == load_reference("nets:Mirrors")


def test_layers_at_every_position_have_an_op() -> None:
    graph = load_reference("torchvision:convnext_tiny")
    assert opaque_nodes(graph) == ()
    assert (totals.parameters(graph, list(graph)), totals.macs(graph, list(graph))) == (28_589_128, 4_455_531_264)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["import", "nets:Net", "--input", "3xx8"], "'3xx8' is not a shape"),
        (["import", "nets:Net", "-o", "net.txt"], "net.txt must end in one of .arch, .json"),
        (["import", "nets:Net", "--input", "4x8x8", "-o", "net.json"], "does not take the input 4x8x8"),
        (["import", "nets:nothing"], "nets has no network `nothing`"),
    ],
)
def test_a_wrong_call_ends_with_2_and_writes_nothing(folder: Path, words: list[str], message: str) -> None:
    code, output = run(*words)
    assert code == 2
    assert message in output
    assert not list(folder.glob("*.json"))


def test_tracing_needs_no_memory_for_weights() -> None:
    import_torchvision()
    module = build("torchvision:vgg16", meta=True)
    assert all(parameter.is_meta for parameter in module.parameters())
    inputs = stand_ins(module, [Tensor(3, 224, 224)])
    assert all(value.is_meta for value in inputs)
    graph = from_torch(module, inputs)
    assert totals.parameters(graph, list(graph)) == 138_357_544
