"""What our own classes compute, against torch, timm, or the formula of the paper."""

from __future__ import annotations

import math

import pytest
import torch
from emitted_ops import build, outputs, source
from reference import import_torchvision
from torch import nn
from torch.nn import functional as F

from archdsl.ops.base import Op
from archdsl.ops.registry import REGISTRY
from archdsl.tensor import Tensor


def run(op: Op, *given: torch.Tensor, training: bool = False) -> torch.Tensor:
    """The emitted op on these values, in double precision."""
    inputs = tuple(Tensor(*v.shape[1:], kind="float" if v.is_floating_point() else "int") for v in given)
    module = build(op, inputs, dtype=torch.float64).train(training)
    return outputs(module(*given))[0]


def random(*shape: int) -> torch.Tensor:
    return torch.randn(*shape, dtype=torch.float64, generator=torch.Generator().manual_seed(7))


same = torch.testing.assert_close


# --- padding ------------------------------------------------------------------------------------

TF_SAME = [(3, 2, 1), (2, 2, 1), (5, 3, 1), (3, 1, 2), (2, 1, 1), (3, 2, 2), (1, 2, 1)]


@pytest.mark.parametrize(("kernel", "stride", "dilation"), TF_SAME)
@pytest.mark.parametrize("size", [(7, 8), (12, 9)])
def test_tf_same_convolution_is_timms(kernel: int, stride: int, dilation: int, size: tuple[int, int]) -> None:
    import_torchvision()
    from timm.layers import Conv2dSame

    x = random(2, 3, *size)
    op = REGISTRY["conv"](out=4, kernel=kernel, stride=stride, dilation=dilation, padding="tf_same")
    module = build(op, (Tensor(3, 8, 8),), dtype=torch.float64)  # made for another size than it runs at
    timms = Conv2dSame(3, 4, kernel, stride=stride, dilation=dilation).double()
    timms.load_state_dict({name.removeprefix("op."): value for name, value in module.state_dict().items()})
    same(module(x), timms(x))


@pytest.mark.parametrize(("kernel", "stride"), [(3, 2), (2, 2), (3, 1), (2, 1), (4, 3)])
@pytest.mark.parametrize("size", [(7, 8), (12, 9)])
def test_tf_same_pools_are_timms(kernel: int, stride: int, size: tuple[int, int]) -> None:
    import_torchvision()
    from timm.layers import AvgPool2dSame
    from timm.layers.pool2d_same import MaxPool2dSame

    x = random(2, 3, *size) - 5  # below 0, so that zeros in the border would win
    largest = REGISTRY["max_pool"](kernel=kernel, stride=stride, padding="tf_same")
    same(run(largest, x), MaxPool2dSame(kernel, stride)(x))
    mean = REGISTRY["avg_pool"](kernel=kernel, stride=stride, padding="tf_same")
    same(run(mean, x), AvgPool2dSame(kernel, stride, count_include_pad=True)(x))


def test_each_side_has_its_own_padding() -> None:
    x = random(2, 3, 6, 7)
    op = REGISTRY["conv"](out=4, kernel=(2, 3), padding=(0, 2, 1, 3), bias=False)
    module = build(op, (Tensor(3, 6, 7),), dtype=torch.float64)
    by_hand = torch.zeros(2, 3, 6 + 1 + 3, 7 + 0 + 2, dtype=torch.float64)
    by_hand[:, :, 1:7, 0:7] = x
    same(module(x), F.conv2d(by_hand, module.op.weight))


def test_uneven_border_never_wins_a_maximum() -> None:
    x = random(2, 3, 6) - 9
    assert run(REGISTRY["max_pool"](kernel=2, stride=1, padding=(0, 1)), x)[..., -1].equal(x[..., -1])


def test_dilated_pool_pads_beyond_half_its_kernel() -> None:
    x = random(1, 2, 9)
    wide = F.pad(x, (2, 2), value=-math.inf)
    wanted = torch.stack([wide[..., i : i + 9] for i in (0, 2, 4)]).amax(0)
    same(run(REGISTRY["max_pool"](kernel=3, stride=1, dilation=2), x), wanted)


@pytest.mark.parametrize("include", [True, False])
def test_mean_over_a_border(include: bool) -> None:
    op = REGISTRY["avg_pool"](kernel=2, stride=1, padding=(0, 1, 0, 1), include_padding=include)
    found = run(op, torch.ones(1, 1, 3, 3, dtype=torch.float64))
    edge, corner = (0.5, 0.25) if include else (1.0, 1.0)
    same(found[0, 0], torch.tensor([[1, 1, edge], [1, 1, edge], [edge, edge, corner]], dtype=torch.float64))


