"""Proofs: what is written otherwise is the same, what is another network is not, and the report says where."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from gallery import COUNTERPARTS, Counterpart
from reference import import_torchvision
from torch import nn
from torch.nn import functional as F
from typer.testing import CliRunner

import archdsl
from archdsl.cli.app import app
from archdsl.frontends.references import build
from archdsl.prove.numbers import TOLERANCE, compare
from archdsl.prove.prove import prove, prove_sides
from archdsl.prove.report import ProofReport, report_json, report_text
from archdsl.prove.sides import of_graph, of_module, of_reference
from archdsl.prove.weights import WeightMap, load_weights
from archdsl.tensor import Tensor


def against(body: str, module: nn.Module, shape: str = "3 x 16 x 16", structure_only: bool = False) -> ProofReport:
    """A network of these lines, and a module."""
    lines = "".join(f"    {line}\n" for line in body.strip().splitlines())
    net = archdsl.loads(f"network Net:\n    input image: {shape}\n{lines}")
    return prove(net.graph, module, structure_only)


def seq(*modules: nn.Module) -> nn.Module:
    return nn.Sequential(*modules)


class Calls(nn.Module):
    """Functions of PyTorch's around modules, which the first argument holds by name."""

    def __init__(self, function: Callable[..., Any], **modules: nn.Module) -> None:
        super().__init__()
        self.function = function
        for name, module in modules.items():
            self.add_module(name, module)

    def forward(self, *inputs: torch.Tensor) -> Any:
        return self.function(self, *inputs)


# --- public networks ---------------------------------------------------------------------------

WHOLE = (
    "resnet@18 = torchvision:resnet18",
    "googlenet@bn = torchvision:googlenet",
    "mobilenet_v2@1.0 = torchvision:mobilenet_v2",
    "shufflenet@g3 = pytorchcv:shufflenet_g3_w1",
    "densenet_cifar@40_12_half = pytorchcv:densenet40_k12_cifar10",
    "efficientnet@b0 = pytorchcv:efficientnet_b0",
    "zfnet@paper(reduce=NormPool) = pytorchcv:zfnet",
)
"""Proven whole: structure, outputs and gradients. Between them they use most ops and most rules."""

NOTES = {
    "efficientnet@b0 = pytorchcv:efficientnet_b0": (
        "drop_path 0.025 to 0.175 in 9 places here, in no place there: not compared; "
        "see specs/blocks/mobile.arch:31 stage3.1.drop_path and 8 more, "
        "specs/efficientnet.arch:25, specs/efficientnet.arch:35, specs/blocks/mobile.arch:20",
    )
}
"""What is said of those beside that they are proven; nothing of the others."""

PAIRS = {str(pair): pair for pair in COUNTERPARTS}


def proven(pair: Counterpart, structure_only: bool) -> ProofReport:
    net = archdsl.load(pair.spec, **pair.settings)
    return prove(net.graph, pair.reference.removesuffix("+aux"), structure_only)


@pytest.mark.parametrize("name", WHOLE)
def test_is_the_public_network(name: str) -> None:
    report = proven(PAIRS[name], structure_only=False)
    assert report.ok, report_text(report)
    assert report.numbers is not None
    assert report.numbers.gradients < TOLERANCE
    assert report.notes == NOTES.get(name, ())


def test_all_of_the_public_weights_are_ours() -> None:
    report = proven(PAIRS["googlenet@bn = torchvision:googlenet"], structure_only=True)
    module = build("torchvision:googlenet", meta=True)
    ours = archdsl.load("googlenet@bn").module(device="meta")
    assert report.weights is not None
    theirs_to_ours = dict(report.weights.pairs)
    assert set(theirs_to_ours) == set(module.state_dict())
    assert set(theirs_to_ours.values()) == set(ours.state_dict())
    assert theirs_to_ours["aux1.fc2.weight"] == "aux1.linear2.weight"
    # Which of two auxiliary heads is which follows from where they stand, not from the order of the outputs.
    assert theirs_to_ours["aux2.conv.conv.weight"].startswith("aux2.")
    assert report.parameters == 13_004_888


# --- what is the same ----------------------------------------------------------------------------

SHORTCUT = "add{it | conv(3, 3, bias=false) -> bn} -> relu"


def swish(self: Any, x: torch.Tensor) -> torch.Tensor:
    x = self.conv(x)
    return x * torch.sigmoid(x)


def squeeze_by_linear(self: Any, x: torch.Tensor) -> torch.Tensor:
    batch, channels = x.shape[:2]
    gate = self.up(self.down(x.mean((2, 3))).relu()).sigmoid()
    return x * gate.view(batch, channels, 1, 1).expand_as(x)


def shortcut(self: Any, x: torch.Tensor) -> torch.Tensor:
    return F.relu(self.norm(self.conv(x)) + x)


