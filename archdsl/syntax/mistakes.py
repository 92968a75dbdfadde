"""The place where Lark stopped, with what the rules of `teaching.py` need to explain the mistake."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cached_property

from lark import Tree
from lark.exceptions import UnexpectedCharacters, UnexpectedInput, UnexpectedToken

from archdsl.diagnostics import Diagnostic, Note
from archdsl.source import Source, Span

WORD = re.compile(
    r'[A-Za-z_]\w*|\d[\w.]*|\.\d[\w.]*|"{3}|"[^"\n]*"|->|<-|\|[>|]|//|\*\*|[=!<>:+*/-]=|=>|\S',
)
"""A word or a sign, of this language or of another one."""

FLOW = ("path", "let", "shared", "learned", "repeat", "for", "if", "elif", "else", "return", "output", "stage")
"""Words that can begin a line of a body."""

DECLARATIONS = ("source", "input", "param", "scaling", "variants", "def", "require", "defaults", "init", "expect")
"""Words that can begin a line of a network."""

LONGEST = 60
"""The most characters of a spec's text that a message quotes."""

LONGEST_LINE = 1_000
"""The most characters of a line that a person would write."""

LINE_ENDS = ("_NL", "_INDENT", "_DEDENT", "$END")


@dataclass(frozen=True)
class Mistake:
    """The place where Lark stopped, and what it expected there.

    `kind` is the name of the terminal that it found (None if the text is not a terminal), and `accepted` are the names
    of those that it expected. `stack` has the names of the terminals and rules read so far, the latest last.
    """

    source: Source
    start: int
    kind: str | None
    accepted: frozenset[str]
    stack: tuple[str, ...]

    @cached_property
    def at_line_end(self) -> bool:
        return self.kind in LINE_ENDS

    @cached_property
    def word(self) -> str:
        """The word or sign at fault; empty at the end of a line."""
        match = None if self.at_line_end else WORD.match(self.source.text, self.start)
        return match[0] if match else ""

    @cached_property
    def shown(self) -> str:
        """The word or sign at fault, shortened for a message."""
        return shortened(self.word)

    @cached_property
    def before(self) -> str:
        """The line up to the word at fault."""
        return self.source.text[self.source.text.rfind("\n", 0, self.start) + 1 : self.start].lstrip()

    @cached_property
    def near(self) -> str:
        """The end of `before`, cut to the length of a usual line, because searching in a very long one takes long."""
        return self.before[-LONGEST_LINE:]

    @cached_property
    def rest(self) -> str:
        """The line from the word at fault on, without its comment."""
        end = self.source.text.find("\n", self.start)
        text = self.source.text[self.start : len(self.source.text) if end < 0 else end]
        return text.partition("#")[0].rstrip()

    @cached_property
    def first(self) -> str:
        """The word or sign that the line begins with."""
        match = WORD.match(self.before or self.word)
        return match[0] if match else ""

    @cached_property
    def second(self) -> bool:
        """Whether the word at fault is the second of its line."""
        return bool(self.before) and self.before.rstrip() == self.first and not self.at_line_end

    @cached_property
    def begins_line(self) -> bool:
        return not self.before and not self.at_line_end

    @cached_property
    def begins_value(self) -> bool:
        """Whether the word at fault could begin a step or a value."""
        return bool(re.match(r'[\w"(\[]', self.word))

    @cached_property
    def previous(self) -> str:
        """The character directly before the word at fault."""
        return self.source.text[self.start - 1 : self.start]

    @cached_property
    def span(self) -> Span:
        return self.stretch(self.start, self.start + max(len(self.word), 1))

    @cached_property
    def first_span(self) -> Span:
        start = self.start - len(self.before)
        return self.stretch(start, start + len(self.first))

    @cached_property
    def line_above(self) -> Span:
        """The last line before the word at fault that is more than a comment, without its indentation."""
        lines = list(re.finditer(r"^[ \t]*([^\s#][^\n#]*)", self.source.text[: self.start], re.MULTILINE))
        above = [line for line in lines if "\n" in self.source.text[line.end() : self.start] or self.at_line_end]
        return self.stretch(above[-1].start(1), above[-1].start(1) + len(above[-1][1].rstrip())) if above else self.span

    @cached_property
    def line_below(self) -> str:
        """The next line that is more than a comment, without its indentation."""
        match = re.compile(r"[^\n]*(?:\n[ \t\r\f]*(?:#[^\n]*)?)+([^\n]*)").match(self.source.text, self.start)
        return match[1] if match else ""

    def stretch(self, start: int, end: int) -> Span:
        end = min(end, len(self.source.text))
        return Span(self.source, min(start, end), end)

    def says(
        self, code: str, message: str, help: str | None = None, span: Span | None = None, notes: tuple[Note, ...] = ()
    ) -> Diagnostic:
        return Diagnostic(code, message, span or self.span, notes=notes, help=help)


def mistake_of(source: Source, error: UnexpectedInput) -> Mistake:
    """The mistake that Lark's error stands for, with offsets in `source`."""
    assert isinstance(error, UnexpectedToken | UnexpectedCharacters)
    token = error.token if isinstance(error, UnexpectedToken) else None
    start = error.pos_in_stream if token is None else token.start_pos
    parser = error.interactive_parser
    stack = (value.data if isinstance(value, Tree) else value.type for value in parser.parser_state.value_stack)
    accepted: set[str] = parser.accepts()  # type: ignore[no-untyped-call]
    kind = None if token is None else token.type
    return Mistake(source, start or 0, kind, frozenset(accepted), tuple(map(str, stack)))


def shortened(text: str) -> str:
    """Text of a spec for a message: on one line, and cut if it is long."""
    words = " ".join(text[: 2 * LONGEST].split())
    return words if len(words) <= LONGEST and len(text) <= 2 * LONGEST else f"{words[:LONGEST]}..."
