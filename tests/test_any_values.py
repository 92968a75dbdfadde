"""Whatever an op, a default or a setting is given, it is taken or is an error with a place: never a bug of ours."""

from __future__ import annotations

import subprocess
import sys

import pytest

import archdsl
from archdsl.diagnostics import CompileError
from archdsl.ops.initialize import INITIALIZERS
from archdsl.ops.registry import REGISTRY

VALUES = (
    *("[[1]]", "[[[]]]", "[[1, 2], [3]]", "[relu]", "[[relu]]", "[conv(1, [[2]])]", "relu", "conv(1, 2)", "Unit"),
    *("[Unit([[1]])]", "[it]", "[[it]]", "it", "[3 x 3]", "3 x 3", '"a"', '["a"]', '""', "1.5", "-1", "true", "[]"),
)
"""Of every kind, and lists of every kind in lists."""

PYTHON = ([[1]], [[[1]]], [("a", [1])], (1, (2,)), 1.5, True, float("nan"), 10**400, b"a")
"""The same, as the Python interface takes them."""

OPS = [name for name, op in REGISTRY.items() if not op.internal]


def tried(text: str) -> None:
    """Compiles a text, or is told where it is wrong."""
    try:
        archdsl.loads(text)
    except CompileError as error:
        found = error.diagnostics
    else:
        return
    assert all(diagnostic.span is not None for diagnostic in found)


@pytest.mark.parametrize("op", OPS)
def test_an_op_takes_or_refuses_any_value(op: str) -> None:
    first = next(iter(REGISTRY[op].model_fields), "out")
    for value in VALUES:
        tried(f"""\
network Net:
    input image: 3 x 16 x 16
    {op}({first}={value})
block Unit(n): relu
""")


@pytest.mark.parametrize(
    "call", ["{0}@a({1})", "{0}({1})", "{0}({2}={1})", "{0}", "{0}@a", "Unit@a({1})", "{0}([{1}])"]
)
@pytest.mark.parametrize("rule", ["defaults", "init"])
def test_rules_for_all_take_or_refuse_any_value(rule: str, call: str) -> None:
    for op, field in (("conv", "bias"), ("bn", "eps"), ("Unit", "n"), ("no_op", "n")):
        for value in ("[[1]]", "false", *list(INITIALIZERS)[:2]):
            written = call.format(op, value, field)
            tried(f"""\
network Net:
    input image: 3 x 16 x 16
    {rule}: {written}
    conv(4, 3) -> bn
block Unit(n): relu
""")


@pytest.mark.parametrize(
    "value", [*VALUES, [[1]], [[[1]]], [("a", [1])], (1, (2,)), 1.5, True, float("nan"), 10**400, b"a"]
)
def test_a_setting_takes_or_refuses_any_value(value: object) -> None:
    for kind in ("int", "float", "bool", "str", "list", "op", "block"):
        text = f"""\
network Net:
    input image: 3 x 16 x 16
    param given: {kind}
    Unit(given)
block Unit(n): conv(4, 3)
"""
        try:
            archdsl.loads(text, given=value)
        except CompileError:
            continue


@pytest.mark.parametrize("closed", ["<&-", ">&-", "2>&-", "<&- >&- 2>&-"])
@pytest.mark.parametrize("words", ["fmt -", "compile lenet -o -"])
def test_a_process_may_lack_any_stream(words: str, closed: str) -> None:
    done = subprocess.run(
        f"exec {sys.executable} -m archdsl {words} {closed}", shell=True, capture_output=True, text=True, input=""
    )
    assert done.returncode in (0, 1, 2)
    assert "bug" not in done.stderr
