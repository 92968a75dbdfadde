"""Text that is made of a YAML file piece by piece, and knows which part of the file each piece was made of."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterable
from dataclasses import dataclass, field

from archdsl.source import Source, Span


@dataclass(frozen=True, slots=True)
class Piece:
    """A text, and the part of the file that it was made of; None if it was made of no part in particular."""

    text: str
    span: Span | None = None


Line = list[Piece]


@dataclass(frozen=True, eq=False)
class Places:
    """For the stretches of a text, in order, the places in `file` that they were made of (`archdsl.source.Origin`)."""

    file: Source
    starts: list[int] = field(default_factory=list)
    ends: list[int] = field(default_factory=list)
    spans: list[Span] = field(default_factory=list)

    def place(self, start: int, end: int) -> Span:
        """From the first to the last piece that the stretch touches; the piece before it if it touches none."""
        first, last = bisect_right(self.ends, start), bisect_left(self.starts, end) - 1
        if first <= last:
            return self.spans[first].to(self.spans[last]) if first < last else self.spans[first]
        before = max(last, 0)
        return self.spans[before] if self.spans else Span(self.file, 0, 0)


def assembled(file: Source, lines: Iterable[Line]) -> Source:
    """The text of these lines, whose places are those in `file`."""
    places = Places(file)
    parts: list[str] = []
    at = 0
    for piece in (piece for line in lines for piece in (*line, Piece("\n"))):
        parts.append(piece.text)
        if piece.span is not None:
            places.starts.append(at)
            places.ends.append(at + len(piece.text))
            places.spans.append(piece.span)
        at += len(piece.text)
    return Source(file.name, "".join(parts), places)
