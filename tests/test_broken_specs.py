"""Specs with slips in them: whatever a user's finger does, the answer is a diagnostic, never a traceback."""

from __future__ import annotations

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from archdsl.diagnostics import CompileError, Diagnostic
from archdsl.driver import Limits, compile_network
from archdsl.report import render_line, render_text
from archdsl.resolve.resolve import resolve
from archdsl.resources import specs_folder
from archdsl.source import Source
from archdsl.syntax.parser import parse
from archdsl.syntax.printer import format_spec

SPECS = ["lenet", "googlenet", "resnet", "efficientnet", "unet", "hourglass", "nasnet", "textcnn", "densenet", "fcn"]
TEXTS = {name: (specs_folder() / f"{name}.arch").read_text() for name in SPECS}
TOKEN = re.compile(r"\w+|->|[^\w\s]|\n *")
EXTRAS = [
    "",
    "->",
    "(",
    ")",
    "{",
    "}",
    "[",
    "]",
    "|",
    ":",
    ",",
    "=",
    "==",
    "~",
    "*",
    "-",
    "\n",
    "\n    ",
    "\t",
    "#",
    '"',
]
EXTRAS += [
    "0",
    "-1",
    "1e99",
    "10_000_000_000",
    "4.1G",
    "if",
    "else",
    "for",
    "in",
    "as",
    "it",
    "input",
    "x",
    "conv",
    "bn",
]
EXTRAS += [
    "stage",
    "repeat",
    "path",
    "let",
    "return",
    "expect",
    "shared",
    "split",
    "concat",
    "true",
    "half",
    "\x00",
    "é",
]


@st.composite
def slips(draw: st.DrawFn) -> str:
    """A spec of the gallery with one to three tokens replaced, removed, doubled or put elsewhere."""
    text = TEXTS[draw(st.sampled_from(SPECS))]
    for _ in range(draw(st.integers(1, 3))):
        tokens = list(TOKEN.finditer(text))
        token = tokens[draw(st.integers(0, len(tokens) - 1))]
        other = tokens[draw(st.integers(0, len(tokens) - 1))]
        put = draw(st.one_of(st.sampled_from(EXTRAS), st.just(other[0]), st.just(token[0] * 2)))
        text = text[: token.start()] + put + text[token.end() :]
    return text


@settings(max_examples=400, deadline=None, derandomize=True)
@given(slips())
def test_a_slip_is_answered_by_a_diagnostic(text: str) -> None:
    found = diagnostics(text)
    for diagnostic in found:
        assert diagnostic.message
        assert diagnostic.span is not None or diagnostic.code == "no-network"
        assert render_line(diagnostic)
    assert not found or render_text(found)


def diagnostics(text: str) -> tuple[Diagnostic, ...]:
    """What the compiler has to say, where it does not accept the spec. Anything but a `CompileError` is a bug."""
    try:
        compile_network(resolve(Source("slip.arch", text), specs_folder()), limits=Limits(steps=20_000))
    except CompileError as error:
        return error.diagnostics or pytest.fail("an error that says nothing")
    return ()


@settings(max_examples=150, deadline=None, derandomize=True)
@given(slips())
def test_what_still_parses_is_formatted_without_loss(text: str) -> None:
    try:
        spec = parse(Source("slip.arch", text))
    except CompileError:
        return
    once = format_spec(spec)
    assert format_spec(parse(Source("slip.arch", once))) == once


@pytest.mark.parametrize("text", ["", "\n\n", "# nothing", "\t", "network", "block", "(" * 5000, "network N:\n" * 50])
def test_odd_files(text: str) -> None:
    with pytest.raises(CompileError):
        compile_network(resolve(Source("odd.arch", text)))
