"""Takes text in the format of protocol buffers apart: fields with values, or with further fields (messages)."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from lark import Lark, Token, Transformer
from lark.exceptions import UnexpectedInput, UnexpectedToken

from archdsl.diagnostics import CompileError, Diagnostic
from archdsl.frontends.flat import wrong
from archdsl.ops.base import LIMIT
from archdsl.resources import grammar_text
from archdsl.source import Source, Span
from archdsl.suggest import nearest
from archdsl.text import shown

WHOLE = re.compile(r"[+-]?\d{1,18}")
DECIMAL = re.compile(r"[+-]?(\d{1,30}(\.\d{0,30})?|\.\d{1,30})([eE][+-]?\d{1,3})?f?")


@dataclass(frozen=True, slots=True)
class Scalar:
    """A value and its place. A text has no quotes any more."""

    text: str
    span: Span


@dataclass(eq=False, slots=True)
class Message:
    """Fields by name, in the order in which they are written. A field may be there several times.

    The methods read fields, and raise `Refused` for values that are not of the kind that is asked for.
    """

    span: Span
    fields: dict[str, list[Scalar | Message]] = field(default_factory=dict)
    names: dict[str, Span] = field(default_factory=dict)
    """The places of the fields' names, of each the first."""
    asked: set[str] = field(default_factory=set)
    """The fields that were asked for."""

    def scalars(self, name: str) -> list[Scalar]:
        """All values of a field."""
        self.asked.add(name)
        for value in self.fields.get(name, ()):
            if not isinstance(value, Scalar):
                raise wrong(f"`{name}` is a value, got fields in braces", value.span)
        return [value for value in self.fields.get(name, ()) if isinstance(value, Scalar)]

    def has(self, name: str) -> bool:
        """Whether there is a field of this name."""
        self.asked.add(name)
        return name in self.fields

    def messages(self, name: str) -> list[Message]:
        """All messages of a field."""
        self.asked.add(name)
        for value in self.fields.get(name, ()):
            if isinstance(value, Scalar):
                raise wrong(f"`{name}` has fields in braces, got `{shown(value.text, 60)}`", value.span)
        return [value for value in self.fields.get(name, ()) if isinstance(value, Message)]

    def message(self, name: str) -> Message:
        """The last message of a field; one without fields if there is none."""
        return next(reversed(self.messages(name)), Message(self.span))

    def place(self, name: str) -> Span:
        """The place of a field's last value, or that of the message."""
        values = self.fields.get(name)
        return values[-1].span if values else self.span

    def text(self, name: str, default: str = "") -> str:
        values = self.scalars(name)
        return values[-1].text if values else default

    def whole(self, name: str, default: int, least: int = 0) -> int:
        """A whole number of at least `least`: the last value of a field."""
        values = self.scalars(name)
        return _whole(values[-1], name, least) if values else default

    def wholes(self, name: str, least: int = 0) -> list[int]:
        return [_whole(value, name, least) for value in self.scalars(name)]

    def number(self, name: str, default: float) -> float:
        values = self.numbers(name)
        return values[-1] if values else default

    def numbers(self, name: str) -> list[float]:
        for value in self.scalars(name):
            if not DECIMAL.fullmatch(value.text):
                raise wrong(f"`{name}` is a number, got `{shown(value.text, 60)}`", value.span)
        return [float(value.text.rstrip("f")) for value in self.scalars(name)]

    def flag(self, name: str, default: bool) -> bool:
        text = self.text(name, str(default)).lower()
        if text not in ("true", "false", "1", "0", "t", "f"):
            raise wrong(f"`{name}` is true or false, got `{shown(text, 60)}`", self.place(name))
        return text in ("true", "1", "t")

    def slips(self) -> Iterator[Diagnostic]:
        """Fields that nothing asked for, but whose names are nearly those of others."""
        for name, span in self.names.items():
            meant = nearest(name, sorted(self.asked - self.names.keys())) if name not in self.asked else None
            if meant:
                message = f"there is no field `{shown(name, 60)}` here"
                yield Diagnostic("bad-model-file", message, span, help=f"did you mean `{meant}`?")


