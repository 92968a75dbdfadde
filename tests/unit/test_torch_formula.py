"""Expressions of the language as Python."""

from __future__ import annotations

import pytest
from archdsl.backends.torch.formula import MISSING, Formula, translate


@pytest.mark.parametrize(
    ("text", "python", "names", "value"),
    [
        ("width * expansion", "width * expansion", {"width": 64, "expansion": 4}, 256),
        ("input.channels * 4", "in_channels * 4", {"in_channels": 3}, 12),
        ("prev.channels + 1", "prev_channels + 1", {"prev_channels": 3}, 4),
        ("2 ^ n", "2 ** n", {"n": 3}, 8),
        ("-2 ^ 2", "-2 ** 2", {}, -4),
        ("floor(n * 0.25)", "math.floor(n * 0.25)", {"n": 30}, 7),
        ("if stride == 1 then out else out - n", "out if stride == 1 else out - n", {"stride": 2, "out": 8, "n": 3}, 5),
        ("if a then 1 else if b then 2 else 3", "1 if a else 2 if b else 3", {"a": False, "b": True}, 2),
        ("round_to(c * 1.2, 8)", "round_to(c * 1.2, 8)", {"c": 40}, 48),
        ("[a, 2]", "(a, 2)", {"a": 1}, (1, 2)),
        ("true", "True", {}, True),
        ("n / 2", "n / 2", {"n": 8}, 4),
    ],
)
def test_translation(text: str, python: str, names: dict[str, int], value: object) -> None:
    formula = translate(text)
    assert formula is not None
    assert formula.text == python
    assert formula.names == names.keys()
    assert formula.value(names) == value
    assert type(formula.value(names)) is type(value)


@pytest.mark.parametrize(
    "text",
    ["1x7", "range(c)", "it.height", "x.shape", "a ~ 2.0", "__import__('os')", "(lambda: 1)()", "max(", ""],
)
def test_what_python_has_not(text: str) -> None:
    assert translate(text) is None


@pytest.mark.parametrize(
    ("text", "names"), [("1 / n", {"n": 0}), ("m", {"n": 0}), ("n ** n", {"n": 10**9}), ("ns[5]", {"ns": (1,)})]
)
def test_no_value(text: str, names: dict[str, object]) -> None:
    assert Formula(text).value(names) is MISSING


def test_substitution_keeps_precedence() -> None:
    product = Formula("a * b").substituted({"a": Formula("c + 1"), "b": Formula("d")})
    assert product.text == "(c + 1) * d"
