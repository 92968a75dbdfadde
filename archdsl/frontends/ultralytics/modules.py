"""The modules that Ultralytics' YAML files name, and what they are called with.

To read another module, add a block of that name to `specs/blocks/ultralytics.arch` and an entry to `MODULES`; a module
of `torch.nn` gets an entry in `LAYERS`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Module:
    """One module: the names that its block gives to its arguments, in the order of the YAML file.

    The first argument of a module that is `scaled` is a number of channels, which the width multiplies. `repeats` says
    that the module makes its repetitions itself. `maps` says that it takes the values of several layers. Arguments
    whose names begin with `_` change nothing.
    """

    arguments: tuple[str, ...]
    scaled: bool = True
    repeats: bool = False
    maps: bool = False


def _words(text: str) -> tuple[str, ...]:
    return tuple(text.split())


MODULES: Mapping[str, Module] = {
    "Conv": Module(_words("width kernel stride padding groups dilation act")),
    "DWConv": Module(_words("width kernel stride dilation")),
    "ConvTranspose": Module(_words("width kernel stride padding")),
    "Focus": Module(_words("width kernel stride")),
    "GhostConv": Module(_words("width kernel stride")),
    "Bottleneck": Module(_words("width shortcut groups kernels ratio")),
    "GhostBottleneck": Module(_words("width")),
    "C1": Module(_words("width"), repeats=True),
    "C2": Module(_words("width shortcut groups ratio"), repeats=True),
    "C2f": Module(_words("width shortcut groups ratio"), repeats=True),
    "C3": Module(_words("width shortcut groups ratio"), repeats=True),
    "C3x": Module(_words("width shortcut groups ratio"), repeats=True),
    "C3k": Module(_words("width n shortcut groups ratio kernel")),
    "C3k2": Module(_words("width c3k ratio attention groups shortcut"), repeats=True),
    "C3Ghost": Module(_words("width _shortcut _groups ratio"), repeats=True),
    "BottleneckCSP": Module(_words("width shortcut groups ratio"), repeats=True),
    "SPP": Module(_words("width kernels")),
    "SPPF": Module(_words("width kernel")),
    "C2PSA": Module(_words("width ratio"), repeats=True),
    "Classify": Module(_words("classes kernel stride"), scaled=False),
    "Detect": Module(_words("classes"), scaled=False, maps=True),
    "Segment": Module(_words("classes masks"), scaled=False, maps=True),
    "Pose": Module(_words("classes points"), scaled=False, maps=True),
    "OBB": Module(_words("classes angles"), scaled=False, maps=True),
}

HEADS = ("Detect", "Segment", "Pose", "OBB")
"""Modules that guess boxes."""

LAYERS: Mapping[str, tuple[str, tuple[str, ...]]] = {
    "nn.ConvTranspose2d": ("up_conv", _words("out kernel stride padding output_padding groups bias dilation")),
    "nn.MaxPool2d": ("max_pool", _words("kernel stride padding dilation")),
    "nn.AvgPool2d": ("avg_pool", _words("kernel stride padding")),
    "nn.ZeroPad2d": ("pad", _words("sides")),
    "nn.Dropout": ("dropout", _words("p")),
    "nn.LeakyReLU": ("leaky_relu", _words("slope")),
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
