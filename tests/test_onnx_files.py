"""ONNX models that are read: counts and outputs are those of onnxruntime and PyTorch, and damaged files are refused."""

from __future__ import annotations

import csv
import mmap
import os
import re
import subprocess
import sys
import warnings
from contextlib import redirect_stdout
from copy import deepcopy
from io import StringIO
from itertools import product
from pathlib import Path

import onnx
import pytest
import torch
from exported_networks import NETWORKS, randomized
from onnx_cases import BRANCHES, NORMALIZED, OPS
from onnx_models import assert_computes_the_same, model, saved
from torch import nn

import archdsl
from archdsl.cli import main
from archdsl.decompile.spec import spec_of
from archdsl.diagnostics import CompileError
from archdsl.frontends.load import opaque_nodes
from archdsl.frontends.onnx.reader import read
from archdsl.frontends.onnx.trimmed import Trimmer
from archdsl.ir.dump import written
from archdsl.prove.onnx_weights import onnx_weights
from archdsl.prove.prove import prove_sides
from archdsl.prove.sides import of_graph

IMAGE = "float[2,8,6,10] x"
DATA = Path(__file__).parent / "data"


@pytest.mark.parametrize(("made", "op"), [case[1:] for case in OPS], ids=[case[0] for case in OPS])
def test_outputs_are_those_of_onnxruntime(made: onnx.ModelProto, op: str, tmp_path: Path) -> None:
    path = saved(made, tmp_path / "net.onnx")
    net = archdsl.load(path)
    found = {node.op.name for node in net.graph} | {written(node.op) for node in net.graph}
    assert op in found
    if op != "opaque":
        assert_computes_the_same(path)


# --- networks as PyTorch exports them ----------------------------------------------------------