@pytest.mark.parametrize("include", [True, False])
def test_even_border_of_a_mean_is_torchs(include: bool) -> None:
    x = random(2, 3, 7, 8)
    op = REGISTRY["avg_pool"](kernel=3, stride=2, include_padding=include)
    same(run(op, x), F.avg_pool2d(x, 3, 2, 1, count_include_pad=include))
    # The class that pads by itself, brought to the same border.
    x = random(2, 3, 6, 8)
    padded = REGISTRY["avg_pool"](kernel=3, stride=2, padding="tf_same", include_padding=include)
    wanted = F.avg_pool2d(F.pad(x, (0, 1, 0, 1)), 3, 2)
    if not include:
        wanted = wanted / F.avg_pool2d(F.pad(torch.ones_like(x), (0, 1, 0, 1)), 3, 2)
    same(run(padded, x), wanted)


@pytest.mark.parametrize("norm", [1.0, 2.0, 3.0, 2.5])
@pytest.mark.parametrize("padding", ["same", "valid", (0, 1, 0, 1)])
def test_lp_pool_is_its_formula(norm: float, padding: object) -> None:
    x = random(2, 3, 7, 8)
    found = run(REGISTRY["lp_pool"](kernel=3, stride=2, norm=norm, padding=padding), x)
    border = {"same": (1, 1, 1, 1), "valid": (0, 0, 0, 0)}.get(str(padding), padding)
    windows = F.pad(x, border).unfold(2, 3, 2).unfold(3, 3, 2).flatten(4)
    same(found, windows.abs().pow(norm).sum(-1).pow(1 / norm))


@pytest.mark.parametrize(
    ("op", "torchs"),
    [
        (REGISTRY["conv"](out=2, kernel=3, stride=2, padding="tf_same"), nn.Conv2d(4, 2, 3)),
        (REGISTRY["conv"](out=2, kernel=3, padding=(0, 1, 0, 1)), nn.Conv2d(4, 2, 3)),
        (REGISTRY["layer_norm"](), nn.LayerNorm(4)),
    ],
)
def test_our_classes_keep_torchs_names_of_weights(op: Op, torchs: nn.Module) -> None:
    ours = build(op, (Tensor(4, 8, 8),)).op.state_dict()
    assert {name: v.shape for name, v in ours.items()} == {n: v.shape for n, v in torchs.state_dict().items()}


# --- pools that draw lots -----------------------------------------------------------------------


def test_stochastic_pool_draws_in_proportion() -> None:
    window = torch.tensor([1.0, 2.0, 0.0, 3.0, -5.0, 4.0], dtype=torch.float64)
    torch.manual_seed(1)
    drawn = run(REGISTRY["stochastic_pool"](kernel=6, padding=0), window.expand(20_000, 1, 6), training=True)
    for value, probability in ((0.0, 0.0), (-5.0, 0.0), (1.0, 0.1), (2.0, 0.2), (3.0, 0.3), (4.0, 0.4)):
        share = (drawn == value).double().mean().item()
        assert share == pytest.approx(probability, abs=4 * math.sqrt(probability * (1 - probability) / 20_000))


def test_stochastic_pool_evaluates_to_the_weighted_mean() -> None:
    x = random(2, 3, 7, 6)
    found = run(REGISTRY["stochastic_pool"](kernel=3, stride=2, padding=0), x)
    windows = x.clamp(min=0).unfold(2, 3, 2).unfold(3, 3, 2).flatten(4)
    assert windows.sum(-1).eq(0).any()  # a window without any positive value gives 0
    same(found, (windows.square().sum(-1) / windows.sum(-1)).nan_to_num(0))


@pytest.mark.parametrize("training", [True, False])
def test_stochastic_pool_of_nothing_is_zero(training: bool) -> None:
    x = -torch.ones(2, 3, 6, 6, dtype=torch.float64)
    assert run(REGISTRY["stochastic_pool"](kernel=3, stride=2), x, training=training).eq(0).all()


def test_stochastic_pool_never_draws_its_border() -> None:
    x = random(200, 2, 5, 5).abs() + 0.1
    assert run(REGISTRY["stochastic_pool"](kernel=3, stride=2), x, training=True).ge(0.1).all()


def test_fractional_max_pool_is_random_in_evaluation_too() -> None:
    x = random(2, 3, 20, 20)
    op = REGISTRY["fractional_max_pool"](ratio=0.7)
    torch.manual_seed(0)
    assert not run(op, x).equal(run(op, x))


