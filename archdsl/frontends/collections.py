"""Packages that have networks by name: how to make one, which names there are, and the usual input of each."""

from __future__ import annotations

import importlib
import importlib.util
import inspect
import re
import sys
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

import torch

Arguments: TypeAlias = dict[str, Any]


@dataclass(frozen=True)
class Collection:
    """A package of networks: how to make one by its name, all names, and the input that a network is made for.

    `names` is called first, and imports the package.
    """

    make: Callable[[str, Arguments], Any]
    names: Callable[[], Iterable[str]]
    input: Callable[[str, Any], tuple[int, ...] | None]


def _torchvision_names() -> Iterable[str]:
    names: Iterable[str] = importlib.import_module("torchvision.models").list_models()
    return names


def _torchvision(name: str, arguments: Arguments) -> Any:
    """Makes a network without any download. (Those that are built on others would also load the weights of these.)"""
    make = importlib.import_module("torchvision.models").get_model_builder(name)
    named = inspect.signature(make).parameters
    unpublished = {option: None for option in ("weights", "weights_backbone") if option in named}
    return make(**unpublished | arguments)


def _torchvision_input(name: str, module: Any) -> tuple[int, ...] | None:
    """The only size that a network takes, if it says so, or else that at which the published weights were evaluated.

    The description of the weights says how long clips were.
    """
    own = getattr(module, "image_size", None)
    if isinstance(own, int):
        return (3, own, own)
    weights = list(importlib.import_module("torchvision.models").get_model_weights(name))
    size = getattr(weights[0].transforms(), "crop_size", None) if weights else None
    if not size or len(set(size)) > 1:
        return None
    frames = re.search(r"\bclip_len=(\d+)", weights[0].meta.get("_docs", ""))
    return (3, int(frames[1]), size[0], size[0]) if frames else (3, size[0], size[0])


def _timm_names() -> Iterable[str]:
    timm = importlib.import_module("timm")
    # Deprecated names still work, but are not listed any more.
    deprecated = importlib.import_module("timm.models._registry")._deprecated_models
    return [*timm.list_models(), *deprecated]


def _timm(name: str, arguments: Arguments) -> Any:
    return importlib.import_module("timm").create_model(name, **{"pretrained": False} | arguments)


def _timm_input(_: str, module: Any) -> tuple[int, ...] | None:
    return tuple((getattr(module, "default_cfg", None) and module.default_cfg.get("input_size")) or ()) or None


def _pytorchcv_names() -> Iterable[str]:
    return list(importlib.import_module("pytorchcv.model_provider")._models)


def _pytorchcv(name: str, arguments: Arguments) -> Any:
    return importlib.import_module("pytorchcv.model_provider").get_model(name, **{"pretrained": False} | arguments)


def _pytorchcv_input(_: str, module: Any) -> tuple[int, ...] | None:
    size = getattr(module, "in_size", None)
    return (3, *size) if size else None


COLLECTIONS = {
    "torchvision": Collection(_torchvision, _torchvision_names, _torchvision_input),
    "timm": Collection(_timm, _timm_names, _timm_input),
    "pytorchcv": Collection(_pytorchcv, _pytorchcv_names, _pytorchcv_input),
}
"""Packages that have networks by name. For any other package, the reference names a function to call."""


# --- torchvision with a build of torch into which its compiled operators cannot be loaded --


# Operators that torchvision declares in C++ and looks up during its import. No classifier calls them.
SCHEMAS = (
    "nms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor",
    "qnms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor",
)

# Operators live as long as the library object that declared them.
_libraries: list[Any] = []


def declare_operators() -> None:
    """Call this before importing torchvision, or a package that imports it, such as timm.

    torchvision's wheel on PyPI is made for torch with CUDA. With the CPU build of torch, its import fails with
    `operator torchvision::nms does not exist`, unless these operators are declared before. If they load, nothing is
    done.
    """
    if "torchvision" not in sys.modules and not _libraries and not _loads_operators():
        library: Any = torch.library.Library("torchvision", "DEF")  # type: ignore[no-untyped-call]
        for schema in SCHEMAS:
            library.define(schema)
        _libraries.append(library)


def _loads_operators() -> bool:
    spec = importlib.util.find_spec("torchvision")
    if spec is None or spec.submodule_search_locations is None:
        return True
    try:
        for path in Path(spec.submodule_search_locations[0]).glob("_C*.so"):
            torch.ops.load_library(path)  # type: ignore[no-untyped-call]
    except OSError:
        return False
    return True
