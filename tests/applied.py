"""Applies the edits that the help of an error names, as a reader would, and says whether the error is then gone.

A help names an edit by `write ...`, `instead of ... write ...`, `leave out ...` or `did you mean ...?`; several of them
are joined by "or", and each alone must do. Where an edit belongs is not said in words: the text at the caret, the step
that begins there, the line, a new line, or the top of the file. One of these must do.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from archdsl.diagnostics import CompileError, Diagnostic
from archdsl.driver import compile_network
from archdsl.resolve.resolve import resolve
from archdsl.source import Source
from archdsl.syntax.codes import CODES as SYNTAX

LINE = r"(?: \(line (?P<{}>\d+)\))?"
EDIT = re.compile(
    rf"(?:instead of `(?P<old>[^`]+)`{LINE.format('old_line')} )?\bwrite(?: (?P<where>[a-z ]+):)? `(?P<new>[^`]+)`"
    rf"|leave out `(?P<gone>[^`]+)`{LINE.format('gone_line')}"
    r"|(?:did you mean|call it) `(?P<meant>[^`]+)`"
)
OR = re.compile(r"(?:,? or|,) `([^`]+)`")
VAGUE = re.compile(r"\.\.\.|\b(?:xs|name|n)\b")
"""What stands for something that the reader fills in."""


class Edit(NamedTuple):
    """What to write instead of what (nothing: what the caret shows), in which line if it is said; `where` in words."""

    new: str
    old: str = ""
    line: int | None = None
    where: str = ""


def found_in(text: str, folder: Path | None = None) -> tuple[Diagnostic, ...]:
    """Errors and warnings of a spec."""
    try:
        file = resolve(Source("net.arch", text), folder)
        return tuple(file.problems) if file.network is None else compile_network(file).warnings
    except CompileError as error:
        return error.diagnostics


def named_edits(diagnostic: Diagnostic) -> list[Edit]:
    """The edits that a diagnostic's help names, those that can be copied."""
    if diagnostic.span is None or diagnostic.span.source.name != "net.arch":
        return []
    return [edit for edit in _edits(diagnostic.help or "") if not VAGUE.search(edit.new)]


def _edits(help: str) -> Iterator[Edit]:
    for found in EDIT.finditer(help):
        line = found["old_line"] or found["gone_line"]
        edit = Edit(
            found["new"] or found["meant"] or "",
            found["old"] or found["gone"] or "",
            int(line) if line else None,
            found["where"] or "",
        )
        yield edit
        end = found.end()
        while other := OR.match(help, end):
            yield edit._replace(new="", old=other[1]) if found["gone"] else edit._replace(new=other[1])
            end = other.end()


def mends(text: str, diagnostic: Diagnostic, edit: Edit) -> str | None:
    """The spec after the edit, where that makes the error go and brings no error in the text of the spec."""
    known = [(one.code, one.message, one.span and one.span.line) for one in found_in(text)]
    own = diagnostic.code, diagnostic.message, diagnostic.span and diagnostic.span.line
    for changed in edited(text, diagnostic, edit):
        after = [(one.code, one.message, one.span and one.span.line) for one in found_in(changed)]
        is_broken = any(code in SYNTAX and (code, message) not in {k[:2] for k in known} for code, message, _ in after)
        if after.count(own) < known.count(own) and not is_broken:
            return changed
    return None


def edited(text: str, diagnostic: Diagnostic, edit: Edit) -> Iterator[str]:
    """The spec with the edit at each place where it could be meant."""
    span = diagnostic.span
    assert span is not None
    line = text.rfind("\n", 0, span.start) + 1
    begin = line + len(text[line:]) - len(text[line:].lstrip(" "))
    end = min(found for found in (text.find("\n", span.start), len(text)) if found >= 0)
    if edit.old:
        yield from _instead(text, edit, line)
        return
    new = edit.new
    if edit.where == "on a new line":
        for place in re.finditer(r"\n(?= *\S)|$", text[end:]):
            at = end + place.start()
            indents = {len(near) - len(near.lstrip()) for near in (text[line:end], text[at + 1 :])}
            yield from (f"{text[:at]}\n{' ' * indent}{new}{text[at:]}" for indent in sorted(indents))
        return
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


def _instead(text: str, edit: Edit, line: int) -> Iterator[str]:
    """The spec with an edit of a text that the help names: from the caret's line on, or in the line that it names."""
    lines = text.splitlines(keepends=True)
    start = line if edit.line is None else sum(map(len, lines[: edit.line - 1]))
    stop = len(text) if edit.line is None else start + len(lines[edit.line - 1])
    words = r"\s+".join(map(re.escape, edit.old.split()))  # a help has a branch of several lines in one
    for old in re.finditer(rf"(?<!\w){words}(?!\w)", text):
        if start <= old.start() < stop:
            yield text[: old.start()] + edit.new + text[old.end() :]
            if not edit.new:
                before = re.sub(r"(?:,|->|\|)?[ \n]*$", "", text[: old.start()])
                yield before + text[old.end() :]
                yield text[: old.start()] + re.sub(r"^ *(?:,|->|\|)? *", "", text[old.end() :])
