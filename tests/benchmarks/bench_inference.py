"""What a network for inference gains on a CPU, beside the emitted module and torchvision's. `make bench` prints it."""

from __future__ import annotations

from functools import partial
from statistics import geometric_mean

import pytest
import torch
from interleaving import interleaved
from torch import nn

import archdsl
from archdsl.backends.torch.extras import NONE
from archdsl.backends.torch.load import load, module
from archdsl.frontends.references import build
from archdsl.outputs import inference_written, prepared

NETWORKS = {
    "resnet@50": "torchvision:resnet50",
    "densenet@121": "torchvision:densenet121",
    "mobilenet_v2": "torchvision:mobilenet_v2",
    "efficientnet@b0": "torchvision:efficientnet_b0",
    "googlenet@bn": "torchvision:googlenet",
    "inception_v3": "torchvision:inception_v3",
    "shufflenet": "",
}
"""Networks, and torchvision's of the same kind."""


@pytest.mark.parametrize("batch", [1, 8])
def bench_inference(batch: int) -> None:
    """Processor seconds of one thread, in float32: how many times as fast as the emitted module in evaluation."""
    torch.set_num_threads(1)
    gains, theirs = [], []
    for name, reference in NETWORKS.items():
        graph = prepared(archdsl.load(name).graph, "torch")
        written = inference_written(graph, NONE)
        trained = module(graph).eval()
        used = getattr(load(written.text), written.name)().load(trained.state_dict())
        images = torch.randn(batch, *graph.inputs[0].output.dims)
        modules: list[nn.Module] = [trained, used, *([build(reference).eval()] if reference else [])]
        with torch.no_grad():
            eager, ours, *other = interleaved([partial(one, images) for one in modules], times=24 // batch)
        gains.append(eager / ours)
        theirs += [one / eager for one in other]
        public = f", torchvision takes {other[0] / eager:.2f} of it" if other else ""
        print(f"batch {batch} {name}: eager {eager * 1e3:.1f} ms, for inference {gains[-1]:.2f} times as fast{public}")
    goal = {1: 1.3, 8: 1.2}[batch]
    mean = geometric_mean(gains)
    missed = "" if mean >= goal else ", MISSED"
    print(f"batch {batch}: geometric mean {mean:.3f} (goal: at least {goal}{missed}), least {min(gains):.3f}")
    print(f"batch {batch}: torchvision / emitted, geometric mean {geometric_mean(theirs):.3f}")
