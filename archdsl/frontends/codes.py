"""Codes for networks that cannot be imported, and for imported networks that cannot be written as source."""

from __future__ import annotations

from archdsl.diagnostics import Code

SMALL = """\
# file: small.py
from torch import nn


def net():
    return nn.Sequential(nn.Conv2d(3, 8, 3), nn.ReLU())
"""

FAMILY = """\
# file: family.py
from torch import nn


def plain():
    return nn.Sequential(nn.Conv2d(3, 8, 3), nn.ReLU())


def pooled():
    return nn.Sequential(nn.MaxPool2d(2), nn.Conv2d(3, 8, 3))
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

MISCOUNTED = """\
# file: net.cfg
[net]
channels=3
height=416
width=416

[convolutional]
filters=255
size=1

[yolo]
mask=0,1,2
classes=20
"""

RECURRENT = """\
# file: net.cfg
[net]
channels=3
height=32
width=32

[gru]
output=64
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
  "sources": [{"name": "nets:Net", "text": "Net\\nx: input()\\na: A()\\na.m: M()\\nb: B()\\nb.m: M()\\n"}],
  "scopes": [
    {"path": "", "kind": "network", "parent": null, "span": {"source": 0, "start": 0, "end": 3}, "weights": "",
     "results": ["b.m.conv"]},
    {"path": "a", "kind": "stage", "parent": "", "span": {"source": 0, "start": 15, "end": 21}, "weights": "a",
     "block": "A", "results": ["a.m.conv"]},
    {"path": "a.m", "kind": "block", "parent": "a", "span": {"source": 0, "start": 22, "end": 30}, "weights": "a.m",
     "block": "M", "results": ["a.m.conv"]},
    {"path": "b", "kind": "stage", "parent": "", "span": {"source": 0, "start": 31, "end": 37}, "weights": "b",
     "block": "B", "results": ["b.m.conv"]},
    {"path": "b.m", "kind": "block", "parent": "b", "span": {"source": 0, "start": 38, "end": 46}, "weights": "a.m",
     "block": "M", "results": ["b.m.conv"]}
  ],
  "nodes": [
    {"id": "x", "op": {"op": "input", "arguments": {"dims": [8, 16]}}, "outputs": [{"dims": [8, 16]}], "scope": "",
     "span": {"source": 0, "start": 4, "end": 14}, "weights": "x"},
    {"id": "a.m.conv", "op": {"op": "conv", "arguments": {"out": 8, "kernel": [1]}}, "inputs": ["x"],
     "outputs": [{"dims": [8, 16]}], "scope": "a.m", "span": {"source": 0, "start": 22, "end": 30},
     "weights": "a.m.conv"},
    {"id": "b.m.conv", "op": {"op": "conv", "arguments": {"out": 8, "kernel": [1]}}, "inputs": ["a.m.conv"],
     "outputs": [{"dims": [8, 16]}], "scope": "b.m", "span": {"source": 0, "start": 38, "end": 46},
     "weights": "a.m.conv"}
  ],
  "outputs": [{"name": "output", "values": ["b.m.conv"]}]
}
"""

CODES = {
    "bad-model-file": Code(
        summary="A file of another tool that describes a network is written wrongly.",
        explanation="Such a file is read by the rules of the tool that it is for, and the message says which of them "
        "it breaks, or which number does not fit. It points at the line of that file, where that is known. Nothing in "
        "such a file is executed.",
        example=f"$ archdsl check net.cfg\n{MISCOUNTED}",
    ),
    "unknown-layer": Code(
        summary="A file of another tool has a layer that is not read.",
        explanation="The language has no op for it, or it is for something else than images. A similar name is "
        "suggested if there is one. Where the network is also at hand as PyTorch code, `archdsl import "
        "package.module:factory` reads that.",
        example=f"$ archdsl check net.cfg\n{RECURRENT}",
    ),
    "unknown-reference": Code(
        summary="A reference names a network that its package does not have.",
        explanation="A reference is `torchvision:NAME`, `timm:NAME`, `pytorchcv:NAME`, or `package.module:factory` "
        "for any function or class of yours that gives a `torch.nn.Module`. It is called with the arguments in "
        "parentheses, if there are any: `timm:resnet50(num_classes=10)`. A similar name is suggested if there is one.",
        example="$ archdsl import torchvision:resnet51 -o resnet.json",
        exit_code=2,
    ),
    "broken-reference": Code(
        summary="The package of a reference cannot be imported, or its factory fails.",
        explanation="Importing a network executes its code. The message says what failed, and where. Perhaps the "
        "package is not installed.",
        example="$ archdsl import no_such_package:net -o net.json",
        exit_code=2,
    ),
    "reference-inputs": Code(
        summary="A network does not accept the inputs that it is given.",
        explanation="A network is imported with inputs of one size: that of the spec that it is compared with, or "
        "that of `--input`. The message names the module that failed.",
        example=f"$ archdsl import small:net --input 4x8x8 -o net.json\n{SMALL}",
        exit_code=2,
    ),
    "bad-onnx-file": Code(
        summary="An ONNX file is none, or is damaged, or does not say which network it holds.",
        explanation="The message says what was found, and where. Weights in files of their own are not needed. The "
        "shape of each value must follow from the operators' rules and the shapes of the inputs, or be stated in the "
        "file; where sizes of the inputs are open, `archdsl import` takes them as `--input`.",
        example="$ archdsl check net.onnx\n# file: net.onnx\nThis is a text.\n",
    ),
    "data-dependent": Code(
        summary="What a network computes depends on the numbers that flow through it.",
        explanation="Such a forward method takes different branches for different inputs, so there is not one graph "
        "for all of them. The message names the module.",
        example=f"$ archdsl import doubtful:Net --input 3x8x8 -o net.json\n{DOUBTFUL}",
        exit_code=2,
    ),
    "unlike-networks": Code(
        summary="Networks are to be variants of one spec, and differ in more than numbers and blocks.",
        explanation="Variants of one spec have the same stages, in which the same steps follow one another. They may "
        "differ in numbers, in how many blocks there are, in which block it is, and in steps that some of them lack. "
        "The message says where two of them part. Networks that are no family are imported each by itself.",
        example=f"$ archdsl import family:plain family:pooled --input 3x8x8 -o nets.arch\n{FAMILY}",
    ),
    "opaque-op": Code(
        summary="An imported network is to be written as code, but the language has no op for some operations.",
        explanation="Such operations are kept by name, so that the network can be drawn, counted and compared. "
        "PyTorch source can only be written for the ops of the language.",
        example=f"$ archdsl compile net.json\n{OPAQUE}",
    ),
    "far-weights": Code(
        summary="A block of a graph is used in two others, neither of which contains the other.",
        explanation="In a graph as JSON, a block may have the weights of a block that lies elsewhere. Emitted source "
        "cannot say this, because each class makes its own blocks. Such a network can be drawn, counted and compared. "
        "To have it as source, keep the weights in a block that contains both users, as is done for single layers.",
        example=f"$ archdsl compile net.json\n{FAR}",
    ),
    "cannot-trace": Code(
        summary="A network runs, but its forward pass cannot be traced.",
        explanation="torch.export is tried, and then torch.fx. If both fail, the code most often computes something "
        "outside of PyTorch.",
        example=f"$ archdsl import foreign:Net --input 3x8x8 -o net.json\n{FOREIGN}",
        exit_code=2,
    ),
}
