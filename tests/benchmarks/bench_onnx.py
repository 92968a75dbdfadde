"""How fast onnxruntime is with our ONNX files, beside those of PyTorch's own exporters. Ratios of one run."""

from __future__ import annotations

import io
import time
import warnings
from collections.abc import Callable

import onnxruntime
import pytest
import torch
from measure import report
from running_onnx import as_if_trained, session
from torch import nn

import archdsl

ROUNDS, SECONDS = 6, 8
"""How often the files of a network are loaded, and how long they are then run in turn."""


def by_dynamo(module: nn.Module, image: torch.Tensor, file: io.BytesIO) -> None:
    shapes = ({0: torch.export.Dim("batch")},)
    torch.onnx.export(module, (image,), file, dynamo=True, dynamic_shapes=shapes, verbose=False)


def by_torchscript(module: nn.Module, image: torch.Tensor, file: io.BytesIO) -> None:
    names = {"input_names": ["image"], "dynamic_axes": {"image": {0: "batch"}}}
    torch.onnx.export(module, (image,), file, dynamo=False, **names)


EXPORTERS: dict[str, Callable[[nn.Module, torch.Tensor, io.BytesIO], None]] = {
    "dynamo": by_dynamo,
    "torchscript": by_torchscript,
}


@pytest.mark.parametrize("name", ["resnet@50", "mobilenet_v2", "efficientnet@b0", "densenet@121", "vit@b_16"])
@pytest.mark.filterwarnings("ignore")
def bench_running(name: str) -> None:
    """One image, on one core: the least of the processor's time of all runs, which other programs disturb least."""
    net = archdsl.load(name)
    module = net.module().eval()
    as_if_trained(module)
    image = torch.randn(2, *net.graph.inputs[0].output.dims)
    files = {"ours": net.onnx(module)}
    for label, export in EXPORTERS.items():
        file = io.BytesIO()
        with warnings.catch_warnings():
            export(module, image, file)
        files[label] = file.getvalue()
    least = times(files, image[:1])
    for label in EXPORTERS:
        report(f"onnxruntime, {name} / the file of {label}, seconds", least["ours"], least[label], 1.05)


def times(files: dict[str, bytes], image: torch.Tensor) -> dict[str, float]:
    """The least of the processor's time that a run of each file takes.

    Files take turns, and are loaded again in each round, another one first: where the weights happen to lie in memory
    makes two loads of one file differ by 3 %.
    """
    least = dict.fromkeys(files, float("inf"))
    for turn in range(ROUNDS):
        labels = [*files][turn % len(files) :] + [*files][: turn % len(files)]
        running = {label: session(files[label]) for label in labels}
        end = time.monotonic() + SECONDS
        while time.monotonic() < end:
            for label, one in running.items():
                least[label] = min(least[label], timed(one, image))
    return least


def timed(running: onnxruntime.InferenceSession, image: torch.Tensor) -> float:
    """The processor's time of one run, in seconds."""
    given = {running.get_inputs()[0].name: image.numpy()}
    start = time.process_time()
    running.run(None, given)
    return time.process_time() - start
