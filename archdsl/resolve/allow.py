"""Finds the comments that switch warnings off: `# allow: dropped-rows`.

A comment at the end of a line applies to that line, and to the lines above that it continues with `->`. A comment on a
line of its own applies to the next line. Several codes are separated by commas; a reason may follow in parentheses.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from archdsl.diagnostics import Diagnostic
from archdsl.source import Source, Span
from archdsl.suggest import nearest
from archdsl.syntax import tree
from archdsl.syntax.parser import parse

ALLOWABLE = (
    "ambiguous-it",
    "channels-last",
    "dropped-rows",
    "lone-branch",
    "unused-name",
    "unused-steps",
    "unusual-number",
    "width-as-kernel",
)
"""The codes of warnings that a comment can switch off."""

COMMENT = re.compile(r"#\s*allow:([^(]*)(\(.*)?")
CODE = re.compile(r"[^\s,]+")


class Allow(NamedTuple):
    """One code in a comment, its place, and the first and the last line to which it applies."""

    code: str
    span: Span
    first: int
    last: int


class Allows:
    """Switches warnings off in one run of the compiler. `used` are the comments that did so."""

    def __init__(self) -> None:
        self._known: dict[Source, tuple[Allow, ...]] = {}
        self.used: set[Allow] = set()

    def covers(self, code: str, spans: Iterable[Span]) -> bool:
        """Whether a comment at one of these places switches this warning off."""
        found = [allow for span in spans for allow in self._of(span.source) if _speaks_for(allow, code, span.line)]
        self.used.update(found)
        return bool(found)

    def remaining(self, warnings: Iterable[Diagnostic]) -> tuple[Diagnostic, ...]:
        """The warnings that no comment switches off."""
        return tuple(w for w in warnings if w.span is None or not self.covers(w.code, [w.span]))

    def _of(self, source: Source) -> tuple[Allow, ...]:
        if source not in self._known:
            is_option = source.name.startswith("--")  # the text of a setting, which has no comments
            self._known[source] = () if is_option else tuple(allows_in(parse(source)))
        return self._known[source]


def _speaks_for(allow: Allow, code: str, line: int) -> bool:
    return allow.code == code and allow.first <= line <= allow.last


def allows_in(spec: tree.Spec) -> Iterator[Allow]:
    """Every code in the `# allow:` comments of a file, whether it exists or not."""
    for comment in spec.comments:
        found = COMMENT.fullmatch(comment.text)
        if found is None:
            continue
        first, last = _lines(spec.source, comment)
        for code in CODE.finditer(comment.text, found.start(1), found.end(1)):
            start = comment.span.start
            yield Allow(code[0], Span(spec.source, start + code.start(), start + code.end()), first, last)


def _lines(source: Source, comment: tree.Comment) -> tuple[int, int]:
    """The first and the last line to which a comment applies."""
    line, count = comment.span.line, len(source.line_starts)
    if not comment.own_line:
        first = line
        while first > 1 and _begins(source, first, "->"):
            first -= 1
        return first, line
    below = line + 1
    while below < count and (_begins(source, below, "#") or not source.line(below).strip()):
        below += 1
    last = below
    while last < count and _begins(source, last + 1, "->"):
        last += 1
    return below, last


def _begins(source: Source, line: int, sign: str) -> bool:
    return source.line(line).lstrip().startswith(sign)


def unknown_codes(spec: tree.Spec) -> Iterator[Diagnostic]:
    """An error for each code in a comment that is not the code of a warning."""
    for allow in allows_in(spec):
        if allow.code not in ALLOWABLE:
            meant = nearest(allow.code, ALLOWABLE)
            yield Diagnostic(
                "unknown-code",
                f"`{allow.code}` is not the code of a warning that can be allowed",
                allow.span,
                help=f"did you mean `{meant}`?" if meant else f"these can be: {', '.join(ALLOWABLE)}",
            )


def unused_allows(source: Source, used: Iterable[Allow]) -> Iterator[Diagnostic]:
    """A warning for each code in this file's comments that is not in `used`, those that switched a warning off."""
    known = set(used)
    for allow in allows_in(parse(source)):
        if allow not in known:
            yield Diagnostic(
                "unused-allow",
                f"`{allow.code}` is allowed here, but nothing here causes that warning",
                allow.span,
                help="remove it from the comment",
                severity="warning",
            )
