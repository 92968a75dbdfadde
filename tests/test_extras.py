"""What `compile` adds to a file on request: features, published weights, the Hugging Face Hub, timm, torch.hub."""

from __future__ import annotations

import copy
import importlib
import io
import subprocess
import sys
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import torch
from calls import Call
from torch import Tensor, nn

import archdsl
from archdsl import cli
from archdsl.backends.torch.load import load
from archdsl.backends.torch.renaming import renaming
from archdsl.frontends.collections import declare_operators

declare_operators()
import timm  # noqa: E402
import torchvision  # noqa: E402
from timm.models import adapt_input_conv  # noqa: E402

IMAGE = torch.randn(2, 3, 64, 64, generator=torch.Generator().manual_seed(0))


def call(*words: str) -> Call:
    out, err = io.StringIO(), io.StringIO()
    with redirect_stdout(out), redirect_stderr(err):
        code = cli.main(list(words))
    return Call(code, out.getvalue(), err.getvalue())


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def file_of(*words: str) -> ModuleType:
    """The file that `archdsl compile` writes, executed."""
    done = call("compile", *words, "-o", "net.py")
    assert done.code == 0, done.err
    return load(Path("net.py").read_text(), "net")


def refused(*words: str) -> str:
    done = call("compile", *words)
    assert done.code in (1, 2), done.out
    return " ".join(done.err.split())


def randomized(module: nn.Module) -> nn.Module:
    """The same module with random weights and statistics, so that no layer is like another."""
    generator = torch.Generator().manual_seed(1)
    for name, value in module.state_dict().items():
        if name.endswith("running_var") or (value.ndim == 1 and value.is_floating_point()):
            value.copy_(0.5 + torch.rand(value.shape, generator=generator))
        elif value.is_floating_point():
            value.copy_(torch.randn(value.shape, generator=generator) / value[0].numel() ** 0.5)
    return module.eval()


def same(one: Tensor, other: Tensor) -> bool:
    return bool(torch.allclose(one, other, rtol=1e-4, atol=1e-5 * float(other.detach().abs().max())))


