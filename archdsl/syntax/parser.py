"""Parses a text to a `tree.Spec`. Raises `CompileError` with all syntax errors at once.

The work is Lark's, by `grammar/archdsl.lark`. `layout` reports what needs no grammar, `teaching` says in the
language's own words where Lark stopped, and `builder` makes the tree.
"""

from __future__ import annotations

import re
import sys
from dataclasses import fields, is_dataclass, replace
from functools import cache
from pathlib import Path
from threading import Lock
from typing import Any, Literal
from zlib import crc32

from lark import Lark, Token, Tree
from lark.exceptions import UnexpectedInput
from lark.indenter import DedentError, Indenter
from platformdirs import user_cache_path

from archdsl.diagnostics import CompileError, Diagnostic
from archdsl.resources import grammar_text
from archdsl.source import Source, Span
from archdsl.syntax import tree
from archdsl.syntax.builder import TreeBuilder
from archdsl.syntax.layout import TAB, LogicalLines, scan
from archdsl.syntax.teaching import explain

LARGEST = 4 * 2**20
"""Bytes in a file."""

REPORTED = 20
"""Most errors that are reported of one file."""

EFFORT = 2**20
"""Most characters that are parsed again, in total, to find errors after the first one."""


def read_source(path: Path, shown: str) -> Source:
    """The text of a spec, which diagnostics call `shown`. Raises `CompileError` where it cannot be read."""
    try:
        with path.open("rb") as file:
            content = file.read(LARGEST + 1)
    except FileNotFoundError:
        raise _unread("file-not-found", f"there is no file {shown}") from None
    except IsADirectoryError:
        raise _unread("unreadable-file", f"{shown} is a folder, not a spec") from None
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        raise _unread("unreadable-file", f"{shown} cannot be read: {reason}") from None
    if len(content) > LARGEST:
        raise _unread("file-too-large", f"{shown} is larger than {LARGEST >> 20} MiB, which no spec is")
    return Source(shown, _decoded(content, shown).replace("\r\n", "\n").replace("\r", "\n"))


def parse(source: Source) -> tree.Spec:
    """The tree of a whole file. Raises `CompileError` with every independent syntax error."""
    layout = scan(source)
    parsed = None if layout.problems else _parse(source, source.text)
    if not isinstance(parsed, Tree):
        raise CompileError(_problems(source, layout))
    spec, problems = _built(source, parsed)
    if spec and not spec.items:
        problems = [Diagnostic("empty-file", f"{source.name} holds no network and no block", Span(source, 0, 0))]
    if problems:
        raise CompileError(problems)
    return tree.Spec(source, spec.items, layout.comments)


def parse_expression(source: Source) -> tree.Expression:
    """The tree of a single expression, such as a setting from the command line. Raises `CompileError`."""
    source = Source(source.name, source.text.strip())
    layout = scan(source)
    if layout.problems:
        raise CompileError(layout.problems)
    parsed = _parse(source, source.text, "expression")
    if isinstance(parsed, Diagnostic):
        raise CompileError([parsed])
    expression: tree.Expression
    expression, problems = _built(source, parsed)
    if problems:
        raise CompileError(problems)
    return expression


def parse_expression_at(span: Span) -> tree.Expression:
    """The expression that stands at a place of a text; its own places are in that text. Raises `CompileError`."""
    moved: tree.Expression = _moved(parse_expression(Source(span.source.name, span.text)), span)
    return moved


def _moved(part: Any, to: Span) -> Any:
    """A tree of a text that stands at `to`, with places in the text around it."""
    if isinstance(part, Span):
        return Span(to.source, to.start + part.start, to.start + part.end)
    if isinstance(part, tuple):
        return tuple(_moved(inner, to) for inner in part)
    if is_dataclass(part) and not isinstance(part, type):
        return replace(part, **{field.name: _moved(getattr(part, field.name), to) for field in fields(part)})
    return part


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


# --- parsing -----------------------------------------------------------------------------------


class _Indentation(Indenter):
    """Lark's indenter; it always accepts names, so that a misspelt keyword becomes a name in the wrong place."""

    NL_type = "_NL"
    OPEN_PAREN_types = ["LPAR", "LSQB", "LBRACE"]  # noqa: RUF012 (declared as instance attributes by Lark)
    CLOSE_PAREN_types = ["RPAR", "RSQB", "RBRACE"]  # noqa: RUF012
    INDENT_type = "_INDENT"
    DEDENT_type = "_DEDENT"
    tab_len = TAB
    always_accept = ("_NL", "NAME")


# The indenter keeps its state between tokens.
_lock = Lock()


@cache
def _lark() -> Lark:
    """The parser. Its tables are cached between runs: making them takes ten times as long as loading them."""
    return Lark(
        grammar_text(),
        parser="lalr",
        start=["file", "expression"],
        postlex=_Indentation(),
        propagate_positions=True,
        cache=_cache_file(),
    )


def _cache_file() -> str | Literal[False]:
    """The cache file of the tables, one for each grammar and Python version. Lark ignores a broken one."""
    name = f"grammar-{crc32(grammar_text().encode()):08x}-{sys.implementation.cache_tag}.tables"
    try:
        return str(user_cache_path("archdsl", ensure_exists=True) / name)
    except OSError:
        return False


def _parse(source: Source, text: str, start: str = "file") -> Tree[Token] | Diagnostic:
    """Lark's tree or its error. `text` is the text of `source`, in which erroneous parts may be blanked out."""
    ending = "\n" if start == "file" else ""
    with _lock:
        try:
            return _lark().parse(text + ending, start)
        except UnexpectedInput as error:
            return explain(source, error)


def _built(source: Source, parsed: Tree[Token]) -> tuple[Any, list[Diagnostic]]:
    """The builder's tree for Lark's, and its problems."""
    builder = TreeBuilder(source)
    try:
        return builder.build(parsed), builder.problems
    except CompileError as error:
        return None, [*builder.problems, *error.diagnostics]


def _problems(source: Source, layout: LogicalLines) -> list[Diagnostic]:
    """Every independent error: after each, its statement is blanked out and the rest is parsed again."""
    problems = list(layout.problems[:REPORTED])
    if len(problems) == REPORTED or any(problem.code == "mixed-indentation" for problem in problems):
        return problems
    text = source.text
    for problem in problems:
        text = _without(text, layout, problem)
    for _ in range(EFFORT // (len(text) + 1) + 1):
        try:
            found = _parse(source, text)
        except DedentError:
            # The removed statement opened the indentation of the remaining text.
            return problems
        if isinstance(found, Tree):
            return problems + _built(source, found)[1]
        problems.append(found)
        rest = _without(text, layout, found)
        if rest == text or len(problems) >= REPORTED:
            break
        text = rest
    return problems


def _without(text: str, layout: LogicalLines, problem: Diagnostic) -> str:
    """The text with blanks in place of an erroneous definition, or of a statement, which becomes a single name."""
    indentation = problem in layout.problems and problem.code == "bad-indentation"
    for span in (problem.span, *(note.span for note in problem.notes)):
        if span is not None and layout.lines:
            first, after = (layout.definition if indentation else layout.statement)(span.start)
            start = layout.lines[first].start
            end = len(text) if after is None else text.rindex("\n", 0, layout.lines[after].start)
            stands = text[start:end].strip() and layout.lines[first].indent
            blanks = re.sub(r"[^\n]", " ", text[start:end])
            text = text[:start] + ("a" + blanks[1:] if stands else blanks) + text[end:]
    return text
