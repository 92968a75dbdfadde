"""Networks that are read from darknet's configurations."""

from __future__ import annotations

from pathlib import Path

import darknet_files
import numpy as np
import pytest
import torch
from darknet_files import conv, net, route, section

import archdsl
from archdsl.backends.torch.load import module
from archdsl.cli import main
from archdsl.decompile.spec import spec_of
from archdsl.diagnostics import CompileError
from archdsl.frontends.darknet.read import read_text
from archdsl.ir.graph import Graph
from archdsl.outputs import prepared
from archdsl.prove.prove import prove_sides
from archdsl.prove.report import report_text
from archdsl.prove.sides import of_graph
from archdsl.source import Source


def graph_of(text: str) -> Graph:
    return read_text(Source("net.cfg", text), "Net").graph


def errors(text: str) -> list[str]:
    with pytest.raises(CompileError) as caught:
        graph_of(text)
    return str(caught.value).split("\n")


# A file of weights has a header of 20 bytes (16 in yolov2.weights, which is older), and four bytes for each number: the
# parameters, and for each normalized channel its mean and its variance.
PUBLISHED = [
    ("yolov2", 203_934_260, 16),
    ("yolov3", 248_007_048, 20),
    ("yolov3-tiny", 35_434_956, 20),
    ("yolov4", 257_717_640, 20),
    ("yolov4-tiny", 24_251_276, 20),
]
OPERATIONS = [("yolov3", 65.864), ("yolov3-tiny", 5.56), ("darknet53", 18.57)]
"""Billions of operations that darknet prints, or that pjreddie.com/darknet says: two for each multiply-add."""


@pytest.mark.parametrize(("name", "size", "header"), PUBLISHED)
def test_weights_are_as_many_as_in_the_published_files(name: str, size: int, header: int) -> None:
    graph = graph_of(darknet_files.NETWORKS[name]())
    state = [shape for node in graph for shape in node.op.state(*graph.tensors_into(node.id)).values() if shape]
    assert header + 4 * sum(int(np.prod(shape)) for shape in state) == size


@pytest.mark.parametrize(("name", "operations"), OPERATIONS)
def test_operations_are_as_many_as_published(name: str, operations: float) -> None:
    graph = graph_of(darknet_files.NETWORKS[name]())
    macs = sum(node.op.macs(*graph.tensors_into(node.id)) for node in graph)
    assert 2e-9 * macs == pytest.approx(operations, rel=2e-3)


LINES = {
    "darknet53": 34,
    "yolov2": 36,
    "yolov3": 58,
    "yolov3-tiny": 26,
    "yolov4": 95,
    "yolov4-tiny": 43,
    "resnet50": 42,
}
"""The most lines of the specs that are written of these networks. They may fall, and not rise."""


@pytest.mark.parametrize("name", LINES)
def test_a_short_spec_is_the_same_network(name: str) -> None:
    graph = graph_of(darknet_files.NETWORKS[name]())
    text = spec_of(graph)
    proof = prove_sides(of_graph(archdsl.loads(text).graph), of_graph(graph), structure_only=True)
    assert proof.ok, f"{report_text(proof)}\n{text}"
    assert len(text.splitlines()) <= LINES[name], text


def test_darknet53_reads_like_its_table() -> None:
    text = spec_of(graph_of(darknet_files.darknet53()))
    assert "        Residual * 8\n" in text
    assert text.count("block ") == 1


# --- what layers compute, against loops as those of darknet's code ---------------------------------


def computed(text: str, image: np.ndarray) -> np.ndarray:
    """What the emitted module gives for an image, in float64."""
    made = module(prepared(graph_of(text), "torch"), device="cpu").double().eval()
    with torch.no_grad():
        return made(torch.from_numpy(image)[None])[0].numpy()


def image(channels: int, height: int, width: int) -> np.ndarray:
    return np.random.default_rng(0).standard_normal((channels, height, width))


def sized(channels: int, height: int, width: int) -> str:
    return section("net", channels=channels, height=height, width=width)


@pytest.mark.parametrize(
    ("size", "stride", "padding"), [(2, 2, None), (2, 1, None), (3, 2, None), (5, 1, None), (3, 2, 1), (4, 3, 2)]
)
@pytest.mark.parametrize("length", [8, 9])
def test_a_pool_pads_as_darknet_does(size: int, stride: int, padding: int | None, length: int) -> None:
    options = {} if padding is None else {"padding": padding}
    total = size - 1 if padding is None else padding
    x = image(2, length, length)
    count = (length + total - size) // stride + 1
    wanted = np.full((2, count, count), -np.inf)
    for k, i, j, n, m in np.ndindex(2, count, count, size, size):
        row, column = i * stride + n - total // 2, j * stride + m - total // 2
        if 0 <= row < length and 0 <= column < length:
            wanted[k, i, j] = max(wanted[k, i, j], x[k, row, column])
    found = computed(sized(2, length, length) + section("maxpool", size=size, stride=stride, **options), x)
    assert np.array_equal(found, wanted)


