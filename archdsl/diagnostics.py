"""What the compiler has to say to its user, as data. `report.py` turns it into text."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Literal

from archdsl.limits import SHOWN, TEXT
from archdsl.source import Span

Severity = Literal["error", "warning"]


@dataclass(frozen=True, slots=True)
class Code:
    """What a diagnostic's code means: one entry of the reference, which a test brings about by `example`.

    `summary` is one sentence, `explanation` says why the rule is there and what to do. `example` is the text
    of `net.arch`; a line `# file: blocks/other.arch` begins a further file, `# link: other.arch` makes a link
    that leads out of the folder. It is checked by `archdsl check net.arch`, unless its first line says
    otherwise: `$ archdsl check net.arch --variant b9`. One that begins with `{` is a graph file instead.
    `exit_code` is what a command ends with where the diagnostic points into no spec: 1 blames the spec, 2 the call.
    """

    summary: str
    explanation: str
    example: str
    exit_code: Literal[1, 2] = 1


@dataclass(frozen=True, slots=True)
class Note:
    """A further fact: a `= ...` line, with the place it came from where there is one."""

    text: str
    span: Span | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "text", shortened(self.text))


@dataclass(frozen=True, slots=True)
class Frame:
    """One step of expansion: `block Bottleneck(width=128, stride=2), copy 1 of 4`, and where it was asked for."""

    text: str
    span: Span

    def __post_init__(self) -> None:
        object.__setattr__(self, "text", shortened(self.text))


@dataclass(frozen=True, slots=True)
class Diagnostic:
    """One root cause. `message` stands alone and contains the values; `help` is an edit, or absent when unsure.

    `code` is a key of `codes.CODES`; `label` is written under the caret; `frames` run from the inside out. `count`
    is how many it stands for: more than itself where it ends the list of a file that has too many.
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
    """A text that nobody reads to its end, cut there."""
    return text if len(text) <= TEXT else f"{text[:TEXT]}..."


class CompileError(Exception):
    """The errors (and warnings) that ended a stage, in source order, with no more of one file than can be read."""

    def __init__(self, diagnostics: Iterable[Diagnostic]) -> None:
        self.diagnostics = limited(diagnostics)
        errors = [d for d in self.diagnostics if d.severity == "error"]
        super().__init__("\n".join(map(_line, errors)))

    def _render_traceback_(self) -> list[str]:
        """What a notebook shows in place of a traceback: the message alone."""
        return str(self).strip("\n").split("\n")


def _line(diagnostic: Diagnostic) -> str:
    """One error in one line, as Python shows it: where, what, and what to do."""
    place = f"{diagnostic.span}: " if diagnostic.span else ""
    return f"{place}{diagnostic.message}{f'; {diagnostic.help}' if diagnostic.help else ''}"


REST = "more-diagnostics"
"""The code of what stands for all that is not shown of a file."""


def limited(diagnostics: Iterable[Diagnostic]) -> tuple[Diagnostic, ...]:
    """In source order, the first of each file, errors before warnings; then how many more there are.

    Limiting what was limited before changes nothing.
    """
    files: dict[str, list[Diagnostic]] = {}
    for diagnostic in sorted(diagnostics, key=_place):
        files.setdefault(_file(diagnostic), []).append(diagnostic)
    return tuple(one for found in files.values() for one in _first(found))


def _first(found: list[Diagnostic]) -> Iterator[Diagnostic]:
    """Those of one file."""
    single = [one for one in found if one.code != REST]
    by_weight = sorted(single, key=lambda one: one.severity != "error")
    shown = {id(one) for one in by_weight[:SHOWN]}
    yield from (one for one in single if id(one) in shown)
    hidden = [one for one in found if id(one) not in shown]
    for severity in ("error", "warning"):
        if rest := [one for one in hidden if one.severity == severity]:
            yield _rest(rest)


def _rest(hidden: list[Diagnostic]) -> Diagnostic:
    """Stands for several of one severity, at the place of the first."""
    first, count = hidden[0], sum(one.count for one in hidden)
    kind = first.severity if count == 1 else f"{first.severity}s"
    where = f" in {_file(first)}" if first.span else ""
    return Diagnostic(REST, f"{count:,} more {kind}{where}", first.span, severity=first.severity, count=count)


def _file(diagnostic: Diagnostic) -> str:
    return diagnostic.span.source.name if diagnostic.span else ""


def _place(diagnostic: Diagnostic) -> tuple[str, bool, int]:
    return _file(diagnostic), diagnostic.code == REST, diagnostic.span.start if diagnostic.span else 0
