"""Cells of specs in a notebook: the documented one is run as a reader would, and each way to err ends with advice."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from archdsl.network import Network

pytest.importorskip("IPython", reason="IPython is not installed")

NOTEBOOK = Path(__file__).parent.parent / "docs" / "notebook.ipynb"
SPEC = """network Net:
    param classes: int = 10
    variants:
        small: classes = 3
    input image: 3 x 8 x 8
    conv(4, 3) -> relu
    flatten -> linear(classes)
"""


def test_the_notebook_of_the_documents_runs_and_shows_what_it_shows(update: bool) -> None:
    nbformat = pytest.importorskip("nbformat")
    nbclient = pytest.importorskip("nbclient")
    notebook = nbformat.read(NOTEBOOK, 4)
    kept = outputs(notebook)
    settings = notebook.metadata.copy()
    nbclient.NotebookClient(notebook, timeout=120, record_timing=False).execute()
    if update:
        notebook.metadata = settings
        nbformat.write(notebook, NOTEBOOK)
    else:
        assert outputs(notebook) == kept
    assert str(Path.home()) not in NOTEBOOK.read_text(encoding="utf-8")


def outputs(notebook: Any) -> list[object]:
    return [json.loads(json.dumps(cell.outputs)) for cell in notebook.cells if cell.cell_type == "code"]


@cache
def ipython() -> Any:
    from IPython.core.interactiveshell import InteractiveShell

    shell = InteractiveShell()
    shell.run_line_magic("load_ext", "archdsl")
    return shell


class Shell:
    """IPython, with what a cell displays and prints."""

    def __init__(self, capture: Any) -> None:
        self.names = ipython().user_ns
        self.names.pop("net", None)
        self.capture = capture

    def run(self, line: str, cell: str = SPEC) -> str:
        """What a cell prints, on whichever stream."""
        self.done = ipython().run_cell(f"%%arch {line}\n{cell}")
        printed = self.capture.readouterr()
        return str(printed.out + printed.err)

    def network(self, name: str) -> Network:
        found = self.names[name]
        assert isinstance(found, Network)
        return found


@pytest.fixture
def shell(capsys: pytest.CaptureFixture[str]) -> Shell:
    return Shell(capsys)


def test_a_cell_binds_the_network_and_shows_it(shell: Shell) -> None:
    assert "<Net@small, classes=7: 1,911 params, 8,704 MACs>" in shell.run("net small --classes=7")
    assert shell.network("net").settings == {"classes": 7}
    shell.run("other")
    assert shell.network("other").settings == {"classes": 10}


@pytest.mark.parametrize("line", ["net --format html", "net --figure graph", "net --figure volumes --format png"])
def test_a_cell_shows_the_figure_that_is_asked_for(shell: Shell, line: str) -> None:
    kind = "text/html" if "html" in line else "image/png" if "png" in line else "image/svg+xml"
    assert kind in shell.run(line)


def test_what_is_wrong_has_the_lines_of_the_cell_and_binds_nothing(shell: Shell) -> None:
    printed = shell.run("net", SPEC.replace("relu", "rellu"))
    assert " --> cell:7:19\n" in printed
    assert "did you mean `relu`?" in printed
    assert "Traceback" not in printed
    assert "net" not in shell.names
    assert not shell.done.success


def test_warnings_are_printed_beside_the_figure(shell: Shell) -> None:
    assert "warning[unused-name]" in shell.run("net", SPEC + "    let idle = 3\n")
    assert shell.network("net").params > 0


def test_a_cell_imports_from_the_folder_of_the_notebook(
    shell: Shell, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "own.arch").write_text("block Unit(width): conv(width, 3) -> relu\n")
    shell.run("net", "from own import Unit\n" + SPEC.replace("conv(4, 3) -> relu", "Unit(4)"))
    assert shell.network("net").params == 112 + 2570


MISUSED = {
    "": "a name for the network is missing",
    "3a": "`3a` cannot be the name of a variable",
    "class": "`class` cannot be the name of a variable",
    "net@small": "a variant stands apart, `%%arch net small`",
    "net small 5": "`5` is one word too many; a setting is written `--classes 10`",
    "net width=16": "a setting is written `--width 16`",
    "net smal": "did you mean `small`?",
    "net --clases 5": "did you mean `classes`?",
    "net --classes": "a value is missing after --classes",
    "net --classes x": "`classes` takes a whole number",
    "net --figur graph": "did you mean --figure?",
    "net --figure grap": "it may be overview, block, graph",
    "net --format jpg": "it may be svg, pdf, png",
    "net 'a": "a quotation mark is never closed",
}


@pytest.mark.parametrize("line", MISUSED)
def test_a_call_that_is_wrong_is_answered_with_advice(shell: Shell, line: str) -> None:
    printed = shell.run(line)
    assert MISUSED[line] in printed
    assert "Traceback" not in printed
    assert not shell.done.success
    assert not {"net", "3a", "class"} & shell.names.keys()