def test_reorg_moves_numbers_as_darknet_does() -> None:
    c, h, w, stride = 8, 4, 6, 2
    x = image(c, h, w)
    flat, wanted = x.ravel(), np.zeros(x.size)
    for k, j, i in np.ndindex(c, h, w):
        small, offset = k % (c // stride**2), k // (c // stride**2)
        column, row = i * stride + offset % stride, j * stride + offset // stride
        wanted[i + w * (j + h * k)] = flat[column + w * stride * (row + h * stride * small)]
    found = computed(sized(c, h, w) + section("reorg", stride=stride), x)
    assert np.array_equal(found, wanted.reshape(c * stride**2, h // stride, w // stride))


@pytest.mark.parametrize("more", [4, 6, 3])
@pytest.mark.parametrize("length", [8, 9])
@pytest.mark.parametrize("stride", [1, 2])
def test_a_shortcut_adds_what_both_values_have(more: int, length: int, stride: int) -> None:
    """The values are channels and pixels of one image, so that no weights are needed: `more` channels to 4."""
    x = image(12, length, length)
    text = sized(12, length, length) + section("dropout") + route(0, groups=12 // more, group_id=0)
    text += route(0, groups=3, group_id=2) + section("maxpool", size=1, stride=stride)
    wanted = x[8:12, ::stride, ::stride].copy()
    step = length // wanted.shape[1]
    common = min(more, 4)
    added = x[:common, ::step, ::step]
    wanted[:common] += added[:, : wanted.shape[1], : wanted.shape[2]]
    assert np.array_equal(computed(text + section("shortcut", _from=1, activation="linear"), x), wanted)


def test_opaque_layers_are_counted() -> None:
    """The local layer of the first YOLO: each position has weights of its own."""
    graph = graph_of(sized(16, 7, 7) + section("local", size=3, stride=1, pad=1, filters=8, activation="leaky"))
    (local,) = [node for node in graph if node.op.name == "opaque"]
    assert (local.op.params(*graph.tensors_into(local.id)), local.output.dims) == (
        7 * 7 * (3 * 3 * 16 * 8 + 8),
        (8, 7, 7),
    )
    assert 'opaque("darknet.local",inputs=[16x7x7],results=[8x7x7],' in "".join(spec_of(graph).split())


# --- errors ----------------------------------------------------------------------------------------

WRONG = [
    ("", "net.cfg:1:1: net.cfg has no section; the first section is `[net]`"),
    ("filters=3\n", "net.cfg:1:1: an option stands before the first section; put `[net]` before it"),
    ("[net\n", "net.cfg:1:1: `[net` has no closing bracket; write `[name]`"),
    (net(8) + "filters 3\n", "net.cfg:6:1: expected `option=value` or `[section]`, found `filters 3`"),
    (
        conv(8, 3),
        "net.cfg:1:1: the first section is `[net]`, which states the size of the image, got `[convolutional]`",
    ),
    ("[net]\nheight=8\nwidth=8\n", "net.cfg:1:1: `[net]` states no channels; write `channels=...` below it"),
    (net(8), "net.cfg:1:1: net.cfg has no layers"),
    (
        net(8) + "[convolutionel]\n",
        "net.cfg:6:1: `[convolutionel]` is no section that is read; did you mean `[convolutional]`?",
    ),
    (net(8) + section("conv", filters="many"), "net.cfg:7:9: `filters` is a whole number, got `many`"),
    (net(8) + section("conv", filters=0), "net.cfg:7:9: `filters` is at least 1, got 0"),
    (net(8) + section("conv", fitlers=8), "net.cfg:7:1: [conv] has no option `fitlers`; did you mean `filters`?"),
    (
        net(8) + section("conv", activation="leakky"),
        "net.cfg:7:12: darknet has no activation `leakky`; did you mean `leaky`?",
    ),
    (
        net(8) + section("conv", filters=8, size=99),
        "net.cfg:6:1: a 99x99 kernel does not fit a 8x8 input with padding 0",
    ),
    (
        net(8) + conv(8) + route(-1, 4),
        "net.cfg:15:8: layer 4 is not before this one, which is number 1; layers before it are 0 to 0, or -1 to -1",
    ),
    (
        net(8) + conv(8, 3, 2) + conv(8, 3, 2) + route(-1, 0),
        "net.cfg:22:1: `concat` needs equal height and width, got 8x2x2 and 8x4x4",
    ),
    (
        net(8) + conv(255) + section("yolo", mask="0,1,2", classes=20),
        "net.cfg:14:1: `[yolo]` takes 3 x 25 = 75 channels, got 255x8x8; write `filters=75` in the layer before it",
    ),
    (
        net(8) + section("lstm", output=4),
        "net.cfg:6:1: `[lstm]` is a recurrent layer, which is run step by step over a text; only networks of images "
        "are read; write the network as a spec, with `lstm` or `gru`",
    ),
]


@pytest.mark.parametrize(("text", "said"), WRONG)
def test_errors_point_at_the_line(text: str, said: str) -> None:
    assert errors(text) == [said]


def test_every_wrong_layer_is_told_and_what_follows_it_is_not() -> None:
    text = net(8) + section("gru") + conv(8, 3) + section("shortcut", _from=0) + section("conv", size="x") + conv(8)
    assert [one.split(":")[1] for one in errors(text)] == ["6", "20"]


def test_commands_take_such_files(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("yolov3-tiny.cfg").write_text(darknet_files.yolov3_tiny())
    assert main(["import", "yolov3-tiny.cfg", "-o", "tiny.arch"]) == 0
    assert "proven to have the structure and the weights of yolov3-tiny.cfg" in capsys.readouterr().out
    assert main(["prove", "tiny.arch", "--against", "yolov3-tiny.cfg", "--structure"]) == 0
    for command in (["check"], ["table"], ["draw", "-o", "tiny.svg"], ["compile", "-o", "tiny.py"]):
        assert main([command[0], "yolov3-tiny.cfg", *command[1:]]) == 0
    assert main(["import", "yolov3-tiny.cfg", "--input", "3x608x608", "-o", "large.json"]) == 0
    assert "255x38x38" in capsys.readouterr().out


def test_more_shapes_than_inputs_are_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("net.cfg").write_text(net(8) + conv(8))
    assert main(["import", "net.cfg", "--input", "3x8x8", "--input", "3x8x8"]) == 2
    assert "net.cfg takes 1 input, got the shapes of 2" in capsys.readouterr().err
