"""Reads the edits that a diagnostic's help names, and says what a text is with each of them.

A help names an edit by `write ...`, `instead of ... write ...`, `leave out ...`, `did you mean ...?` or `call it ...`;
several are joined by "or". It does not say where the edit belongs: at the caret, instead of the step that begins there,
of the rest of the line or of all of it, on a new line, or at the top of the file.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

from archdsl.diagnostics import Diagnostic
from archdsl.source import Source, Span

LINE = r"(?: \(line (?P<{}>\d+)\))?"
EDIT = re.compile(
    rf"(?:instead of `(?P<old>[^`]+)`{LINE.format('old_line')} )?\bwrite(?: (?P<where>[a-z ]+):)? `(?P<new>[^`]+)`"
    rf"|leave out `(?P<gone>[^`]+)`{LINE.format('gone_line')}"
    r"|(?:did you mean|call it) `(?P<meant>[^`]+)`"
)
OR = re.compile(r"(?:,? or|,) `([^`]+)`")
VAGUE = re.compile(r"\.\.\.|\b(?:xs|name|n)\b")
"""What stands for something that the reader fills in."""

WORD = re.compile(r"\"[^\"\n]*\"|\w+")
"""A word, a number or a text in quotes."""

CALL = re.compile(r"\w*(?:\((?:[^()\n]|\([^()\n]*\))*\))?")
"""A step: a name, perhaps with arguments."""


class Edit(NamedTuple):
    """What to write instead of what (nothing: what the caret shows), in which line if it is said; `where` in words.

    `is_name` says that the name at the caret is to be another one, and nothing else.
    """

    new: str
    old: str = ""
    line: int | None = None
    where: str = ""
    is_name: bool = False


def named_edits(diagnostic: Diagnostic) -> list[Edit]:
    """The edits that a diagnostic's help names, those that can be copied."""
    return [edit for edit in _edits(diagnostic.help or "") if not VAGUE.search(edit.new)]


def _edits(help: str) -> Iterator[Edit]:
    for found in EDIT.finditer(help):
        line = found["old_line"] or found["gone_line"]
        edit = Edit(
            found["new"] or found["meant"] or "",
            found["old"] or found["gone"] or "",
            int(line) if line else None,
            found["where"] or "",
            found["meant"] is not None and re.fullmatch(r"\w+", found["meant"]) is not None,
        )
        yield edit
        end = found.end()
        while other := OR.match(help, end):
            yield edit._replace(new="", old=other[1]) if found["gone"] else edit._replace(new=other[1])
            end = other.end()


class Change(NamedTuple):
    """A text in place of a stretch of another one."""

    source: Source
    start: int
    stop: int
    new: str

    @property
    def text(self) -> str:
        old = self.source.text
        return old[: self.start] + self.new + old[self.stop :]

    def is_of(self, span: Span) -> bool:
        """Whether it changes the caret's stretch, and at most blanks before it."""
        return not self.source.text[self.start : span.start].strip() and self.stop == span.end > self.start

    def lost(self, span: Span) -> set[str]:
        """The words and texts that are not in the new text, but for those at the caret."""
        old = self.source.text
        removed = old[self.start : min(span.start, self.stop)] + " " + old[max(span.end, self.start) : self.stop]
        return set(WORD.findall(removed)) - set(WORD.findall(self.new))


def call_at_caret(text: str, span: Span) -> str:
    """The call that begins at a place: a name, perhaps with arguments."""
    call = CALL.match(text, span.start)
    return call[0] if call else ""


def edited(source: Source, diagnostic: Diagnostic, edit: Edit) -> Iterator[Change]:
    """The edit at each place where it could be meant, the likeliest first."""
    span, text = diagnostic.span, source.text
    assert span is not None
    line = text.rfind("\n", 0, span.start) + 1
    end = min(found for found in (text.find("\n", span.start), len(text)) if found >= 0)
    if edit.old:
        yield from _instead(source, edit, line)
    elif edit.where == "on a new line":
        yield from _on_new_line(source, edit.new, line, end)
    elif edit.is_name:
        yield Change(source, span.start, span.end, edit.new)
    else:
        yield from _at(source, diagnostic, edit.new, line, end)


def _at(source: Source, diagnostic: Diagnostic, new: str, line: int, end: int) -> Iterator[Change]:
    """The text `new` around the caret: instead of what stands there or of more, or before it."""
    span, text = diagnostic.span, source.text
    assert span is not None
    if new.startswith("from "):
        yield Change(source, 0, 0, f"{new}\n")
    if new.startswith((",", ":")):
        yield Change(source, len(text[: span.start].rstrip()), span.end, new)
    begin = line + len(text[line:]) - len(text[line:].lstrip(" "))
    call = span.start + len(call_at_caret(text, span))
    arrow = max(text.rfind("-> ", line, span.start) + 3, begin)
    # Of an unknown step, the arguments go with the name: they are those of another tool.
    alone = () if diagnostic.code == "unknown-name" and call > span.end else ((span.start, span.end),)
    for start, stop in (*alone, (span.start, call), (span.start, end), (arrow, end), (begin, end), (end, end)):
        yield Change(source, start, stop, new)
    yield Change(source, span.start, span.start, new)


def _on_new_line(source: Source, new: str, line: int, end: int) -> Iterator[Change]:
    """A further line below the caret's, indented as the lines around it."""
    text = source.text
    for place in re.finditer(r"\n(?= *\S)|$", text[end:]):
        at = end + place.start()
        indents = {len(near) - len(near.lstrip()) for near in (text[line:end], text[at + 1 :])}
        yield from (Change(source, at, at, f"\n{' ' * indent}{new}") for indent in sorted(indents))


def _instead(source: Source, edit: Edit, line: int) -> Iterator[Change]:
    """An edit of words that the help names: from the caret's line on, or in the line that it names."""
    text, lines = source.text, source.text.splitlines(keepends=True)
    if edit.line is not None and edit.line > len(lines):
        return
    start = line if edit.line is None else sum(map(len, lines[: edit.line - 1]))
    stop = len(text) if edit.line is None else start + len(lines[edit.line - 1])
    words = r"\s+".join(map(re.escape, edit.old.split()))  # a help has a branch of several lines in one
    for old in re.finditer(rf"(?<!\w){words}(?!\w)", text):
        if start <= old.start() < stop:
            yield Change(source, old.start(), old.end(), edit.new)
            if not edit.new:
                before = re.search(r"(?:,|->|\|)?[ \n]*$", text[: old.start()])
                after = re.match(r" *(?:,|->|\|)? *", text[old.end() :])
                yield Change(source, before.start() if before else old.start(), old.end(), "")
                yield Change(source, old.start(), old.end() + (after.end() if after else 0), "")
