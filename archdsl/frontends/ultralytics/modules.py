"""The modules that Ultralytics' YAML files name, and what they are called with.

To read another module, add a block of that name to a file of `specs/blocks` and an entry to `MODULES`; a module of
`torch.nn` gets an entry in `LAYERS`. Modules that end a network are in `heads.py`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Module:
    """One module: the names that its block gives to its arguments, in the order of the YAML file.

    The first argument of a module that is `scaled` is a number of channels, which the width multiplies. `repeats` says
    that the module makes its repetitions itself, and `always` that their number is written even if it is 1. Arguments
    whose names begin with `_` change nothing. `file` is the file of `specs/blocks` that has the block.
    """

    arguments: tuple[str, ...]
    file: str = "ultralytics"
    scaled: bool = True
    repeats: bool = False
    always: bool = False


def _module(words: str, file: str = "", *, scaled: bool = True, repeats: bool = False, always: bool = False) -> Module:
    return Module(tuple(words.split()), f"ultralytics{file}", scaled, repeats, always)


CSP = "width shortcut groups ratio"
"""What most modules of several bottlenecks take."""

MODULES: Mapping[str, Module] = {
    "Conv": _module("width kernel stride padding groups dilation act"),
    "DWConv": _module("width kernel stride dilation act"),
    "ConvTranspose": _module("width kernel stride padding"),
    "Focus": _module("width kernel stride"),
    "GhostConv": _module("width kernel stride"),
    "Bottleneck": _module("width shortcut groups kernels ratio"),
    "GhostBottleneck": _module("width"),
    "C1": _module("width", repeats=True),
    "C2": _module(CSP, repeats=True),
    "C2f": _module(CSP, repeats=True),
    "C3": _module(CSP, repeats=True),
    "C3x": _module(CSP, repeats=True),
    "C3k": _module("width n shortcut groups ratio kernel"),
    "C3k2": _module("width c3k ratio attention groups shortcut", repeats=True),
    "C3Ghost": _module("width _shortcut _groups ratio", repeats=True),
    "BottleneckCSP": _module(CSP, repeats=True),
    "SPP": _module("width kernels"),
    "SPPF": _module("width kernel n shortcut"),
    "C2PSA": _module("width ratio", repeats=True),
    "RepNCSPELAN4": _module("width middle inner n", "_v9"),
    "ELAN1": _module("width middle inner", "_v9"),
    "AConv": _module("width", "_v9"),
    "ADown": _module("width", "_v9"),
    "SPPELAN": _module("width middle kernel", "_v9"),
    "CBLinear": _module("widths", "_v9", scaled=False),
    "SCDown": _module("width kernel stride", "_v10"),
    "C2fCIB": _module("width shortcut large groups ratio", "_v10", repeats=True),
    "PSA": _module("width ratio", "_v10"),
    "C2fPSA": _module("width ratio", "_v10", repeats=True),
    "A2C2f": _module("width attention areas residual mlp_ratio ratio groups shortcut", "_v12", repeats=True),
    "HGStem": _module("middle width", "_rtdetr", scaled=False),
    "HGBlock": _module("middle width kernel light shortcut", "_rtdetr", scaled=False, repeats=True, always=True),
    "RepC3": _module("width ratio", "_rtdetr", repeats=True, always=True),
    "AIFI": _module("hidden heads", "_rtdetr", scaled=False),
    "ResNetLayer": _module("_channels width stride first n ratio", "_rtdetr", scaled=False),
    "Classify": _module("classes kernel stride", scaled=False),
}

JOINS = ("Concat", "CBFuse")
"""Modules that take several layers."""

LATER = frozenset({"C3k2", "A2C2f", "C2fCIB"})
"""A network that has one of these has heads whose convolutions are depthwise."""

LAYERS: Mapping[str, tuple[str, tuple[str, ...]]] = {
    "nn.ConvTranspose2d": ("up_conv", tuple("out kernel stride padding output_padding groups bias dilation".split())),
    "nn.MaxPool2d": ("max_pool", ("kernel", "stride", "padding", "dilation")),
    "nn.AvgPool2d": ("avg_pool", ("kernel", "stride", "padding")),
    "nn.ZeroPad2d": ("pad", ("sides",)),
    "nn.Dropout": ("dropout", ("p",)),
    "nn.LeakyReLU": ("leaky_relu", ("slope",)),
    "nn.ReLU": ("relu", ()),
    "nn.ReLU6": ("relu6", ()),
    "nn.SiLU": ("silu", ()),
    "nn.GELU": ("gelu", ()),
    "nn.Hardswish": ("hard_swish", ()),
    "nn.Sigmoid": ("sigmoid", ()),
    "nn.Identity": ("identity", ()),
    "nn.Flatten": ("flatten", ()),
}
"""Modules of PyTorch: the op that each is, and the op's names of its arguments."""

ACTIVATIONS: Mapping[str, str] = {
    layer.removeprefix("nn."): op
    for layer, (op, names) in LAYERS.items()
    if op in ("relu", "relu6", "silu", "gelu", "hard_swish")
}
"""What `activation: torch.nn.ReLU()` may name."""

PROMPTED = (
    "a network with it is told by texts or pictures what to find; once its classes are chosen, it is a network of "
)

UNREAD: Mapping[str, str] = {
    "YOLOEDetect": f"{PROMPTED}`Detect`, which is read: write `Detect, [nc]`",
    "YOLOESegment": f"{PROMPTED}`Segment`, which is read: write `Segment, [nc, 32, 256]`",
    "YOLOESegment26": f"{PROMPTED}`Segment26`, which is read: write `Segment26, [nc, 32, 256]`",
    "RTDETRDecoder": "the language has no attention to places that are computed; what comes before it is read: write "
    "`Detect, [nc]` in its place, or import the code",
    "WorldDetect": "it compares with texts; a network whose classes are fixed is read: write `Detect, [nc]`, and `C2f` "
    "in place of `C2fAttn`",
    "C2fAttn": "it is told by texts where to look; a network whose classes are fixed is read: write `C2f`",
    "ImagePoolingAttn": "it changes texts by what is seen; a network whose classes are fixed is read without it",
    "TorchVision": "it is a network of torchvision, which is read as code: `archdsl import torchvision:resnet18`",
}
"""What to do about modules that are known and not read."""
