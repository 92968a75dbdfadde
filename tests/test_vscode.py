"""The extension for Visual Studio Code has what its manifest names, and its lock file names no registry."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).parent.parent / "editors" / "vscode"


def read(name: str) -> Any:
    return json.loads((FOLDER / name).read_text(encoding="utf-8"))


def test_the_manifest_names_files_that_are_there() -> None:
    manifest = read("package.json")
    contributes = manifest["contributes"]
    (language,), (grammar,) = contributes["languages"], contributes["grammars"]
    names = [manifest["icon"], language["configuration"], grammar["path"]]
    assert [name for name in names if not (FOLDER / name).is_file()] == []
    assert read(grammar["path"])["scopeName"] == grammar["scopeName"]
    packed = (FOLDER / ".vscodeignore").read_text(encoding="utf-8")
    assert [name for name in names if name.removeprefix("./").split("/")[0] not in packed] == []


def test_the_program_registers_and_reads_what_the_manifest_declares() -> None:
    contributes = read("package.json")["contributes"]
    program = (FOLDER / "extension.js").read_text(encoding="utf-8")
    assert re.findall(r'registerCommand\("([^"]+)"', program) == [one["command"] for one in contributes["commands"]]
    assert "archdsl.command" in contributes["configuration"]["properties"]
    assert contributes["configuration"]["properties"]["archdsl.command"]["default"] == ["archdsl", "lsp"]


def test_a_line_that_opens_a_body_indents_the_next_one() -> None:
    (rule,) = read("language-configuration.json")["onEnterRules"]
    opens = re.compile(rule["beforeText"])
    assert all(opens.match(line) for line in ("network Net:", "    add:  # joins", "    if it.height == 8:"))
    assert not any(opens.match(line) for line in ("    conv(8, 3)", '    source "He et al.: see"', "    # note:"))


def test_the_lock_names_no_registry() -> None:
    packages = read("package-lock.json")["packages"]
    assert [name for name, package in packages.items() if "resolved" in package] == []
    assert all("integrity" in package for name, package in packages.items() if name)
