"""Networks as ONNX in onnxruntime, beside their emitted PyTorch modules."""

from __future__ import annotations

from typing import Any, TypeAlias

import numpy as np
import onnxruntime
import torch
from emission import example_inputs, tensors_of
from emitted_ops import build, values
from emitted_ops import outputs as results
from torch import nn
from variants import SHORTER, Variant

import archdsl
from archdsl.ir.graph import Graph, Header, Node, Output, Scope, Value
from archdsl.ops.base import Example
from archdsl.ops.registry import REGISTRY
from archdsl.outputs import onnx_written
from archdsl.source import Source, Span

Numbers: TypeAlias = "np.ndarray[Any, np.dtype[Any]]"

TOLERANCE = 1e-5
"""Of the largest number of an output, in single precision."""

SMALLER: dict[str, dict[str, Any]] = {
    "r3d": {"frames": 4, "resolution": 56},
    "llama": {"depth": 2, "width": 64, "heads": 8, "kv_heads": 4, "hidden": 96, "words": 16, "vocabulary": 100},
    "gpt2": {"words": 64},
    "seq2seq": {"source_vocabulary": 100, "target_vocabulary": 100, "width": 50},
    "t5": {"depth": 2, "width": 64, "heads": 4, "hidden": 96, "source_words": 20, "target_words": 9, "vocabulary": 100},
    "latent_diffusion": {"resolution": 8, "widths": [64, 128, 256, 256]},
}
"""Settings for networks that take too long at their own size, or do not fit into memory."""


def smaller(variant: Variant) -> archdsl.Network:
    """A network of the gallery with fewer copies of its blocks, or smaller, where it is large."""
    return archdsl.load(variant.name, **{**SHORTER.get(variant.name, {}), **SMALLER.get(variant.spec, {})})


def as_if_trained(module: nn.Module) -> None:
    """Gives numbers that start equal, such as biases, scales and statistics, values of their own."""
    torch.manual_seed(0)
    with torch.no_grad():
        for name, numbers in module.state_dict().items():
            if not numbers.is_floating_point():
                continue
            if name.endswith("running_var"):
                numbers.uniform_(0.5, 1.5)
            elif numbers.numel() == 1 or numbers.min() == numbers.max():
                numbers.add_(0.1 * torch.randn_like(numbers))


def session(data: bytes) -> onnxruntime.InferenceSession:
    """onnxruntime for a file, on one core."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.log_severity_level = 3
    return onnxruntime.InferenceSession(data, options, providers=["CPUExecutionProvider"])


def difference(net: archdsl.Network, batch: int = 2) -> float:
    """The largest difference of an output from that of the emitted module, relative to the output's largest number.

    Both get the same random inputs and weights. Infinite if outputs have other shapes or names.
    """
    module = net.module().eval()
    as_if_trained(module)
    inputs = example_inputs(net.graph, batch=batch)
    with torch.no_grad():
        wanted = [one.numpy() for one in tensors_of(module(*inputs))]
    running = session(net.onnx(module))
    del module
    names = [node.id for node in net.graph.inputs]
    found = running.run(None, {name: one.numpy() for name, one in zip(names, inputs, strict=True)})
    if [one.shape for one in found] != [one.shape for one in wanted]:
        return float("inf")
    return max(relative(a, b) for a, b in zip(found, wanted, strict=True))


def relative(found: Numbers, wanted: Numbers) -> float:
    """The largest difference, in parts of the largest number that is wanted, if one is not 0.

    What is no number, such as the root of -1, is so in both.
    """
    if (np.isnan(found) != np.isnan(wanted)).any():
        return float("inf")
    found, wanted = np.nan_to_num(found), np.nan_to_num(wanted)
    return float(np.abs(found - wanted).max() / (np.abs(wanted).max() or 1))


def difference_of_op(example: Example) -> float:
    """The largest relative difference of an op that no spec can call, from the module that it says it is."""
    module = build(example.op, example.inputs).eval()
    as_if_trained(module)
    taken = values(example.inputs)
    with torch.no_grad():
        wanted = [one.numpy() for one in results(module(*taken))]
    data = onnx_written(graph_of_one_op(example), module.state_dict())
    found = session(data).run(None, {f"x{i}": one.numpy() for i, one in enumerate(taken)})
    assert [one.shape for one in found] == [one.shape for one in wanted]
    return max(relative(a, b) for a, b in zip(found, wanted, strict=True))


def graph_of_one_op(example: Example) -> Graph:
    """A network that is one op."""
    span, take = Span(Source("net.arch", ""), 0, 0), REGISTRY["input"]
    nodes: list[tuple[Node, tuple[Value, ...]]] = [
        (Node(f"x{i}", take.model_construct(dims=x.dims, kind=x.kind), (x,), "", span, f"x{i}"), ())
        for i, x in enumerate(example.inputs)
    ]
    given = example.op.outputs(*example.inputs)
    taken = tuple(Value(node.id) for node, _ in nodes)
    nodes.append((Node("op", example.op, given, "", span, "op"), taken))
    outputs = [Output("output" if port == 0 else f"part{port}", (Value("op", port),)) for port in range(len(given))]
    return Graph(Header("Net", "net.arch"), [Scope("", "network", None, span, "")], nodes, outputs)
