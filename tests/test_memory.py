"""Activation memory: what ops say of it against PyTorch, op by op and on whole networks."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from emission import example_inputs
from emitted_ops import as_held, build, outputs, values
from live_memory import LiveMemory, by_node, emitted_memory, kept_memory, live_memory

import archdsl
from archdsl.analyses import memory
from archdsl.backends.torch.schedule import emitted
from archdsl.ops.base import Example, Module
from archdsl.ops.registry import REGISTRY
from archdsl.tensor import Tensor

BATCH = 2


def examples() -> list[tuple[str, Example]]:
    return [(name, example) for name, op in sorted(REGISTRY.items()) if not op.internal for example in op.examples()]


def label(value: object) -> str | None:
    return "x".join(map(str, value.inputs)) if isinstance(value, Example) else None


each_example = pytest.mark.parametrize(("name", "example"), examples(), ids=label)


def size(tensors: tuple[Tensor, ...] | Tensor) -> int:
    return sum(memory.tensor_bytes(t) for t in (tensors if isinstance(tensors, tuple) else (tensors,)))


# --- ops -------------------------------------------------------------------------------------


@each_example
def test_an_op_holds_its_outputs_and_its_own(name: str, example: Example) -> None:
    """A view takes nothing, the others their outputs, and while they run what they say."""
    module = build(example.op, example.inputs).eval()
    # A batch normalization of one vector has no statistics, so it gets two.
    batch = 2 if example.inputs[0].rank == 1 and example.inputs[0].kind == "float" else 1
    taken = as_held(example.op, values(example.inputs, batch))
    held = LiveMemory([*module.parameters(), *module.buffers(), *taken])
    with torch.no_grad(), held:
        results = outputs(module(*taken))
    is_view = example.op.is_view(*example.inputs)
    assert held.now == (0 if is_view else batch * size(example.outputs)), results
    own = example.op.scratch(*example.inputs).size(4)
    # Statistics of a vector's batch normalization are for the batch, the rest is for each sample.
    assert held.peak == held.now + (own if name == "bn" else batch * own)


def in_place_too() -> list[tuple[str, Example, bool]]:
    """Each example as it is, and once more in place where PyTorch can do that."""
    found = []
    for name, example in examples():
        emission = example.op.torch(*example.inputs)
        able = isinstance(emission, Module) and emission.inplace
        found += [(name, example, in_place) for in_place in (False, True)[: 1 + able]]
    return found


@pytest.mark.parametrize(("name", "example", "in_place"), in_place_too(), ids=label)
def test_an_op_keeps_what_it_says(name: str, example: Example, in_place: bool) -> None:
    op, inputs = example.op, example.inputs
    # oneDNN, whose memory for an LSTM depends on the machine, takes no double precision.
    dtype, width = (torch.float64, 8) if name == "lstm" else (torch.float32, 4)
    module = build(op, inputs, dtype=dtype).train()
    for inner in module.modules():
        if hasattr(inner, "inplace"):
            inner.inplace = in_place
    taken = [
        v.requires_grad_() * 1 if v.is_floating_point() else v for v in as_held(op, values(inputs, BATCH, dtype=dtype))
    ]
    rule = op.keeps(*inputs)
    expected = rule.further.size(width) * BATCH + rule.once.size(width)
    if not (in_place and rule.result_suffices):
        expected += BATCH * sum(memory.tensor_bytes(inputs[place], width) for place in rule.inputs)
    if rule.output or (in_place and rule.result_suffices):
        expected += BATCH * size(example.outputs)
    assert kept_memory(module, taken) == expected


# --- networks --------------------------------------------------------------------------------

NETWORKS: list[tuple[str, dict[str, Any]]] = [
    ("alexnet@single", {"resolution": 99}),
    ("lenet@5_sparse", {}),
    ("vgg@D_bn", {"resolution": 64}),
    ("googlenet@bn", {"resolution": 96}),
    ("resnet@18", {"resolution": 64}),
    ("resnet@50", {"resolution": 64}),
    ("densenet@121", {"resolution": 64}),
    ("senet@50", {"resolution": 64}),
    ("shufflenet", {"resolution": 64}),
    ("mobilenet_v2", {"resolution": 64}),
    ("efficientnet@b0", {"resolution": 64}),
    ("xception", {"resolution": 96}),
    ("nasnet_cifar", {}),
    ("unet", {"size": 188}),
    ("fcn@8s", {"resolution": 32}),
    ("hourglass@1", {}),
    ("textcnn", {}),
    ("convnext@tiny", {"resolution": 64}),
    ("r3d@r2plus1d_18", {"frames": 4, "resolution": 16}),
    ("vae", {}),
    ("dcgan@pytorch", {"width": 4}),
]
each_network = pytest.mark.parametrize(("spec", "settings"), NETWORKS, ids=lambda v: v if isinstance(v, str) else "")


@pytest.mark.sampled
@each_network
def test_inference_holds_what_lives_at_once(spec: str, settings: dict[str, Any]) -> None:
    """Node after node, against all tensors that PyTorch has in memory meanwhile."""
    net = archdsl.load(spec, **settings)
    predicted = memory.inference(net.graph, memory.flat(net.graph))
    found = live_memory(net.graph, net.module().eval(), example_inputs(net.graph, batch=1))
    assert by_node(predicted.live, found) == {}
    assert predicted.peak == max(found.values()) == found[predicted.at]


@pytest.mark.sampled
@each_network
def test_training_keeps_what_autograd_keeps(spec: str, settings: dict[str, Any]) -> None:
    net = archdsl.load(spec, **settings)
    found = kept_memory(net.module().train(), example_inputs(net.graph, BATCH))
    assert memory.training(net.graph, batch=BATCH).total == found


@pytest.mark.parametrize("precision", ["fp64", "bf16"])
def test_other_precisions(precision: str) -> None:
    dtype = {"fp64": torch.float64, "bf16": torch.bfloat16}[precision]
    net = archdsl.load("mobilenet_v2", resolution=64)
    width = memory.PRECISIONS[precision]
    module = net.module(dtype=dtype)
    inputs = example_inputs(net.graph, batch=1, dtype=dtype)
    assert memory.inference(net.graph, memory.flat(net.graph), width).peak == max(
        live_memory(net.graph, module.eval(), inputs).values()
    )
    assert memory.inference(net.graph, emitted(net.graph), width).peak == emitted_memory(module, inputs)


def test_what_is_held_at_the_peak_is_named() -> None:
    graph = archdsl.load("resnet@18").graph
    found = memory.inference(graph, memory.flat(graph))
    assert found.at == "conv1.bn"
    assert [value.node for value in found.held] == ["conv1.conv", "conv1.bn"]
    assert sum(memory.tensor_bytes(graph.tensor(value)) for value in found.held) == found.peak


def test_the_largest_op_alone() -> None:
    """The lecture's M(G): a residual block's skip waits outside the op and is not in it."""
    graph = archdsl.loads(
        """
network Net:
    input image: 8 x 16 x 16
    add{it | conv(8, 3) -> conv(8, 3)}
    """
    ).graph
    value = 8 * 16 * 16 * 4
    assert memory.largest_op(graph) == ("add", 3 * value)
    live = memory.inference(graph, memory.flat(graph)).live
    assert live == {"image": 0, "conv1": value, "conv2": 2 * value, "add": 2 * value}


def test_tokens_take_eight_bytes_whatever_the_precision() -> None:
    tokens = archdsl.load("textcnn", words=50).graph.inputs[0].output
    assert memory.tensor_bytes(tokens, 2) == memory.tensor_bytes(tokens, 8) == 400


def test_a_product_may_begin_with_its_gates() -> None:
    """A gate of all positions times one of all channels is as large as the value itself, though neither of them is."""
    net = archdsl.loads(
        """
network Net:
    input image: 8 x 16 x 16
    conv(8, 3)
    mul{global_avg_pool -> sigmoid | conv(1, 1) -> sigmoid | it}
    """
    )
    predicted = memory.inference(net.graph, emitted(net.graph)).peak
    assert predicted == emitted_memory(net.module().eval(), example_inputs(net.graph, batch=1))