def _whole(value: Scalar, name: str, least: int) -> int:
    if not WHOLE.fullmatch(value.text):
        raise wrong(f"`{name}` is a whole number, got `{shown(value.text, 60)}`", value.span)
    number = int(value.text)
    if not least <= number <= LIMIT:
        bound = f"at least {least}" if number < least else f"at most {LIMIT:,}"
        raise wrong(f"`{name}` is {bound}, got {number}", value.span)
    return number


def parse(source: Source) -> Message:
    """The message that a text is. Raises `CompileError` if it is not in that format."""
    try:
        message = Lark(grammar_text("protobuf_text"), parser="lalr", transformer=_Builder(source)).parse(source.text)
    except UnexpectedInput as error:
        raise CompileError([_problem(source, error)]) from None
    assert isinstance(message, Message)
    return message


class _Builder(Transformer[Token, Message]):
    """Makes messages while the text is parsed, so that nesting needs no recursion."""

    def __init__(self, source: Source) -> None:
        super().__init__()
        self.source = source

    def texts(self, tokens: list[Token]) -> Scalar:
        """Texts in a row are one text."""
        return Scalar("".join(_unquoted(token) for token in tokens), self._span(tokens[0], tokens[-1]))

    def scalar(self, parts: list[Any]) -> tuple[Token, list[Scalar]]:
        name, *values = parts
        return name, [v if isinstance(v, Scalar) else Scalar(str(v), self._span(v, v)) for v in values]

    def message(self, parts: list[Any]) -> tuple[Token, list[Message]]:
        name, *rows = parts
        return name, [self._message(self._span(name, name), rows)]

    def start(self, rows: list[Any]) -> Message:
        return self._message(Span(self.source, 0, 0), rows)

    def _message(self, span: Span, rows: Sequence[tuple[Token, Sequence[Scalar | Message]]]) -> Message:
        found = Message(span)
        for name, values in rows:
            found.fields.setdefault(str(name), []).extend(values)
            found.names.setdefault(str(name), self._span(name, name))
        return found

    def _span(self, first: Token, last: Token) -> Span:
        assert first.start_pos is not None
        assert last.end_pos is not None
        return Span(self.source, first.start_pos, last.end_pos)


def _unquoted(token: Token) -> str:
    return re.sub(r"\\(.)", r"\1", str(token)[1:-1], flags=re.DOTALL)


WORDS = {
    "NAME": "a name",
    "NUMBER": "a number",
    "TEXT": "a text in quotes",
    "COLON": "`:`",
    "LBRACE": "`{`",
    "RBRACE": "`}`",
    "LSQB": "`[`",
    "RSQB": "`]`",
    "COMMA": "`,`",
    "SEMICOLON": "`;`",
    "$END": "the end of the file",
}


def _problem(source: Source, error: UnexpectedInput) -> Diagnostic:
    """What is wrong with a text, what was expected, and where."""
    start = min(error.pos_in_stream or 0, len(source.text))
    if isinstance(error, UnexpectedToken) and error.token.type == "$END":
        opened = source.text.count("{") - source.text.count("}")
        help = f"write {opened} more `}}` at the end" if opened > 0 else None
        return Diagnostic("bad-model-file", f"{source.name} ends within a field", _last(source), help=help)
    if isinstance(error, UnexpectedToken):
        *others, last = [WORDS[name] for name in WORDS if name in error.accepts | error.expected] or ["nothing"]
        expected = f"{', '.join(others)} or {last}" if others else last
        found = f"`{shown(str(error.token), 60)}`"
        span = Span(source, start, start + max(len(error.token.partition("\n")[0]), 1))
        return Diagnostic("bad-model-file", f"expected {expected}, found {found}", span)
    found = shown(source.text[start : start + 1], 10)
    message = f"`{found}` begins neither a name nor a value"
    return Diagnostic("bad-model-file", message, Span(source, start, start + 1))


def _last(source: Source) -> Span:
    """The last character of a text that is no blank."""
    end = len(source.text.rstrip())
    return Span(source, max(end - 1, 0), end)
