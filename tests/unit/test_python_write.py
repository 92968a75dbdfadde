"""Definitions as data become modules that `ruff format` leaves as they are, with docstrings that say what was given."""

from __future__ import annotations

import ast
import subprocess
import sys
from random import Random

import pytest

from archdsl.backends.python.code import Class, Function, Line, Suite, Text
from archdsl.backends.python.write import write_module

DOCS = [
    ("One line.",),
    ("A path like C:\\new\\table.",),
    ('Says "hi"',),
    ('"Hi", it says.',),
    ('Three """ quotes',),
    ('"""',),
    ('"',),
    ("Ends with a backslash \\",),
    ('Ends with a backslash and a quote \\"',),
    ("First.", "", '    Indented, with \\ and "quotes".', "Last."),
    ('First "', "", 'last "'),
    ("It's", "", "   ", "trailing space   "),
    ("ünïcödé ✓",),
]


def formatted(source: str) -> str:
    command = [sys.executable, "-m", "ruff", "format", "--isolated", "--line-length=100", "-"]
    return subprocess.run(command, input=source, capture_output=True, text=True, check=True).stdout


def meant(doc: tuple[str, ...]) -> str:
    """What a reader of the docstring should see: the lines without space at their ends."""
    return "\n".join(line.rstrip() for line in doc).strip()


def module(docs: list[tuple[str, ...]]) -> str:
    classes = [
        Class(f"C{i}", "nn.Module", doc, methods=(Function("f", ("self",), "int", (Line("return 1"),), doc=doc),))
        for i, doc in enumerate(docs)
    ]
    return write_module(("A module.",), ("import torch",), classes)


def check(docs: list[tuple[str, ...]]) -> None:
    text = module(docs)
    assert formatted(text) == text
    found = [node for node in ast.parse(text).body if isinstance(node, ast.ClassDef)]
    assert [ast.get_docstring(node) for node in found] == list(map(meant, docs))
    methods = [node.body[-1] for node in found]
    assert [ast.get_docstring(node) for node in methods if isinstance(node, ast.FunctionDef)] == list(map(meant, docs))


@pytest.mark.parametrize("doc", DOCS)
def test_docstrings(doc: tuple[str, ...]) -> None:
    check([doc])


def test_random_docstrings() -> None:
    random = Random(1)
    parts = ["a", "word ", '"', "'", "\\", " ", '""', "{x}", "#"]
    docs = []
    while len(docs) < 400:
        lines = ["".join(random.choices(parts, k=random.randint(1, 8))) for _ in range(random.choice((1, 1, 2, 3)))]
        first, *rest = (line.strip() for line in lines)
        if first and (not rest or rest[-1]):
            docs.append((first, *rest))
    check(docs)


def test_blank_lines() -> None:
    forward = Function("forward", ("self", "x: Tensor"), "Tensor", (Line("return x", "3x8x8"),), "3x8x8")
    loop = Suite(
        "for i in range(3):", (Line("x = x + i"), Suite("if x:", (Line("break"),)), Suite("else:", (Line("pass"),)))
    )
    definitions = [
        Text("def helper(x):\n    return x\n"),
        Class("Empty", "nn.Module", ()),
        Class("Named", "NamedTuple", (), (Line("x: int"), Line("y: Tensor | None = None", "only in training"))),
        Class("Net", "nn.Module", ("Doc.",), (Line("x: int"),), (forward, forward)),
        Class("Bare", "nn.Module", (), (), (forward,)),
        Function("main", (), "None", (Line("x = 1"), Line(""), loop)),
        Text('if __name__ == "__main__":\n    main()'),
    ]
    text = write_module(("Doc.",), ("import math", "", "import torch"), definitions)
    assert formatted(text) == text
    assert "        return x  # 3x8x8\n" in text


def test_trees_in_lines() -> None:
    x = ast.Name("x", ast.Store())
    line = Line.of(ast.Assign([x], ast.BinOp(ast.Name("a"), ast.Add(), ast.Constant(1e-5))), "small")
    assert line == Line("x = a + 1e-5", "small")
    suite = Suite.of(ast.If(ast.Name("x"), [], []), (line,))
    assert suite == Suite("if x:", (line,))
    text = write_module((), (), [Function("f", ("a: float",), "None", (suite,))])
    assert text.endswith("def f(a: float) -> None:\n    if x:\n        x = a + 1e-5  # small\n")
