"""Reads `.pt2` files, for which PyTorch is needed."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from archdsl.ir.imported import Imported
from archdsl.packages import require
from archdsl.tensor import Tensor


def read(path: Path, name: str, inputs: Sequence[Tensor]) -> Imported:
    """The network in a `.pt2` file. Raises `CompileError` if the file is wrong or PyTorch is missing."""
    require("torch", f"reading {name}")
    from archdsl.frontends.collections import declare_operators
    from archdsl.frontends.pt2.read import read_program

    declare_operators()
    return read_program(path, name, inputs)
