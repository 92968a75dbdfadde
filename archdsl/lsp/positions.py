"""Places in texts as the protocol has them: lines and characters from 0, where a character is a unit of UTF-16."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit
from urllib.request import url2pathname

from archdsl.source import Source, Span


def offset(source: Source, position: dict[str, int]) -> int:
    """The offset of a position, or of the nearest place that exists."""
    line = min(position["line"], len(source.line_starts) - 1)
    text = source.line(line + 1)
    units = 0
    for at, character in enumerate(text):
        if units >= position["character"]:
            return source.line_starts[line] + at
        units += 1 + (ord(character) > 0xFFFF)
    return source.line_starts[line] + len(text)


def position(source: Source, at: int) -> dict[str, int]:
    line, column = source.position(min(at, len(source.text)))
    before = source.line(line)[: column - 1]
    return {"line": line - 1, "character": len(before) + sum(ord(character) > 0xFFFF for character in before)}


def span_range(span: Span) -> dict[str, Any]:
    return {"start": position(span.source, span.start), "end": position(span.source, span.end)}


def place(span: Span, uri: str) -> dict[str, Any]:
    """A stretch of a file; of a text without a path, the file `uri`."""
    return {"uri": span.source.path.as_uri() if span.source.path is not None else uri, "range": span_range(span)}


def path_of(uri: str) -> Path | None:
    """The file that a URI names; None for texts that are no files, such as those that were not saved yet."""
    parts = urlsplit(uri)
    if parts.scheme != "file":
        return None
    host = f"//{parts.netloc}" if parts.netloc else ""
    return Path(url2pathname(host + unquote(parts.path))).resolve()
