"""Imports lead upwards only: a part of the package knows those that come before it in this table, and no others."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

PACKAGE = Path(__file__).parent.parent / "archdsl"

MAY_IMPORT = {
    "source": "",
    "tensor": "",
    "naming": "",
    "resources": "",
    "suggest": "",
    "terminal": "",
    "counterparts": "",
    "diagnostics": "source",
    "files": "diagnostics",
    "syntax": "source diagnostics resources",
    "ops": "tensor diagnostics",
    "resolve": "source suggest naming resources diagnostics syntax ops",
    "ir": "source tensor naming diagnostics ops",
    "analyses": "suggest tensor diagnostics ops ir",
    "elaborate": "source suggest tensor naming diagnostics syntax ops resolve ir analyses",
    "frontends": "source suggest tensor naming diagnostics ops ir",
    "backends": "source tensor naming terminal diagnostics files ops ir analyses",
    "driver": "source suggest tensor resources diagnostics syntax ops resolve ir elaborate analyses frontends backends",
    "prove": "source tensor counterparts diagnostics ops ir analyses frontends backends driver",
    "studies": "source suggest tensor diagnostics syntax ops resolve ir analyses elaborate backends driver",
    "codes": "diagnostics syntax ops resolve ir analyses elaborate frontends studies",
    "report": "source terminal diagnostics",
    "network": "source diagnostics files ir analyses resolve backends driver prove report",
    "cli": "source suggest tensor resources terminal diagnostics files syntax ops ir analyses resolve elaborate "
    "frontends backends driver prove studies codes report network",
    "__main__": "cli",
}

TORCH = ("backends/torch/load.py", "frontends/", "prove/")
"""What may import torch, which takes longer than compiling a network; it is itself imported where it is needed."""


def test_the_table_is_in_order() -> None:
    seen: set[str] = set()
    for part, allowed in MAY_IMPORT.items():
        assert set(allowed.split()) <= seen, part
        seen.add(part)


def test_every_part_is_in_the_table() -> None:
    parts = {path.relative_to(PACKAGE).with_suffix("").parts[0] for path in PACKAGE.rglob("*.py")}
    assert parts - {"__init__"} <= set(MAY_IMPORT)


def test_imports_lead_upwards() -> None:
    assert list(offences()) == []


def test_only_what_runs_networks_imports_torch() -> None:
    found = {path for path, _, module in imports() if module.split(".")[0] == "torch"}
    assert {path for path in found if not path.startswith(TORCH)} == set()


def test_everything_else_is_there_without_torch() -> None:
    paths = [path.relative_to(PACKAGE) for path in PACKAGE.rglob("*.py") if path.name != "__main__.py"]
    light = [path for path in paths if not path.as_posix().startswith(TORCH)]
    lines = [f"import archdsl.{'.'.join(path.with_suffix('').parts)}" for path in sorted(light)]
    code = "\n".join(["import sys", *lines, "print(*{'torch', 'numpy'} & set(sys.modules))"])
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == ""


def offences() -> Iterator[str]:
    """`ops/conv.py:2: ops imports backends`."""
    for path, line, module in imports():
        here, there = path.removesuffix(".py").split("/"), module.split(".")[1:]
        if here[0] == "__init__" or not module.startswith("archdsl."):
            continue
        across = here[0] == there[0] == "backends" and len(there) > 1 and here[1] != there[1]
        if across or (there[0] != here[0] and there[0] not in MAY_IMPORT[here[0]].split()):
            yield f"{path}:{line}: {'.'.join(here[:-1]) or here[0]} imports {'.'.join(there)}"


def imports() -> Iterator[tuple[str, int, str]]:
    """File, line and full name of each module that the package imports, at its top or within a function."""
    for path in sorted(PACKAGE.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                names = [alias.name for alias in node.names]
            elif isinstance(node, ast.ImportFrom):
                assert node.level == 0, f"{path}:{node.lineno}: a relative import"
                names = [f"{node.module}.{alias.name}" for alias in node.names]
            else:
                continue
            for name in names:
                yield path.relative_to(PACKAGE).as_posix(), node.lineno, name