# --- regularization -----------------------------------------------------------------------------


def test_drop_path_drops_whole_samples_and_keeps_the_mean() -> None:
    x = random(20_000, 2, 1, 2) + 3
    torch.manual_seed(1)
    found = run(REGISTRY["drop_path"](p=0.25), x, training=True)
    kept = found.flatten(1).ne(0)
    assert kept.all(1).logical_or(kept.logical_not().all(1)).all()
    same(found[kept.all(1)], x[kept.all(1)] / 0.75)
    assert kept.all(1).double().mean().item() == pytest.approx(0.75, abs=0.015)
    assert found.mean().item() == pytest.approx(x.mean().item(), rel=0.03)


def test_drop_path_rests_in_evaluation() -> None:
    x = random(4, 2, 3)
    assert run(REGISTRY["drop_path"](p=0.9), x).equal(x)
    assert run(REGISTRY["drop_path"](p=0.0), x, training=True).equal(x)


def test_linear_schedule_is_efficientnets() -> None:
    torchvision = import_torchvision()
    network = torchvision.models.efficientnet_b0()
    published = [m.p for m in network.modules() if type(m).__name__ == "StochasticDepth"]
    op = REGISTRY["drop_path"](p=0.2, schedule="linear")
    assert [op.placed(i, len(published)).p for i in range(len(published))] == pytest.approx(published)
    assert op.placed(3, 16).schedule == "constant"
    constant = REGISTRY["drop_path"](p=0.2)
    assert constant.placed(3, 16) is constant


# --- everything else we wrote -------------------------------------------------------------------


def test_embedding_puts_channels_first() -> None:
    tokens = torch.tensor([[1, 0, 4], [2, 2, 3]])
    module = build(REGISTRY["embedding"](count=5, width=7), (Tensor(3, kind="int"),))
    found = module(tokens)
    assert found.shape == (2, 7, 3)
    for sample in range(2):
        for position in range(3):
            assert found[sample, :, position].equal(module.op.weight[tokens[sample, position]])


@pytest.mark.parametrize(("size", "x"), [(5, random(2, 9, 4, 5)), (4, random(2, 9, 6)), (1, random(2, 3, 6))])
def test_lrn_is_torchs(size: int, x: torch.Tensor) -> None:
    op = REGISTRY["lrn"](size=size, alpha=0.3, beta=0.6, k=2.0)
    same(run(op, x), nn.LocalResponseNorm(size, 0.3, 0.6, 2.0)(x))


def test_layer_norm_of_a_map_is_convnexts() -> None:
    import_torchvision()
    from timm.layers import LayerNorm2d

    x = random(2, 6, 4, 5)
    same(run(REGISTRY["layer_norm"](eps=1e-6), x), LayerNorm2d(6).double()(x))
    flat = random(2, 6)
    same(run(REGISTRY["layer_norm"](), flat), nn.LayerNorm(6).double()(flat))


@pytest.mark.parametrize("shape", [(2, 3), (2, 3, 4), (2, 3, 4, 5)])
def test_layer_scale_multiplies_channels(shape: tuple[int, ...]) -> None:
    x = random(*shape)
    module = build(REGISTRY["layer_scale"](), (Tensor(*shape[1:]),), dtype=torch.float64)
    same(module(x), x * 1e-6, rtol=1e-6, atol=0)
    with torch.no_grad():
        module.op.weight.copy_(torch.tensor([1.0, 2.0, 3.0]))
    same(module(x)[:, 1], 2 * x[:, 1])
    single = build(REGISTRY["layer_scale"](init=0.5, per_channel=False), (Tensor(*shape[1:]),), dtype=torch.float64)
    same(single(x), x / 2)


def test_center_crop_takes_the_middle() -> None:
    x = random(1, 1, 7, 8)
    assert run(REGISTRY["center_crop"](size=(4, 4)), x).equal(x[:, :, 1:5, 2:6])
    like = random(1, 5, 3, 7)
    assert run(REGISTRY["center_crop"](size="like"), x, like).equal(x[:, :, 2:5, 0:7])


def test_crops_and_trims() -> None:
    x = random(1, 2, 7, 8)
    assert run(REGISTRY["crop"](size=(3, 4), offset=(1, 2)), x).equal(x[:, :, 1:4, 2:6])
    like = random(1, 5, 3, 5)
    assert run(REGISTRY["crop"](size="like", offset=2), x, like).equal(x[:, :, 2:5, 2:7])
    assert run(REGISTRY["crop"](size="like"), x, like).equal(x[:, :, :3, :5])
    assert run(REGISTRY["trim"](sides=(1, 2, 3, 0)), x).equal(x[:, :, 3:, 1:6])
    assert run(REGISTRY["trim"](sides=0), x).equal(x)


