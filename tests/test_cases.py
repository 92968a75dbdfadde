"""Literate cases: a spec and what the compiler makes of it, side by side in `cases/<folder>/*.md`.

Each `## ` section holds its files as `arch` blocks (`arch blocks/mobile.arch` names one, the first is
`net.arch` if it has no name), or as `python` blocks, of which `Net()` is imported on a 3 x 8 x 8 image, and a block for
each output: its kind is a key of `KINDS`, what stands behind it are arguments. `pytest --update` rewrites the outputs
for review.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from literate import Case, cases

from archdsl.diagnostics import CompileError
from archdsl.elaborate.elaborate import elaborate
from archdsl.ir.dump import dump
from archdsl.ir.graph import Graph
from archdsl.passes.pipeline import Run, named, run
from archdsl.report import render_text
from archdsl.resolve.resolve import resolve
from archdsl.syntax.parser import parse, read_source
from archdsl.syntax.printer import format_spec

FOLDERS = ("syntax", "passes")
INPUTS = {"arch": "net.arch", "python": "net.py"}


def fmt(path: Path, arguments: str) -> str:
    """The canonical text."""
    return format_spec(parse(read_source(path, str(path))))


def error(path: Path, arguments: str) -> str:
    """The rendering of all syntax errors."""
    with pytest.raises(CompileError) as caught:
        parse(read_source(path, str(path)))
    return render_text(caught.value.diagnostics)


def passed(path: Path, arguments: str) -> Run:
    """What the passes named make of the network, as it is before any pass."""
    return run(_graph(path), named(arguments.split()))


def graph(path: Path, arguments: str) -> str:
    """The graph after the passes named."""
    return dump(passed(path, arguments).graph)


def weights(path: Path, arguments: str) -> str:
    """Where the entries of the state_dict come from that are not what they were before the passes named."""
    changed = [pair for step in passed(path, arguments).steps for pair in step.weights.items()]
    return "\n".join(f"{key} from {', '.join(weight.sources)}" for key, weight in changed)


def refused(path: Path, arguments: str) -> str:
    """What the user is told by the passes named."""
    with pytest.raises(CompileError) as caught:
        passed(path, arguments)
    return "\n".join(f"{found.code}: {found.message}" for found in caught.value.diagnostics)


def _graph(path: Path) -> Graph:
    if path.suffix == ".arch":
        network = resolve(read_source(path, str(path))).network
        assert network is not None
        return elaborate(network).graph
    import torch

    from archdsl.frontends.torch import from_torch

    names: dict[str, Any] = {}
    exec(compile(path.read_text(encoding="utf-8"), str(path), "exec"), names)
    return from_torch(names["Net"](), torch.zeros(2, 3, 8, 8), "net:Net")


KINDS: dict[str, Callable[[Path, str], str]] = {
    "fmt": fmt,
    "error": error,
    "graph": graph,
    "weights": weights,
    "refused": refused,
}
"""From the path of the case's first file, and the arguments of the block, to the text that is expected in it."""


@pytest.mark.parametrize("case", [case for folder in FOLDERS for case in cases(folder)], ids=str)
def test_case(case: Case, update: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    files = [block for block in case.blocks if block.kind in INPUTS]
    for file in files:
        path = Path(file.info or INPUTS[file.kind])
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(file.text, encoding="utf-8")
    outputs = [block for block in case.blocks if block.kind in KINDS]
    assert outputs, f"{case}: no block shows an output"
    for block in outputs:
        got = KINDS[block.kind](Path(files[0].info or INPUTS[files[0].kind]), block.info)
        case.expect(block.kind, got, update=update)
