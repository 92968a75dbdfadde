"""Applies the edits that the help of an error names, as a reader would, and says whether the error is then gone."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from archdsl.diagnostics import CompileError, Diagnostic
from archdsl.driver import compile_network
from archdsl.editing import edits, fixes
from archdsl.editing.edits import Edit
from archdsl.resolve.resolve import resolve
from archdsl.source import Source


def found_in(text: str, folder: Path | None = None) -> tuple[Diagnostic, ...]:
    """Errors and warnings of a spec."""
    try:
        file = resolve(Source("net.arch", text), folder)
        return tuple(file.problems) if file.network is None else compile_network(file).warnings
    except CompileError as error:
        return error.diagnostics


def named_edits(diagnostic: Diagnostic) -> Sequence[Edit]:
    """The edits that a diagnostic's help names, of those about the spec itself."""
    if diagnostic.span is None or diagnostic.span.source.name != "net.arch":
        return []
    return edits.named_edits(diagnostic)


def mends(text: str, diagnostic: Diagnostic, edit: Edit) -> str | None:
    """The spec after the edit, where that makes the error go and brings no error in the text of the spec."""
    return next((tried.text for tried in fixes.mended(text, diagnostic, edit, found_in, found_in(text))), None)