class Block(nn.Module):
    def __init__(self, inputs: int, out: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(inputs, out, 3, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(out)
        self.relu = nn.ReLU()
        self.conv2 = nn.Conv2d(out, out, 3, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(out)
        self.shortcut = nn.Identity() if inputs == out else nn.Conv2d(inputs, out, 1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.relu(self.shortcut(x) + self.bn2(self.conv2(self.relu(self.bn1(self.conv1(x))))))


class Small(nn.Module):
    """A residual network, a normalization of groups, an encoder and a head."""

    def __init__(self) -> None:
        super().__init__()
        self.layer1 = nn.Sequential(Block(3, 8), Block(8, 8))
        self.norm = nn.GroupNorm(2, 8)
        self.slopes = nn.PReLU(8)
        self.encoder = nn.TransformerEncoderLayer(8, 2, 16, dropout=0.0, batch_first=True, activation="gelu")
        self.table = nn.Parameter(torch.randn(1, 48, 8))
        self.fc = nn.Linear(8, 5)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.slopes(self.norm(self.layer1(x))).flatten(2).transpose(1, 2) + self.table
        return self.fc(self.encoder(x).mean(1))


@pytest.fixture(scope="module", params=["new", "old, open batch"])
def exported(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> tuple[nn.Module, str]:
    """A network, and its file as either exporter writes it, for one sample or for any number."""
    torch.manual_seed(0)
    module = randomized(Small())
    path, is_open = str(tmp_path_factory.mktemp("onnx") / "small.onnx"), "open" in request.param
    with warnings.catch_warnings(), redirect_stdout(StringIO()):
        warnings.simplefilter("ignore")
        x, names = (torch.randn(2 if is_open else 1, 3, 6, 8),), {"input_names": ["x"], "output_names": ["y"]}
        if "new" in request.param:
            sizes = {"dynamic_shapes": ({0: torch.export.Dim.DYNAMIC},)} if is_open else {}
            torch.onnx.export(module, x, path, dynamo=True, external_data=False, verbose=False, **names, **sizes)
        else:
            sizes = {"dynamic_axes": {"x": {0: "batch"}, "y": {0: "batch"}}} if is_open else {}
            torch.onnx.export(module, x, path, dynamo=False, **names, **sizes)
    return module, path


def test_exported_networks_are_those_that_were_exported(exported: tuple[nn.Module, str]) -> None:
    module, path = exported
    net = archdsl.load(path)
    assert_computes_the_same(path)
    assert {"group_norm(2)", "prelu(per_channel=true)"} <= {written(node.op) for node in net.graph}
    folded = sum(3 * norm.num_features - 2 * norm.num_features for norm in module.modules() if _is_norm(norm))
    assert net.params == sum(parameter.numel() for parameter in module.parameters()) - folded
    traced = archdsl.from_torch(module, torch.zeros(2, 3, 6, 8))
    assert net.macs == traced.macs
    assert {"layer1.0", "layer1.1"} <= set(net.graph.scopes)
    assert net.graph.scopes["layer1.0"].block == net.graph.scopes["layer1.1"].block
    report = traced.prove(path)
    assert report.ok, report
    assert "4 batch normalizations" in str(report)
    turned = net.prove(deepcopy(module), structure_only=True)
    assert turned.ok, turned
    assert "4 batch normalizations" in str(turned)


def _is_norm(module: nn.Module) -> bool:
    return isinstance(module, nn.BatchNorm2d)


def test_the_text_of_an_exported_network_is_proven(
    exported: tuple[nn.Module, str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    _, path = exported
    assert main(["import", path, "-o", str(tmp_path / "small.arch")]) == 0
    said = capsys.readouterr().out
    assert "4 batch normalizations are folded into the layers before" in said
    assert "proven to have the structure and the weights" in said
    blocks = re.findall(r"^block (\w+)", (tmp_path / "small.arch").read_text(), re.MULTILINE)
    assert blocks[0] in ("Block", "Layer")


def test_a_difference_is_not_lost_when_normalizations_are_folded(exported: tuple[nn.Module, str]) -> None:
    module, path = exported
    other = deepcopy(module)
    other.layer1[1].relu = nn.SiLU()
    report = archdsl.from_torch(other, torch.zeros(2, 3, 6, 8)).prove(path, structure_only=True)
    assert [difference.what for difference in report.differences] == ["silu here, relu there"] * 2


def test_without_names_of_modules_the_network_is_the_same(exported: tuple[nn.Module, str], tmp_path: Path) -> None:
    """Files of other programs note no modules: then names of weights tell, or nothing does."""
    _, path = exported
    made = onnx.load(path)
    for index, node in enumerate(made.graph.node):
        node.name = f"node{index}"
        del node.metadata_props[:]
    net = archdsl.load(saved(made, tmp_path / "small.onnx"))
    before = archdsl.load(path)
    assert (net.params, net.macs) == (before.params, before.macs)
    assert [node.op for node in net.graph] == [node.op for node in before.graph]


def test_a_module_of_several_operations_is_a_block_though_none_is_inside_another(tmp_path: Path) -> None:
    made = model(
        "float[2,8] x, float[8,8] w, float[5,8] v",
        "a = Gemm(x, w) b = Selu(a) c = HardSigmoid <alpha=0.3> (b) y = Gemm <transB=1> (c, v)",
    )
    for node, name in zip(made.graph.node, ("/a/Gemm", "/gate/Selu", "/gate/HardSigmoid", "/b/Gemm"), strict=True):
        node.name = name
    net = archdsl.load(saved(made, tmp_path / "small.onnx"))
    assert [scope.block for scope in net.graph.scopes.values() if scope.block] == ["Gate"]


def test_numbers_of_modules_are_no_names_in_blocks(tmp_path: Path) -> None:
    made = model("float[2,3,8,8] x, float[4,3,3,3] w, float[5,4,3,3] v", "a = Conv(x, w) b = Relu(a) y = Conv(b, v)")
    for node, weight, old in ((made.graph.node[0], "0.weight", 0), (made.graph.node[2], "2.weight", 1)):
        node.input[1] = made.graph.initializer[old].name = weight
    for number, node in enumerate(made.graph.node):
        node.name = f"/{number}/{node.op_type}"
    assert_computes_the_same(saved(made, tmp_path / "small.onnx"))


# --- files that are none -----------------------------------------------------------------------


def refused(capsys: pytest.CaptureFixture[str], *command: str) -> str:
    assert main(list(command)) != 0
    return " ".join(capsys.readouterr().err.split())


def test_what_is_no_model_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    good = OPS[0][1].SerializeToString()
    files = {
        "text.onnx": (b"A text.", "at byte"),
        "empty.onnx": (b"", "it is empty"),
        "zip.onnx": (b"PK\x03\x04rest", "a zip archive, as torch.save"),
        "pointer.onnx": (b"version https://git-lfs.github.com/spec/v1\n", "git lfs pull"),
        "half.onnx": (good[: len(good) // 2], "after what holds it ends"),
        "other.onnx": (onnx.TensorProto(name="w", dims=[1]).SerializeToString(), "net.onnx"),
    }
    for name, (content, told) in files.items():
        Path(name).write_bytes(content)
        message = refused(capsys, "check", name)
        assert f"{name} is not an ONNX model, or is damaged" in message
        assert told in message or name == "other.onnx"


def test_what_is_wrong_in_a_model_is_told_with_the_node(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    saved(model("float[2,3,8,8] x, float[4,5,3,3] w", "y = Conv (x, w)"), Path("channels.onnx"))
    message = refused(capsys, "check", "channels.onnx")
    assert "1 (Conv) of channels.onnx takes x 2x3x8x8, and its weight 4x5x3x3 is for 5 channels" in message
    saved(model("float[2,3,8] x, float[2,4,7] x2", "y = Concat <axis=1> (x, x2)"), Path("shapes.onnx"))
    assert "1 (Concat) takes x 2x3x8, x2 2x4x7; ONNX says: " in refused(capsys, "check", "shapes.onnx")
    saved(model("float[2,3,8,8] x", "y = Relu(z)"), Path("missing.onnx"))
    assert "takes z, which is neither made before it nor an input" in refused(capsys, "check", "missing.onnx")
    inside = model(
        "float[2,8] x, float[8,5] w", f"s = Greater(x, x) c = ReduceMax(s) {BRANCHES}".replace("(x, w)", "(z, w)")
    )
    saved(inside, Path("inside.onnx"))
    assert "takes z, which is neither made before it nor an input" in refused(capsys, "check", "inside.onnx")
    other = model("float[2,8] x, float[8,5] w", f"c = Less(one, zero) {BRANCHES}", one=1.0, zero=0.0)
    del other.graph.node[1].attribute[1].g.output[:]
    saved(other, Path("branch.onnx"))
    assert "branch.onnx is not an ONNX model, or is damaged" in refused(capsys, "check", "branch.onnx")
    saved(model("float[N,3,H,W] x, float[4,3,3,3] w", "y = Conv (x, w)"), Path("open.onnx"))
    message = refused(capsys, "check", "open.onnx")
    assert "x (N x 3 x H x W) of open.onnx leaves sizes open" in message
    assert "`archdsl import open.onnx --input 3x224x224`" in message
    assert main(["import", "open.onnx", "--input", "3x20x30", "-o", "open.json"]) == 0
    assert main(["check", "open.json"]) == 0
    assert "4x18x28" in capsys.readouterr().out
    assert "3 x H x W" in refused(capsys, "import", "open.onnx", "--input", "1x20x30", "-o", "other.json")


def test_outputs_that_are_stated_otherwise_are_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    made = model("float[2,3,8,8] x, float[4,3,3,3] w", "y = Conv(x, w)")
    for size in (2, 99, 6, 6):
        made.graph.output[0].type.tensor_type.shape.dim.add().dim_value = size
    path = saved(made, tmp_path / "net.onnx")
    assert main(["import", path, "-o", str(tmp_path / "net.arch")]) == 0
    said = " ".join(capsys.readouterr().out.split())
    assert f"{path} states that the output y is 99x6x6 for each sample, but its nodes give 4x6x6" in said


def test_operators_that_are_not_known_are_kept(tmp_path: Path) -> None:
    made = model(
        "float[2,8,6,10] x, float[8,8,3,3] w", 'a = Conv <pads=[1,1,1,1]> (x, w) y = Einsum <equation="bchw->bwhc"> (a)'
    )
    net = archdsl.load(saved(made, tmp_path / "net.onnx"))
    (node,) = opaque_nodes(net.graph)
    assert (node.op.target, node.output.dims) == ("onnx.Einsum", (10, 6, 8))
    assert net.params == 8 * 8 * 9


def test_one_of_several_equal_weights_is_counted_for_each_module(tmp_path: Path) -> None:
    """Exporters keep one of weights that are equal: factors of normalizations at the start. Others are shared."""
    made = model(
        "float[2,7,8] x, float[8,8] w, float[8] b",
        "a = LayerNormalization(x, one, zero) m = MatMul(a, w) c = LayerNormalization(m, one, zero) k = MatMul(c, w)"
        " y = Add(k, b)",
        one=[1.0] * 8,
        zero=[0.0] * 8,
    )
    net = archdsl.load(saved(made, tmp_path / "net.onnx"))
    assert net.params == 2 * (8 + 8) + 8 * 8 + 8


def test_a_weight_that_is_computed_at_each_call_counts_once(tmp_path: Path) -> None:
    """Exporters compute the weight of a module with weight normalization at each call, and keep the results."""
    nodes = "a = Conv <pads=[1,1,1,1]> (x, mul_1, c_bias) b = Conv <pads=[1,1,1,1]> (a, mul_2, c_bias)"
    made = model(f"{IMAGE}, float[8,8,3,3] mul_1, float[8,8,3,3] mul_2, float[8] c_bias", f"{nodes} y = Mul(a, b)")
    for node, name in zip(made.graph.node, ("/net/c/Conv", "/net/c/Conv_1", "/net/Mul"), strict=True):
        node.name = name
    assert archdsl.load(saved(made, tmp_path / "net.onnx")).params == 2 * 576 + 8, "their numbers differ"
    made.graph.initializer[1].raw_data = made.graph.initializer[0].raw_data
    path = saved(made, tmp_path / "net.onnx")
    assert archdsl.load(path).params == 576 + 8
    assert read(Path(path), path, ()).unused == ()
    assert_computes_the_same(path)


def test_what_a_weight_is_computed_from_does_not_count(tmp_path: Path) -> None:
    path = saved(NORMALIZED, tmp_path / "net.onnx")
    found = read(Path(path), path, ())
    assert archdsl.load(path).params == 4 * 8 * 3
    assert found.unused == ()


def test_weights_in_other_files_are_not_needed_to_count(tmp_path: Path) -> None:
    made = model("float[2,8,6,10] x, float[64,8,3,3] w", "y = Conv (x, w)")
    onnx.save(made, str(tmp_path / "net.onnx"), save_as_external_data=True, location="net.data", size_threshold=0)
    wanted = onnx_weights(tmp_path / "net.onnx")
    (tmp_path / "net.data").unlink()
    assert archdsl.load(tmp_path / "net.onnx").params == 64 * 8 * 9
    assert [value.shape for value in wanted.values()] == [(64, 8, 3, 3)]
    with pytest.raises(CompileError, match="cannot be read"):
        onnx_weights(tmp_path / "net.onnx")


def test_constants_in_other_files_are_read_if_they_are_there(tmp_path: Path) -> None:
    made = model("float[2,8,6,10] x, float[8,6,10] val_1", "y = Mul(x, val_1)")
    inside = archdsl.load(saved(made, tmp_path / "inside.onnx"))
    (tmp_path / "net").mkdir()
    path = tmp_path / "net" / "net.onnx"
    onnx.save(made, path, save_as_external_data=True, location="net.data", size_threshold=0)
    assert [node.op for node in archdsl.load(path).graph] == [node.op for node in inside.graph]
    assert "fixed" in {node.op.name for node in inside.graph}
    changed = onnx.load(path, load_external_data=False)
    changed.graph.initializer[0].external_data[0].value = "../net.data"
    (tmp_path / "net" / "net.data").rename(tmp_path / "net.data")
    assert "opaque" in {node.op.name for node in archdsl.load(saved(changed, path)).graph}, (
        "a file outside of its folder"
    )


def test_weights_may_be_inputs_of_a_file_without_numbers(tmp_path: Path) -> None:
    made = model("float[batch,3,8,8] x, float[4,3,3,3] w, float[4,1,1] s", "c = Conv (x, w) y = Mul(c, s)")
    for tensor, name in zip(list(made.graph.initializer), ("w", "net.scale"), strict=True):
        made.graph.input.append(onnx.helper.make_tensor_value_info(name, 1, list(tensor.dims)))
        made.graph.initializer.remove(tensor)
    made.graph.node[1].input[1] = "net.scale"
    net = archdsl.load(saved(made, tmp_path / "net.onnx"))
    assert [node.op.name for node in net.graph] == ["input", "conv", "layer_scale"]
    assert net.params == 4 * 27 + 4


def test_large_weights_are_not_read(tmp_path: Path) -> None:
    """Of a file of 8 MB, a small part is kept."""
    made = model("float[2,1024] x, float[1024,2048] w", "y = MatMul(x, w)")
    path = saved(made, tmp_path / "net.onnx")
    with open(path, "rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
        trimmed = Trimmer(memoryview(data)).trimmed("model")
    assert len(trimmed) < 1000
    assert archdsl.load(path).params == 1024 * 2048


WRITTEN = ("lenet", "resnet@18", "mobilenet_v2", "googlenet")


def test_files_that_archdsl_wrote_have_the_blocks_of_their_specs(tmp_path: Path, all_variants: bool) -> None:
    """Spec, ONNX, spec: no longer than what is written of the spec's own graph, with the names of its blocks."""
    for name in (
        (*WRITTEN, "vit@b_16", "convnext", "efficientnet@b0", "senet", "densenet", "nasnet_cifar")
        if all_variants
        else WRITTEN
    ):
        graph, path = archdsl.load(name).graph, tmp_path / "net.onnx"
        archdsl.load(name).save(path)
        found = archdsl.load(path).graph
        text, own = spec_of(found), spec_of(graph)
        assert len(text.splitlines()) <= len(own.splitlines()), text
        assert blocks(text) <= {scope.block for scope in graph.scopes.values()}
        assert prove_sides(of_graph(archdsl.loads(text).graph), of_graph(graph), structure_only=True).ok


def blocks(text: str) -> set[str | None]:
    return set(re.findall(r"^block (\w+)", text, re.MULTILINE))


def test_reading_needs_no_torch(tmp_path: Path) -> None:
    path = saved(OPS[0][1], tmp_path / "net.onnx")
    code = f"import sys, archdsl; print(archdsl.load({path!r}).params, {{'torch', 'onnxruntime'}} & {{*sys.modules}})"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["484", "set()"]


def test_without_the_package_it_is_told_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("archdsl.packages.find_spec", lambda name: None)
    message = refused(capsys, "check", saved(OPS[0][1], tmp_path / "net.onnx"))
    assert "needs the package onnx" in message
    assert "pip install 'archdsl[onnx]'" in message


def test_damaged_models_are_answered() -> None:
    """Like the damaged specs, and in a process of their own: ONNX's rules are not Python."""
    code = "from collections import Counter; from onnx_mutants import check; [check(n, Counter()) for n in range(250)]"
    path = {"PYTHONPATH": os.pathsep.join(sys.path)}
    subprocess.run([sys.executable, "-c", code], check=True, env=os.environ | path)


def test_the_record_of_exported_networks_holds() -> None:
    """What `make exported` measured: counts are PyTorch's, outputs those of onnxruntime."""
    with (DATA / "onnx.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    networks = dict.fromkeys(row["network"] for row in rows)
    assert [(row["network"], row["exporter"]) for row in rows] == list(product(networks, ("new", "old")))
    assert set(networks) == set(NETWORKS)
    # Exporters compute biases of attention from their tables, and layer scales, and keep what they computed.
    computed = {"torchvision:swin_t", "timm:efficientformer_l1"}
    # PyTorch's own folding, with which counts are compared, leaves a normalization of 960 channels beside its layer.
    left = {"timm:ghostnet_100": 960}
    for row in rows:
        assert row["macs"] == row["torch_macs"], row
        missing = int(row["torch_params"]) - int(row["params"])
        assert missing == left.get(row["network"], 0) or row["network"] in computed, row
        assert row["opaque"] == "0", row
        assert float(row["difference"]) < 1e-4, row