def of_a_map(self: Any, x: torch.Tensor) -> torch.Tensor:
    """Attention and a residual sum of the positions in a row, and a convolution of the map, as SegFormer has them."""
    x = x.flatten(2).transpose(1, 2)
    x = x + self.out(F.scaled_dot_product_attention(*self.qkv(x).chunk(3, -1)))
    map = x.transpose(1, 2).view(-1, 3, 16, 16)
    x = x + self.conv(map).flatten(2).transpose(1, 2).relu()
    return x.transpose(1, 2).view(-1, 3, 16, 16)


def dense(self: Any, x: torch.Tensor) -> torch.Tensor:
    first = self.first(x)
    return torch.cat([x, first, self.second(torch.cat([x, first], 1))], 1)


def halves(self: Any, x: torch.Tensor) -> torch.Tensor:
    return torch.cat([self.conv(x[:, :2]), x[:, 2:]], 1)


def shifted(self: Any, x: torch.Tensor) -> torch.Tensor:
    """As TensorFlow's networks are brought to PyTorch: a row too many at the top, and then cut off."""
    x = self.down(F.pad(x, (1, 0, 1, 0)))[:, :, 1:, 1:]
    return x.contiguous()


def cut_after(self: Any, x: torch.Tensor) -> torch.Tensor:
    return self.point(self.depth(x))[:, :, 1:, 1:]


EQUAL: list[tuple[str, str, nn.Module]] = [
    (
        "module or function",
        SHORTCUT,
        Calls(shortcut, conv=nn.Conv2d(3, 3, 3, padding=1, bias=False), norm=nn.BatchNorm2d(3)),
    ),
    ("identities", "conv(4, 1) -> identity -> scale(1.0)", seq(nn.Identity(), nn.Conv2d(3, 4, 1), nn.Dropout(0.3))),
    ("chance", "conv(4, 1) -> dropout(0.5) -> relu -> channel_dropout(0.2)", seq(nn.Conv2d(3, 4, 1), nn.ReLU())),
    ("global pool as mean", "global_avg_pool -> flatten", Calls(lambda _, x: x.mean((2, 3)))),
    ("global pool as pool", "global_max_pool -> flatten", seq(nn.MaxPool2d(16), nn.Flatten())),
    ("adaptive pool", "conv(4, 3) -> avg_pool(4)", seq(nn.Conv2d(3, 4, 3, padding=1), nn.AdaptiveAvgPool2d(4))),
    ("adaptive pool of its own size", "conv(4, 3)", seq(nn.Conv2d(3, 4, 3, padding=1), nn.AdaptiveAvgPool2d(16))),
    ("flatten forms", "flatten -> linear(4)", Calls(lambda s, x: s.fc(x.view(x.size(0), -1)), fc=nn.Linear(768, 4))),
    ("a linear layer of one pixel", "global_avg_pool -> conv(5, 1) -> flatten",
     seq(nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(3, 5))),
    ("a convolution of all pixels", "flatten -> linear(4)", seq(nn.Conv2d(3, 4, 16), nn.Flatten())),
    ("order of terms", "add{conv(3, 3) | it}", Calls(lambda s, x: x + s.conv(x), conv=nn.Conv2d(3, 3, 3, padding=1))),
    ("sums of sums", "add{it | relu | tanh | sigmoid}", Calls(lambda _, x: (x.relu() + x) + (x.tanh() + x.sigmoid()))),
    ("mean of values", "mean{relu | tanh}", Calls(lambda _, x: (x.relu() + x.tanh()) / 2)),
    ("factors", "scale(0.1) -> scale(0.5)", Calls(lambda _, x: x / 20)),
    ("joined channels", "concat{it | conv(4, 3)} -> concat{it | conv(5, 3)}",
     Calls(dense, first=nn.Conv2d(3, 4, 3, padding=1), second=nn.Conv2d(7, 5, 3, padding=1))),
    ("slices", "conv(4, 1) -> split(2) as (l, r) -> concat{l -> conv(2, 3) | r}",
     seq(nn.Conv2d(3, 4, 1), Calls(halves, conv=nn.Conv2d(2, 2, 3, padding=1)))),
    ("depthwise", "depthwise(3)", nn.Conv2d(3, 3, 3, padding=1, groups=3)),
    ("zeros before a convolution", "conv(4, 3, stride=2, padding=[0, 1, 0, 1])",
     seq(nn.ZeroPad2d((0, 1, 0, 1)), nn.Conv2d(3, 4, 3, stride=2))),
    ("zeros twice", "conv(4, 5)", seq(nn.ZeroPad2d(1), nn.Conv2d(3, 4, 5, padding=1))),
    ("zeros before an activation", "relu -> conv(4, 3)", seq(nn.ZeroPad2d(1), nn.ReLU(), nn.Conv2d(3, 4, 3))),
    ("TensorFlow's padding", "max_pool(3, stride=2, padding=tf_same)",
     Calls(shifted, down=nn.MaxPool2d(3, 2, padding=1))),
    ("rounding up", "max_pool(3, stride=2, ceil=true)", seq(nn.MaxPool2d(3, 2, padding=0, ceil_mode=True))),
    ("rounding up as a border", "max_pool(3, stride=2, ceil=true)",
     Calls(lambda _, x: F.max_pool2d(F.pad(x, (0, 1, 0, 1), value=float("-inf")), 3, 2))),
    ("averages that count zeros", "avg_pool(3, stride=1)", seq(nn.ZeroPad2d(1), nn.AvgPool2d(3, 1))),
    ("outputs that are cut off", "depthwise(3, stride=2, padding=[0, 1, 0, 1], bias=false) -> conv(4, 1)",
     Calls(cut_after, depth=nn.Conv2d(3, 3, 3, stride=2, padding=2, groups=3, bias=False), point=nn.Conv2d(3, 4, 1))),
    ("cropped transposed convolution", "up_conv(2, 4, stride=2, padding=1)",
     Calls(lambda s, x: s.up(x)[:, :, 1:-1, 1:-1], up=nn.ConvTranspose2d(3, 2, 4, stride=2))),
    ("every other pixel", "avg_pool(1, stride=2)", nn.MaxPool2d(1, 2)),
    ("silu", "conv(4, 1) -> silu", Calls(swish, conv=nn.Conv2d(3, 4, 1))),
    ("hard swish", "hard_swish", Calls(lambda _, x: x * F.hardsigmoid(x))),
    ("upsampling to a size", "upsample(2, mode=bilinear)", nn.Upsample(size=32, mode="bilinear")),
    ("gates by linear layers", "mul{it | global_avg_pool -> conv(2, 1) -> relu -> conv(3, 1) -> sigmoid}",
     Calls(squeeze_by_linear, down=nn.Linear(3, 2), up=nn.Linear(2, 3))),
    ("attention of a map", "add{it | linear(9, over=channels) -> split(3) -> attend(1) -> linear(3, over=channels)}\n"
     "add{it | conv(3, 3) -> relu}", Calls(of_a_map, qkv=nn.Linear(3, 9), out=nn.Linear(3, 3),
                                          conv=nn.Conv2d(3, 3, 3, 1, 1))),
    ("one module, called twice", "conv(3, 3) -> relu -> conv(3, 3) -> relu",
     Calls(lambda s, x: s.act(s.b(s.act(s.a(x)))), a=nn.Conv2d(3, 3, 3, 1, 1), b=nn.Conv2d(3, 3, 3, 1, 1),
           act=nn.ReLU())),
]  # fmt: skip


