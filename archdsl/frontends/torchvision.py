"""Lets torchvision be imported beside a build of torch that its own compiled operators do not load into."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from typing import Any

import torch

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
