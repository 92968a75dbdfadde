"""Written Keras files compute what the emitted PyTorch modules compute, in Keras itself."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from calls import Caller
from random_specs import spec, template

import archdsl
from archdsl.outputs import output_of, written

os.environ.setdefault("KERAS_BACKEND", "torch")
pytest.importorskip("keras")

import keras_gallery

OPS = (
    "conv(8, 3, stride=2)",
    "conv(8, 3, stride=2, padding=tf_same)",
    "conv(8, 1x3, padding=[0, 1, 0, 2])",
    "conv(8, 3, groups=2, dilation=2)",
    "depthwise(3, multiplier=2)",
    "up_conv(6, 3, stride=2, padding=1, output_padding=1)",
    "conv(4, 3) -> max_pool(3, stride=2) -> bn(eps=0.001, momentum=0.03)",
    "max_pool(3, stride=2, ceil=true)",
    "avg_pool(3, stride=1) -> avg_pool(3, stride=1, include_padding=false)",
    "avg_pool(3x2, stride=2, padding=tf_same, include_padding=false)",
    "adaptive_avg_pool(4) -> channel_shuffle(2) -> pixel_shuffle(2)",
    "flatten -> reshape(9 x 6 x 6) -> flatten -> linear(5) -> softmax",
    "instance_norm(affine=true) -> prelu -> lrn(4) -> layer_norm -> prelu(per_channel=true)",
    "gelu(approximate=true) -> hard_swish -> hard_sigmoid -> mish -> elu(0.5) -> leaky_relu(0.2)",
    "upsample(2, mode=bilinear) -> center_crop(5) -> resize(13, mode=bilinear) -> pad(1, mode=reflect)",
    "mul{it | global_avg_pool -> conv(4, 1) -> sigmoid} -> concat{it | drop_path(0.2)}",
    "layer_scale -> add{it | global_avg_pool -> flatten} -> trim(1)",
)


@pytest.mark.parametrize("body", OPS)
def test_ops_compute_the_same(body: str, tmp_path: Path) -> None:
    path = tmp_path / "net.arch"
    path.write_text(f"network Net:\n    input image: 4 x 9 x 9\n    {body}\n")
    assert keras_gallery.difference(archdsl.load(str(path))) < 1e-6


def test_numbers_may_be_called_as_modules_of_keras(tmp_path: Path) -> None:
    path = tmp_path / "net.arch"
    path.write_text(
        "block Part(layers: int, ops: int):\n    conv(layers, ops) -> gelu(approximate=true)\n\n"
        "network Net:\n    input image: 4 x 9 x 9\n    Part(3, 1) -> Part(5, 3) -> max_pool(3)\n"
    )
    net = archdsl.load(str(path))
    text = str(written(net.graph, "keras"))
    assert "layers as keras_layers, ops as keras_ops" in text
    assert keras_gallery.difference(net) < 1e-6


SAMPLE = ("resnet@18", "shufflenet", "inception_module")
LARGE = ("vgg@A", "googlenet", "densenet@121", "efficientnet@b0", "mobilenet_v2", "unet", "convnext", "deeplab")


def test_networks_compute_the_same(all_variants: bool) -> None:
    for name in SAMPLE + (LARGE if all_variants else ()):
        settings = {"resolution": 64} if name == "resnet@18" else {}
        assert keras_gallery.difference(archdsl.load(name, **settings)) < 1e-5


def test_random_networks_compute_the_same(all_variants: bool) -> None:
    """What is not refused has equal outputs and numbers of weights."""
    compared = 0
    for seed in range(400 if all_variants else 12):
        try:
            net = archdsl.loads(spec(template(seed), 0))
            found = keras_gallery.difference(net)
        except archdsl.CompileError:
            continue
        assert found < 1e-5, seed
        compared += 1
    assert compared


def test_the_suffix_says_which_framework(call: Caller, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert [getattr(output_of(name), "name", None) for name in ("a.py", "a_keras.py")] == ["torch", "keras"]
    text = written(archdsl.load("lenet").graph, "keras")
    assert isinstance(text, str)
    assert call("compile", "lenet", "-o", "net_keras.py").code == 0
    assert call("compile", "lenet", "--emit", "keras", "-o", "net.py").code == 0
    archdsl.load("lenet").save("again_keras.py")
    assert {path.read_text() for path in Path().glob("*.py")} == {text}


def test_weights_that_do_not_fit_are_refused() -> None:
    net = archdsl.load("lenet")
    model, space = keras_gallery.built(str(written(net.graph, "keras")), "emitted")
    state = net.module().state_dict()
    key = next(iter(state))
    del state[key]
    with pytest.raises(ValueError, match=key.rpartition(".")[0].replace(".", "_")):
        space["load_torch"](model, state)
    with pytest.raises(ValueError, match="no layers other"):
        space["load_torch"](model, {**net.module().state_dict(), "other.weight": next(iter(state.values()))})
