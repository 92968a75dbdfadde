"""Graph files that were altered are refused, or are written as Python in which only known names stand. Nothing runs."""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from altered_graphs import Path_, altered, at, fields, put, texts
from calls import Caller
from hostile import CANARY, NAMES, in_python

from archdsl.diagnostics import CompileError
from archdsl.ir.serialize import from_json
from archdsl.outputs import OUTPUTS, written
from archdsl.text import is_label, is_path

ALTERED = 400
"""Alterations that are tried."""


@pytest.fixture
def canary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder to work in, and the file that would be there if something had run."""
    monkeypatch.chdir(tmp_path)
    return tmp_path / CANARY


@pytest.mark.parametrize("seed", range(ALTERED // 100))
def test_an_altered_file_is_refused_or_sound(seed: int, canary: Path) -> None:
    chance = random.Random(seed)
    written_as_python = 0
    for _ in range(100):
        text = altered(chance)
        try:
            graph = from_json(text)
            source = written(graph, "torch")
        except CompileError:
            continue
        in_python(source)
        written_as_python += 1
    assert written_as_python > 0
    assert not canary.exists()


def names_of(data: Any) -> Iterator[Path_]:
    """Every place of a file where a name stands."""
    plain = {"name", "path", "id", "weights", "block", "label", "parent", "scope", "variant", "home"}
    lists = {"omitted", "units", "ports"}
    for way in fields(data):
        inside = way[:1] in (("nodes",), ("scopes",), ("outputs",), ("header",))
        is_pair = len(way) > 2 and way[-1] == 0 and way[-3] in ("arguments", "written", "names", "turn", "gives")
        is_one = way[-1] in plain or (len(way) > 1 and way[-2] in lists) or is_pair
        if inside and is_one and isinstance(at(data, way), str):
            yield way


def is_known(key: Any, text: str) -> bool:
    """Whether a text that is no name may stand there: the network's own path, a path of weights, a variant."""
    if key == "weights":
        return text == "" or is_path(text)
    return is_label(text) if key == "variant" else text == "" and key in ("home", "scope", "parent", "path")


def test_what_is_no_name_stands_nowhere(canary: Path) -> None:
    """Of each kind of place the first, and every text that is no name anywhere."""
    places: dict[tuple[Any, ...], Path_] = {}
    data = json.loads(texts()[0])
    for way in names_of(data):
        places.setdefault(tuple(key for key in way if isinstance(key, str)), way)
    assert len(places) > 15
    for way in places.values():
        before = at(data, way)
        for name in NAMES:
            is_name = name.isascii() and name.isidentifier() and not name.startswith("__") and len(name) < 100
            if is_name or is_known(way[-1], name):
                continue
            put(data, way, name)
            with pytest.raises(CompileError):
                from_json(json.dumps(data))
        put(data, way, before)
    assert not canary.exists()


def test_weights_with_names_of_imported_modules_are_written_legally(canary: Path) -> None:
    """`class`, `norm-1`: what modules may call their parts, and Python may not."""
    data = json.loads(texts()[0])
    places = [node for node in data["nodes"] if node["weights"] == node["id"]]
    written_as_python = set()
    for name in filter(is_path, NAMES):
        before = places[1]["weights"]
        places[1]["weights"] = name
        with suppress(CompileError):
            in_python(written(from_json(json.dumps(data)), "torch"))
            written_as_python.add(name)
        places[1]["weights"] = before
    assert {"class", "a-b"} <= written_as_python
    assert not canary.exists()


def test_no_command_runs_what_a_graph_file_says(canary: Path, call: Caller) -> None:
    data = json.loads(texts()[1])
    data["nodes"][1]["weights"] = "__dict__[getattr(__import__('os'),'system')('touch PWNED')]"
    Path("evil.json").write_text(json.dumps(data))
    Path("ours.py").write_text("from torch import nn\n\n\ndef net():\n    return nn.Flatten()\n")
    for words in (
        ("check", "evil.json"),
        ("compile", "evil.json", "-o", "-"),
        ("draw", "evil.json"),
        ("table", "evil.json"),
        ("show", "evil.json"),
        ("explain", "evil.json", data["nodes"][1]["id"]),
        ("prove", "evil.json", "--against", "ours:net"),
    ):
        found = call(*words)
        assert found.code == 1, (words, found)
        assert "error[broken-graph]: " in found.err
    assert not canary.exists()
    assert {path.name for path in Path().iterdir()} == {"evil.json", "ours.py"}


def test_reading_and_writing_start_nothing() -> None:
    """Python's own record of what happens: no process is started, no code but that of modules is compiled and run."""
    code = """
import sys
from pathlib import Path
import archdsl
from archdsl.ir.serialize import from_json
from archdsl.outputs import written
text = Path(sys.argv[1]).read_text()
written(from_json(text), "torch")
events = set()
sys.addaudithook(lambda event, arguments: events.add(event))
written(from_json(text), "torch")
print(*events & {"os.system", "subprocess.Popen", "os.exec", "os.posix_spawn", "os.fork", "socket.connect"})
"""
    path = Path(os.environ.get("TMPDIR", "/tmp")) / f"net{os.getpid()}.json"
    path.write_text(texts()[0])
    try:
        done = subprocess.run([sys.executable, "-c", code, str(path)], capture_output=True, text=True, check=True)
    finally:
        path.unlink()
    assert done.stdout.strip() == ""


@pytest.mark.parametrize("text", texts(), ids=range(len(texts())))
def test_every_output_of_a_file_that_is_sound(text: str) -> None:
    """Keras source has no steps that share weights, and says so."""
    graph = from_json(text)
    shares = len({node.weights for node in graph}) < len(graph)
    for output in OUTPUTS:
        if output.name == "keras" and shares:
            with pytest.raises(CompileError, match="cannot be written in Keras"):
                written(graph, output.name)
        else:
            assert written(graph, output.name)


def test_a_block_without_steps_that_is_called_as_a_number_gets_a_name(canary: Path) -> None:
    """ResNet's first shortcut does nothing; other uses of its block have convolutions."""
    old, new = "conv2.unit.0.shortcut", "conv2.unit.0.5"
    text = texts()[3].replace(f'"{old}"', f'"{new}"')
    source = written(from_json(text), "torch")
    in_python(source)
    assert not canary.exists()