@pytest.mark.parametrize(("body", "module"), [case[1:] for case in EQUAL], ids=[case[0] for case in EQUAL])
def test_what_is_written_otherwise_is_the_same(body: str, module: nn.Module) -> None:
    report = against(body, module)
    assert report.ok or _is_hardsigmoid(report, body), report_text(report)


def _is_hardsigmoid(report: ProofReport, body: str) -> bool:
    """torch computes that gradient with a sixth in single precision."""
    numbers = report.numbers
    return "hard" in body and numbers is not None and numbers.evaluation < TOLERANCE and numbers.gradients < 1e-7


# --- what is not ---------------------------------------------------------------------------------

NORM_THEN_CUT = Calls(lambda s, x: s.norm(x)[:, :, 1:, 1:], norm=nn.BatchNorm2d(3))

DIFFERENT: list[tuple[str, str, nn.Module, list[str]]] = [
    ("kernel", "conv(4, 3)", nn.Conv2d(3, 4, 5, padding=2), ["kernel 3 here, 5 there; padding 1 here, 2 there"]),
    ("shape of a kernel", "conv(4, 1x7)", nn.Conv2d(3, 4, (7, 1), padding=(3, 0)),
     ["kernel 1x7 here, 7x1 there; padding 0x3 here, 3x0 there"]),
    ("padding", "conv(4, 3, padding=valid)", nn.Conv2d(3, 4, 3, padding=1), ["padding 0 here, 1 there"]),
    ("bias", "conv(4, 3, bias=false)", nn.Conv2d(3, 4, 3, padding=1), ["bias no here, yes there"]),
    ("groups", "conv(6, 3, groups=3)", nn.Conv2d(3, 6, 3, padding=1), ["groups 3 here, 1 there"]),
    ("eps", "bn -> relu -> bn", seq(nn.BatchNorm2d(3, eps=1e-3), nn.ReLU(), nn.BatchNorm2d(3, eps=1e-3)),
     ["eps 1e-05 here, 0.001 there"] * 2),
    ("ceil", "max_pool(3, stride=2, padding=0)", nn.MaxPool2d(3, 2, ceil_mode=True),
     ["max pool gives 3x7x7 here, 3x8x8 there"]),
    ("what counts", "avg_pool(3, stride=1)", nn.AvgPool2d(3, 1, 1, count_include_pad=False),
     ["include padding yes here, no there; counted 1 here, 0 there"]),
    ("activation", "conv(4, 1) -> relu -> conv(4, 1)", seq(nn.Conv2d(3, 4, 1), nn.ReLU6(), nn.Conv2d(4, 4, 1)),
     ["relu here, relu6 there"]),
    ("too many", "conv(4, 1) -> bn -> relu", seq(nn.Conv2d(3, 4, 1), nn.ReLU()), ["bn only here"]),
    ("too few", "conv(4, 1) -> relu", seq(nn.Conv2d(3, 4, 1), nn.BatchNorm2d(4), nn.ReLU()), ["bn only there"]),
    ("order of channels", "concat{relu | tanh}", Calls(lambda _, x: torch.cat([x.tanh(), x.relu()], 1)),
     ["concat takes relu and tanh here, tanh and relu there"]),
    ("another source", "relu as a -> tanh as b -> sigmoid\nadd{it | a}",
     Calls(lambda _, x: (b := x.relu().tanh()).sigmoid() + b),
     ["add takes sigmoid and a here, sigmoid and tanh there"]),
    ("branches", "add{relu | tanh | sigmoid}", Calls(lambda _, x: x.relu() + x.tanh()),
     ["sigmoid only here"]),
    ("zeros where there is the least", "max_pool(3, stride=2, padding=[0, 1, 0, 1])",
     seq(nn.ZeroPad2d((0, 1, 0, 1)), nn.MaxPool2d(3, 2)), ["border only there"]),
    ("zeros that were pixels", "conv(4, 3)", Calls(lambda s, x: s.conv(F.pad(x[:, :, 1:], (0, 0, 1, 0))),
                                                     conv=nn.Conv2d(3, 4, 3, padding=1)), ["border only there"]),
    ("statistics of what is cut off", "trim([1, 0, 1, 0]) -> bn", NORM_THEN_CUT, ["border"]),
    ("shared weights", "shared unit = conv(3, 3)\nunit -> relu -> unit",
     seq(nn.Conv2d(3, 3, 3, padding=1), nn.ReLU(), nn.Conv2d(3, 3, 3, padding=1)), ["sharing weights differently"]),
    ("order of positions", "reshape(3 x 8 x 32) -> conv(4, 1)",
     Calls(lambda s, x: s.conv(x.reshape(-1, 3, 32, 8)), conv=nn.Conv2d(3, 4, 1)),
     ["reshape gives 4x8x32 here, 4x32x8 there"]),
    ("opaque", "relu", Calls(lambda _, x: x.relu().flip(2)), ["aten.flip only there"]),
    ("constant", "relu", Calls(lambda _, x: x.relu() + torch.linspace(0, 1, 16)),
     ["fixed only there", "arithmetic only there"]),
]  # fmt: skip


