"""Networks for inference: the file that `compile --for inference` writes, against the module that was trained."""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import Any

import pytest
import torch
from cuda_device import CUDA, needs_cuda
from emission import example_inputs, tensors_of
from test_held import measured
from torch import nn
from torch.nn.utils.fusion import fuse_conv_bn_weights
from variants import NAMES as ALL

import archdsl
from archdsl.backends.torch.extras import NONE, Extras
from archdsl.backends.torch.inference import LAYER_OF, fewest_rows
from archdsl.backends.torch.load import load, module
from archdsl.cli import main
from archdsl.ir.graph import Graph
from archdsl.outputs import inference_written, prepared
from archdsl.passes.inference import for_inference
from archdsl.prove.inference import prove_inference
from archdsl.prove.numbers import randomize

SMALL = "densenet_cifar googlenet@bn mobilenet_v2@0.5 nasnet_cifar pointnet resnet@18 shufflenet dcgan".split()
"""Networks with blocks, training outputs, normalizations that stay, 1-D and transposed convolutions."""

MEASURED = "resnet@50 densenet@121 mobilenet_v2 efficientnet@b0 googlenet@bn inception_v3 shufflenet".split()

EVERYWHERE = """\
network Net:
    input image: 3 x 24 x 24
    stage stem: conv(8, 3, bias=false) -> bn(eps=0.1) -> relu
    stage body:
        up_conv(6, 2, stride=2, bias=false) -> bn -> relu
        up_conv(6, 2, groups=2) -> bn -> relu -> bn(eps=0.01) -> conv(8, 3, padding=valid) -> bn(affine=false)
        Unit(8) * 2
    stage head: global_avg_pool -> flatten -> dropout(0.5) -> bn -> linear(5, bias=false)

block Unit(width):
    bn as conv
    add{it | relu -> conv(width, 3, groups=2) -> bn -> drop_path(0.1)}
"""
"""Normalizations before and after layers, with and without weights, and some that must stay."""


def graph_of(name: str) -> Graph:
    return prepared((archdsl.loads(EVERYWHERE) if name == "everywhere" else archdsl.load(name)).graph, "torch")


def for_use(graph: Graph, extras: Extras = NONE) -> nn.Module:
    """The module of the file for inference."""
    written = inference_written(graph, extras)
    made = getattr(load(written.text), written.name)()
    assert isinstance(made, nn.Module)
    return made


@pytest.mark.parametrize("name", ["everywhere", *SMALL])
def test_outputs_are_those_of_the_trained_module(name: str) -> None:
    proof = prove_inference(graph_of(name))
    assert proof.ok, proof
    assert proof.folded
    assert proof.nodes[1] < proof.nodes[0]


@needs_cuda
@pytest.mark.parametrize("name", ["everywhere", *SMALL])
def test_outputs_on_cuda_are_those_of_the_trained_module(name: str) -> None:
    """In double precision; in bfloat16 they are finite, also with the weights of convolutions channels last."""
    graph = graph_of(name)
    trained = module(graph).double().eval()
    randomize(trained)
    used = for_use(graph).double().load(trained.state_dict()).to(CUDA)
    inputs = example_inputs(graph, device=CUDA, dtype=torch.double)
    with torch.no_grad():
        expected = tensors_of(trained.to(CUDA)(*inputs))
        torch.testing.assert_close(tensors_of(used(*inputs)), expected, rtol=1e-9, atol=1e-9)
        found = used.bfloat16().to(memory_format=torch.channels_last)(*(x.bfloat16() for x in inputs))
    assert all(output.isfinite().all() for output in tensors_of(found))


@pytest.mark.sampled
@pytest.mark.parametrize("name", sorted({name.partition("@")[0] for name in ALL} - {"resnet_cifar"}))
def test_every_network_takes_the_weights_of_its_trained_module(name: str) -> None:
    """All names and shapes fit: `load` is strict. Without numbers, on the device `meta`."""
    graph = graph_of(name)
    with torch.device("meta"):
        state = module(graph).state_dict()
        for_use(graph).load(state)


def test_weights_are_folded_as_pytorch_folds_them() -> None:
    graph = graph_of("resnet@18")
    trained = module(graph)
    randomize(trained)
    used = for_use(graph).load(trained.state_dict())
    for name, layer in used.named_modules():
        if isinstance(layer, nn.Conv2d):
            scope, _, last = name.rpartition(".")
            conv, norm = trained.get_submodule(name), trained.get_submodule(f"{scope}.{last.replace('conv', 'bn')}")
            expected = fuse_conv_bn_weights(
                conv.weight, conv.bias, norm.running_mean, norm.running_var, norm.eps, norm.weight, norm.bias
            )
            torch.testing.assert_close((layer.weight, layer.bias), tuple(expected))


