"""Classes and functions that torch lacks are written into emitted modules as they stand: tidy, at 100 columns."""

from __future__ import annotations

import importlib
import pkgutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import archdsl.ops
from archdsl.ops.emission import Support
from archdsl.ops.registry import REGISTRY

HEADER = "import torch\nimport torch.nn.functional as F\nfrom torch import Tensor, nn\n"


def supports() -> dict[str, Support]:
    """Those that the ops' examples use, and those that stand in a file of ops, each after what it needs."""
    found: dict[str, Support] = {}
    for support in (*used(), *defined()):
        for definition in support.definitions():
            assert found.setdefault(definition.name, definition) == definition
    return found


def used() -> Iterator[Support]:
    for op in REGISTRY.values():
        for example in op.examples():
            if not example.op.internal:
                support = example.op.torch(*example.inputs).support
                yield from (support,) if support else ()


def defined() -> Iterator[Support]:
    for file in pkgutil.iter_modules(archdsl.ops.__path__, "archdsl.ops."):
        if file.name.startswith("archdsl.ops.keras_"):
            continue  # another framework, whose classes may have the same names
        values = vars(importlib.import_module(file.name)).values()
        yield from (value for value in values if isinstance(value, Support))


def test_ruff_has_nothing_to_change(tmp_path: Path) -> None:
    found = supports()
    assert {"StochasticPool", "PaddedStochasticPool", "same_padding", "DropPath"} <= set(found)
    text = "\n\n".join([HEADER, *(support.source for support in found.values())])
    path = tmp_path / "supports.py"
    path.write_text(text, encoding="utf-8")
    ruff = [sys.executable, "-m", "ruff"]
    common = ["--isolated", "--no-cache", "--line-length=100", "--target-version=py311", str(path)]
    checked = subprocess.run(
        [*ruff, "check", "--select=E,F,I,UP,B", *common], capture_output=True, text=True, check=False
    )
    assert checked.returncode == 0, checked.stdout
    subprocess.run([*ruff, "format", *common], check=True)
    assert path.read_text(encoding="utf-8") == text
