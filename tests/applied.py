"""Applies the edit that the help of an error names, as a reader would, and says whether the error is then gone.

A help names an edit by `write ...`, `instead of ... write ...` or `did you mean ...?`. Where it belongs is not said in
words: the text at the caret, the step that begins there, the line, or the top of the file. One of these must do.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from archdsl.diagnostics import CompileError, Diagnostic
from archdsl.driver import compile_network
from archdsl.resolve.resolve import resolve
from archdsl.source import Source
from archdsl.syntax.codes import CODES as SYNTAX

EDIT = re.compile(
    r"(?:instead of `(?P<old>[^`]+)` )?\bwrite(?: [a-z ]+:)? `(?P<new>[^`]+)`"
    r"|(?:did you mean|call it) `(?P<meant>[^`]+)`"
)
VAGUE = re.compile(r"\.\.\.|\b(?:xs|name|n)\b")
"""What stands for something that the reader fills in."""


def found_in(text: str, folder: Path | None = None) -> tuple[Diagnostic, ...]:
    """Errors and warnings of a spec."""
    try:
        file = resolve(Source("net.arch", text), folder)
        return tuple(file.problems) if file.network is None else compile_network(file).warnings
    except CompileError as error:
        return error.diagnostics


def named_edit(diagnostic: Diagnostic) -> re.Match[str] | None:
    """The edit that a diagnostic's help names, if it names one that can be copied."""
    edit = EDIT.search(diagnostic.help or "")
    if edit is None or diagnostic.span is None or diagnostic.span.source.name != "net.arch":
        return None
    return None if VAGUE.search(edit["new"] or edit["meant"] or "") else edit


def mends(text: str, diagnostic: Diagnostic, edit: re.Match[str]) -> str | None:
    """The spec after the edit, where that makes the error go and brings no error in the text of the spec."""
    known = [(one.code, one.message, one.span and one.span.line) for one in found_in(text)]
    own = diagnostic.code, diagnostic.message, diagnostic.span and diagnostic.span.line
    for changed in edited(text, diagnostic, edit):
        after = [(one.code, one.message, one.span and one.span.line) for one in found_in(changed)]
        is_broken = any(code in SYNTAX and (code, message) not in {k[:2] for k in known} for code, message, _ in after)
        if after.count(own) < known.count(own) and not is_broken:
            return changed
    return None


def edited(text: str, diagnostic: Diagnostic, edit: re.Match[str]) -> Iterator[str]:
    """The spec with the edit at each place where it could be meant."""
    span = diagnostic.span
    assert span is not None
    new = edit["new"] or edit["meant"]
    if edit["old"]:
        for old in re.finditer(rf"(?<!\w){re.escape(edit['old'])}(?!\w)", _flat(text)):
            if old.start() >= text.rfind("\n", 0, span.start):
                yield text[: old.start()] + new + text[old.end() :]
        return
    line = text.rfind("\n", 0, span.start) + 1
    begin = line + len(text[line:]) - len(text[line:].lstrip(" "))
    end = min(found for found in (text.find("\n", span.start), len(text)) if found >= 0)
    if new.startswith("from "):
        yield f"{new}\n{text}"
    call = re.compile(r"\w*(?:\((?:[^()\n]|\([^()\n]*\))*\))?").match(text, span.start)
    arrow = max(text.rfind("-> ", line, span.start) + 3, begin)
    for start, stop in (
        (span.start, span.end),
        (span.start, call.end() if call else span.end),
        (span.start, end),
        (arrow, end),
        (begin, end),
        (end, end),
    ):
        yield text[:start] + new + text[stop:]
    yield text[: span.start] + new + text[span.start :]
    if new.startswith(":"):
        yield text[: span.start].rstrip() + new + text[span.end :]


def _flat(text: str) -> str:
    """The text with line ends as blanks: a help has a branch of several lines in one."""
    return text.replace("\n", " ")
