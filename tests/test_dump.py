"""The text form of a graph: one line a node, indented as its scopes are."""

from __future__ import annotations

import pytest
from graphs import op, small
from literate import Case, cases

from archdsl.ir.dump import dump, written


@pytest.mark.parametrize("case", cases("dump"), ids=str)
def test_small_graph(case: Case, update: bool) -> None:
    case.expect("text", dump(small()), update=update)


@pytest.mark.parametrize(
    ("text", "name", "arguments"),
    [
        ("relu", "relu", {}),
        ("conv(64, 7)", "conv", {"out": 64, "kernel": 7}),
        ("conv(64, 1x7, stride=2, bias=false)", "conv", {"out": 64, "kernel": (1, 7), "stride": 2, "bias": False}),
        ("conv(64, 3, padding=valid)", "conv", {"out": 64, "kernel": 3, "padding": "valid"}),
        ("bn(eps=0.001)", "bn", {"eps": 0.001}),
    ],
)
def test_ops_are_written_as_in_a_spec(text: str, name: str, arguments: dict[str, object]) -> None:
    assert written(op(name, **arguments)) == text