@pytest.mark.parametrize(("body", "module", "expected"), [c[1:] for c in DIFFERENT], ids=[c[0] for c in DIFFERENT])
def test_what_differs_is_named(body: str, module: nn.Module, expected: list[str]) -> None:
    report = against(body, module)
    assert not report.ok
    assert report.weights is None
    assert report.numbers is None
    found = [difference.what for difference in report.differences]
    for what in expected:
        assert any(what in text for text in found), found


def test_one_slip_is_one_difference() -> None:
    """In every place in turn a network is changed, and the report names that place and nothing else."""
    graph = archdsl.load("resnet@18", resolution=32).graph
    clean = build("torchvision:resnet18")
    for path, conv in clean.named_modules():
        if isinstance(conv, nn.Conv2d) and conv.kernel_size == (3, 3):
            conv.dilation, conv.padding = (2, 2), (2, 2)
            report = prove(graph, clean, structure_only=True)
            conv.dilation, conv.padding = (1, 1), (1, 1)
            (difference,) = report.differences
            assert difference.what == "padding 1 here, 2 there; dilation 1 here, 2 there"
            assert difference.theirs is not None
            assert difference.theirs.id == path
    assert prove(graph, clean, structure_only=True).ok


def test_networks_of_different_depth_end_in_a_report() -> None:
    report = proven(Counterpart("resnet@34", "torchvision:densenet121"), structure_only=True)
    assert not report.ok
    first = report.differences[0]
    assert (first.ours or first.before) is not None
    assert (first.ours or first.before).id.startswith("conv2.unit.0")


# --- symmetric networks ----------------------------------------------------------------------------


class Towers(nn.Module):
    """Two equal towers over one input, joined crosswise: only some of the ways to pair them are right."""

    def __init__(self) -> None:
        super().__init__()
        self.a, self.b = (nn.ModuleList(nn.Conv2d(3, 3, 3, padding=1) for _ in range(2)) for _ in range(2))
        self.c, self.d = (nn.ModuleList(nn.Conv2d(3, 3, 1) for _ in range(2)) for _ in range(2))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        first = [conv(x).relu() for conv in self.a]
        second = [conv(x).tanh() for conv in self.b]
        joined = [self.c[i](first[i]) + self.d[1 - i](second[1 - i]) for i in range(2)]
        return joined[0].relu() + joined[1].relu()


