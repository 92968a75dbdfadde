"""Other people's implementations, to compare with."""

from __future__ import annotations

import importlib
import importlib.util
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Any

# What torchvision declares in C++ and looks up while it is imported; no test calls any of them.
SCHEMAS = (
    "nms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor",
    "qnms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor",
)


@cache
def import_torchvision() -> ModuleType:
    """torchvision, also beside a build of torch that its own compiled operators do not load into.

    The wheel on PyPI is made for torch with CUDA. Beside the CPU build its import stops at `operator
    torchvision::nms does not exist`, unless those operators are declared beforehand. Call this before
    importing what imports torchvision, such as timm.
    """
    if not _loads_operators():
        _declare(SCHEMAS)
    return importlib.import_module("torchvision")


def _loads_operators() -> bool:
    import torch

    spec = importlib.util.find_spec("torchvision")
    assert spec is not None, "torchvision is not installed"
    assert spec.submodule_search_locations is not None
    try:
        for path in Path(spec.submodule_search_locations[0]).glob("_C*.so"):
            torch.ops.load_library(path)
    except OSError:
        return False
    return True


# Operators live as long as the library object that declared them.
_libraries: list[Any] = []


def _declare(schemas: tuple[str, ...]) -> None:
    import torch

    library = torch.library.Library("torchvision", "DEF")
    for schema in schemas:
        library.define(schema)
    _libraries.append(library)
