"""Finds the edits that a diagnostic's help names, and tries them: an edit is a fix if the mistake is gone after it.

A help names an edit by `write ...`, `instead of ... write ...`, `leave out ...`, `did you mean ...?` or `call it ...`;
several are joined by "or". It does not say where the edit belongs: at the caret, instead of the step that begins there,
of the rest of the line or of all of it, on a new line, or at the top of the file. Each place is tried.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from archdsl.diagnostics import Diagnostic
from archdsl.resolve.codes import CODES as NAMES
from archdsl.source import Source, Span
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

BEGINS = re.compile(r"(?:write(?: at the top of the file:)?|instead of|leave out|did you mean|call it) `[^;]*$")
"""A help that begins with an edit and gives no other advice."""

CALL = re.compile(r"\w*(?:\((?:[^()\n]|\([^()\n]*\))*\))?")
"""A step: a name, perhaps with arguments."""


class Edit(NamedTuple):
    """What to write instead of what (nothing: what the caret shows), in which line if it is said; `where` in words."""

    new: str
    old: str = ""
    line: int | None = None
    where: str = ""


@dataclass(frozen=True, slots=True)
class Fix:
    """An edit that was tried: with `text` instead of the text at `span`, the mistake is gone.

    `title` says it in words. It is `sure` if the help names no other edit.
    """

    span: Span
    text: str
    title: str
    sure: bool


def fixes(diagnostic: Diagnostic, check: Callable[[str], Sequence[Diagnostic]]) -> list[Fix]:
    """The edits of the text that a diagnostic is about, each of which mends it.

    `check` gives the errors and warnings of a changed text. Each edit is tried at up to nine places, and taken where it
    leaves the fewest errors.
    """
    if diagnostic.span is None:
        return []
    named = named_edits(diagnostic)
    known = check(diagnostic.span.source.text) if named else ()
    sure = len(named) == 1 and BEGINS.match(diagnostic.help or "") is not None
    found = (_best(diagnostic, edit, check, known, sure) for edit in named)
    return [fix for fix in found if fix is not None]


def _best(
    diagnostic: Diagnostic,
    edit: Edit,
    check: Callable[[str], Sequence[Diagnostic]],
    known: Sequence[Diagnostic],
    sure: bool,
) -> Fix | None:
    """The edit where it leaves the fewest errors.

    It is sure only if there is one such place, or if it is the caret's own, and if there is no new error then.
    """
    span = diagnostic.span
    assert span is not None
    text = span.source.text
    tried = list(dict(mended(text, diagnostic, edit, check, known)).items())
    least = min((errors for _, errors in tried), default=0)
    best = [changed for changed, errors in tried if errors == least]
    if not best:
        return None
    # Errors of syntax and of names hide others, which may appear elsewhere once they are gone.
    hidden = diagnostic.code in SYNTAX or diagnostic.code in NAMES
    at_caret = best[0] == text[: span.start].rstrip(" " if edit.new[:1] in ",:" else "") + edit.new + text[span.end :]
    certain = len(best) == 1 or at_caret
    return _fix(span.source, best[0], edit, sure and certain and (hidden or not least))


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
        )
        yield edit
        end = found.end()
        while other := OR.match(help, end):
            yield edit._replace(new="", old=other[1]) if found["gone"] else edit._replace(new=other[1])
            end = other.end()


def mended(
    text: str,
    diagnostic: Diagnostic,
    edit: Edit,
    check: Callable[[str], Sequence[Diagnostic]],
    known: Sequence[Diagnostic],
) -> Iterator[tuple[str, int]]:
    """The text after the edit, for each place at which it makes the mistake go and brings no new error of syntax.

    With it comes the number of errors that were not there before. `known` are the errors and warnings before.
    """
    own = _key(diagnostic)
    before = [_key(one) for one in known]
    spoken = {key[:2] for key in before}
    for changed in edited(text, diagnostic, edit):
        found = check(changed)
        new = [one for one in found if one.severity == "error" and (one.code, one.message) not in spoken]
        broken = any(one.code in SYNTAX for one in new)
        if [_key(one) for one in found].count(own) < before.count(own) and not broken:
            yield changed, len(new)


def _key(diagnostic: Diagnostic) -> tuple[str, str, int | None]:
    return diagnostic.code, diagnostic.message, diagnostic.span.line if diagnostic.span else None


def edited(text: str, diagnostic: Diagnostic, edit: Edit) -> Iterator[str]:
    """The text with the edit at each place where it could be meant, the likeliest first."""
    span = diagnostic.span
    assert span is not None
    line = text.rfind("\n", 0, span.start) + 1
    end = min(found for found in (text.find("\n", span.start), len(text)) if found >= 0)
    if edit.old:
        yield from _instead(text, edit, line)
    elif edit.where == "on a new line":
        yield from _on_new_line(text, edit.new, line, end)
    else:
        yield from _at(text, edit.new, span, line, end)


def _at(text: str, new: str, span: Span, line: int, end: int) -> Iterator[str]:
    """The text with `new` around the caret: instead of what stands there or of more, or before it."""
    if new.startswith("from "):
        yield f"{new}\n{text}"
    if new.startswith((",", ":")):
        yield text[: span.start].rstrip() + new + text[span.end :]
    begin = line + len(text[line:]) - len(text[line:].lstrip(" "))
    call = CALL.match(text, span.start)
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


def _on_new_line(text: str, new: str, line: int, end: int) -> Iterator[str]:
    """The text with a further line below the caret's, indented as the lines around it."""
    for place in re.finditer(r"\n(?= *\S)|$", text[end:]):
        at = end + place.start()
        indents = {len(near) - len(near.lstrip()) for near in (text[line:end], text[at + 1 :])}
        yield from (f"{text[:at]}\n{' ' * indent}{new}{text[at:]}" for indent in sorted(indents))


