"""Collects the lines that the printer writes, and adds the comments and blank lines of the original text."""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import TypeVar

from archdsl.source import HasSpan, Span
from archdsl.syntax.pretty import INDENT, Doc, render
from archdsl.syntax.tree import Comment

Node = TypeVar("Node", bound=HasSpan)


class Page:
    """The lines written so far. Statements are written in their original order, and comments are added between them."""

    def __init__(self, text: str, comments: Iterable[Comment], width: int) -> None:
        self.text = text
        self.width = width
        self.lines: list[str] = []
        self.level = 0
        self.blank_due = False
        self._blank_allowed = False
        self._comments = sorted(comments, key=_start)

    @property
    def column(self) -> int:
        return self.level * INDENT

    def finished(self) -> str:
        """The whole text, with the comments at its end."""
        self._write_comments(len(self.text) + 1)
        return "\n".join(self.lines) + "\n"

    # --- writing ---------------------------------------------------------------------------

    def write(self, doc: Doc, span: Span) -> None:
        """Writes the text for `span`, with the comments above it, inside it and behind it."""
        self.write_lines(render(doc, self.width, self.column), span)

    def write_lines(self, lines: Sequence[str], span: Span) -> None:
        """Does the same as `write` for lines that are indented already."""
        self._write_comments(span.start)
        self._separate(span.start)
        for comment in self.take(span.start, span.end):
            self._add(comment)
        self.lines += lines
        line_end = self.text.find("\n", span.end)
        for comment in self.take(span.end, line_end if line_end >= 0 else len(self.text)):
            self.lines[-1] += f"  {comment.text}"

    @contextmanager
    def body(self, header: Span, limit: int) -> Iterator[None]:
        """A context in which lines are indented one level below `header`. At its end, comments before `limit` that were
        indented below the header are written too."""
        self.level += 1
        self._blank_allowed = False
        yield
        while self._comments and (start := self._comments[0].span.start) < limit:
            if self._indent(start) <= self._indent(header.start):
                break
            self._write_comments(start + 1)
        self.level -= 1

    def take(self, start: int, end: int) -> list[Comment]:
        """Removes the comments between two offsets from those that are still to be written, and returns them."""
        first = bisect_left(self._comments, start, key=_start)
        last = bisect_left(self._comments, end, key=_start)
        taken = self._comments[first:last]
        del self._comments[first:last]
        return taken

    def _write_comments(self, end: int) -> None:
        for comment in self.take(0, end):
            self._separate(comment.span.start)
            self._add(comment)

    def _add(self, comment: Comment) -> None:
        self.lines.append(" " * self.column + comment.text)

    def _separate(self, start: int) -> None:
        """Writes a blank line above what begins at `start`, if one is required or was in the original."""
        if self._blank_allowed and (self.blank_due or self._blank_above(start)):
            self.lines.append("")
        self.blank_due, self._blank_allowed = False, True

    # --- looking at the text ---------------------------------------------------------------

    def limits(self, nodes: Sequence[Node], limit: int) -> Iterator[tuple[Node, int]]:
        """Pairs each node with the start of the next one, and the last with `limit`."""
        return zip(nodes, [*(node.span.start for node in nodes[1:]), limit], strict=True)

    def same_line(self, before: Span, after: Span) -> bool:
        return self.text.find("\n", before.end, after.start) < 0

    def begins_line(self, offset: int) -> bool:
        line = self.text.rfind("\n", 0, offset)
        return line >= 0 and not self.text[line:offset].strip()

    def word(self, word: str, before: Span, after: Span) -> Span:
        """The place where a line begins with `word`, between two other places."""
        match = re.compile(rf"^[ \t]*({word})\b", re.MULTILINE).search(self.text, before.end, after.start)
        return Span(before.source, *match.span(1)) if match else Span(before.source, before.end, before.end)

    def _blank_above(self, start: int) -> bool:
        line = self.text.rfind("\n", 0, start)
        return line > 0 and not self.text[self.text.rfind("\n", 0, line) + 1 : line].strip()

    def _indent(self, offset: int) -> int:
        """How many characters stand before the first word of the line around `offset`."""
        match = re.compile(r"[ \t]*").match(self.text, self.text.rfind("\n", 0, offset) + 1)
        return len(match[0]) if match else 0


def _start(comment: Comment) -> int:
    return comment.span.start
