"""Source text and places in it. Everything that reports a position holds a `Span`."""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Protocol


class Origin(Protocol):
    """Knows from where in another file the parts of a text were made."""

    def place(self, start: int, end: int) -> Span:
        """The place in the other file for a stretch of the text."""


@dataclass(frozen=True)
class Source:
    """One file's text and the name it is shown under, e.g. `specs/resnet.arch`.

    A text that was made of another tool's file has an `origin`, since what is wrong is shown in that file. `path` is
    the absolute path of the file, if the text is one: editors open files by it. Texts are equal without it, since a
    graph is the same wherever its spec lies.
    """

    name: str
    text: str = field(repr=False)
    origin: Origin | None = field(default=None, repr=False)
    path: Path | None = field(default=None, repr=False, compare=False)

    @cached_property
    def line_starts(self) -> tuple[int, ...]:
        """Offset of each line's first character."""
        return (0, *(i + 1 for i, c in enumerate(self.text) if c == "\n"))

    def position(self, offset: int) -> tuple[int, int]:
        """Line and column of an offset, both from 1."""
        line = bisect_right(self.line_starts, offset)
        return line, offset - self.line_starts[line - 1] + 1

    def line(self, number: int) -> str:
        """The text of line `number` (from 1), without its line end."""
        start = self.line_starts[number - 1]
        end = self.text.find("\n", start)
        return self.text[start : len(self.text) if end < 0 else end].rstrip("\r")


@dataclass(frozen=True, slots=True)
class Span:
    """A stretch of source text: offsets `start` (included) to `end` (excluded)."""

    source: Source
    start: int
    end: int

    @property
    def original(self) -> Span:
        """The stretch of the file that the user wrote: this one, unless the text was made of another tool's file."""
        return self if self.source.origin is None else self.source.origin.place(self.start, self.end)

    @property
    def line(self) -> int:
        place = self.original
        return place.source.position(place.start)[0]

    @property
    def column(self) -> int:
        place = self.original
        return place.source.position(place.start)[1]

    @property
    def text(self) -> str:
        return self.source.text[self.start : self.end]

    def __str__(self) -> str:
        place = self.original
        line, column = place.source.position(place.start)
        return f"{place.source.name}:{line}:{column}"

    def holds(self, other: Span) -> bool:
        """Whether the other stretch is a part of this one."""
        return self.source == other.source and self.start <= other.start and other.end <= self.end

    def to(self, other: Span) -> Span:
        """The stretch from the start of this span to the end of `other`."""
        return Span(self.source, self.start, other.end)


class HasSpan(Protocol):
    """Anything that stands at a place in a text."""

    @property
    def span(self) -> Span: ...
