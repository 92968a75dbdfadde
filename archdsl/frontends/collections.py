"""Packages of networks that go by name: how to make one, what there is, and which input each is made for."""

from __future__ import annotations

import importlib
import importlib.util
import inspect
import sys
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

import torch

Arguments: TypeAlias = dict[str, Any]


@dataclass(frozen=True)
class Collection:
    """A package of networks: how to make one by its name, its names, and the input that one is made for.

    Imports are left to `names`, which is called first.
    """

    make: Callable[[str, Arguments], Any]
    names: Callable[[], Iterable[str]]
    input: Callable[[str, Any], tuple[int, ...] | None]


def _torchvision_names() -> Iterable[str]:
    names: Iterable[str] = importlib.import_module("torchvision.models").list_models()
    return names


def _torchvision(name: str, arguments: Arguments) -> Any:
    """Without any download: networks built on others ask for the weights of those too."""
    make = importlib.import_module("torchvision.models").get_model_builder(name)
    named = inspect.signature(make).parameters
    unpublished = {option: None for option in ("weights", "weights_backbone") if option in named}
    return make(**unpublished | arguments)


def _torchvision_input(name: str, _: Any) -> tuple[int, ...] | None:
    """What the published weights were evaluated at."""
    weights = list(importlib.import_module("torchvision.models").get_model_weights(name))
    size = getattr(weights[0].transforms(), "crop_size", None) if weights else None
    return (3, size[0], size[0]) if size and len(set(size)) == 1 else None


def _timm_names() -> Iterable[str]:
    timm = importlib.import_module("timm")
    # Names that were given up still work, and are no longer listed.
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
"""Packages whose networks go by name; of any other, a factory is called."""


# --- torchvision beside a build of torch that its compiled operators do not load into ------


# What torchvision declares in C++ and looks up while it is imported; no classifier calls any of them.
SCHEMAS = (
    "nms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor",
    "qnms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor",
)

# Operators live as long as the library object that declared them.
_libraries: list[Any] = []


def declare_operators() -> None:
    """Call this before importing torchvision, or what imports it, such as timm. Does nothing where all is well.

    torchvision's wheel on PyPI is made for torch with CUDA; beside the CPU build its import stops at `operator
    torchvision::nms does not exist`, unless those operators are declared beforehand.
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
