"""Every spec of the library: what is emitted runs as predicted, is tidy, and is short.

It is tidy in every variant; what runs is one variant of each kind. `make variants` runs all.
"""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import torch
from cuda_device import CUDA, needs_cuda
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
from tidiness import check_tidy
from variants import FEWER_PIXELS, NAMES, SHORTER, Variant, of_each_kind, structure

import archdsl
from archdsl.backends.torch.load import module
from archdsl.backends.torch.source import source
from archdsl.ir.graph import Value


@of_each_kind
def test_runs_as_predicted(variant: Variant) -> None:
    """On the meta device, so that nothing is computed: shapes at every node, outputs, parameters by path."""
    graph = variant.graph
    network = module(graph, device="meta").train()
    inputs = example_inputs(graph, device="meta")
    assert called_shapes(graph, network, inputs) == predicted_shapes(graph)
    values = interpret(graph, network, inputs)
    for node in graph:
        for port, tensor in enumerate(node.outputs):
            assert tuple(values[Value(node.id, port)].shape[1:]) == tensor.dims, node.id
    for training in (True, False):
        found = [output.shape for output in tensors_of(network.train(training)(*inputs))]
        assert found == [output.shape for output in expected_outputs(graph, values, training)]
    assert counted_parameters(network) == predicted_parameters(graph)


@of_each_kind
def test_every_parameter_gets_a_gradient(variant: Variant) -> None:
    """While training, from the sum of all outputs. On the meta device: that there is one needs no numbers."""
    graph = variant.graph
    network = module(graph, device="meta").train()
    outputs = tensors_of(network(*example_inputs(graph, device="meta")))
    sum(output.sum() for output in outputs).backward()
    assert [path for path, parameter in network.named_parameters() if parameter.grad is None] == []


SMALLER = {
    "r3d": {"frames": 4, "resolution": 56},
    "llama": {"depth": 2, "width": 64, "heads": 8, "kv_heads": 4, "hidden": 96, "words": 16, "vocabulary": 100},
    "gpt2": {"words": 64},
    "seq2seq": {"source_vocabulary": 100, "target_vocabulary": 100, "width": 50},
    "t5": {"depth": 2, "width": 64, "heads": 4, "hidden": 96, "source_words": 20, "target_words": 9, "vocabulary": 100},
    "latent_diffusion": {"resolution": 8},
}
"""Settings for what would take too long, as clips with 40 billion multiply-adds, or does not fit into memory."""


@of_each_kind
def test_outputs_are_finite(variant: Variant) -> None:
    """At the declared size, or one that is `SMALLER`, with fresh weights, in evaluation."""
    graph = variant.load(**SMALLER[variant.spec]).graph if variant.spec in SMALLER else variant.graph
    network = module(graph).eval()
    with torch.no_grad():
        outputs = tensors_of(network(*example_inputs(graph, batch=1)))
    assert all(output.isfinite().all() for output in outputs)


@needs_cuda
@of_each_kind
def test_computes_on_cuda_as_on_the_cpu(variant: Variant) -> None:
    """At a small size, in double precision, in evaluation."""
    graph = variant.load(**{**FEWER_PIXELS, **SMALLER}.get(variant.spec, {})).graph
    network = module(graph).double().eval()
    inputs = example_inputs(graph, batch=1, dtype=torch.double)
    with torch.no_grad():
        expected = tensors_of(network(*inputs))
        found = tensors_of(network.to(CUDA)(*(x.to(CUDA) for x in inputs)))
    torch.testing.assert_close([output.cpu() for output in found], expected, rtol=1e-7, atol=1e-9)


def test_tidy(tmp_path: Path) -> None:
    check_tidy({name: Variant(name).source for name in NAMES}, tmp_path)


@of_each_kind
def test_same_bytes_every_time(variant: Variant) -> None:
    assert variant.source == source(variant.load().graph)


@pytest.mark.parametrize("name", SHORTER)
def test_a_shorter_network_is_of_the_same_kind(name: str) -> None:
    assert structure(Variant(name, SHORTER[name]).source) == structure(Variant(name).source)


@pytest.mark.parametrize(
    ("spec", "shallow", "deep"),
    [
        ("resnet_cifar@20", {"n": 3}, {"n": 200}),
        ("preresnet_cifar", {"n": 3}, {"n": 100}),
        ("densenet_cifar@40_12", {"layers": 6}, {"layers": 60}),
        ("nasnet_cifar", {"n": 4}, {"n": 20}),
        ("efficientnet", {"depth": 4.0}, {"depth": 12.0}),
    ],
)
def test_length_follows_blocks_not_depth(spec: str, shallow: dict[str, int], deep: dict[str, int]) -> None:
    """But for the digits of how often."""
    texts = [source(archdsl.load(spec, **settings).graph) for settings in (shallow, deep)]
    short, long = (re.sub(r"\d+(\.\d+)?", "0", text) for text in texts)
    assert abs(len(long) - len(short)) < 0.03 * len(short)
    assert long.count("\nclass ") == short.count("\nclass ")
