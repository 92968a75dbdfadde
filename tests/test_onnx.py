"""Networks as ONNX: onnx accepts them, and onnxruntime computes what the emitted PyTorch module does.

`make onnx` compares the whole gallery; here is a sample.
"""

from __future__ import annotations

import io
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import onnx
import pytest
import torch
from calls import Caller
from emission import example_inputs
from onnx import numpy_helper
from random_ops import ROUND, network_of_one_op, networks_of_examples
from running_onnx import TOLERANCE, difference, difference_of_op, graph_of_one_op, relative, session, smaller
from safetensors.torch import save_file
from torch import nn
from variants import Variant

import archdsl
import archdsl.cli
from archdsl.ir.graph import Graph
from archdsl.ops.base import Example, Op
from archdsl.ops.fixed import packed
from archdsl.ops.registry import REGISTRY
from archdsl.outputs import onnx_written
from archdsl.passes.pipeline import state_keys
from archdsl.prove.weights import WeightMap
from archdsl.tensor import Tensor

TINY = """\
network Tiny:
    input image: 3 x 8 x 8
    stage body: conv(4, 3, bias=false) -> bn -> relu -> dropout(0.5)
    stage head: global_avg_pool -> flatten -> linear(5)
    output early training: body -> global_avg_pool -> flatten -> linear(7)
"""


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def tiny() -> archdsl.Network:
    return archdsl.loads(TINY)


OPS = sorted(REGISTRY)


# --- op by op ----------------------------------------------------------------------------------


@pytest.mark.parametrize("name", OPS)
def test_every_op_has_a_form_in_onnx_or_says_why_not(name: str) -> None:
    op = REGISTRY[name]
    has_form = op.onnx is not Op.onnx or op.identity_at_inference
    assert has_form != bool(op.without_onnx)
    assert not op.without_onnx or op.without_onnx[0].islower()


@pytest.mark.parametrize("name", [name for name in OPS if not REGISTRY[name].without_onnx])
def test_an_op_computes_what_its_module_does(name: str) -> None:
    op = REGISTRY[name]
    if op.internal:
        for example in op.examples():
            assert not example.inputs or difference_of_op(example) <= TOLERANCE, example
        return
    for text in networks_of_examples(name):
        assert difference(archdsl.loads(text)) <= TOLERANCE, text


@pytest.mark.parametrize("part", range(5))
def test_ops_with_random_arguments(part: int) -> None:
    """Two for each argument of an op, among them sizes, paddings and modes that no example has."""
    for seed in range(part, 2 * len(ROUND), 5):
        text = network_of_one_op(seed)
        try:
            net = archdsl.loads(text)
        except archdsl.CompileError:
            continue  # arguments that do not go together
        if not any(node.op.without_onnx for node in net.graph if node.op.name != "input"):
            assert difference(net) <= TOLERANCE, text


def test_nearest_neighbours_are_those_of_the_module_for_every_pair_of_sizes() -> None:
    for before in range(1, 14):
        for after in range(1, 14):
            net = archdsl.loads(f"network N:\n    input row: 1 x {before}\n    resize({after})\n")
            assert difference(net) == 0, (before, after)


def test_fixed_numbers_are_the_same_for_each_sample() -> None:
    numbers = np.arange(6, dtype=np.float32)
    fixed = REGISTRY["fixed"].model_validate({"dims": (2, 3), "numbers": packed(numbers.tobytes())})
    x = Tensor(2, 3)
    graph = graph_of_one_op(Example(REGISTRY["joined"].model_validate({"dim": 1}), (x, x), Tensor(4, 3)))
    nodes = [(node, graph.inputs_of(node.id)) for node in graph]
    nodes[1] = (replace(nodes[1][0], op=fixed), ())
    data = onnx_written(Graph(graph.header, graph.scopes.values(), nodes, graph.outputs), {})
    given = np.ones((5, 2, 3), np.float32)
    (found,) = session(data).run(None, {"x0": given})
    assert (found == np.concatenate([given, np.broadcast_to(numbers.reshape(2, 3), (5, 2, 3))], 1)).all()


# --- networks ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "name",
    [
        "lenet",
        "densenet_cifar@40_12",
        "deit@plain_tiny",
        "t5",
        "llama",
        "seq2seq",
        "autoencoder",
        "siamese",
        "resnext_block",
    ],
)
def test_a_network_computes_what_its_module_does(name: str) -> None:
    assert difference(smaller(Variant(name))) <= TOLERANCE