def test_pad_adds_what_it_says() -> None:
    x = random(1, 2, 4, 5)
    assert run(REGISTRY["pad"](sides=(1, 0, 2, 0), value=3.0), x).equal(F.pad(x, (1, 0, 2, 0), value=3.0))
    for mode in ("reflect", "replicate", "circular"):
        assert run(REGISTRY["pad"](sides=(1, 2), mode=mode), x).equal(F.pad(x, (2, 2, 1, 1), mode=mode))


def test_channel_shuffle_mixes_groups() -> None:
    x = torch.arange(6, dtype=torch.float64).view(1, 6, 1)
    assert run(REGISTRY["channel_shuffle"](groups=2), x).flatten().tolist() == [0, 3, 1, 4, 2, 5]
    assert run(REGISTRY["channel_shuffle"](groups=3), x).flatten().tolist() == [0, 2, 4, 1, 3, 5]


def test_space_to_depth_is_undone_by_pixel_shuffle() -> None:
    x = random(2, 3, 4, 6)
    assert run(REGISTRY["pixel_shuffle"](factor=2), run(REGISTRY["space_to_depth"](factor=2), x)).equal(x)


@pytest.mark.parametrize(("name", "wanted"), [("add", 12), ("mul", 48), ("maximum", 6), ("mean", 4), ("concat", 2)])
def test_merges(name: str, wanted: float) -> None:
    found = run(REGISTRY[name](), *(torch.full((1, 1, 1), float(v), dtype=torch.float64) for v in (2, 4, 6)))
    assert found.flatten()[0] == wanted
    alone = random(1, 2, 3)
    assert run(REGISTRY[name](), alone).equal(alone)


@pytest.mark.parametrize("mode", ["nearest", "bilinear"])
def test_resize_is_torchs(mode: str) -> None:
    x, like = random(1, 2, 4, 5), random(1, 3, 9, 7)
    wanted = F.interpolate(x, size=(9, 7), mode=mode)
    same(run(REGISTRY["resize"](size=(9, 7), mode=mode), x), wanted)
    same(run(REGISTRY["resize"](size="like", mode=mode), x, like), wanted)
    factor = F.interpolate(x, scale_factor=(2, 3), mode=mode)
    same(run(REGISTRY["upsample"](factor=(2, 3), mode=mode), x), factor)
    aligned = F.interpolate(x, size=(9, 7), mode="bilinear", align_corners=True)
    same(run(REGISTRY["resize"](size="like", mode="bilinear", align_corners=True), x, like), aligned)


# --- initial weights ----------------------------------------------------------------------------


def started(init: object, op: str = "conv", **more: object) -> nn.Module:
    torch.manual_seed(3)
    arguments = {"conv": {"out": 256, "kernel": 3}, "linear": {"out": 400}, "bn": {}}[op]
    x = Tensor(300) if op == "linear" else Tensor(64, 8, 8)
    return build(REGISTRY[op](init=init, **arguments, **more), (x,)).op


@pytest.mark.parametrize(
    ("init", "std"),
    [
        ("kaiming", math.sqrt(2 / (256 * 9))),
        ("kaiming_uniform", math.sqrt(2 / (256 * 9))),
        ("xavier", math.sqrt(2 / ((256 + 64) * 9))),
        ("xavier_uniform", math.sqrt(2 / ((256 + 64) * 9))),
        ("normal", 0.01),
        # Of a normal cut at 2 deviations: sqrt(1 - 2 * 2 * phi(2) / (2 * Phi(2) - 1)) = 0.8796.
        ("truncated_normal", 0.02 * 0.8796),
        ("uniform", 0.1 / math.sqrt(12)),
    ],
)
def test_spread_of_initial_weights(init: str, std: float) -> None:
    layer = started(init)
    assert layer.weight.std().item() == pytest.approx(std, rel=0.02)
    assert layer.weight.mean().item() == pytest.approx(0, abs=4 * std / math.sqrt(layer.weight.numel()))
    assert layer.bias.eq(0).all()


def test_other_initial_weights() -> None:
    assert started("truncated_normal").weight.abs().max() <= 0.04
    assert started("zeros").weight.eq(0).all()
    assert started(0.5, "linear").weight.eq(0.5).all()
    weight = started("orthogonal", "linear").weight
    same(weight.T @ weight, torch.eye(300), atol=1e-5, rtol=0)
    assert started(0, "bn").weight.eq(0).all()
    assert started(0, "bn").bias.eq(0).all()
    assert started(1, "bn", affine=False).weight is None
    assert started(None).bias.ne(0).any()