TOWERS = """\
add:
    | add{conv(3, 3) -> relu -> conv(3, 1) | conv(3, 3) -> tanh -> conv(3, 1)} -> relu
    | add{conv(3, 3) -> relu -> conv(3, 1) | conv(3, 3) -> tanh -> conv(3, 1)} -> relu
"""


def test_equal_towers_are_paired_consistently() -> None:
    report = against(TOWERS, Towers())
    assert report.ok, report_text(report)


class Ring(nn.Module):
    """Six values in a ring, each joined with the next: every one looks like every other."""

    def __init__(self, rings: list[list[int]]) -> None:
        super().__init__()
        self.convs = nn.ModuleList(nn.Conv2d(3, 3, 1) for _ in range(6))
        self.rings = rings

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        values = [conv(x) for conv in self.convs]
        pairs = [(ring[i - 1], ring[i]) for ring in self.rings for i in range(len(ring))]
        return torch.stack([(values[i] + values[j]).relu() for i, j in pairs]).sum(0)


def test_what_colors_cannot_tell_apart_networkx_does() -> None:
    """A ring of six and two rings of three have the same colors, and are different networks."""
    six, shuffled, threes = [[0, 1, 2, 3, 4, 5]], [[0, 3, 1, 5, 2, 4]], [[0, 1, 2], [3, 4, 5]]
    sides = [of_module(Ring(rings), [Tensor(3, 8, 8)]) for rings in (six, shuffled, threes)]
    assert prove_sides(sides[0], sides[1]).ok
    report = prove_sides(sides[0], sides[2])
    assert [difference.what for difference in report.differences] == [
        "the same ops in the same order, but connected or sharing weights differently"
    ]


# --- numbers -----------------------------------------------------------------------------------------


def test_a_wrong_map_shows_in_the_numbers() -> None:
    graph = archdsl.load("resnet@18", resolution=64).graph
    ours = of_graph(graph)
    theirs = of_reference("torchvision:resnet18", [Tensor(3, 64, 64)])
    report = prove_sides(ours, theirs)
    assert report.ok
    assert report.weights is not None
    pairs = dict(report.weights.pairs)
    first, second = "layer1.0.bn1.running_var", "layer1.0.bn2.running_var"
    pairs[first], pairs[second] = pairs[second], pairs[first]
    wrong = compare(ours, theirs, WeightMap("", "", tuple(pairs.items())), [(0, 0)])
    assert not wrong.ok
    # Statistics count in evaluation alone.
    assert wrong.evaluation > 1e-3
    assert wrong.training < TOLERANCE
    pairs = dict(report.weights.pairs)
    first, second = "layer1.0.conv1.weight", "layer1.0.conv2.weight"
    pairs[first], pairs[second] = pairs[second], pairs[first]
    wrong = compare(ours, theirs, WeightMap("", "", tuple(pairs.items())), [(0, 0)])
    assert min(wrong.evaluation, wrong.training, wrong.gradients) > 1e-3


class Stubborn(nn.Module):
    """Looks like the convolution alone, and is not while training."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 4, 3, padding=1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.conv(x) * (1.01 if self.training else 1.0)


class StopsGradients(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 4, 3, padding=1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.conv(x) if not self.training else self.conv(x.detach())


def test_training_is_compared_too() -> None:
    report = against("conv(4, 3)", Stubborn())
    assert report.numbers is not None
    assert report.numbers.evaluation < TOLERANCE
    assert report.numbers.training == pytest.approx(0.01, rel=0.1)
    assert not report.ok
    report = against("conv(4, 3)", StopsGradients())
    assert report.numbers is not None
    assert report.numbers.training < TOLERANCE
    assert report.numbers.gradients == float("inf")
    assert report.numbers.worst == "input 1"


def test_chance_is_left_out() -> None:
    module = seq(nn.Conv2d(3, 4, 1), nn.Dropout(0.5), nn.ReLU(), nn.Dropout2d(0.5))
    for _ in range(2):
        assert against("conv(4, 1) -> drop_path(0.5) -> relu", module).ok


def test_small_images_are_not_made_smaller() -> None:
    report = against(
        "conv(4, 3) -> flatten -> linear(2)", seq(nn.Conv2d(3, 4, 3, 1, 1), nn.Flatten(), nn.Linear(1024, 2))
    )
    assert report.numbers is not None
    assert report.numbers.input == "2x3x16x16"
    wide = seq(nn.Conv2d(3, 4, 3, 1, 1), nn.AdaptiveAvgPool2d(1))
    report = against("conv(4, 3) -> global_avg_pool", wide, "3 x 224 x 200")
    assert report.numbers is not None
    assert report.numbers.input == "2x3x56x50"


def test_what_does_not_run_at_a_smaller_size_runs_at_its_own() -> None:
    module = seq(nn.Conv2d(3, 4, 3, 4, 1), nn.Flatten(), nn.Linear(4 * 50 * 50, 2))
    report = against("conv(4, 3, stride=4) -> flatten -> linear(2)", module, "3 x 200 x 200")
    assert report.ok
    assert report.numbers is not None
    assert report.numbers.input == "2x3x200x200"


class WithAuxiliary(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.head, self.auxiliary = nn.Conv2d(3, 2, 1), nn.Conv2d(3, 2, 3)

    def forward(self, x: torch.Tensor) -> Any:
        return (self.head(x), self.auxiliary(x)) if self.training else self.head(x)


def test_outputs_of_training_are_compared_where_both_have_them() -> None:
    both = "output aside training: image -> conv(2, 3, padding=valid)\nimage -> conv(2, 1)"
    assert against(both, WithAuxiliary()).ok
    report = against(both.replace("valid", "1"), WithAuxiliary())
    assert [difference.what for difference in report.differences] == ["padding 1 here, 0 there"]
    report = against(both, nn.Conv2d(3, 2, 1))
    assert report.ok
    assert report.notes == ("training outputs that exist only here are left out: aside",)
    report = against("conv(2, 1)", WithAuxiliary())
    assert report.ok
    assert report.notes == ("training outputs that exist only there are left out: output2",)


class Scales(nn.Module):
    """Three maps in a row, the last of them in another order than the spec's unless `ordered`."""

    def __init__(self, ordered: bool) -> None:
        super().__init__()
        self.convs = nn.ModuleList(nn.Conv2d(3, 4, 1) for _ in range(3))
        self.ordered = ordered

    def forward(self, x: torch.Tensor) -> list[torch.Tensor]:
        main, one, two = self.convs[0](x), self.convs[1](x), self.convs[2](x * x)
        return [main, one, two] if self.ordered else [main, two, one]