def _instead(text: str, edit: Edit, line: int) -> Iterator[str]:
    """The text with an edit of words that the help names: from the caret's line on, or in the line that it names."""
    lines = text.splitlines(keepends=True)
    if edit.line is not None and edit.line > len(lines):
        return
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


def _fix(source: Source, changed: str, edit: Edit, sure: bool) -> Fix:
    """The edit that leads from the source's text to a changed one, as the smallest stretch that differs."""
    text, most = source.text, min(len(source.text), len(changed))
    start = next((i for i in range(most) if text[i] != changed[i]), most)
    tail = next((i for i in range(most - start) if text[-1 - i] != changed[-1 - i]), most - start)
    title = f"write `{edit.new}`" if edit.new else f"leave out `{edit.old}`"
    return Fix(Span(source, start, len(text) - tail), changed[start : len(changed) - tail], title, sure)


# --- all of a text -----------------------------------------------------------------------------


class Step(NamedTuple):
    """What was done: the number of the line (from 1), its text before, without blanks, and after it."""

    line: int
    before: str
    after: str


class Done(NamedTuple):
    """A text after fixes, and what was done, in order."""

    text: str
    steps: tuple[Step, ...]


MOST = 100
"""Fixes of one text. After so many, what is left is reported."""


def fixed(text: str, check: Callable[[str], Sequence[Diagnostic]]) -> Done:
    """A text after all fixes that are sure: of errors, one after another.

    The fix of an error of syntax may bring errors to light that it had hidden.
    """
    steps: list[Step] = []
    while len(steps) < MOST and (fix := next(_sure(text, check), None)) is not None:
        text = text[: fix.span.start] + fix.text + text[fix.span.end :]
        steps.append(_step(fix, text))
    return Done(text, tuple(steps))


def _sure(text: str, check: Callable[[str], Sequence[Diagnostic]]) -> Iterator[Fix]:
    """The fixes of a text that are sure."""
    for diagnostic in check(text):
        own = diagnostic.span is not None and diagnostic.span.source.text == text
        if diagnostic.severity == "error" and own:
            yield from (fix for fix in fixes(diagnostic, check) if fix.sure)


def _step(fix: Fix, changed: str) -> Step:
    """The line that a fix changed; for a line that it added, there is no text before."""
    source, after = fix.span.source, Source("", changed)
    line = fix.span.line
    if fix.text.endswith("\n") or fix.text.startswith("\n"):
        return Step(line + fix.text.startswith("\n"), "", fix.text.strip())
    return Step(line, source.line(line).strip(), after.line(line).strip())