def test_statements_read_as_a_person_writes_them() -> None:
    conv = REGISTRY["conv"](out=8, kernel=3, init="kaiming", bias=False)
    assert conv.initialize("self.conv1") == (
        "nn.init.kaiming_normal_(self.conv1.weight, mode='fan_out', nonlinearity='relu')",
    )
    assert REGISTRY["bn"](init=0).initialize("self.bn") == (
        "nn.init.zeros_(self.bn.weight)",
        "nn.init.zeros_(self.bn.bias)",
    )
    assert REGISTRY["conv"](out=8, kernel=3).initialize("self.conv") == ()


@pytest.mark.parametrize("init", ["kaiming", "orthogonal"])
def test_a_vector_has_no_fan(init: str) -> None:
    with pytest.raises(ValueError, match="a scale has no fan-in"):
        REGISTRY["bn"](init=init)


def test_an_unknown_initializer_names_the_known_ones() -> None:
    with pytest.raises(ValueError, match="a number or one of kaiming, kaiming_uniform, xavier"):
        REGISTRY["conv"](out=8, kernel=3, init="he")


# --- how emissions read -------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "arguments", "x", "text"),
    [
        (
            "conv",
            {"out": 128, "kernel": 3, "stride": 2, "bias": False},
            Tensor(64, 8, 8),
            "nn.Conv2d(64, 128, 3, stride=2, padding=1, bias=False)",
        ),
        ("conv", {"out": 8, "kernel": 1}, Tensor(64, 8, 8), "nn.Conv2d(64, 8, 1)"),
        ("conv", {"out": 8, "kernel": (1, 7)}, Tensor(4, 8, 8), "nn.Conv2d(4, 8, (1, 7), padding=(0, 3))"),
        ("conv", {"out": 8, "kernel": 3, "padding": "tf_same"}, Tensor(4, 9), "nn.Conv1d(4, 8, 3, padding=1)"),
        ("depthwise", {"kernel": 3}, Tensor(4, 8, 8), "nn.Conv2d(4, 4, 3, padding=1, groups=4)"),
        ("up_conv", {"out": 8, "kernel": 2, "stride": 2}, Tensor(4, 8, 8), "nn.ConvTranspose2d(4, 8, 2, stride=2)"),
        ("max_pool", {"kernel": 3, "stride": 2}, Tensor(4, 8, 8), "nn.MaxPool2d(3, stride=2, padding=1)"),
        ("max_pool", {"kernel": 2}, Tensor(4, 8), "nn.MaxPool1d(2)"),
        (
            "max_pool",
            {"kernel": 3, "stride": 2, "ceil": True},
            Tensor(4, 8, 8),
            "nn.MaxPool2d(3, stride=2, ceil_mode=True)",
        ),
        ("global_avg_pool", {}, Tensor(4, 8, 8), "nn.AdaptiveAvgPool2d(1)"),
        ("bn", {}, Tensor(4, 8, 8), "nn.BatchNorm2d(4)"),
        ("bn", {"eps": 1e-3}, Tensor(4), "nn.BatchNorm1d(4, eps=0.001)"),
        ("flatten", {}, Tensor(4, 8, 8), "nn.Flatten()"),
        ("linear", {"out": 10}, Tensor(4), "nn.Linear(4, 10)"),
        ("pad", {"sides": (0, 1, 0, 1)}, Tensor(4, 8, 8), "nn.ZeroPad2d((0, 1, 0, 1))"),
        ("upsample", {}, Tensor(4, 8, 8), "nn.Upsample(scale_factor=2)"),
        ("trim", {"sides": (1, 0, 1, 0)}, Tensor(4, 8, 8), "return x0[..., 1:, 1:]"),
        ("channel_slice", {"start": 2, "stop": 3}, Tensor(4, 8, 8), "return x0[:, 2:3]"),
        ("split", {"parts": (1, 3)}, Tensor(4, 8, 8), "return x0.split([1, 3], dim=1)"),
        ("scale", {"factor": 0.17}, Tensor(4, 8, 8), "return 0.17 * x0"),
    ],
)
def test_emission_reads_as_a_person_writes_it(name: str, arguments: dict[str, object], x: Tensor, text: str) -> None:
    assert f"{text}\n" in source(REGISTRY[name](**arguments), (x,))
