"""Every form of the language: what it means, shown as the graph it becomes (`tests/cases/language`)."""

from __future__ import annotations

import pytest
from literate import Case, cases

from archdsl.diagnostics import CompileError
from archdsl.driver import compile_network
from archdsl.ir.dump import dump
from archdsl.report import render_text
from archdsl.resolve.resolve import resolve
from archdsl.source import Source


def outcome(case: Case) -> str:
    """The graph as text, or what the user is told."""
    source = Source("net.arch", case.one("arch"))
    try:
        return dump(compile_network(resolve(source)).graph)
    except CompileError as error:
        return render_text(error.diagnostics)


@pytest.mark.parametrize("case", cases("language"), ids=str)
def test_language(case: Case, update: bool) -> None:
    case.expect("graph", outcome(case), update=update)


@pytest.mark.parametrize("case", cases("errors"), ids=str)
def test_errors(case: Case, update: bool) -> None:
    case.expect("text", outcome(case), update=update)
