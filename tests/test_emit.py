"""The emitted PyTorch: how it reads (`tests/cases/torch`), that it computes what the graph says, and where it runs."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator, Mapping
from copy import deepcopy
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import torch
from cuda_device import CUDA, needs_cuda, on_each_device
from devices import Cuda
from emission import (
    called_shapes,
    counted_parameters,
    example_inputs,
    expected_outputs,
    interpret,
    predicted_parameters,
    predicted_shapes,
    tensors_of,
)
from literate import Case, cases
from torch import Tensor, nn

import archdsl
from archdsl.backends.torch.load import module
from archdsl.backends.torch.source import source
from archdsl.ir.graph import Graph
from archdsl.prove.numbers import WithoutChance

CASES = cases("torch")

SMALL: Mapping[str, Mapping[str, Any]] = {
    "lenet@5": {},
    "googlenet@bn": {"resolution": 64},
    "resnet_cifar@20": {},
    "resnet@50": {"resolution": 32},
    "densenet_cifar@40_12": {"layers": 3},
    "mobilenet_v2@0.5": {"resolution": 32},
    "efficientnet@b0": {"resolution": 32},
    "shufflenet@g3": {"resolution": 32},
    "nasnet_cifar": {"n": 1, "filters": 96},
    "hourglass": {"stacks": 3, "depth": 2, "width": 16},
    "senet@18": {"resolution": 32},
    "textcnn": {},
}
"""Specs that between them have every form of emission, small enough to run."""


@cache
def graph_of(name: str) -> Graph:
    if name in SMALL:
        return archdsl.load(name, **SMALL[name]).graph
    return archdsl.loads(next(case for case in CASES if str(case) == name).one("arch")).graph


NAMES = [*SMALL, *map(str, CASES)]
VARIED = ["lenet@5", "mobilenet_v2@0.5", "nasnet_cifar", "textcnn", *map(str, CASES)]
"""Where each way of running is tried: one spec for each kind of `forward`."""


def definitions(text: str) -> str:
    """An emitted module without its docstring, imports, program, and the functions that `checkpointing` uses."""
    others = ("def main", "if __name__", "def recomputed", "class StatisticsKept")
    return "\n\n\n".join(part for part in text.split("\n\n\n")[1:] if not part.startswith(others))


@pytest.mark.parametrize("case", CASES, ids=str)
def test_reads(case: Case, update: bool) -> None:
    case.expect("python", definitions(source(graph_of(str(case)))), update=update)


@pytest.mark.sampled
@pytest.mark.parametrize("training", [True, False], ids=["training", "evaluation"])
@pytest.mark.parametrize("name", NAMES)
def test_computes_what_the_graph_says(name: str, training: bool) -> None:
    """Exactly: the same modules are called in the same order, also where they draw random numbers."""
    graph = graph_of(name)
    network = module(graph).train(training)
    inputs = example_inputs(graph)
    torch.manual_seed(0)
    outputs = tensors_of(network(*inputs))
    torch.manual_seed(0)
    expected = expected_outputs(graph, interpret(graph, network, inputs), training)
    assert len(outputs) == len(expected)
    for output, value in zip(outputs, expected, strict=True):
        torch.testing.assert_close(output, value, rtol=0, atol=0)
        assert output.isfinite().all()


@pytest.mark.parametrize("name", list(map(str, CASES)))
def test_shapes_and_parameters_are_as_predicted(name: str) -> None:
    graph = graph_of(name)
    network = module(graph).train()
    assert called_shapes(graph, network, example_inputs(graph)) == predicted_shapes(graph)
    assert counted_parameters(network) == predicted_parameters(graph)


def gradients(network: nn.Module, inputs: list[Tensor]) -> list[Tensor]:
    torch.manual_seed(0)
    network.zero_grad()
    sum(output.square().mean() for output in tensors_of(network(*inputs))).backward()
    found = [parameter.grad for parameter in network.parameters()]
    assert all(gradient is not None for gradient in found)
    return [gradient.clone() for gradient in found if gradient is not None]


@pytest.mark.parametrize("name", VARIED)
def test_computing_in_place_changes_no_gradient(name: str) -> None:
    graph = graph_of(name)
    network = module(graph, dtype=torch.float64).train()
    inputs = example_inputs(graph, dtype=torch.float64)
    in_place = gradients(network, inputs)
    for inner in network.modules():
        if hasattr(inner, "inplace"):
            inner.inplace = False
    for gradient, expected in zip(in_place, gradients(network, inputs), strict=True):
        torch.testing.assert_close(gradient, expected, rtol=1e-12, atol=1e-12)


# --- where it runs -------------------------------------------------------------------------


def evaluated(name: str) -> tuple[nn.Module, list[Tensor], list[Tensor]]:
    """A network, inputs, and what it makes of them."""
    torch.manual_seed(0)
    graph = graph_of(name)
    network = module(graph).eval()
    inputs = example_inputs(graph)
    with torch.no_grad():
        return network, inputs, tensors_of(network(*inputs))


def assert_same(found: Any, expected: list[Tensor], **tolerance: float) -> None:
    for output, value in zip(tensors_of(found), expected, strict=True):
        torch.testing.assert_close(output, value, check_dtype=False, **tolerance)


@pytest.fixture
def fresh_compiler() -> Iterator[None]:
    torch._dynamo.reset()
    yield
    torch._dynamo.reset()


@pytest.mark.sampled
@pytest.mark.usefixtures("fresh_compiler")
@pytest.mark.parametrize("training", [True, False], ids=["training", "evaluation"])
@pytest.mark.parametrize("name", VARIED)
def test_compiles_as_one_graph(name: str, training: bool) -> None:
    network, inputs, expected = evaluated(name)
    compiled = torch.compile(network.train(training), fullgraph=True, backend="eager")
    with torch.no_grad():
        found = compiled(*inputs)
    if not training:
        assert_same(found, expected)


@pytest.mark.sampled
@pytest.mark.parametrize("name", VARIED)
def test_exports(name: str) -> None:
    network, inputs, expected = evaluated(name)
    with torch.no_grad():
        assert_same(torch.export.export(network, tuple(inputs)).module()(*inputs), expected)


@pytest.mark.sampled
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", VARIED)
def test_traces(name: str) -> None:
    network, inputs, expected = evaluated(name)
    with torch.no_grad():
        assert_same(torch.jit.trace(network, tuple(inputs), check_trace=False)(*inputs), expected)


@pytest.mark.sampled
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", [name for name in SMALL if name != "hourglass"])
def test_scripts(name: str) -> None:
    """All but what `docs/emitter.md` lists: an output of several values."""
    network, inputs, expected = evaluated(name)
    with torch.no_grad():
        assert_same(torch.jit.script(network)(*inputs), expected)


@on_each_device
@pytest.mark.parametrize("name", VARIED[:4])
def test_runs_under_autocast(name: str, device: str) -> None:
    network, inputs, expected = on(device, *evaluated(name))
    with torch.no_grad(), torch.autocast(device, dtype=torch.bfloat16):
        found = tensors_of(network(*inputs))
    assert [output.shape for output in found] == [output.shape for output in expected]
    assert any(output.dtype is torch.bfloat16 for output in found)


@on_each_device
@pytest.mark.parametrize("name", VARIED[:4])
def test_runs_channels_last(name: str, device: str) -> None:
    network, inputs, expected = on(device, *evaluated(name))
    last = [x.to(memory_format=torch.channels_last) if x.dim() == 4 else x for x in inputs]
    with torch.no_grad():
        assert_same(network.to(memory_format=torch.channels_last)(*last), expected, rtol=1e-3, atol=1e-4)


@on_each_device
@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16], ids=str)
@pytest.mark.parametrize("name", VARIED[:4])
def test_runs_in_half_precision(name: str, dtype: torch.dtype, device: str) -> None:
    graph = graph_of(name)
    network = module(graph, device=device, dtype=dtype).eval()
    with torch.no_grad():
        found = tensors_of(network(*example_inputs(graph, dtype=dtype, device=device)))
    assert all(output.dtype is dtype and output.device.type == device for output in found)


# --- on a graphics card --------------------------------------------------------------------


def on(device: str, network: nn.Module, *values: list[Tensor]) -> tuple[Any, ...]:
    """A network and lists of tensors, on a device."""
    return network.to(device), *([value.to(device) for value in some] for some in values)


def in_double(name: str) -> tuple[nn.Module, list[Tensor]]:
    """A network in evaluation and its inputs, with its numbers in double precision."""
    network, inputs, _ = evaluated(name)
    return network.double(), [x.double() if x.is_floating_point() else x for x in inputs]


@needs_cuda
@pytest.mark.parametrize("name", NAMES)
def test_computes_and_learns_on_cuda_as_on_the_cpu(name: str) -> None:
    """Outputs in evaluation and gradients in training, in double precision. Devices draw other numbers for dropout."""
    network, inputs = in_double(name)
    with torch.no_grad():
        expected = tensors_of(network(*inputs))
    there, moved = on(CUDA, deepcopy(network), inputs)
    with torch.no_grad():
        found = tensors_of(there(*moved))
    assert all(output.device.type == CUDA for output in found)
    assert_same([output.cpu() for output in found], expected, rtol=1e-9, atol=1e-9)
    with WithoutChance():
        slopes, found = gradients(network.train(), inputs), gradients(there.train(), moved)
    assert_same([slope.cpu() for slope in found], slopes, rtol=1e-6, atol=1e-9)


@needs_cuda
@pytest.mark.usefixtures("fresh_compiler")
@pytest.mark.parametrize("mode", ["default", "reduce-overhead"])
@pytest.mark.parametrize("name", VARIED[:4])
def test_compiles_on_cuda(name: str, mode: str) -> None:
    """By PyTorch's own compiler, as one graph, in double precision; with CUDA graphs from the second call on."""
    network, inputs = in_double(name)
    with torch.no_grad():
        expected = tensors_of(network(*inputs))
        network, inputs = on(CUDA, network, inputs)
        compiled = torch.compile(network, fullgraph=True, mode=mode)
        for _ in range(3):
            assert_same([output.cpu() for output in tensors_of(compiled(*inputs))], expected, rtol=1e-7, atol=1e-9)


