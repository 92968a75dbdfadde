"""The tables of codes are what the compiler reports, no more and no less, and every example brings its code about."""

from __future__ import annotations

import ast
import json
import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import pytest

from archdsl.cli import main
from archdsl.codes import CODES
from archdsl.diagnostics import CompileError
from archdsl.ir.serialize import from_json

PACKAGE = Path(__file__).parent.parent / "archdsl"
CODE = re.compile(r"[a-z]+(-[a-z]+[0-9]*)+")
REPORTERS = {"Diagnostic", "Problem", "report", "problem", "warn", "abort"}


def strings() -> set[str]:
    """Every string in the source, but for the tables of codes themselves."""
    files = [path for path in PACKAGE.rglob("*.py") if path.name != "codes.py"]
    nodes = (node for path in files for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))))
    return {node.value for node in nodes if isinstance(node, ast.Constant) and isinstance(node.value, str)}


def reported() -> Iterator[tuple[str, str]]:
    """Each code that is handed to a function, and where; in figures such words are attributes of SVG."""
    for path in sorted(PACKAGE.rglob("*.py")):
        if "figures" in path.parts:
            continue
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call):
                for text in _codes(node):
                    yield text, f"{path.relative_to(PACKAGE)}:{node.lineno}"


def _codes(call: ast.Call) -> Iterator[str]:
    arguments = [*call.args[:1], *(keyword.value for keyword in call.keywords if keyword.arg == "code")]
    reports = getattr(call.func, "id", getattr(call.func, "attr", "")) in REPORTERS
    for argument in arguments:
        text = argument.value if isinstance(argument, ast.Constant) else None
        if isinstance(text, str) and (reports or CODE.fullmatch(text)):
            yield text


def test_every_code_that_is_reported_is_explained() -> None:
    assert {code: place for code, place in reported() if code not in CODES} == {}


def test_every_code_that_is_explained_is_reported() -> None:
    assert set(CODES) - strings() == set()


@pytest.mark.parametrize("code", CODES)
def test_the_example_brings_its_code_about(
    code: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    example = CODES[code].example
    if example.startswith("{"):
        with pytest.raises(CompileError) as caught:
            from_json(example)
        assert code in [diagnostic.code for diagnostic in caught.value.diagnostics]
    else:
        main([*prepared(example), "--format", "json"])
        assert code in [diagnostic["code"] for diagnostic in json.loads(capsys.readouterr().out)]


def prepared(example: str) -> list[str]:
    """Writes an example's files where we are, and gives the arguments of its command."""
    command, text = "archdsl check net.arch", example
    if example.startswith("$ "):
        command, _, text = example[2:].partition("\n")
    name = "net.arch"
    for part in re.split(r"^(?=# file: )", text, flags=re.MULTILINE):
        if found := re.match(r"# file: (\S+)\n", part):
            name = found[1]
        for link in re.findall(r"^# link: (\S+)$", part, flags=re.MULTILINE):
            Path("..", link).write_text("block Block: relu\n", encoding="utf-8")
            Path(link).symlink_to(Path("..", link))
        Path(name).parent.mkdir(parents=True, exist_ok=True)
        Path(name).write_text(part, encoding="utf-8", errors="surrogateescape")
    return shlex.split(command)[1:]


def test_summaries_are_sentences_and_explanations_are_there() -> None:
    for name, code in CODES.items():
        assert re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", name)
        assert re.fullmatch(r"[A-Z`].*\.", code.summary), name
        assert code.explanation.strip(), name
