"""Written Keras files come back: the JSON of their models is read as the network that they were written from."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import pytest

import archdsl
from archdsl.cli import main
from archdsl.diagnostics import CompileError
from archdsl.ir.graph import Graph
from archdsl.outputs import written
from archdsl.prove.prove import prove_sides
from archdsl.prove.sides import of_graph

os.environ.setdefault("KERAS_BACKEND", "torch")
pytest.importorskip("keras")

import keras
from keras_gallery import built

SAMPLE = ("lenet", "alexnet", "resnet@18", "shufflenet", "googlenet", "unet")
LARGE = """
    autoencoder bn_inception convnext dcgan deeplab densenet@121 densenet_cifar efficientnet@b0 fcn fcn_resnet
    hourglass inception_module inception_resnet inception_v3 inception_v4 mobilenet mobilenet_v2 nasnet_cifar
    nin nin_cifar preresnet res_unet resnet_cifar resnext resnext_block senet srgan
    vae vgg@A wide_resnet wide_resnet_cifar xception xception_steps yolov5 zfnet
""".split()


def described(net: archdsl.Network, path: Path) -> Path:
    """The file of what Keras says of a written network. On the device `meta` weights have shapes and no numbers."""
    with keras.device("meta"):
        model, _ = built(str(written(net.graph, "keras")), "emitted")
    path.write_text(model.to_json(), encoding="utf-8")
    return path


def with_training_outputs(graph: Graph, names: set[str]) -> Graph:
    """The graph with outputs that serve training alone, which a model of Keras gives always."""
    outputs = [replace(output, training=number > 0 and bool(names)) for number, output in enumerate(graph.outputs)]
    return Graph(graph.header, graph.scopes.values(), [(n, graph.inputs_of(n.id)) for n in graph], outputs)


def test_networks_come_back(all_variants: bool, tmp_path: Path) -> None:
    for name in (*SAMPLE, *(LARGE if all_variants else ())):
        net = archdsl.load(name)
        again = archdsl.load(described(net, tmp_path / "net.json"))
        training = {output.name for output in net.graph.outputs if output.training}
        found = with_training_outputs(again.graph, training)
        report = prove_sides(of_graph(net.graph), of_graph(found), structure_only=True)
        assert report.ok, (name, str(report))
        if not training:
            assert (again.params, again.macs) == (net.params, net.macs), name


def test_a_model_that_came_back_is_a_spec(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = described(archdsl.load("shufflenet"), tmp_path / "net.json")
    assert main(["import", str(path), "-o", str(tmp_path / "net.arch")]) == 0
    assert "proven to have the structure and the weights of" in capsys.readouterr().out
    text = (tmp_path / "net.arch").read_text(encoding="utf-8")
    assert "channel_shuffle(3)" in text
    assert not [word for word in ("reshape", "padding") if word in text]


def refusal(model: keras.Model, tmp_path: Path) -> str:
    (tmp_path / "net.json").write_text(model.to_json(), encoding="utf-8")
    with pytest.raises(CompileError) as caught:
        archdsl.load(tmp_path / "net.json")
    return str(caught.value)


def test_functions_and_moves_that_are_no_op_are_refused(tmp_path: Path) -> None:
    """A sum with a number is no join, rows are no columns, and numbers may be scaled only by a factor."""
    layers = keras.layers
    image = keras.Input((4, 6, 8))
    rows = {
        "a number that is added": image + 1.0,
        "ops.Square": keras.ops.square(image),
        "dims = [2, 1, 3]": layers.Permute((2, 1, 3))(image),
        "target_shape": layers.Reshape((8, 6, 4))(layers.Permute((1, 3, 2))(image)),
        "a number": layers.Conv2D(3, 3)(keras.ops.pad(image, ((0, 0), (1, 1), (1, 1), (0, 0)), constant_values=-1e99)),
        "pad_width": keras.ops.pad(image, ((0, 0), (0, 0), (0, 0), (1, 1))),
        "a part of the 8 channels": image[..., 2:-1],
        "a slice of the channels": image[:, 1:],
        "offset": layers.Rescaling(2.0, offset=1.0)(layers.ReLU()(image)),
    }
    for said, result in rows.items():
        assert said in refusal(keras.Model(image, result), tmp_path), said


def test_borders_that_are_no_padding_stay(tmp_path: Path) -> None:
    """Zeros are not below all numbers, and a border that two layers take is one step."""
    layers = keras.layers
    image = keras.Input((8, 8, 4))
    border = layers.ZeroPadding2D(((1, 0), (0, 2)))(image)
    pooled = layers.MaxPooling2D(3, 2)(layers.ZeroPadding2D(1)(image))
    outputs = [layers.Conv2D(3, 3)(border), layers.Conv2D(5, 3)(border), pooled]
    (tmp_path / "net.json").write_text(keras.Model(image, outputs).to_json(), encoding="utf-8")
    net = archdsl.load(tmp_path / "net.json")
    assert sorted(node.op.name for node in net.graph) == ["conv", "conv", "input", "max_pool", "pad", "pad"]
    only = layers.Conv2D(3, 3)(layers.ZeroPadding2D(((1, 0), (0, 2)))(image))
    (tmp_path / "net.json").write_text(keras.Model(image, only).to_json(), encoding="utf-8")
    (_, conv) = archdsl.load(tmp_path / "net.json").graph
    assert conv.op.padding == (0, 2, 1, 0)
    assert str(conv.output) == f"3x{only.shape[1]}x{only.shape[2]}"