@pytest.mark.parametrize("ordered", [True, False])
def test_a_list_of_outputs_is_as_many_outputs_in_their_order(ordered: bool) -> None:
    body = "path square = mul{it | it}\nfor value in [image, square]:\n    output maps: value -> conv(4, 1)\nconv(4, 1)"
    report = against(body, Scales(ordered))
    assert report.ok is ordered, report_text(report)


LAST = "there, its output has the channels last: compared with the axes moved"


@pytest.mark.parametrize("tied", [True, False])
def test_logits_of_a_language_model_have_the_channels_last(tied: bool) -> None:
    head = nn.Linear(32, 100, bias=False)
    table = nn.Embedding(100, 32)
    if tied:
        head.weight = table.weight
    module = Calls(lambda s, words: s.head(s.table(words)), table=table, head=head)
    weight = ", weight=words" if tied else ""
    body = f"shared words = embedding(100, 32)\nwords -> linear(100, bias=false{weight})"
    report = against(body, module, "8 of int")
    assert report.ok, report_text(report)
    assert report.notes == (LAST,)


def test_one_of_several_outputs_may_have_the_channels_last() -> None:
    module = Calls(lambda s, x: (s.a(x), s.b(x).permute(0, 2, 3, 1)), a=nn.Conv2d(3, 4, 1), b=nn.Conv2d(3, 5, 1))
    report = against("conv(4, 1) as a\noutput b: image -> conv(5, 1)", module)
    assert report.ok, report_text(report)
    assert report.notes == (LAST,)


def test_height_and_width_are_no_channels() -> None:
    module = Calls(lambda s, x: s.a(x).transpose(2, 3), a=nn.Conv2d(3, 4, 1))
    report = against("conv(4, 1)", module)
    assert [difference.what for difference in report.differences] == ["permute only there"]


def test_a_given_module_stays_as_it_is() -> None:
    module = seq(nn.Conv2d(3, 4, 1), nn.BatchNorm2d(4)).train()
    before = {name: value.clone() for name, value in module.state_dict().items()}
    assert against("conv(4, 1) -> bn", module).ok
    assert module.training
    assert all(torch.equal(value, before[name]) for name, value in module.state_dict().items())


class WithSpare(nn.Module):
    """Keeps convolutions that it never calls."""

    def __init__(self, *names: str) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 4, 1)
        for name in names:
            self.add_module(name, nn.Conv2d(3, 4, 1, bias=False))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.conv(x)


@pytest.mark.parametrize(
    ("names", "note"),
    [
        (["a"], "1 entry of the state_dict serves no output there: a.weight"),
        (["a", "b"], "2 entries of the state_dict serve no output there: a.weight, b.weight"),
        (["a", "b", "c"], "3 entries of the state_dict serve no output there: a.weight, b.weight ..."),
    ],
)
def test_what_serves_no_output_is_noted(names: list[str], note: str) -> None:
    report = against("conv(4, 1)", WithSpare(*names), structure_only=True)
    assert report.ok
    assert report.notes == (note,)


