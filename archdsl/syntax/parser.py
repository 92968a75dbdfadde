"""Reads spec files and parses them to a `tree.Spec`. All syntax errors of a file are reported at once.

A text is parsed only once: its tree is stored, in this process and between runs.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import fields, is_dataclass, replace
from functools import cache, lru_cache
from itertools import islice
from pathlib import Path
from typing import Any

from archdsl import text
from archdsl.cache import digest, kept
from archdsl.diagnostics import CompileError, Diagnostic
from archdsl.limits import BYTES, WORDS
from archdsl.resources import grammar_text
from archdsl.source import Source, Span
from archdsl.syntax import plain, tree

PLAIN_NUMBER = re.compile(r"[0-9]{1,15}(\.[0-9]{1,15})?")
"""A plain number, as most settings are. It is read without the parser."""

WORD = re.compile(r"\w+|[^\w\s]|\n")
"""A word, a sign or the end of a line."""


def read_source(path: Path, name: str) -> Source:
    """The text of the spec at `path`. Diagnostics show it as `name`. Raises `CompileError` if it cannot be read."""
    shown = text.shown(name)
    try:
        with path.open("rb") as file:
            content = file.read(BYTES + 1)
    except FileNotFoundError:
        raise _unread("file-not-found", f"there is no file {shown}") from None
    except IsADirectoryError:
        raise _unread("unreadable-file", f"{shown} is a folder, not a spec") from None
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        raise _unread("unreadable-file", f"{shown} cannot be read: {reason}") from None
    return replace(source_of(content, shown), path=path.absolute())


def source_of(content: bytes, name: str) -> Source:
    """The text of a file, with line ends of one kind. Raises `CompileError` if it is too large or not UTF-8 text."""
    if len(content) > BYTES:
        raise _unread("file-too-large", f"{name} is larger than {BYTES >> 20} MiB, which no spec is")
    return Source(name, with_plain_lines(_decoded(content, name)))


def with_plain_lines(text: str) -> str:
    """The text with line ends of one kind."""
    return text.replace("\r\n", "\n").replace("\r", "\n")


def parse(source: Source) -> tree.Spec:
    """The tree of a whole file. Raises `CompileError` with every independent syntax error."""
    return _parsed(source, source.path)


@lru_cache(maxsize=64)
def _parsed(source: Source, path: Path | None) -> tree.Spec:
    """The tree of a text at a path, which places in the tree lead to."""

    def made() -> tree.Spec:
        # Imported only here, because importing Lark takes as long as compiling a small spec.
        from archdsl.syntax.grammar import parse_file

        return parse_file(source)

    check_size([source])
    key = digest("tree", _reader(), source.text)
    spec: tree.Spec = kept(key, made, plain.encode, lambda stored: plain.decode(stored, source))
    return spec


def check_size(sources: Sequence[Source]) -> None:
    """Raises `CompileError` if these files together have more than `WORDS` words, signs and lines."""
    if sum(len(source.text) for source in sources) <= WORDS:
        return  # a word has at least one letter
    before = 0
    for source in sources:
        room = WORDS - before
        before += _words(source)
        if before > WORDS:
            word = next(islice(WORD.finditer(source.text), room, None))
            message = f"{source.name} has more than {WORDS:,} words and signs, which no spec has"
            raise CompileError([Diagnostic("file-too-large", message, Span(source, word.start(), word.end()))])


@lru_cache(maxsize=1024)
def _words(source: Source) -> int:
    return sum(1 for _ in WORD.finditer(source.text))


@lru_cache(maxsize=1024)
def parse_expression(source: Source) -> tree.Expression:
    """The tree of a single expression, such as a setting from the command line. Raises `CompileError`."""
    if PLAIN_NUMBER.fullmatch(source.text):
        value = float(source.text) if "." in source.text else int(source.text)
        return tree.Number(source.text, value, Span(source, 0, len(source.text)))
    from archdsl.syntax import grammar

    return grammar.parse_expression(source)


def parse_expression_at(span: Span) -> tree.Expression:
    """The expression at a place of a text, with spans that point into that text. Raises `CompileError`."""
    moved: tree.Expression = _moved(parse_expression(Source(span.source.name, span.text)), span)
    return moved


def _moved(part: Any, to: Span) -> Any:
    """A tree whose text stands at `to` in a larger text, with its spans changed to point into the larger text."""
    if isinstance(part, Span):
        return Span(to.source, to.start + part.start, to.start + part.end)
    if isinstance(part, tuple):
        return tuple(_moved(inner, to) for inner in part)
    if is_dataclass(part) and not isinstance(part, type):
        return replace(part, **{field.name: _moved(getattr(part, field.name), to) for field in fields(part)})
    return part


@cache
def _reader() -> str:
    """A digest of everything that influences parsing: the grammar, this package, and the rules for names and texts."""
    files = [*sorted(Path(__file__).parent.glob("*.py")), Path(text.__file__)]
    return digest(grammar_text(), *(file.read_bytes() for file in files))


# --- files -------------------------------------------------------------------------------------


def _unread(code: str, message: str) -> CompileError:
    return CompileError([Diagnostic(code, message)])


def _decoded(content: bytes, shown: str) -> str:
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        message = f"{shown} is not UTF-8: byte {content[error.start]:#04x} at offset {error.start}, line {line}"
        raise _unread("not-utf8", message) from None
