"""Literate cases: a spec and what the compiler makes of it, side by side in `cases/<folder>/*.md`.

Each `## ` section holds its files as `arch` blocks (`arch blocks/mobile.arch` names one, the first is
`net.arch` if it has no name), and a block for each output: its kind is a key of `KINDS`, what stands behind
it are arguments. `pytest --update` rewrites the outputs for review.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from literate import Case, cases

from archdsl.diagnostics import CompileError
from archdsl.report import render_text
from archdsl.syntax.parser import parse, read_source
from archdsl.syntax.printer import format_spec

FOLDERS = ("syntax",)


def fmt(path: Path, arguments: str) -> str:
    """The canonical text."""
    return format_spec(parse(read_source(path, str(path))))


def error(path: Path, arguments: str) -> str:
    """The rendering of all syntax errors."""
    with pytest.raises(CompileError) as caught:
        parse(read_source(path, str(path)))
    return render_text(caught.value.diagnostics)


KINDS: dict[str, Callable[[Path, str], str]] = {
    "fmt": fmt,
    "error": error,
}
"""From the path of the case's first file, and the arguments of the block, to the text that is expected in it."""


@pytest.mark.parametrize("case", [case for folder in FOLDERS for case in cases(folder)], ids=str)
def test_case(case: Case, update: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    files = case.all("arch")
    for file in files:
        path = Path(file.info or "net.arch")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(file.text, encoding="utf-8")
    outputs = [block for block in case.blocks if block.kind in KINDS]
    assert outputs, f"{case}: no block shows an output"
    for block in outputs:
        got = KINDS[block.kind](Path(files[0].info or "net.arch"), block.info)
        case.expect(block.kind, got, update=update)