def test_momentum_is_noted() -> None:
    report = against("bn", nn.BatchNorm2d(3, momentum=0.01))
    assert report.ok
    assert report.notes == ("momentum 0.1 here, 0.01 there, in 1 bn: not compared; see spec.arch:3 bn",)


def test_probabilities_that_differ_are_noted() -> None:
    module = seq(nn.Conv2d(3, 4, 1), nn.Dropout(0.5), nn.ReLU(), nn.Dropout2d(0.1))
    assert (
        against("conv(4, 1) -> dropout(0.5) -> relu -> channel_dropout(0.1)", module, structure_only=True).notes == ()
    )
    report = against("conv(4, 1) -> dropout(0.2) -> relu -> drop_path(0.5)", module, structure_only=True)
    assert report.ok
    assert report.notes == (
        "dropout 0.2 in 1 place here, 0.5 in 1 place there; channel_dropout in no place here, 0.1 in 1 place there; "
        "drop_path 0.5 in 1 place here, in no place there: not compared; see spec.arch:3 dropout and 1 more",
    )


def test_a_dropout_that_is_missing_has_a_place() -> None:
    module = seq(nn.Conv2d(3, 4, 1), nn.ReLU(), nn.Dropout(0.5), nn.Conv2d(4, 4, 1))
    report = against("conv(4, 1)\nrelu\nconv(4, 1)", module, structure_only=True)
    (note,) = report.notes
    assert note == "dropout in no place here, 0.5 in 1 place there: not compared; missing after spec.arch:4 relu"


class SwinDropPath(nn.Module):
    """As Hugging Face's networks have it, each under a name of its own."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        kept = (0.5 + torch.rand(len(x), 1, 1, 1, dtype=x.dtype)).floor()
        return x * kept / 0.5 if self.training else x


def test_drop_paths_draw_no_numbers_in_a_proof() -> None:
    module = Calls(lambda s, x: x + s.drop(s.conv(x)), conv=nn.Conv2d(3, 3, 1), drop=SwinDropPath())
    assert against("add{it | conv(3, 1)}", module).ok


class Residual(nn.Module):
    def __init__(self, p: float, sometimes: bool = True) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 3, 1)
        self.drop = import_torchvision().ops.StochasticDepth(p, "row")
        self.sometimes = sometimes

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x + self.drop(self.conv(x)) if self.sometimes else x + self.conv(x)


def test_drop_paths_of_modules_are_compared_though_evaluation_shows_none() -> None:
    """Only those that are called: torchvision's EfficientNet has more of them than it uses."""
    unit = "\n\nblock Unit: add{it | conv(3, 1) -> drop_path(0.2, schedule=linspace)}"
    body = "Unit * 3"

    def notes(*rates: float, unused: int = 0) -> tuple[str, ...]:
        module = seq(*(Residual(p, sometimes=i >= unused) for i, p in enumerate(rates)))
        net = archdsl.loads(f"network Net:\n    input image: 3 x 8 x 8\n    {body}{unit}\n")
        report = prove(net.graph, module, structure_only=True)
        assert report.ok
        return report.notes

    assert notes(0, 0.1, 0.2) == ()
    assert notes(0.3, 0.1, 0.2, unused=1) == ()
    (note,) = notes(0, 0.2 / 3, 0.4 / 3)
    assert note == (
        "drop_path 0.1 to 0.2 in 2 places here, 0.06667 to 0.1333 in 2 places there: not compared; "
        "see spec.arch:5 unit.1.drop_path and 1 more, spec.arch:3"
    )
    (note,) = notes(0, 0, 0.2)
    assert note == (
        "drop_path 0.1 to 0.2 in 2 places here, 0.2 in 1 place there: not compared; "
        "see spec.arch:5 unit.1.drop_path, spec.arch:3"
    )


@pytest.mark.parametrize("reference", ["torchvision:efficientnet_b0", "torchvision:efficientnet_b4"])
def test_efficientnet_drops_as_published(reference: str) -> None:
    net = archdsl.load(f"efficientnet@{reference[-2:]}")
    assert net.prove(reference, structure_only=True).notes == ()


# --- weights -----------------------------------------------------------------------------------------


def test_published_weights_can_be_loaded() -> None:
    reference = seq(nn.Conv2d(3, 4, 1), nn.BatchNorm2d(4), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(4, 2))
    net = archdsl.loads(
        "network Net:\n    input image: 3 x 8 x 8\n    conv(4, 1) -> bn -> global_avg_pool -> conv(2, 1) -> flatten\n"
    )
    report = prove(net.graph, reference)
    assert report.ok
    weights = WeightMap.from_json(report.weights.to_json()) if report.weights else None
    assert weights == report.weights
    assert weights is not None
    assert dict(weights.pairs)["4.weight"] == "conv2.weight"
    state = reference.state_dict()
    module = net.module().eval()
    x = torch.randn(2, 3, 8, 8)
    del state["1.num_batches_tracked"]
    load_weights(module, state, weights)
    torch.testing.assert_close(module(x), reference.eval()(x))
    before = module.state_dict()["conv1.weight"].clone()
    with pytest.raises(ValueError, match=r"has no 0\.weight$"):
        load_weights(module, {key: value for key, value in state.items() if key != "0.weight"}, weights)
    with pytest.raises(ValueError, match=r"4\.weight is 3x4, and conv2\.weight is 2x4x1x1"):
        load_weights(module, {**state, "0.weight": state["0.weight"] + 1, "4.weight": torch.zeros(3, 4)}, weights)
    assert torch.equal(module.state_dict()["conv1.weight"], before)
    with pytest.raises(ValueError, match="not a map of weights"):
        WeightMap.from_json("{}")


