"""What can be wrong with a network that is imported."""

from __future__ import annotations

from archdsl.diagnostics import Code

SMALL = """\
# file: small.py
from torch import nn


def net():
    return nn.Sequential(nn.Conv2d(3, 8, 3), nn.ReLU())
"""

DOUBTFUL = """\
# file: doubtful.py
from torch import nn


class Net(nn.Module):
    def forward(self, x):
        return x * 2 if x.sum() > 0 else x
"""

FOREIGN = """\
# file: foreign.py
import torch
from torch import nn


class Net(nn.Module):
    def forward(self, x):
        return torch.from_numpy(x.numpy() * 2)
"""

OPAQUE = """\
# file: net.json
{
  "format": "archdsl-graph-1",
  "header": {"name": "Net", "spec": "nets:Net"},
  "sources": [{"name": "nets:Net", "text": "Net\\nx: input()\\nflip: aten.flip(x)\\n"}],
  "scopes": [
    {"path": "", "kind": "network", "parent": null, "span": {"source": 0, "start": 0, "end": 3}, "weights": "",
     "results": ["flip"]}
  ],
  "nodes": [
    {"id": "x", "op": {"op": "input", "arguments": {"dims": [8, 16]}}, "outputs": [{"dims": [8, 16]}], "scope": "",
     "span": {"source": 0, "start": 4, "end": 14}, "weights": "x"},
    {"id": "flip", "op": {"op": "opaque", "arguments": {"target": "aten.flip", "results": [[8, 16]]}},
     "inputs": ["x"], "outputs": [{"dims": [8, 16]}], "scope": "",
     "span": {"source": 0, "start": 15, "end": 33}, "weights": "flip"}
  ],
  "outputs": [{"name": "output", "values": ["flip"]}]
}
"""

FAR = """\
# file: net.json
{
  "format": "archdsl-graph-1",
  "header": {"name": "Net", "spec": "nets:Net"},
  "sources": [{"name": "nets:Net", "text": "Net\\nx: input()\\na: A()\\na.m: Conv2d()\\nb: B()\\nb.m: Conv2d()\\n"}],
  "scopes": [
    {"path": "", "kind": "network", "parent": null, "span": {"source": 0, "start": 0, "end": 3}, "weights": "",
     "results": ["b.m"]},
    {"path": "a", "kind": "stage", "parent": "", "span": {"source": 0, "start": 15, "end": 21}, "weights": "a",
     "block": "A", "results": ["a.m"]},
    {"path": "b", "kind": "stage", "parent": "", "span": {"source": 0, "start": 36, "end": 42}, "weights": "b",
     "block": "B", "results": ["b.m"]}
  ],
  "nodes": [
    {"id": "x", "op": {"op": "input", "arguments": {"dims": [8, 16]}}, "outputs": [{"dims": [8, 16]}], "scope": "",
     "span": {"source": 0, "start": 4, "end": 14}, "weights": "x"},
    {"id": "a.m", "op": {"op": "conv", "arguments": {"out": 8, "kernel": [1]}}, "inputs": ["x"],
     "outputs": [{"dims": [8, 16]}], "scope": "a", "span": {"source": 0, "start": 22, "end": 35}, "weights": "a.m"},
    {"id": "b.m", "op": {"op": "conv", "arguments": {"out": 8, "kernel": [1]}}, "inputs": ["a.m"],
     "outputs": [{"dims": [8, 16]}], "scope": "b", "span": {"source": 0, "start": 43, "end": 56}, "weights": "a.m"}
  ],
  "outputs": [{"name": "output", "values": ["b.m"]}]
}
"""

CODES = {
    "unknown-reference": Code(
        summary="A reference names no network that its package has.",
        explanation="A reference is `torchvision:NAME`, `timm:NAME`, `pytorchcv:NAME`, or `package.module:factory` "
        "for any function or class of yours that gives a `torch.nn.Module`. It is called with the arguments that "
        "follow, if any do: `timm:resnet50(num_classes=10)`. Where a name comes close, it is suggested.",
        example="$ archdsl import torchvision:resnet51 -o resnet.json",
        exit_code=2,
    ),
    "broken-reference": Code(
        summary="A reference's package does not import, or its factory fails.",
        explanation="Importing a network executes its code. The message says what stopped it, and where; a package "
        "that is not installed is such a case.",
        example="$ archdsl import no_such_package:net -o net.json",
        exit_code=2,
    ),
    "reference-inputs": Code(
        summary="A network does not take the inputs that it is given.",
        explanation="A network is imported at one size of its inputs: that of the spec that it is compared with, "
        "or what `--input` says. The message says how far the input came.",
        example=f"$ archdsl import small:net --input 4x8x8 -o net.json\n{SMALL}",
        exit_code=2,
    ),
    "data-dependent": Code(
        summary="What a network computes depends on the numbers that flow through it.",
        explanation="Such a forward method takes one way or another from one input to the next: there is no one "
        "graph. The message says which module asked.",
        example=f"$ archdsl import doubtful:Net --input 3x8x8 -o net.json\n{DOUBTFUL}",
        exit_code=2,
    ),
    "opaque-op": Code(
        summary="An imported network that is to be written as code has operations without an op.",
        explanation="Such operations are kept by name, so that the network can be drawn, counted and compared. "
        "Only what the language can say becomes PyTorch source again.",
        example=f"$ archdsl compile net.json\n{OPAQUE}",
    ),
    "far-weights": Code(
        summary="A module of an imported network is used in two others, and neither lies in the other.",
        explanation="PyTorch's modules may hold one module twice; source in which each class makes its own parts "
        "cannot. Such a network can be drawn, counted and compared. To have it as source, keep the module in the one "
        "that holds both of its users.",
        example=f"$ archdsl compile net.json\n{FAR}",
    ),
    "cannot-trace": Code(
        summary="A network runs, but its forward pass cannot be traced.",
        explanation="torch.export and then torch.fx are asked. What both refuse is most often code that computes "
        "outside of PyTorch.",
        example=f"$ archdsl import foreign:Net --input 3x8x8 -o net.json\n{FOREIGN}",
        exit_code=2,
    ),
}