@pytest.mark.parametrize("batch", [1, 3])
def test_the_number_of_samples_is_open(batch: int) -> None:
    """With a class token, which is joined to each sample, and a state that is learned."""
    net = archdsl.loads(
        """\
network Open:
    input tokens: 6 of int
    learned first: 8 x 1 = normal
    learned begin: 5 x 1 = normal
    embedding(9, 8)
    concat(over=positions){first | it} -> gru(5, start=begin)
"""
    )
    assert difference(net, batch) <= TOLERANCE
    model = onnx.load_from_string(net.onnx())
    assert [one.type.tensor_type.shape.dim[0].dim_param for one in model.graph.output] == ["batch"]


def test_a_value_that_no_input_makes_is_returned_for_each_sample() -> None:
    net = archdsl.loads(
        """\
network Returned:
    input image: 3 x 4 x 4
    learned scale: 3 x 4 x 4 = normal
    output table: scale
    add{image | scale}
"""
    )
    assert difference(net, 3) <= TOLERANCE


def test_a_value_that_is_returned_twice_has_both_names() -> None:
    net = archdsl.loads("network Twice:\n    input vector: 3\n    relu as y\n    output again: y\n    y\n")
    assert difference(net) == 0
    model = onnx.load_from_string(net.onnx())
    assert [one.name for one in model.graph.output] == ["output", "again"]


def test_names_of_a_spec_are_free_of_those_of_the_file() -> None:
    net = archdsl.loads(
        """\
network Names:
    input batch: 3 x 4
    input output: 3 x 4
    learned first: 3 x 1 = normal
    add{batch | output} -> relu6 as constant1
    concat(over=positions){first | it} -> relu
"""
    )
    assert difference(net) <= TOLERANCE
    assert [one.name for one in onnx.load_from_string(net.onnx()).graph.output] == ["output_"]


# --- what a file holds -------------------------------------------------------------------------


def test_a_reader_finds_the_networks_own_names() -> None:
    model = onnx.load_from_string(tiny().onnx())
    assert [(node.name, node.op_type) for node in model.graph.node] == [
        ("body.conv", "Conv"),
        ("body.bn", "BatchNormalization"),
        ("body.relu", "Relu"),
        ("head.global_avg_pool", "GlobalAveragePool"),
        ("head.flatten", "Flatten"),
        ("head.linear", "Gemm"),
    ]
    assert [one.name for one in model.graph.output] == ["output"]
    assert model.graph.name == "Tiny"
    shapes = {
        one.name: [dim.dim_param or dim.dim_value for dim in one.type.tensor_type.shape.dim]
        for one in model.graph.value_info
    }
    assert shapes["body.bn"] == ["batch", 4, 8, 8]


def test_without_weights_they_are_inputs() -> None:
    net = tiny()
    data = net.onnx()
    model = onnx.load_from_string(data)
    module = net.module().eval()
    state = {name: value.numpy() for name, value in module.state_dict().items()}
    needed = {one.name for one in model.graph.input} - {"image"}
    assert needed == {name for name in state if not name.startswith("early") and "batches" not in name}
    assert len(data) < 4000
    (image,) = example_inputs(net.graph)
    given = {name: state[name] for name in needed} | {"image": image.numpy()}
    (found,) = session(data).run(None, given)
    with torch.no_grad():
        assert relative(found, module(image).numpy()) <= TOLERANCE


def test_with_weights_they_have_the_names_of_the_state_dict() -> None:
    net = tiny()
    module = net.module()
    model = onnx.load_from_string(net.onnx(module))
    assert [one.name for one in model.graph.input] == ["image"]
    held = {one.name: numpy_helper.to_array(one) for one in model.graph.initializer}
    for name, value in module.state_dict().items():
        if not name.startswith("early") and "batches" not in name:
            assert (held[name] == value.numpy()).all()


def test_half_precision_is_widened() -> None:
    net = tiny()
    state = net.module(dtype=torch.bfloat16).state_dict()
    held = {one.name: one for one in onnx.load_from_string(net.onnx(state)).graph.initializer}
    assert (numpy_helper.to_array(held["head.linear.weight"]) == state["head.linear.weight"].float().numpy()).all()