def test_a_checkpoint_of_a_package_finds_its_way() -> None:
    state = build("torchvision:resnet18").state_dict()
    state = {name: torch.rand_like(value) if value.is_floating_point() else value for name, value in state.items()}
    net = archdsl.load("resnet@18")
    module = net.load_weights(state, from_="torchvision")
    assert torch.equal(module.state_dict()["conv2.unit.0.conv1.weight"], state["layer1.0.conv1.weight"])
    assert torch.equal(module.state_dict()["head.linear.bias"], state["fc.bias"])
    with pytest.raises(ValueError, match="the entries of this state_dict are not those of torchvision:resnet18"):
        net.load_weights({"conv1.weight": torch.zeros(3)}, from_="torchvision")
    with pytest.raises(ValueError, match=r"no counterpart of \S+ in timm is known"):
        net.load_weights(state, from_="timm")
    with pytest.raises(ValueError, match="out 10 here, 1000 there"):
        archdsl.load("resnet@18", classes=10).load_weights(state, from_="torchvision")


# --- the report and the command ------------------------------------------------------------------------

EXAMPLE = """\
spec.arch against net
structure   3 differences, in the order of the data
  kernel 3 here, 5 there; padding 1 here, 2 there
    spec.arch:3 conv1 | 0
    spec.arch:3 conv2 | 2
  bn only here
    spec.arch:3 bn | -
not the same network"""


def test_the_report_of_different_networks() -> None:
    net = archdsl.loads(
        "network Net:\n    input image: 3 x 8 x 8\n    conv(4, 3) -> relu -> conv(4, 3) -> bn -> tanh\n"
    )
    module = seq(nn.Conv2d(3, 4, 5, padding=2), nn.ReLU(), nn.Conv2d(4, 4, 5, padding=2), nn.Tanh())
    report = prove_sides(of_graph(net.graph), of_module(module, [Tensor(3, 8, 8)], "net"))
    assert report_text(report) == EXAMPLE
    data = json.loads(report_json(report))
    assert data["ok"] is False
    assert data["differences"][2] == {"what": "bn only here", "ours": "bn", "at": "spec.arch:3", "theirs": None}


def test_the_report_of_equal_networks() -> None:
    report = against("conv(4, 3)", nn.Conv2d(3, 4, 3, padding=1))
    first, *_, last = report_text(report).splitlines()
    assert first == "spec.arch against torch.nn.modules.conv.Conv2d"
    assert last == "the same network"
    assert "parameters  112 in the same places; 2 entries of the state_dict correspond" in report_text(report)
    assert json.loads(report_json(report))["numbers"]["ok"] is True


def run(*words: str) -> tuple[int, str]:
    result = CliRunner().invoke(app(), list(words))
    return result.exit_code, result.output


def test_the_command_ends_with_0_only_for_the_same_network(tmp_path: Path) -> None:
    path = tmp_path / "map.json"
    code, output = run("prove", "resnet@18", "--against", "torchvision:resnet18", "--write-map", str(path))
    assert code == 0
    assert "structure   equal: 70 ops, one to one" in output
    assert "the same network" in output
    assert len(WeightMap.from_json(path.read_text()).pairs) == 122


def test_the_command_ends_with_1_for_another_network(tmp_path: Path) -> None:
    path = tmp_path / "map.json"
    words = ("prove", "resnet@18", "--against", "torchvision:resnet18", "--structure", "--classes", "10")
    code, output = run(*words, "--write-map", str(path))
    assert code == 1
    assert "out 10 here, 1000 there" in output
    assert "head.linear | fc" in output
    assert not path.exists()


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["resnet@18", "--against", "torchvision:resnet81"], "torchvision has no network `resnet81`"),
        (["resnet@81", "--against", "torchvision:resnet18"], "81"),
        (["resnet@18"], "--against"),
        (["textcnn", "--against", "torchvision:resnet18"], "does not take the input"),
    ],
)
def test_a_wrong_call_ends_with_2(words: list[str], message: str) -> None:
    code, output = run("prove", *words)
    assert code == 2
    assert message in output


def test_code_can_be_proven_against_code() -> None:
    code, output = run("prove", "timm:resnet18", "--against", "torchvision:resnet18", "--structure")
    assert code == 0
    assert output.startswith("timm:resnet18 against torchvision:resnet18")
