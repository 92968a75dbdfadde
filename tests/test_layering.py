"""Imports lead upwards only: a part of the package knows those that come before it in this table, and no others."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path

PACKAGE = Path(__file__).parent.parent / "archdsl"

MAY_IMPORT = {
    "source": "",
    "tensor": "",
    "naming": "",
    "resources": "",
    "foreign": "",
    "suggest": "foreign",
    "translated": "foreign",
    "terminal": "",
    "latex": "",
    "counterparts": "",
    "limits": "",
    "formula": "",
    "text": "naming",
    "diagnostics": "source limits",
    "formats": "diagnostics",
    "packages": "diagnostics",
    "files": "text diagnostics",
    "cache": "files",
    "syntax": "source limits text foreign translated diagnostics resources cache",
    "ops": "tensor diagnostics",
    "resolve": "source limits foreign suggest translated naming resources diagnostics syntax ops",
    "highlighting": "syntax ops resolve",
    "ir": "source tensor text naming diagnostics syntax ops",
    "readers": "source tensor ir",
    "analyses": "suggest tensor diagnostics ops ir",
    "elaborate": "source limits suggest tensor text naming diagnostics syntax ops resolve ir analyses",
    "passes": "naming diagnostics ops ir",
    "frontends": "source limits formats packages counterparts suggest tensor text naming resources diagnostics syntax "
    "ops ir readers",
    "decompile": "source tensor formula diagnostics syntax ops ir analyses passes",
    "backends": "source packages tensor naming terminal latex formula diagnostics files syntax ops ir analyses",
    "webpage": "source ir analyses backends",
    "driver": "source suggest tensor text formats resources diagnostics syntax ops resolve ir readers analyses "
    "elaborate passes",
    "editing": "source suggest text limits naming resources diagnostics files syntax ops resolve ir analyses elaborate "
    "driver",
    "outputs": "ir passes backends",
    "prove": "source tensor counterparts readers diagnostics ops ir analyses elaborate passes frontends backends "
    "outputs",
    "studies": "source packages suggest tensor text resources diagnostics cache syntax ops resolve ir analyses "
    "elaborate backends driver",
    "codes": "text diagnostics syntax ops resolve ir analyses elaborate frontends backends studies",
    "report": "source limits text terminal diagnostics",
    "shown": "diagnostics files report backends",
    "network": "source text diagnostics files ir readers analyses resolve frontends backends webpage driver outputs "
    "prove report shown",
    "lsp": "source diagnostics files syntax resolve resources editing",
    "live": "source packages limits suggest text resources diagnostics files syntax ops analyses resolve elaborate ir "
    "backends webpage driver editing outputs studies",
    "notebook": "source suggest report resolve driver shown network",
    "cli": "source limits packages suggest tensor text resources terminal diagnostics files syntax ops ir analyses "
    "resolve elaborate readers frontends backends webpage driver editing outputs prove decompile studies codes report "
    "network live lsp",
    "__main__": "cli",
}

SHARED_BACKEND = "python"
"""What other backends are built on. It knows nothing else of the package; they know nothing of each other."""

BUILT_ON = {"keras": "torch"}
"""A backend that takes from another one what a block is and what its numbers are called."""

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


def test_no_modules_import_each_other_in_a_circle() -> None:
    """Imports within functions and those for type checkers count too."""
    assert circles(links()) == []


def test_circles_are_found() -> None:
    links = {"a": {"b"}, "b": {"c"}, "c": {"b", "d"}, "d": set(), "e": {"e", "a"}}
    assert circles(links) == [["b", "c"], ["e"]]


def circles(links: dict[str, set[str]]) -> list[list[str]]:
    """Groups of modules each of which leads to every other and back to itself."""
    reached = {name: reachable(name, links) for name in links}
    groups = {tuple(sorted(other for other in reached[name] if name in reached[other])) for name in links}
    return sorted(list(group) for group in groups if group)


def reachable(name: str, links: dict[str, set[str]]) -> set[str]:
    """All that a module imports, and what that imports in turn."""
    seen: set[str] = set()
    pending = [name]
    while pending:
        new = links[pending.pop()] - seen
        seen |= new
        pending += new
    return seen


def links() -> dict[str, set[str]]:
    """The package's modules and which of them each imports; `from package import module` is an import of the module."""
    paths = {path: path.relative_to(PACKAGE.parent).with_suffix("").parts for path in PACKAGE.rglob("*.py")}
    names = {path.relative_to(PACKAGE).as_posix(): ".".join(parts) for path, parts in paths.items()}
    names = {path: name.removesuffix(".__init__") for path, name in names.items()}
    found: dict[str, set[str]] = {name: set() for name in names.values()}
    for path, _, imported in imports():
        module = imported if imported in found else imported.rpartition(".")[0]
        if module in found:
            found[names[path]].add(module)
    return found


def offences() -> Iterator[str]:
    """`ops/conv.py:2: ops imports backends`."""
    for path, line, module in imports():
        here, there = path.removesuffix(".py").split("/"), module.split(".")[1:]
        if here[0] == "__init__" or not module.startswith("archdsl."):
            continue
        across = here[0] == there[0] == "backends" and there[1] not in (here[1], SHARED_BACKEND, BUILT_ON.get(here[1]))
        is_apart = here[:2] == ["backends", SHARED_BACKEND] and there[:2] != here[:2]
        if across or is_apart or (there[0] != here[0] and there[0] not in MAY_IMPORT[here[0]].split()):
            yield f"{path}:{line}: {'.'.join(here[:-1]) or here[0]} imports {'.'.join(there)}"


@cache
def imports() -> list[tuple[str, int, str]]:
    """File, line and full name of each module that the package imports, at its top or within a function."""
    return list(_imports())


def _imports() -> Iterator[tuple[str, int, str]]:
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
