"""Networks that are read from Caffe's files."""

from __future__ import annotations

from pathlib import Path

import caffe_files
import numpy as np
import pytest
import torch
from caffe_files import conv, dense, header, layer, pool

import archdsl
from archdsl.backends.torch.load import module
from archdsl.cli import main
from archdsl.decompile.spec import spec_of
from archdsl.diagnostics import CompileError
from archdsl.frontends.caffe.read import read_text
from archdsl.ir.graph import Graph
from archdsl.ir.imported import Imported
from archdsl.outputs import prepared
from archdsl.prove.prove import prove_sides
from archdsl.prove.report import report_text
from archdsl.prove.sides import of_graph
from archdsl.source import Source
from archdsl.tensor import Tensor


def imported(text: str, *inputs: Tensor) -> Imported:
    return read_text(Source("net.prototxt", text), "Net", inputs)


def ops(graph: Graph) -> list[str]:
    """The ops in order, without the inputs."""
    return [node.op.name for node in graph if node.op.name != "input"]


PUBLISHED = {"alexnet": 60_965_224, "vgg16": 138_357_544, "googlenet": 6_998_552, "resnet50": 25_557_096}
"""The numbers in the files of weights that the authors published: AlexNet with groups, the first bias of ResNet-50."""
LINES = {"alexnet": 18, "vgg16": 16, "googlenet": 32, "resnet50": 23}
"""The most lines of the specs that are written of these networks. They may fall, and not rise."""


@pytest.mark.parametrize("name", PUBLISHED)
def test_a_short_spec_is_the_published_network(name: str) -> None:
    graph = imported(caffe_files.NETWORKS[name]()).graph
    text = spec_of(graph)
    written = archdsl.loads(text)
    assert written.params == PUBLISHED[name]
    proof = prove_sides(of_graph(written.graph), of_graph(graph), structure_only=True)
    assert proof.ok, f"{report_text(proof)}\n{text}"
    assert len(text.splitlines()) <= LINES[name], text


def test_vgg_is_that_of_the_gallery() -> None:
    """The spec of the gallery is proven to be torchvision's."""
    graph, known = imported(caffe_files.vgg16()).graph, archdsl.load("vgg@D").graph
    proof = prove_sides(of_graph(graph), of_graph(known), structure_only=True)
    assert proof.ok, report_text(proof)


def test_nine_inceptions_are_one_block() -> None:
    text = spec_of(imported(caffe_files.googlenet()).graph)
    assert text.count("block ") == 1
    assert text.count("Branches(") == 10
    assert "Branches(64, 96, 128, 16, 32, 32)" in text


def test_resnet_reads_like_the_paper() -> None:
    text = spec_of(imported(caffe_files.resnet50()).graph)
    assert "stage stage3: Residual(256) * 6 first(stride=2)" in text


def test_layers_keep_their_names() -> None:
    graph = imported(caffe_files.resnet50()).graph
    assert "stage3.residuals.1.res4b_branch2a" in graph
    assert graph.node("stage3.residuals.1.res4b_branch2a").span.text == '"res4b_branch2a"'


# --- what layers compute ----------------------------------------------------------------------------


def computed(text: str, *values: np.ndarray) -> np.ndarray:
    made = module(prepared(imported(text).graph, "torch"), device="cpu").double().eval()
    with torch.no_grad():
        return made(*(torch.from_numpy(value)[None] for value in values))[0].numpy()


def image(channels: int, height: int, width: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).standard_normal((channels, height, width))


def sized(*dims: int) -> str:
    rows = " ".join(f"dim: {size}" for size in dims)
    return f'layer {{ name: "data" type: "Input" top: "data" input_param {{ shape {{ dim: 1 {rows} }} }} }}\n'


