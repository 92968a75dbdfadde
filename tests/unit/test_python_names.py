"""Names in emitted code."""

from __future__ import annotations

import builtins
import keyword

import pytest

from archdsl.backends.python.names import BUILT_IN, Namespace, camel_case, legal


@pytest.mark.parametrize(
    ("name", "expected"),
    [("conv1", "conv1"), ("lambda", "lambda_"), ("3", "n3"), ("l", "l_"), ("input", "input_")],
)
def test_legal(name: str, expected: str) -> None:
    assert legal(name) == expected
    assert legal(name).isidentifier()
    assert not keyword.iskeyword(legal(name))


def test_built_in_names_are_python_s() -> None:
    assert all(hasattr(builtins, name) for name in BUILT_IN)


def test_unique() -> None:
    names = Namespace(["Cell"])
    assert [names.unique("Cell") for _ in range(3)] == ["Cell2", "Cell3", "Cell4"]
    assert [names.unique("conv1") for _ in range(2)] == ["conv1", "conv1_2"]


@pytest.mark.parametrize(("name", "expected"), [("stage3", "Stage3"), ("up_conv", "UpConv"), ("MBConv", "MBConv")])
def test_camel_case(name: str, expected: str) -> None:
    assert camel_case(name) == expected


def test_reserved_names_are_not_given() -> None:
    assert legal("torch", ("torch", "nn")) == "torch_"
    assert Namespace(reserved=("torch",)).unique("torch") == "torch_"
