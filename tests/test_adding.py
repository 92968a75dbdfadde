"""The pages that say how to add something are carried out, word for word, in a copy of the tree.

A fence that names a file (`python archdsl/passes/x.py`) is that file; a `diff` fence changes the lines that it shows
in the file it names; a `console` fence is commands after `$` and what they print, `...` for anything.
"""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from lessons import commands, matches
from test_docs import CARRIED_OUT, ROOT

FENCE = re.compile(r"^(?P<fence>`{3,})(?P<kind>\w+)(?: +(?P<file>\S+))? *\n(?P<text>.*?)^(?P=fence) *$", re.M | re.S)
MOST_TOUCHED = 2
"""Existing files that adding something may change, its own aside."""


@pytest.mark.parametrize("page", CARRIED_OUT)
def test_what_the_page_says_is_done(page: str, tmp_path: Path) -> None:
    copy_tree(tmp_path)
    changed = set()
    for fence in FENCE.finditer((ROOT / "docs" / page).read_text(encoding="utf-8")):
        if fence["kind"] == "diff":
            change(tmp_path / fence["file"], fence["text"])
            changed.add(fence["file"])
        elif fence["file"]:
            assert not (tmp_path / fence["file"]).exists(), f"{fence['file']} is there already"
            (tmp_path / fence["file"]).write_text(fence["text"], encoding="utf-8")
        elif fence["kind"] == "console":
            for command, expected in commands(fence["text"]):
                printed = run(command, tmp_path)
                assert matches(expected, printed), f"$ {command}\n--- shown\n{expected}\n--- printed\n{printed}"
    assert len(changed) <= MOST_TOUCHED
    for command in (["check"], ["format", "--check"]):
        subprocess.run([sys.executable, "-m", "ruff", *command, "archdsl"], cwd=tmp_path, check=True)


def copy_tree(to: Path) -> None:
    for name in ("archdsl", "grammar", "specs", "tests", "docs", "scripts"):
        shutil.copytree(ROOT / name, to / name, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "pyproject.toml", to)


def change(path: Path, diff: str) -> None:
    """Lines that begin with a space or `-` are replaced by those that begin with a space or `+`."""
    before = "".join(f"{line[1:]}\n" for line in diff.splitlines() if line[0] in " -")
    after = "".join(f"{line[1:]}\n" for line in diff.splitlines() if line[0] in " +")
    text = path.read_text(encoding="utf-8")
    assert text.count(before) == 1, f"{path.name} does not have these lines once:\n{before}"
    path.write_text(text.replace(before, after), encoding="utf-8")


def run(command: str, folder: Path) -> str:
    words = shlex.split(command)
    program = {"archdsl": [sys.executable, "-m", "archdsl"], "python": [sys.executable]}[words[0]]
    environment = {**os.environ, "PYTHONPATH": str(folder)}
    done = subprocess.run(
        [*program, *words[1:]], cwd=folder, env=environment, capture_output=True, text=True, check=False
    )
    return done.stdout + done.stderr


def test_a_change_that_does_not_fit_is_found(tmp_path: Path) -> None:
    (tmp_path / "x.py").write_text("one\ntwo\n")
    change(tmp_path / "x.py", " one\n+more\n two\n")
    assert (tmp_path / "x.py").read_text() == "one\nmore\ntwo\n"
    with pytest.raises(AssertionError, match="does not have these lines once"):
        change(tmp_path / "x.py", "-three\n+four\n")