@pytest.mark.parametrize(
    ("kernel", "stride", "pad"), [(3, 2, 0), (3, 2, 1), (2, 2, 0), (3, 1, 1), (2, 3, 1), (5, 3, 2)]
)
@pytest.mark.parametrize("length", [7, 8])
@pytest.mark.parametrize("kind", ["MAX", "AVE"])
def test_a_pool_rounds_as_caffe_does(kernel: int, stride: int, pad: int, length: int, kind: str) -> None:
    """The loops of Caffe's `pooling_layer.cpp`."""
    x = image(2, length, length)
    count = -(-(length + 2 * pad - kernel) // stride) + 1
    if pad and (count - 1) * stride >= length + pad:
        count -= 1
    wanted = np.zeros((2, count, count))
    for k, i, j in np.ndindex(2, count, count):
        starts = [place * stride - pad for place in (i, j)]
        ends = [min(start + kernel, length + pad) for start in starts]
        size = (ends[0] - starts[0]) * (ends[1] - starts[1])
        inside = [slice(max(start, 0), min(end, length)) for start, end in zip(starts, ends, strict=True)]
        part = x[k, inside[0], inside[1]]
        wanted[k, i, j] = part.max() if kind == "MAX" else part.sum() / size
    found = computed(sized(2, length, length) + pool("p", "data", kernel, stride, kind, pad), x)
    assert np.allclose(found, wanted)


SIMPLE = [
    ("ReLU", "relu_param { negative_slope: 0.1 }", lambda x: np.where(x > 0, x, 0.1 * x)),
    ("ELU", "elu_param { alpha: 0.5 }", lambda x: np.where(x > 0, x, 0.5 * np.expm1(x))),
    ("Power", "power_param { power: 2 scale: 3 shift: 1 }", lambda x: (1 + 3 * x) ** 2),
    ("Exp", "", np.exp),
    ("AbsVal", "", np.abs),
    ("BNLL", "", lambda x: np.log1p(np.exp(x))),
    ("Clip", "clip_param { min: -1 max: 0.5 }", lambda x: np.clip(x, -1, 0.5)),
    ("Eltwise", "eltwise_param { coeff: 2 coeff: -1 }", lambda x: 2 * x - np.exp(x)),
    ("Eltwise", "eltwise_param { coeff: 1 coeff: -1 }", lambda x: x - np.exp(x)),
    ("Eltwise", "eltwise_param { coeff: .5 coeff: .5 }", lambda x: (x + np.exp(x)) / 2),
    ("Eltwise", "eltwise_param { operation: PROD }", lambda x: x * np.exp(x)),
    ("Eltwise", "eltwise_param { operation: MAX }", lambda x: np.maximum(x, np.exp(x))),
    ("Reshape", "reshape_param { shape { dim: 0 dim: -1 dim: 2 dim: 0 } }", lambda x: x.reshape(6, 2, 2)),
    ("Flatten", "", lambda x: x.reshape(-1)),
    ("LRN", "lrn_param { local_size: 3 alpha: 2 k: 3 }", lambda x: x / (3 + 2 / 3 * _neighbours(x)) ** 0.75),
    ("Softmax", "", lambda x: np.exp(x) / np.exp(x).sum(0)),
]


def _neighbours(x: np.ndarray) -> np.ndarray:
    """The sum of squares over three channels."""
    squares = np.pad(x**2, ((1, 1), (0, 0), (0, 0)))
    return squares[:-2] + squares[1:-1] + squares[2:]


@pytest.mark.parametrize(("kind", "inside", "formula"), SIMPLE)
def test_plain_layers_compute_what_caffe_does(kind: str, inside: str, formula: object) -> None:
    bottoms = ["data", "e"] if kind == "Eltwise" else ["data"]
    text = sized(6, 2, 2) + layer("Exp", "e", "data", "e") + layer(kind, "last", bottoms, "last", inside)
    x = image(6, 2, 2)
    assert np.allclose(computed(text, x), formula(x))  # type: ignore[operator]


def test_crops_follow_another_value() -> None:
    text = (
        sized(4, 9, 9)
        + pool("small", "data", 2, 2)
        + layer("Crop", "c", ["data", "small"], "c", "crop_param { offset: 3 }")
    )
    x = image(4, 9, 9)
    assert np.array_equal(computed(text, x), x[:, 3:8, 3:8])


def test_deconvolutions_enlarge() -> None:
    inside = "convolution_param { num_output: 4 kernel_size: 4 stride: 2 pad: 1 group: 4 bias_term: false }"
    graph = imported(sized(4, 5, 5) + layer("Deconvolution", "up", "data", "up", inside)).graph
    (up,) = [node for node in graph if node.op.name == "up_conv"]
    assert (up.output.dims, up.op.params(Tensor(4, 5, 5))) == ((4, 10, 10), 4 * 4 * 4)


def test_slices_and_concatenations() -> None:
    cut = layer("Slice", "s", "data", "a", 'top: "b" top: "c" slice_param { slice_point: 1 slice_point: 3 }')
    x = image(6, 2, 2)
    found = computed(sized(6, 2, 2) + cut + layer("Concat", "last", ["c", "a", "b"], "last"), x)
    assert np.array_equal(found, np.concatenate([x[3:], x[:1], x[1:3]]))


SCALES = [
    ("scale_param { bias_term: true }", "", ["conv", "bn"], 2 * 8),
    ("scale_param { bias_term: false }", "", ["conv", "bn", "layer_scale"], 8),
    ("scale_param { bias_term: true }", "other", ["conv", "bn", "layer_scale", "learned", "add", "relu", "concat"], 16),
]


@pytest.mark.parametrize(("inside", "other", "wanted", "params"), SCALES)
def test_a_scale_after_a_normalization_belongs_to_it(inside: str, other: str, wanted: list[str], params: int) -> None:
    """Unless something else takes what is normalized."""
    text = sized(3, 4, 4) + conv("c", "data", 8, 1, bias_term="false") + layer("BatchNorm", "n", "c", "n")
    text += layer("Scale", "s", "n", "s", inside)
    if other:
        text += layer("ReLU", "r", "n", "r") + layer("Concat", "last", ["s", "r"], "last")
    graph = imported(text).graph
    assert sorted(ops(graph)) == sorted(wanted)
    assert sum(node.op.params(*graph.tensors_into(node.id)) for node in graph) == 3 * 8 + params


# --- phases, inputs and outputs ----------------------------------------------------------------------

TRAINING = """
name: "Net"
layer { name: "data" type: "Data" top: "data" top: "label" include { phase: TRAIN } }
layer { name: "data" type: "Data" top: "data" top: "label" include { phase: TEST } }
layer { name: "ip" type: "InnerProduct" bottom: "data" top: "ip" inner_product_param { num_output: 10 } }
layer { name: "drop" type: "Dropout" bottom: "ip" top: "ip" include { phase: TRAIN } }
layer { name: "side" type: "InnerProduct" bottom: "data" top: "side" inner_product_param { num_output: 3 } }
layer { name: "loss1" type: "SoftmaxWithLoss" bottom: "side" bottom: "label" top: "loss1" }
layer { name: "accuracy" type: "Accuracy" bottom: "ip" bottom: "label" top: "accuracy" include: { phase: TEST } }
layer { name: "last" type: "InnerProduct" bottom: "ip" top: "last" inner_product_param { num_output: 4 } }
layer { name: "loss" type: "SoftmaxWithLoss" bottom: "last" bottom: "label" top: "loss" }
"""


def test_a_file_for_training_is_read_as_it_is_deployed() -> None:
    found = imported(TRAINING, Tensor(1, 28, 28))
    assert [(output.name, output.training) for output in found.graph.outputs] == [("output", False), ("side", True)]
    assert [node.id for node in found.graph.inputs] == ["data"]
    assert "dropout" not in ops(found.graph)
    assert found.left_out == "left out, since they serve training and tests alone: loss1, accuracy, loss"


def test_the_shape_of_stored_images_is_asked_for() -> None:
    with pytest.raises(
        CompileError, match=r"net.prototxt:4:15: the file does not state the shape of `data`; .*--input"
    ):
        imported(TRAINING)


def test_the_older_format_is_the_same_network() -> None:
    new = header("Net", 32) + conv("c", "data", 8, 3) + pool("p", "c", 2, 2, "AVE") + dense("ip", "p", 10)
    old = new.replace("layer {", "layers {").replace('"Convolution"', "CONVOLUTION").replace('"Pooling"', "POOLING")
    old = old.replace('"InnerProduct"', "INNER_PRODUCT")
    inputs = 'name: "Net" input: "data" input_dim: 1 input_dim: 3 input_dim: 32 input_dim: 32'
    old = "\n".join([inputs, *old.split("\n")[2:]])
    assert [node.op for node in imported(old).graph] == [node.op for node in imported(new).graph]


# --- errors ------------------------------------------------------------------------------------------

WRONG = [
    ("", "net.prototxt:1:1: net.prototxt has no layers"),
    ("layer {", "net.prototxt:1:7: net.prototxt ends within a field; write 1 more `}` at the end"),
    ("layer { name: ] }", "net.prototxt:1:15: expected a name, a number, a text in quotes, `{` or `[`, found `]`"),
    ("layer ? { }", "net.prototxt:1:7: `?` begins neither a name nor a value"),
    ("layer: 3", "net.prototxt:1:8: `layer` has fields in braces, got `3`"),
    (
        sized(3, 8, 8) + layer("Convolutoin", "c", "data"),
        "net.prototxt:2:25: layers of the type `Convolutoin` are not read; did you mean `Convolution`?",
    ),
    (
        sized(3, 8, 8) + layer("ReLU", "r", "dota", "r"),
        "net.prototxt:2:40: no layer before this one makes `dota`; did you mean `data`?",
    ),
    (
        sized(3, 8, 8) + layer("Eltwise", "e", ["data", "later"], "e") + layer("ReLU", "r", "data", "later"),
        "net.prototxt:2:58: no layer before this one makes `later`; the layer in line 3 does: put it before this one",
    ),
    (
        sized(3, 8, 8) + layer("ReLU", "r", "loop", "loop"),
        "net.prototxt:2:40: no layer before this one makes `loop`; a layer cannot take what it makes",
    ),
    (
        sized(3, 8, 8) + layer("Convolution", "c", "data", "c", "convolution_param { kernel_size: 3 }"),
        "net.prototxt:2:15: the layer does not say how many outputs it has; write `num_output: ...`",
    ),
    (
        sized(3, 8, 8) + layer("Pooling", "p", "data", "p", "pooling_param { kernal_size: 3 }"),
        "net.prototxt:2:15: the layer does not say how large its window is; write `kernel_size: ...`\n"
        "net.prototxt:2:75: there is no field `kernal_size` here; did you mean `kernel_size`?",
    ),
    (
        sized(3, 8, 8) + conv("c", "data", 8, 99),
        "net.prototxt:2:15: a 99x99 kernel does not fit a 8x8 input with padding 0",
    ),
    (
        sized(3, 8, 8) + conv("c", "data", 8, 3) + layer("Eltwise", "e", ["data", "c"], "e"),
        "net.prototxt:3:15: `add` needs equal shapes, got 8x6x6 and 3x8x8",
    ),
]


@pytest.mark.parametrize(("text", "said"), WRONG)
def test_errors_point_at_the_line(text: str, said: str) -> None:
    with pytest.raises(CompileError) as caught:
        imported(text)
    assert str(caught.value) == said


def test_commands_take_such_files(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("net.prototxt").write_text(caffe_files.googlenet())
    assert main(["import", "net.prototxt", "-o", "net.arch"]) == 0
    assert "proven to have the structure and the weights of net.prototxt" in capsys.readouterr().out
    for command in (["check"], ["table"], ["draw", "-o", "net.svg"], ["compile", "-o", "net.py"]):
        assert main([command[0], "net.prototxt", *command[1:]]) == 0
    Path("train.prototxt").write_text(TRAINING)
    capsys.readouterr()
    assert main(["import", "train.prototxt", "--input", "1x28x28", "-o", "train.json"]) == 0
    assert "left out, since they serve training and tests alone" in " ".join(capsys.readouterr().out.split())
