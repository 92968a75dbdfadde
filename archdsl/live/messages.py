"""Diagnostics for the page: where they stand in its text, what they say, and the edits that mend them."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from typing import Any

from archdsl.diagnostics import Diagnostic, limited, original
from archdsl.editing.checking import Spec, found
from archdsl.editing.fixes import fixes
from archdsl.source import Source, Span
from archdsl.text import shown_lines

MOST = 2_000
"""Characters of a message that are shown."""

PATIENCE = 2.0
"""Seconds after which no further edits are tried."""

Message = dict[str, Any]


def messages(diagnostics: Iterable[Diagnostic], spec: Spec) -> list[Message]:
    """Each diagnostic once, in source order. Offsets count characters of the spec's text."""
    return [_message(original(one), spec.source) for one in limited(dict.fromkeys(diagnostics))]


def mended(diagnostics: Iterable[Diagnostic], spec: Spec) -> list[Message]:
    """The messages, each with the edits that mend it: trying these takes several times as long as a check."""
    end = time.monotonic() + PATIENCE
    shown = limited(dict.fromkeys(diagnostics))
    return [
        {**message, "fixes": list(_edits(diagnostic, spec)) if time.monotonic() < end else []}
        for message, diagnostic in zip(messages(shown, spec), shown, strict=True)
    ]


def _edits(diagnostic: Diagnostic, spec: Spec) -> Iterator[dict[str, Any]]:
    if diagnostic.span is not None and diagnostic.span.source == spec.source:
        for fix in fixes(diagnostic, lambda text: found(spec.with_text(text))):
            yield {"title": fix.title, "range": [fix.span.start, fix.span.end], "text": fix.text}


def _message(diagnostic: Diagnostic, source: Source) -> Message:
    spans = [diagnostic.span, *(frame.span for frame in diagnostic.frames)]
    here = next((span for span in spans if span is not None and span.source == source), None)
    notes = [(note.text, note.span) for note in diagnostic.notes]
    notes += [(f"in {frame.text}", frame.span) for frame in diagnostic.frames[:6]]
    return {
        "severity": diagnostic.severity,
        "code": diagnostic.code,
        "message": _shown(diagnostic.message),
        "label": _shown(diagnostic.label),
        "place": _place(diagnostic.span, source),
        "setting": _setting(diagnostic.span),
        "range": _range(here, source),
        "notes": [
            {"text": _shown(text), "place": _place(span, source), "range": _range(span, source)} for text, span in notes
        ],
        "help": _shown(diagnostic.help or ""),
        "fixes": [],
    }


def _range(span: Span | None, source: Source) -> list[int] | None:
    return [span.start, span.end] if span is not None and span.source == source else None


def _place(span: Span | None, source: Source) -> str:
    """`line 16`, or `blocks/mobile.arch:16` in another file."""
    if span is None or _setting(span):
        return ""
    return f"line {span.line}" if span.source == source else f"{span.source.name}:{span.line}"


def _setting(span: Span | None) -> str:
    """The setting whose value is at fault: its text is a source of its own, called `--phi`."""
    return span.source.name.removeprefix("--") if span is not None and span.source.name.startswith("--") else ""


def _shown(text: str) -> str:
    return shown_lines(text, MOST)
