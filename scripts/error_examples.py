"""Runs the examples of the tables of codes."""

from __future__ import annotations

import io
import os
import shlex
import sys
from contextlib import chdir, redirect_stderr, redirect_stdout
from pathlib import Path
from tempfile import TemporaryDirectory

from archdsl.cli import main
from archdsl.codes import CodeExample
from archdsl.diagnostics import CompileError
from archdsl.ir.serialize import from_json
from archdsl.report import render_text


def render(example: CodeExample) -> str:
    """All that is printed of an example, on a terminal of 80 columns without colours."""
    if example.command is None:
        return render_graph(example.files["net.json"])
    printed = io.StringIO()
    os.environ["COLUMNS"] = "80"
    with TemporaryDirectory() as folder, redirect_stdout(printed), redirect_stderr(printed):
        inside = Path(folder, "specs")
        inside.mkdir()
        known = set(sys.modules)
        with chdir(inside):
            write(example)
            main(shlex.split(example.command)[1:])
        # The next example may bring another module of the same name.
        for name in {Path(file).stem for file in example.files} & (set(sys.modules) - known):
            del sys.modules[name]
    return printed.getvalue()


def render_graph(text: str) -> str:
    try:
        from_json(text, "net.json")
    except CompileError as error:
        return render_text(error.diagnostics)
    return ""


def write(example: CodeExample) -> None:
    """Makes the example's files where we are."""
    for link in example.links:
        Path("..", link).write_text("block Block: relu\n", encoding="utf-8")
        Path(link).symlink_to(Path("..", link))
    for name, text in example.files.items():
        Path(name).parent.mkdir(parents=True, exist_ok=True)
        Path(name).write_text(text, encoding="utf-8", errors="surrogateescape")