# --- features ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("words", "network", "size", "last"),
    [
        (("resnet@18",), "ResNet", 64, (1, 512, 2, 2)),
        (("lenet@5", "--channels", "3"), "LeNet", 32, (1, 120, 1, 1)),  # a head of several layers
        (("swin@t",), "Swin", 224, (1, 7, 7, 768)),  # as its head takes them
        (("googlenet@bn",), "GoogLeNet", 64, (1, 1024, 2, 2)),  # with outputs for training
        (("res_unet", "--size", "64"), "ResUNet", 64, (1, 64, 64, 64)),  # a map of classes, with skips
    ],
)
def test_features_and_head_make_up_the_network(
    words: tuple[str, ...], network: str, size: int, last: tuple[int, ...]
) -> None:
    model = randomized(getattr(file_of(*words, "--features"), network)())
    image = torch.randn(1, 3, size, size, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        features = model.forward_features(image)
        stages = model.forward_stages(image)
        chosen = model.forward_stages(image, out_indices=(0, -1))
        assert same(model.forward_head(features), model(image))
    assert tuple(features.shape) == last
    assert model.num_features in features.shape
    for info, stage in zip(model.feature_info, stages, strict=True):
        assert stage.shape[1] == info["num_chs"]
        assert network == "LeNet" or stage.shape[-1] * info["reduction"] == size
    assert [one.shape for one in chosen] == [stages[0].shape, stages[-1].shape]


def test_stages_are_those_that_hooks_see() -> None:
    """timm's own ResNet has the same stages: their outputs are compared number by number."""
    ours = file_of("resnet@18", "--features", "--published", "timm:resnet18").ResNet().eval()
    theirs = randomized(timm.create_model("resnet18"))
    ours.load_published(theirs.state_dict())
    wrapped = timm.create_model("resnet18", features_only=True)
    wrapped.load_state_dict({k: v for k, v in theirs.state_dict().items() if not k.startswith("fc.")})
    with torch.no_grad():
        for one, other in zip(ours.forward_stages(IMAGE), wrapped.eval()(IMAGE), strict=True):
            assert same(one, other)
    assert [i["num_chs"] for i in ours.feature_info] == wrapped.feature_info.channels()
    assert [i["reduction"] for i in ours.feature_info] == wrapped.feature_info.reduction()


def test_features_follow_the_arguments_of_the_class() -> None:
    model = file_of("mobilenet_v2", "--features").MobileNetV2(width=0.5, channels=1)
    assert [info["num_chs"] for info in model.feature_info][:3] == [16, 8, 16]
    assert model.num_features == 160
    assert model.forward_features(IMAGE[:, :1]).shape[1] == 160


def test_a_file_without_features_has_none() -> None:
    text = call("compile", "resnet@18", "-o", "-").out
    assert "feature" not in text
    assert "load_published" not in text
    assert text.count("\n    def ") == 10  # two of each of the three classes, `checkpointing`, three of what it uses


@pytest.mark.parametrize(
    ("spec", "reason"),
    [
        ("gru", "not written in stages"),
        ("deeplab", "begins with head, takes 3 values"),
        ("yolov5", "begins with coarse, takes 3 values"),
    ],
)
def test_networks_without_a_head_are_refused(spec: str, reason: str) -> None:
    assert reason in refused(spec, "--features", "-o", "-")


def test_python_writes_the_same_file() -> None:
    options = ("--features", "--hub", "--timm", "--published", "torchvision:resnet18")
    text = call("compile", "resnet@18", *options, "-o", "-").out
    net = archdsl.load("resnet@18")
    assert net.source(features=True, hub=True, timm=True, published="torchvision:resnet18") == text
    with pytest.raises(archdsl.CompileError, match="not written in stages"):
        archdsl.load("gru").source(features=True)


def test_variants_in_one_file_have_features() -> None:
    file = file_of("resnet", "--variants", "18,50", "--features")
    assert [file.NETWORKS[name]().num_features for name in ("resnet18", "resnet50")] == [512, 2048]


def test_features_are_scripted_and_exported() -> None:
    model = file_of("resnet@18", "--features").ResNet().eval()
    assert same(torch.jit.script(model)(IMAGE), model(IMAGE))
    assert same(torch.export.export(model, (IMAGE,)).module()(IMAGE), model(IMAGE))


# --- published weights ---------------------------------------------------------------------


@pytest.mark.parametrize(
    ("spec", "network", "reference", "rules"),
    [
        ("resnet@18", "ResNet", "torchvision:resnet18", 9),
        ("densenet@121", "DenseNet", "torchvision:densenet121", 14),
        ("efficientnet@b0", "EfficientNet", "timm:efficientnet_b0", 22),
    ],
)
def test_published_weights_give_the_same_outputs(spec: str, network: str, reference: str, rules: int) -> None:
    file = file_of(spec, "--published", reference)
    package, name = reference.split(":")
    theirs = timm.create_model(name) if package == "timm" else getattr(torchvision.models, name)()
    randomized(theirs)
    ours = getattr(file, network)()
    ours.load_published(theirs.state_dict())
    with torch.no_grad():
        assert same(ours.eval()(IMAGE), theirs(IMAGE))
    assert len(file.STARTS) + len(getattr(file, "PARTS", ())) <= rules
    assert r'(r"\b' in Path("net.py").read_text()  # patterns as one reads them


def test_published_weights_for_other_channels_and_classes() -> None:
    """The rule for channels is timm's, and timm's own function says what the weights should be."""
    file = file_of("resnet@18", "--published", "torchvision:resnet18")
    state = randomized(torchvision.models.resnet18()).state_dict()
    for channels in (1, 4):
        model = file.ResNet(channels=channels, classes=10)
        head = copy.deepcopy(model.head.linear.state_dict())
        with pytest.warns(UserWarning, match=r"outputs differ: head\.linear\.weight, head\.linear\.bias"):
            model.load_published(state)
        assert torch.equal(model.conv1.conv.weight, adapt_input_conv(channels, state["conv1.weight"]))
        assert all(torch.equal(value, head[name]) for name, value in model.head.linear.state_dict().items())
        assert torch.equal(model.conv5[1].conv2.weight, state["layer4.1.conv2.weight"])


def test_weights_that_one_side_has_alone(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A head for training that only they have is left out; one that only we have stays as it is."""
    (folder / "net.arch").write_text(NET)
    (folder / "foreign_net.py").write_text(FOREIGN)
    monkeypatch.syspath_prepend(folder)
    file = file_of("net.arch", "--published", "foreign_net:Foreign")
    theirs = randomized(importlib.import_module("foreign_net").Foreign())
    ours = file.Net()
    ours.load_published(theirs.state_dict())
    assert file.UNUSED == ("helper.",)
    assert same(ours.eval()(IMAGE), theirs(IMAGE))


NET = """\
network Net:
    input image: 3 x 64 x 64
    stage body: conv(8, 3) -> relu
    output aux training: body -> global_avg_pool -> flatten -> linear(2)
    stage head: body -> global_avg_pool -> flatten -> linear(4)
"""

FOREIGN = """\
from torch import nn


class Foreign(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 8, 3, padding=1)
        self.helper = nn.Linear(8, 3)
        self.fc = nn.Linear(8, 4)

    def forward(self, x):
        return self.fc(self.conv(x).relu().mean((2, 3)))
"""


def test_other_weights_are_refused() -> None:
    model = file_of("resnet@18", "--published", "torchvision:resnet18").ResNet()
    state = torchvision.models.resnet18().state_dict()
    cases = [
        (torchvision.models.resnet34().state_dict(), r"layer1\.2\.conv1\.weight is no weight of torchvision:resnet18"),
        ({k: v for k, v in state.items() if k != "bn1.bias"}, r"have none for conv1\.bn\.bias"),
        ({**state, "bn1.bias": torch.zeros(3)}, r"bn1\.bias is \(3,\), and conv1\.bn\.bias is \(64,\)"),
    ]
    before = copy.deepcopy(model.state_dict())
    for weights, reason in cases:
        with pytest.raises(ValueError, match=reason):
            model.load_published(weights)
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())
    old = {name: value for name, value in state.items() if not name.endswith("num_batches_tracked")}
    model.load_published(old)


def test_another_network_is_refused() -> None:
    assert "is another network than specs/resnet.arch@18" in refused(
        "resnet@18", "--published", "torchvision:resnet34", "-o", "-"
    )


def test_rules_say_any_map() -> None:
    """Names that cross over, begin each other, or have no rule at all; and names that must stay without one."""
    pairs = [("a.weight", "b.weight"), ("b.weight", "a.weight"), ("a", "c"), ("x.1.n.w", "y.0.m.w"), ("x.2.n.w", "z.w")]
    found = renaming(pairs, foreign=["x.3.n.w"])
    assert {theirs: found.renamed(theirs) for theirs, _ in pairs} == dict(pairs)
    assert found.renamed("x.3.n.w") is None


# --- hubs and timm -------------------------------------------------------------------------


def test_the_hugging_face_hub_saves_and_loads(folder: Path) -> None:
    file = file_of("resnet@18", "--hub")
    model = randomized(file.ResNet(classes=7, channels=1))
    model.save_pretrained(folder / "saved")
    loaded = file.ResNet.from_pretrained(folder / "saved")
    with torch.no_grad():
        assert torch.equal(loaded.eval()(IMAGE[:, :1]), model(IMAGE[:, :1]))


def test_the_hub_keeps_settings_that_are_lists(folder: Path) -> None:
    file = file_of("convnext", "--hub", "--set", "depths=[1,1,1,1]")
    model = file.ConvNeXt(widths=(8, 16, 24, 32), classes=3)
    model.save_pretrained(folder / "saved")
    loaded = file.ConvNeXt.from_pretrained(folder / "saved")
    assert {name: value.shape for name, value in loaded.state_dict().items()} == {
        name: value.shape for name, value in model.state_dict().items()
    }


def test_a_base_class_with_its_own_new_survives_an_import() -> None:
    """Importing a network notes how modules are made; afterwards they are made as before."""
    file_of("resnet@18", "--published", "torchvision:resnet18")

    class Counted:
        def __new__(cls, *args: Any) -> Any:
            made = super().__new__(cls)
            made.given = args
            return made

    class Layer(nn.Module, Counted):
        def __init__(self, *sizes: int) -> None:
            super().__init__()

    assert Layer(3, 4).given == (3, 4)


def test_timm_makes_the_network() -> None:
    file = file_of("resnet@18", "--timm")
    model = timm.create_model("arch_resnet18", num_classes=10, in_chans=1).eval()
    assert isinstance(model, file.ResNet)
    assert model(IMAGE[:, :1]).shape == (2, 10)
    assert model.get_classifier() is model.head.linear
    model.reset_classifier(4)
    assert model(IMAGE[:, :1]).shape == (2, 4)
    bare = timm.create_model("arch_resnet18", num_classes=0).eval()
    assert bare(IMAGE).shape == (2, bare.num_features)
    config = timm.data.resolve_data_config({}, model=bare)
    assert config["input_size"] == (3, 224, 224)


def test_timm_wraps_the_features() -> None:
    file_of("resnet", "--variants", "18,34", "--timm")
    for name in ("arch_resnet18", "arch_resnet34"):
        model = timm.create_model(name, features_only=True, out_indices=(1, 3)).eval()
        assert model.feature_info.channels() == [64, 256]
        assert model.feature_info.reduction() == [4, 16]
        assert [tuple(one.shape) for one in model(IMAGE)] == [(2, 64, 16, 16), (2, 256, 4, 4)]
    assert len(timm.create_model("arch_resnet18", features_only=True)(IMAGE)) == 5


def test_timm_is_refused_channels_that_the_class_does_not_take() -> None:
    """The number of patches in a mixer follows from no argument, so its class takes none."""
    file_of("mlp_mixer@s32", "--timm", "--set", "depth=1")
    model = timm.create_model("arch_mlp_mixer_s32", num_classes=3, features_only=True)
    assert [tuple(one.shape) for one in model(torch.zeros(1, 3, 224, 224))] == [(1, 512, 49), (1, 512, 49)]
    with pytest.raises(ValueError, match="Mixer takes 3 channels, and not 1"):
        timm.create_model("arch_mlp_mixer_s32", in_chans=1)


def test_timm_loads_a_checkpoint(folder: Path) -> None:
    """With a file of weights for three channels and a thousand classes, timm adapts both by what it is told of them."""
    file = file_of("resnet@18", "--timm")
    model = randomized(file.ResNet())
    torch.save(model.state_dict(), folder / "weights.pth")
    overlay: dict[str, Any] = {"file": str(folder / "weights.pth")}
    made = timm.create_model(
        "arch_resnet18", pretrained=True, pretrained_cfg_overlay=overlay, in_chans=1, num_classes=5
    )
    assert torch.equal(made.conv1.conv.weight, model.conv1.conv.weight.sum(1, keepdim=True))
    assert made.head.linear.out_features == 5
    assert torch.equal(made.conv5[1].bn2.weight, model.conv5[1].bn2.weight)


def test_timm_takes_classifiers_of_images() -> None:
    assert "classifiers, whose last layer is linear" in refused("unet", "--timm", "-o", "-")
    assert "networks that take one image" in refused("gpt2", "--timm", "-o", "-")


def test_torch_hub_finds_an_entry_for_each_variant(folder: Path) -> None:
    call("compile", "resnet", "--variants", "18,34", "--hubconf", "-o", "resnets.py")
    for name, blocks in (("resnet18", 2), ("resnet34", 6)):
        model = torch.hub.load(str(folder), name, source="local", classes=10)
        assert len(model.conv4) == blocks
        assert model(IMAGE).shape == (2, 10)


def test_torch_hub_finds_a_network_alone(folder: Path) -> None:
    call("compile", "resnet@18", "--hubconf", "-o", "alone.py")
    model = torch.hub.load(str(folder), "resnet18", source="local", channels=1)
    assert model(IMAGE[:, :1]).shape == (2, 1000)


def test_additions_that_do_not_fit_are_refused() -> None:
    assert "--emit does not name torch" in refused("resnet@18", "--emit", "json", "--features")
    assert "compile one at a time" in refused("resnet", "--variants", "18,34", "--published", "torchvision:resnet18")
    assert "name a file or a folder" in refused("resnet@18", "--hubconf", "-o", "-")


def test_all_additions_together_read_well() -> None:
    """The file with everything passes the formatter and the linter as it is."""
    file_of("resnet@18", "--features", "--published", "torchvision:resnet18", "--hub", "--timm", "--hubconf")
    for words in (["format", "--check"], ["check"]):
        command = [sys.executable, "-m", "ruff", *words, "--line-length", "100", "net.py", "hubconf.py"]
        assert subprocess.run(command, check=False).returncode == 0