@pytest.mark.sampled
@pytest.mark.parametrize("name", MEASURED)
def test_no_more_memory_is_held(name: str) -> None:
    """Activations while `forward` runs, measured on the device `meta`."""
    graph = graph_of(name)
    assert measured(for_inference(graph).run.graph) <= measured(graph)


def test_only_what_learns_is_left() -> None:
    graph = for_inference(graph_of("googlenet")).run.graph
    assert not {node.op.name for node in graph} & {"bn", "dropout", "identity", "drop_path"}
    assert [output.name for output in graph.outputs] == ["output"]
    assert 'UNUSED = ("aux1.", "aux2.")' in inference_written(graph_of("googlenet"), NONE).text


def test_weights_of_another_network_are_refused() -> None:
    used = for_use(graph_of("resnet@18"))
    with pytest.raises(ValueError, match="these are weights of another network"):
        used.load(module(graph_of("shufflenet")).state_dict())
    with pytest.raises(ValueError, match="no layer for norm"):
        used.load({"norm.running_var": torch.ones(1)})
    with pytest.raises(RuntimeError, match="Missing key"):
        used.load({})


def test_ends_of_paths_are_enough_where_they_lead_to_one_layer() -> None:
    rows = (("a.conv", "a.bn", 0.1, False), ("b.c.conv", "b.c.bn", 0.1, False))
    assert fewest_rows(rows) == (("conv", "bn", 0.1, False),)


@pytest.mark.parametrize("seed", range(50))
def test_each_normalization_leads_to_its_layer(seed: int) -> None:
    """Whatever the paths are: those of a few letters often end as others do."""
    chance = random.Random(seed)
    paths = sorted({".".join(chance.choices("abc", k=chance.randint(1, 4))) for _ in range(12)})
    layers, norms = (chance.sample(paths, len(paths) // 2) for _ in range(2))
    rows = [(layer, f"{norm}.bn", 0.1, False) for layer, norm in zip(layers, norms, strict=True)]
    scope: dict[str, Any] = {"FOLDED": [row[:3] for row in fewest_rows(rows)], "Mapping": dict, "Tensor": None}
    exec(LAYER_OF.replace("RESULTS", "str, float"), scope)
    state = {f"{layer}.weight": None for layer in layers}
    assert [scope["layer_of"](norm, state) for _, norm, *_ in rows] == [(layer, 0.1) for layer, *_ in rows]


# --- the commands ------------------------------------------------------------------------------


def test_the_file_says_what_it_is_for_and_needs_torch_alone(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "net.py"
    assert main(["compile", "mobilenet_v2", "--for", "inference", "-o", str(path)]) == 0
    text = path.read_text()
    assert text.startswith('"""MobileNetV2 for inference from specs/mobilenet_v2.arch, in PyTorch."""')
    assert "BatchNorm" not in text
    assert "initialize" not in text
    assert "archdsl" not in text
    assert max(map(len, text.splitlines())) <= 100


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["compile", "lenet", "--for", "inference", "--emit", "onnx"], "other forms are for inference already"),
        (["compile", "resnet", "--for", "inference", "--all-variants"], "compile one variant at a time"),
        (["compile", "resnet@18", "--for", "inference", "--published", "torchvision:resnet18"], "write it too"),
        (["compile", "lenet", "--for", "speed"], "is not one of 'inference'"),
        (["prove", "lenet"], "--against REFERENCE, or --for inference"),
        (["prove", "lenet", "--against", "torchvision:alexnet", "--for", "inference"], "or --for inference"),
        (["prove", "lenet", "--for", "inference", "--structure"], "leave it out with --for"),
        (["prove", "torchvision:alexnet", "--for", "inference"], "import the network as a spec first"),
    ],
)
def test_options_that_do_not_fit_are_refused(words: list[str], said: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(words) == 2
    assert said in " ".join(capsys.readouterr().err.split())


def test_the_proof_is_printed(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["prove", "resnet@18", "--for", "inference"]) == 0
    assert "70 in training, 50 at inference; 20 batch normalizations folded" in capsys.readouterr().out
    assert main(["prove", "resnet@18", "--for", "inference", "--format", "json"]) == 0
    assert json.loads(capsys.readouterr().out)["ok"] is True