@needs_cuda
@pytest.mark.parametrize("name", VARIED[:4])
def test_is_recorded_as_a_cuda_graph(name: str) -> None:
    """Replayed, the graph computes what is in its inputs by then."""
    network, inputs = on(CUDA, *in_double(name))
    with torch.no_grad():
        replayed = Cuda().recorded(lambda: tensors_of(network(*inputs)))
        for _ in range(3):
            for x in inputs:
                x.copy_(x.flip(-1))
            expected = tensors_of(network(*inputs))
            assert_same(replayed(), expected, rtol=1e-9, atol=1e-9)


# --- the file ------------------------------------------------------------------------------


@on_each_device
@pytest.mark.parametrize("name", ["lenet@5", "hourglass", "textcnn"])
def test_file_runs_by_itself(name: str, device: str, tmp_path: Path) -> None:
    file = tmp_path / "network.py"
    file.write_text(source(graph_of(name)), encoding="utf-8")
    command = [sys.executable, "-I", str(file), "--device", device, "--batch", "2"]
    done = subprocess.run(command, capture_output=True, text=True, check=True, cwd=tmp_path)
    parameters = sum(predicted_parameters(graph_of(name)).values())
    assert f"parameters: {parameters:,}" in done.stdout
    assert f"output: (2, {', '.join(map(str, graph_of(name).tensor(graph_of(name).outputs[0].values[0]).dims))})" in (
        done.stdout
    )
    assert f"ms on {device}, batch 2" in done.stdout


