"""Networks of packages that are not installed as a whole: one file of each, from the environment's folder `references`.

The packages of `references.txt` require much that their networks do not use. So they are installed without it, and a
package's own `__init__.py`, which would import it, is not run.
"""

from __future__ import annotations

import sys
from importlib import import_module
from importlib.machinery import PathFinder
from importlib.metadata import distributions
from importlib.util import module_from_spec
from math import ceil
from pathlib import Path
from types import ModuleType

from absent import absent
from torch import Tensor, nn

FOLDER = Path(sys.prefix) / "references"

PACKAGES = {"srgan": "opensr-srgan", "pointnet": "learning3d", "yolov5": "yolov5"}
"""Whose networks they are."""


def version(package: str) -> str:
    """The version of a package of `references.txt` that is there."""
    (found,) = distributions(name=package, path=[str(FOLDER)])
    return found.version


def published(name: str) -> ModuleType:
    """The module with this name, without running the packages that it is in. Raises `ModuleNotFoundError`."""
    package, _, _ = name.rpartition(".")
    bare(package)
    return import_module(name)


def bare(package: str) -> None:
    """Makes the modules of a package importable, and does not run the package itself."""
    outer, _, _ = package.rpartition(".")
    if outer:
        bare(outer)
    if package not in sys.modules:
        spec = PathFinder.find_spec(package, sys.modules[outer].__path__ if outer else [str(FOLDER)])
        if spec is None:
            raise ModuleNotFoundError(f"no package {package} in {FOLDER}: run `make references`", name=package)
        sys.modules[package] = module_from_spec(spec)


def srgan() -> nn.Module:
    """The generator of opensr-srgan, without the tanh at its end: Figure 4 of the paper ends with the convolution."""
    bare("opensr_srgan.utils")
    model: nn.Module = published("opensr_srgan.model.generators.srresnet").SRResNet()
    model.conv_block3.conv_block[1] = nn.Identity()
    return model


def pointnet() -> nn.Module:
    """learning3d's classifier of clouds: channels before points, normalized as in the paper, without transforms."""
    features = published("learning3d.models.pointnet").PointNet(use_bn=True, input_shape="bcn")
    model: nn.Module = published("learning3d.models.classifier").Classifier(features)
    return model


def yolov5(size: str) -> nn.Module:
    """YOLOv5 of the size n, s, m, l or x, up to the maps of its scales."""
    bare("yolov5.models")
    with absent("cv2", "pandas", "yolov5.utils"):
        import_module("yolov5.utils.general").make_divisible = lambda x, divisor: ceil(x / divisor) * divisor
        layers = published("yolov5.models.yolo")
    model = layers.Model(str(FOLDER / "yolov5" / "models" / f"yolov5{size}.yaml"))
    for module in model.modules():
        if isinstance(module, nn.BatchNorm2d):
            # Its own function for this is in `yolov5.utils`.
            module.eps, module.momentum = 1e-3, 0.03
    return Maps(model.model)


class Maps(nn.Module):
    """The maps of the three scales, the coarsest first, before boxes are made of them."""

    def __init__(self, layers: nn.Sequential) -> None:
        super().__init__()
        self.layers = layers

    def forward(self, x: Tensor) -> list[Tensor]:
        values: list[Tensor] = []
        *layers, detect = self.layers
        for layer in layers:
            if isinstance(layer.f, list):
                x = layer([x if number == -1 else values[number] for number in layer.f])
            else:
                x = layer(x if layer.f == -1 else values[layer.f])
            values.append(x)
        fine, middle, coarse = (conv(values[number]) for conv, number in zip(detect.m, detect.f, strict=True))
        return [coarse, fine, middle]