def test_the_file_is_the_same_each_time() -> None:
    module = tiny().module()
    assert tiny().onnx(module) == tiny().onnx(module)


def test_an_imported_network_takes_its_own_weights_or_those_of_the_emitted_module() -> None:
    theirs = nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU(), nn.Sequential(nn.Conv2d(4, 2, 1))).eval()
    net = archdsl.from_torch(theirs, torch.zeros(1, 3, 8, 8))
    ours = net.module()
    assert list(ours.state_dict()) != list(theirs.state_dict())
    ours.load_state_dict(dict(zip(ours.state_dict(), theirs.state_dict().values(), strict=True)))
    assert net.onnx(theirs) == net.onnx(ours)
    image = torch.randn(2, 3, 8, 8)
    (found,) = session(net.onnx(theirs)).run(None, {net.graph.inputs[0].id: image.numpy()})
    with torch.no_grad():
        assert relative(found, theirs(image).numpy()) <= TOLERANCE


# --- what is refused ---------------------------------------------------------------------------


def test_an_op_without_a_form_says_why() -> None:
    net = archdsl.loads("network N:\n    input image: 3 x 9 x 9\n    fractional_max_pool(ratio=0.7)\n")
    with pytest.raises(archdsl.CompileError, match=r"`fractional_max_pool` cannot be written in ONNX: it draws"):
        net.onnx()


