"""What the compiler has to say to its user, as data. `report.py` turns it into text."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

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


@dataclass(frozen=True, slots=True)
class Frame:
    """One step of expansion: `block Bottleneck(width=128, stride=2), copy 1 of 4`, and where it was asked for."""

    text: str
    span: Span


@dataclass(frozen=True, slots=True)
class Diagnostic:
    """One root cause. `message` stands alone and contains the values; `help` is an edit, or absent when unsure.

    `code` is a key of `codes.CODES`; `label` is written under the caret; `frames` run from the inside out.
    """

    code: str
    message: str
    span: Span | None = None
    label: str = ""
    notes: tuple[Note, ...] = ()
    frames: tuple[Frame, ...] = ()
    help: str | None = None
    severity: Severity = "error"


class CompileError(Exception):
    """The errors (and warnings) that ended a stage, in source order."""

    def __init__(self, diagnostics: Iterable[Diagnostic]) -> None:
        self.diagnostics = tuple(sorted(diagnostics, key=_place))
        errors = [d for d in self.diagnostics if d.severity == "error"]
        super().__init__("\n".join(f"{d.span}: {d.message}" if d.span else d.message for d in errors))


def _place(diagnostic: Diagnostic) -> tuple[str, int]:
    span = diagnostic.span
    return (span.source.name, span.start) if span else ("", 0)