def test_writing_needs_no_torch() -> None:
    program = (
        "import sys, archdsl; from archdsl.backends.torch.source import source;"
        "source(archdsl.load('lenet').graph); assert 'torch' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", program], check=True)


def test_module_has_device_and_type() -> None:
    network = module(graph_of("lenet@5"), device="meta", dtype=torch.float16)
    assert {(p.device.type, p.dtype) for p in network.parameters()} == {("meta", torch.float16)}


def test_what_serves_no_output_is_kept_and_not_computed() -> None:
    graph = archdsl.loads(
        "network Net:\n    input image: 3 x 8 x 8\n    path unused = conv(4, 3) -> relu\n    conv(2, 3)\n"
        "    stage s:\n        path other = conv(4, 1)\n        relu\n"
    ).graph
    network = module(graph)
    assert counted_parameters(network) == predicted_parameters(graph)
    assert called_shapes(graph, network, example_inputs(graph)) == {"conv2": [(2, 8, 8)], "s.relu": [(2, 8, 8)]}


HIDING = """\
network DropPath:
    \"\"\"Says "quotes" and \\ backslash\"\"\"
    input tokens: 6 of int
    embedding(10, 4) -> drop_path(0.1)
    stage torch: Tensor(4) -> Tensor(2)
    stage nn: conv(4, 3) as other -> relu as self
    concat{it | torch}
block Tensor(lambda):
    conv(lambda, 3) -> relu
"""


def test_names_of_the_module_s_own_stay_free() -> None:
    """A network and a block may be called as torch's classes, support classes or Python's words are."""
    graph = archdsl.loads(HIDING).graph
    network = module(graph)
    assert type(network).__name__ == "DropPath2"
    (output,) = tensors_of(network(*example_inputs(graph)))
    assert output.shape == (2, 6, 6)
