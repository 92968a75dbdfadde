"""Diagnostics as text: every case of `cases/report` holds files, a diagnostic as JSON, and its whole rendering.

A place is written `["specs/resnet.arch", "add:"]`: the first time that text stands in that file.
"""

from __future__ import annotations

import json
from typing import Any

import pytest
from literate import Case, cases

from archdsl.diagnostics import CompileError, Diagnostic, Frame, Note
from archdsl.report import render_json, render_line, render_text
from archdsl.source import Source, Span


class Reader:
    """Makes diagnostics of a case's JSON."""

    def __init__(self, case: Case) -> None:
        self.sources = {block.info: Source(block.info, block.text) for block in case.all("arch")}

    def span(self, place: list[str] | None) -> Span | None:
        return None if place is None else self.place(place)

    def place(self, place: list[str]) -> Span:
        source = self.sources[place[0]]
        start = source.text.index(place[1])
        return Span(source, start, start + len(place[1]))

    def diagnostic(self, data: dict[str, Any]) -> Diagnostic:
        return Diagnostic(
            data["code"],
            data["message"],
            self.span(data.get("span")),
            data.get("label", ""),
            tuple(Note(text, self.span(place)) for text, place in data.get("notes", [])),
            tuple(Frame(text, self.place(place)) for text, place in data.get("frames", [])),
            data.get("help"),
            data.get("severity", "error"),
        )


@pytest.mark.parametrize("case", cases("report"), ids=str)
def test_rendering(case: Case, update: bool) -> None:
    reader = Reader(case)
    diagnostics = [reader.diagnostic(data) for data in json.loads(case.one("json"))]
    case.expect("text", render_text(diagnostics), update=update)


RESNET = Source("resnet.arch", "block Basic(width):\n    add:\n        | conv(width, 3)\n        | it\n")
ADD = Span(RESNET, RESNET.text.index("add"), RESNET.text.index("add") + 3)
MISMATCH = Diagnostic("shape-mismatch", "`add` needs equal shapes", ADD, help="write something else")


def test_nothing_to_say() -> None:
    assert render_text([]) == ""
    assert json.loads(render_json([])) == []


def test_one_line() -> None:
    assert render_line(MISMATCH) == "resnet.arch:2:5: error[shape-mismatch]: `add` needs equal shapes"
    assert render_line(Diagnostic("no-file", "there is no\nx.arch", severity="warning")) == (
        "warning[no-file]: there is no x.arch"
    )


def test_json_has_the_same_keys_always() -> None:
    full, bare = json.loads(render_json([MISMATCH, Diagnostic("no-file", "there is no x.arch")]))
    assert list(full) == list(bare)
    assert full["position"] == {
        "file": "resnet.arch",
        "start": {"offset": 24, "line": 2, "column": 5},
        "end": {"offset": 27, "line": 2, "column": 8},
    }
    assert bare["position"] is bare["help"] is None
    assert bare["notes"] == bare["frames"] == []


def test_color_adds_attributes_and_nothing_else() -> None:
    colored = render_text([MISMATCH], color=True)
    assert "\x1b[1;31merror[shape-mismatch]\x1b[0m" in colored
    assert "\x1b[1;31m    ^^^\x1b[0m" in colored
    plain = colored
    for attribute in ("1;31", "1;34", "36", "1", "0"):
        plain = plain.replace(f"\x1b[{attribute}m", "")
    assert plain == render_text([MISMATCH])


@pytest.mark.parametrize(
    ("text", "start", "end", "caret"),
    [
        ("", 0, 0, "^"),
        ("relu\n", 5, 5, "^"),
        ("relu\n", 4, 5, "    ^"),
        ("\tconv(64)", 1, 5, "    ^^^^"),
        ("a\tconv(64)", 2, 6, "    ^^^^"),
        ('"宽度" conv', 5, 9, "       ^^^^"),
        ("e\u0301 conv", 3, 7, "  ^^^^"),
        ("add:\n    | a\n    | b\n", 0, 20, "^^^^..."),
    ],
    ids=["empty file", "past the end", "line end", "tab", "tab stop", "wide", "combining", "several lines"],
)
def test_the_caret_stands_under_the_text(text: str, start: int, end: int, caret: str) -> None:
    lines = render_text([Diagnostic("x", "m", Span(Source("x.arch", text), start, end))]).splitlines()
    assert lines[4].partition("|")[2].removeprefix(" ") == caret


@pytest.mark.parametrize("name", ["first", "middle", "last"])
def test_a_very_long_line_is_cut_around_the_caret(name: str) -> None:
    text = f"first {'x' * 400} middle {'y' * 400} last"
    start = text.index(name)
    lines = render_text([Diagnostic("x", "m", Span(Source("x.arch", text), start, start + len(name)))]).splitlines()
    code, caret = lines[3], lines[4]
    assert max(map(len, lines)) <= 120
    assert code[caret.index("^") : caret.index("^") + caret.count("^")] == name
    assert "." not in caret


def test_a_span_longer_than_the_cut_line_says_so() -> None:
    lines = render_text([Diagnostic("x", "m", Span(Source("x.arch", "x" * 900), 0, 900))]).splitlines()
    assert lines[3].endswith("x...")
    assert lines[4].endswith("^...")


def test_notes_are_wrapped_at_the_width() -> None:
    words = " ".join(["shortcut"] * 30)
    lines = render_text([Diagnostic("x", "m", ADD, notes=(Note(words),), help=words)], width=40).splitlines()
    assert max(map(len, lines)) <= 40
    assert " ".join(line.strip(" =") for line in lines if "shortcut" in line) == f"{words} help: {words}"


def test_what_could_rewrite_the_terminal_is_not_printed() -> None:
    source = Source("x\x1b[2J.arch", "conv(\x1b[2J\u202e)\r\nrelu")
    span = Span(source, 0, 4)
    diagnostic = Diagnostic("x", "\x07 \udc80", span, "\x1b", (Note("\x00"),), (Frame("\x9b", span),), "\u2028x")
    for text in (render_text([diagnostic]), render_line(diagnostic), render_json([diagnostic])):
        text.encode("utf-8")
        assert not set(text) & set("\x1b\x07\x00\x9b\r\u202e")


def test_diagnostics_of_an_error_are_in_source_order() -> None:
    later = Diagnostic("x", "later", Span(RESNET, 30, 31))
    text = render_text(CompileError([later, MISMATCH]).diagnostics)
    assert text.index("needs equal") < text.index("later")
    assert text.endswith("\n\n2 errors")
