"""Reads a graph file, as `archdsl import` and `compile --emit json` write them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from archdsl.ir.imported import Imported
from archdsl.ir.serialize import from_json
from archdsl.syntax.parser import read_source
from archdsl.tensor import Tensor


def read(path: Path, name: str, inputs: Sequence[Tensor]) -> Imported:
    """The graph in a file, which says the shapes of its `inputs` itself. Raises `CompileError` if it is wrong."""
    source = read_source(path, name)
    return Imported(from_json(source.text, source.name), {}, ())