def test_an_operation_that_no_op_expresses_is_refused() -> None:
    class Flipped(nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return torch.flip(x, [3])

    net = archdsl.from_torch(Flipped(), torch.zeros(1, 3, 8, 8))
    with pytest.raises(archdsl.CompileError, match=r"aten\.flip, which no op"):
        net.onnx()


def test_weights_that_are_not_those_of_the_network_are_refused() -> None:
    net, state = tiny(), tiny().module().state_dict()
    short = {name: value for name, value in state.items() if name != "body.bn.bias"}
    with pytest.raises(archdsl.CompileError, match=r"the weights have no body\.bn\.bias; instead they have early"):
        net.onnx(short)
    state["head.linear.weight"] = torch.zeros(6, 4)
    with pytest.raises(archdsl.CompileError, match=r"head\.linear\.weight is 6x4 in the weights, and 5x4 here"):
        net.onnx(state)


def test_a_linear_layer_may_be_kept_as_a_convolution_of_one_pixel() -> None:
    state = tiny().module().state_dict()
    wide = {**state, "head.linear.weight": state["head.linear.weight"][:, :, None, None]}
    assert tiny().onnx(wide) == tiny().onnx(state)


def test_more_weights_than_a_file_holds_are_refused() -> None:
    """2.4 billion numbers, which take no memory here: the tensor repeats one."""
    net = archdsl.loads("network N:\n    input vector: 40_000\n    linear(60_000, bias=false)\n")
    weights = {key: torch.zeros(1).expand(60_000, 40_000) for key in state_keys(net.graph)}
    with pytest.raises(archdsl.CompileError, match=r"9,600,000,000 bytes, .* at most 2,147,483,647"):
        net.onnx(weights)
    assert len(net.onnx()) < 1000


def test_a_missing_package_is_named(monkeypatch: pytest.MonkeyPatch, call: Caller) -> None:
    monkeypatch.setitem(sys.modules, "onnx", None)
    Path("tiny.arch").write_text(TINY)
    found = call("compile", "tiny.arch", "--emit", "onnx")
    assert found.code == 2
    assert "pip install 'archdsl[onnx]'" in found.err
    assert not list(Path().glob("*.onnx"))


# --- commands ----------------------------------------------------------------------------------


@pytest.fixture
def weights() -> dict[str, torch.Tensor]:
    Path("tiny.arch").write_text(TINY)
    state: dict[str, torch.Tensor] = tiny().module().state_dict()
    return state


def test_checkpoints_of_all_kinds_are_read(call: Caller, weights: dict[str, torch.Tensor]) -> None:
    torch.save(weights, "plain.pt")
    torch.save({"state_dict": {f"module.{name}": value for name, value in weights.items()}, "epoch": 3}, "trained.pth")
    save_file(weights, "plain.safetensors")
    for name in ("plain.pt", "trained.pth", "plain.safetensors"):
        found = call("compile", "tiny.arch", "--weights", name, "-o", "tiny.onnx")
        assert found.code == 0, found.err
        assert found.out.endswith("wrote tiny.onnx\n")
        assert Path("tiny.onnx").read_bytes() == tiny().onnx(weights)


def test_weights_of_another_implementation_need_a_map(call: Caller, weights: dict[str, torch.Tensor]) -> None:
    renamed = {f"net.{name}": value for name, value in weights.items()}
    torch.save(renamed, "theirs.pt")
    Path("map.json").write_text(WeightMap("tiny.arch", "theirs", tuple(zip(renamed, weights, strict=True))).to_json())
    found = call("compile", "tiny.arch", "--weights", "theirs.pt", "-o", "tiny.onnx")
    assert found.code == 2
    assert "--from" in found.err
    assert call("compile", "tiny.arch", "--weights", "theirs.pt", "--from", "map.json", "-o", "tiny.onnx").code == 0
    assert Path("tiny.onnx").read_bytes() == tiny().onnx(weights)
    Path("map.json").write_text("[]")
    found = call("compile", "tiny.arch", "--weights", "theirs.pt", "--from", "map.json", "-o", "tiny.onnx")
    assert "map.json is no map of weights" in found.err


class Trap:
    """What runs when it is unpickled without care."""

    def __reduce__(self) -> tuple[object, tuple[str]]:
        return Path.touch, (Path("sprung"),)  # type: ignore[return-value]


def test_nothing_in_a_checkpoint_is_executed(call: Caller, weights: dict[str, torch.Tensor]) -> None:
    torch.save({**weights, "trap": Trap()}, "trap.pt")
    found = call("compile", "tiny.arch", "--weights", "trap.pt", "-o", "tiny.onnx")
    assert found.code == 2
    assert "trap.pt holds no tensors that can be read without executing code" in found.err
    assert not Path("sprung").exists()
    assert not Path("tiny.onnx").exists()


@pytest.mark.parametrize("name", ["none.pt", "tiny.arch", "broken.safetensors", "numbers.pt", "list.pt"])
def test_what_is_no_checkpoint_is_refused(name: str, call: Caller, weights: dict[str, torch.Tensor]) -> None:
    Path("broken.safetensors").write_bytes(b"\xff" * 40)
    torch.save({"epoch": 3}, "numbers.pt")
    torch.save([1, 2], "list.pt")
    Path("old.onnx").write_text("as it was")
    found = call("compile", "tiny.arch", "--weights", name, "-o", "old.onnx")
    assert found.code == 2
    assert f"error[bad-weights]: {name}" in found.err
    assert Path("old.onnx").read_text() == "as it was"


def test_weights_are_not_written_over(call: Caller, weights: dict[str, torch.Tensor]) -> None:
    torch.save(weights, "tiny.pt")
    assert call("compile", "tiny.arch", "--emit", "onnx", "--weights", "tiny.pt", "-o", "tiny.pt").code == 2
    assert list(torch.load("tiny.pt")) == list(weights)


def test_options_that_do_not_fit_are_explained(call: Caller, weights: dict[str, torch.Tensor]) -> None:
    assert "--weights are for ONNX alone" in call("compile", "tiny.arch", "--weights", "tiny.pt").err
    assert "name their file with --weights" in call("compile", "tiny.arch", "--from", "torchvision").err
    with pytest.raises(ValueError, match=r"only an ONNX file holds weights, and tiny\.py is none"):
        tiny().save("tiny.py", weights=weights)


def test_a_file_goes_to_standard_output(
    call: Caller, weights: dict[str, torch.Tensor], monkeypatch: pytest.MonkeyPatch
) -> None:
    raw = io.BytesIO()
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(raw, encoding="utf-8"))
    assert archdsl.cli.main(["compile", "tiny.arch", "--emit", "onnx", "-o", "-"]) == 0
    assert raw.getvalue() == tiny().onnx()


def test_a_network_is_saved_as_onnx(weights: dict[str, torch.Tensor]) -> None:
    tiny().save("tiny.onnx")
    assert Path("tiny.onnx").read_bytes() == tiny().onnx()
    tiny().save("tiny.onnx", weights=weights)
    assert Path("tiny.onnx").read_bytes() == tiny().onnx(weights)
