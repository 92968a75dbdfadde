"""Tries the edits that a diagnostic's help names: one is a fix if the mistake is gone after it.

Each is tried at the places where it may belong (`edits.py`), by checking the text again.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple, TypeAlias

from archdsl.diagnostics import Diagnostic
from archdsl.editing.edits import WORD, Change, Edit, call_at_caret, edited, named_edits
from archdsl.ops.registry import REGISTRY
from archdsl.resolve.codes import CODES as NAMES
from archdsl.source import Source, Span
from archdsl.syntax.codes import CODES as SYNTAX

BEGINS = re.compile(r"(?:write(?: at the top of the file:)?|instead of|leave out|did you mean|call it) `[^;]*$")
"""A help that begins with an edit and gives no other advice."""

Check: TypeAlias = Callable[[str], Sequence[Diagnostic]]
"""Gives the errors and warnings of a changed text."""


@dataclass(frozen=True, slots=True)
class Fix:
    """An edit that was tried: with `text` instead of the text at `span`, the mistake is gone.

    `title` says it in words. It is `sure` if the help names no other edit.
    """

    span: Span
    text: str
    title: str
    sure: bool


def fixes(diagnostic: Diagnostic, check: Check) -> list[Fix]:
    """The edits of the text that a diagnostic is about, each of which mends it.

    Each edit is tried at up to nine places, and taken where it leaves the fewest errors.
    """
    if diagnostic.span is None:
        return []
    named = named_edits(diagnostic)
    known = check(diagnostic.span.source.text) if named else ()
    found = (_best(diagnostic, edit, check, known, len(named) == 1) for edit in named)
    return [fix for fix in found if fix is not None]


def _best(diagnostic: Diagnostic, edit: Edit, check: Check, known: Sequence[Diagnostic], only: bool) -> Fix | None:
    """The edit where it leaves the fewest errors.

    It is sure only if the help says nothing else, if there is one such place or it is the caret's own, if no word of
    the text is lost, and if there is no new error then.
    """
    span = diagnostic.span
    assert span is not None
    tried = [one for one in mended(span.source.text, diagnostic, edit, check, known) if _keeps_steps(diagnostic, one)]
    least = min((len(one.errors) for one in tried), default=0)
    best = [one for one in tried if len(one.errors) == least]
    if not best:
        return None
    first = best[0]
    certain = len({one.text for one in best}) == 1 or first.change.is_of(span)
    said = only and BEGINS.match(diagnostic.help or "") is not None and not _is_foreign_call(diagnostic)
    return _fix(span.source, first, edit, said and certain and not first.lost and _is_clean(diagnostic, first))


def _is_clean(diagnostic: Diagnostic, tried: Tried) -> bool:
    """Whether all new errors are such as the mistake had hidden: of any kind by one of syntax, elsewhere by a name."""
    if diagnostic.code in NAMES:
        line = tried.change.source.position(tried.change.start)[0]
        return all(error.span is not None and error.span.line != line for error in tried.errors)
    return diagnostic.code in SYNTAX or not tried.errors


def _is_foreign_call(diagnostic: Diagnostic) -> bool:
    """Whether the mistake is a call of another tool, `Conv2d(3, 16, 3)`, whose arguments have other defaults."""
    span = diagnostic.span
    if span is None or diagnostic.code != "unknown-name" or not (diagnostic.help or "").startswith("write `"):
        return False
    return re.match(r"\(\s*[^)\s]", span.source.text[span.end :]) is not None


class Tried(NamedTuple):
    """A change that makes a mistake go, the errors that are new then, and the words around it that are lost."""

    change: Change
    errors: tuple[Diagnostic, ...]
    lost: frozenset[str]

    @property
    def text(self) -> str:
        return self.change.text


def mended(text: str, diagnostic: Diagnostic, edit: Edit, check: Check, known: Sequence[Diagnostic]) -> Iterator[Tried]:
    """The edit at each place where it makes the mistake go and brings no new error of syntax.

    `known` are the errors and warnings before.
    """
    span = diagnostic.span
    assert span is not None
    spoken = {(one.code, one.message) for one in known}
    before, seen = _weight(diagnostic, known), set[str]()
    for change in edited(Source("", text), diagnostic, edit):
        lost = set() if edit.old else change.lost(span)  # what an edit replaces is named by the help
        if change.text in seen:
            continue
        seen.add(change.text)
        found = check(change.text)
        new = [one for one in found if one.severity == "error" and (one.code, one.message) not in spoken]
        here, everywhere = _weight(diagnostic, found)
        gone = everywhere < before[1] or (here < before[0] and everywhere == before[1] and "\n" not in change.new)
        if gone and not any(_is_broken(one, change, edit) for one in new):
            yield Tried(change, tuple(new), frozenset(lost))


def _keeps_steps(diagnostic: Diagnostic, tried: Tried) -> bool:
    """Whether no steps, numbers or texts are lost but those of the call at the caret."""
    assert diagnostic.span is not None
    around = tried.lost - set(WORD.findall(call_at_caret(diagnostic.span.source.text, diagnostic.span)))
    steps = (word for word in around if word in REGISTRY or not word.isidentifier())
    return not any(steps) and not _has_other_numbers(diagnostic, tried.change)


def _has_other_numbers(diagnostic: Diagnostic, change: Change) -> bool:
    """Whether a call of another tool would get numbers that are the help's example, or lose more than one of its own.

    One number goes where PyTorch's class takes the channels that flow in.
    """
    if not _is_foreign_call(diagnostic):
        return False
    old, new = change.source.text[change.start : change.stop], change.new
    before, after = (set(re.findall(r"[\d.]+", text)) for text in (old, new))
    return bool(after - before) or len(before - after) > 1


def _is_broken(error: Diagnostic, change: Change, edit: Edit) -> bool:
    """Whether a new error is one of syntax. A keyword that is mended brings those to light that are below it."""
    below = error.span is not None and error.span.line > change.source.position(change.start)[0]
    return error.code in SYNTAX and not (edit.is_name and below)


def _weight(diagnostic: Diagnostic, found: Iterable[Diagnostic]) -> tuple[int, int]:
    """How often a mistake is reported in its line, and how often at all.

    An unknown name is reported once, with a note for each further place.
    """
    same = [one for one in found if (one.code, one.message) == (diagnostic.code, diagnostic.message)]
    here = [one for one in same if one.span and diagnostic.span and one.span.line == diagnostic.span.line]
    return len(here), sum(1 + sum(note.span is not None for note in one.notes) for one in same)


def _fix(source: Source, tried: Tried, edit: Edit, sure: bool) -> Fix:
    """The edit as the smallest stretch that differs."""
    text, changed = source.text, tried.text
    most = min(len(text), len(changed))
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


def fixed(text: str, check: Check) -> Done:
    """A text after all fixes that are sure: of errors, one after another.

    The fix of an error of syntax may bring errors to light that it had hidden.
    """
    steps: list[Step] = []
    while len(steps) < MOST and (fix := next(_sure(text, check), None)) is not None:
        text = text[: fix.span.start] + fix.text + text[fix.span.end :]
        steps.append(_step(fix, text))
    return Done(text, tuple(steps))


def _sure(text: str, check: Check) -> Iterator[Fix]:
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
