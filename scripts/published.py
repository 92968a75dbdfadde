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
from pathlib import Path
from types import ModuleType

from torch import nn

FOLDER = Path(sys.prefix) / "references"

PACKAGES = {"srgan": "opensr-srgan", "pointnet": "learning3d"}
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
