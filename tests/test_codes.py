"""The tables of codes are what the compiler reports, no more and no less, and every example brings its code about."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from error_examples import render

from archdsl.codes import CODES, read_example

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
def test_the_example_brings_its_code_about(code: str) -> None:
    assert f"[{code}]: " in render(read_example(CODES[code].example))


def test_examples_of_several_files_are_taken_apart() -> None:
    text = "$ archdsl check net.arch --variant b\n# link: c.arch\nnetwork Net:\n# file: a/b.arch\nblock B: relu\n"
    example = read_example(text)
    assert example.command == "archdsl check net.arch --variant b"
    assert example.files == {"net.arch": "# link: c.arch\nnetwork Net:\n", "a/b.arch": "block B: relu\n"}
    assert example.links == ("c.arch",)
    assert read_example("$ archdsl check absent.arch") == ("archdsl check absent.arch", {}, ())


def test_summaries_are_sentences_and_explanations_are_there() -> None:
    for name, code in CODES.items():
        assert re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", name)
        assert re.fullmatch(r"[A-Z`].*\.\)?", code.summary), name
        assert code.explanation.strip(), name
