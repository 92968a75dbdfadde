"""Errors and warnings as data. `report.py` turns them into text."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Literal

from archdsl.limits import SHOWN, TEXT
from archdsl.source import Span

Severity = Literal["error", "warning"]


@dataclass(frozen=True, slots=True)
class Code:
    """What a diagnostic's code means: one entry of docs/diagnostics.md. A test checks that `example` produces it.

    `summary` is one sentence; `explanation` says why the rule exists and what to do. `example` is the text
    of `net.arch`; a line `# file: blocks/other.arch` begins a further file, `# link: other.arch` makes a link
    that leads out of the folder. It is checked by `archdsl check net.arch`, unless its first line gives another
    command: `$ archdsl check net.arch --variant b9`. An example that begins with `{` is a graph file instead.
    `exit_code` is the command's exit status when the diagnostic has no place in a spec: 1 if the spec is at fault,
    2 if the command line is.
    """

    summary: str
    explanation: str
    example: str
    exit_code: Literal[1, 2] = 1


@dataclass(frozen=True, slots=True)
class Note:
    """A further fact about a diagnostic, printed as a line `= ...`; `span` is the place it came from, if any."""

    text: str
    span: Span | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "text", shortened(self.text))


@dataclass(frozen=True, slots=True)
class Frame:
    """One step of expansion, `block Bottleneck(width=128, stride=2), copy 1 of 4`, and the place that uses it."""

    text: str
    span: Span

    def __post_init__(self) -> None:
        object.__setattr__(self, "text", shortened(self.text))


@dataclass(frozen=True, slots=True)
class Diagnostic:
    """One error or warning, about one root cause.

    `code` is a key of `codes.CODES`. `message` is understood without the rest and contains the values at fault;
    `help` says what to change, and is None when that is not certain. `label` is written under the caret. `frames`
    lead from the innermost block outwards. `count` is above 1 only for the last diagnostic of a file that has too
    many: it stands for all that are not shown.
    """

    code: str
    message: str
    span: Span | None = None
    label: str = ""
    notes: tuple[Note, ...] = ()
    frames: tuple[Frame, ...] = ()
    help: str | None = None
    severity: Severity = "error"
    count: int = 1

    def __post_init__(self) -> None:
        for name in ("message", "label"):
            object.__setattr__(self, name, shortened(getattr(self, name)))
        if len(self.notes) > SHOWN:
            rest = Note(f"and {len(self.notes) - SHOWN:,} more")
            object.__setattr__(self, "notes", (*self.notes[:SHOWN], rest))


def shortened(text: str) -> str:
    """The text, cut after `TEXT` characters."""
    return text if len(text) <= TEXT else f"{text[:TEXT]}..."


class CompileError(Exception):
    """The errors (and warnings) that ended a stage, in source order, at most `SHOWN` for each file.

    `diagnostics` has them as data; as a string, the exception is one line for each error.
    """

    def __init__(self, diagnostics: Iterable[Diagnostic]) -> None:
        self.diagnostics = limited(diagnostics)
        errors = [d for d in self.diagnostics if d.severity == "error"]
        super().__init__("\n".join(map(_line, errors)))

    def _render_traceback_(self) -> list[str]:
        """What a notebook shows in place of a traceback: the message alone."""
        return str(self).strip("\n").split("\n")


def original(diagnostic: Diagnostic) -> Diagnostic:
    """The diagnostic as it is shown: in the file that the user wrote, where the spec was made of another tool's file.

    It points into that file also where a block of the library is at fault. There is no help then: it would be an edit
    of the spec, which the user does not have.
    """
    made = [frame.span for frame in diagnostic.frames if frame.span.source.origin]
    if diagnostic.span is None or not (made or diagnostic.span.source.origin):
        return diagnostic
    inside = () if diagnostic.span.source.origin else (Note("found in a block", diagnostic.span),)
    span = (diagnostic.span if not inside else made[0]).original
    notes = tuple(Note(note.text, note.span and note.span.original) for note in diagnostic.notes)
    frames = tuple(Frame(frame.text, frame.span.original) for frame in diagnostic.frames)
    return replace(diagnostic, span=span, notes=(*notes, *inside), frames=frames, help=None)


def _line(diagnostic: Diagnostic) -> str:
    """One error in one line, as Python shows it: where, what, and what to do."""
    diagnostic = original(diagnostic)
    place = f"{diagnostic.span}: " if diagnostic.span else ""
    return f"{place}{diagnostic.message}{f'; {diagnostic.help}' if diagnostic.help else ''}"


REST = "more-diagnostics"
"""The code of the diagnostic that stands for all those of a file that are not shown."""


def limited(diagnostics: Iterable[Diagnostic]) -> tuple[Diagnostic, ...]:
    """The diagnostics in source order; of each file the first `SHOWN`, and then how many more there are.

    Where some have to go, errors stay before warnings. Applied to its own result, this changes nothing.
    """
    files: dict[str, list[Diagnostic]] = {}
    for diagnostic in sorted(diagnostics, key=_place):
        files.setdefault(_file(diagnostic), []).append(diagnostic)
    return tuple(one for found in files.values() for one in _first(found))


def _first(found: list[Diagnostic]) -> Iterator[Diagnostic]:
    """The part of `limited` for one file."""
    single = [one for one in found if one.code != REST]
    by_weight = sorted(single, key=lambda one: one.severity != "error")
    shown = {id(one) for one in by_weight[:SHOWN]}
    yield from (one for one in single if id(one) in shown)
    hidden = [one for one in found if id(one) not in shown]
    for severity in ("error", "warning"):
        if rest := [one for one in hidden if one.severity == severity]:
            yield _rest(rest)


def _rest(hidden: list[Diagnostic]) -> Diagnostic:
    """One diagnostic that stands for several of the same severity, at the place of the first."""
    first, count = hidden[0], sum(one.count for one in hidden)
    kind = first.severity if count == 1 else f"{first.severity}s"
    where = f" in {_file(first)}" if first.span else ""
    return Diagnostic(REST, f"{count:,} more {kind}{where}", first.span, severity=first.severity, count=count)


def _file(diagnostic: Diagnostic) -> str:
    return diagnostic.span.source.name if diagnostic.span else ""


def _place(diagnostic: Diagnostic) -> tuple[str, bool, int]:
    return _file(diagnostic), diagnostic.code == REST, diagnostic.span.start if diagnostic.span else 0
