"""Parses a text with Lark, by `grammar/archdsl.lark`. The result is a tree, or all syntax errors at once.

`layout` reports the errors that can be found without the grammar. Where Lark stops, `teaching` explains the error in
the words of the language. `builder` makes the tree.
"""

from __future__ import annotations

import re
from functools import cache, lru_cache
from pathlib import Path
from threading import Lock
from typing import Any

import lark
from lark import Lark, Token, Tree
from lark.exceptions import UnexpectedInput
from lark.grammar import Rule
from lark.indenter import DedentError, Indenter
from lark.lexer import TerminalDef

from archdsl.cache import digest, kept
from archdsl.diagnostics import CompileError, Diagnostic
from archdsl.limits import SHOWN
from archdsl.resources import grammar_text
from archdsl.source import Source, Span
from archdsl.syntax import tree
from archdsl.syntax.builder import TreeBuilder
from archdsl.syntax.layout import TAB, LogicalLines, scan
from archdsl.syntax.teaching import explain

REPORTED = SHOWN
"""After so many errors, a file is not parsed again to find more."""

EFFORT = 2**20
"""The most characters, in total, that are parsed again to find errors after the first one."""


def parse_file(source: Source) -> tree.Spec:
    """The tree of a whole file. Raises `CompileError` with every independent syntax error."""
    spec, problems = parse_partial(source)
    if not problems and not spec.items:
        problems = (Diagnostic("empty-file", f"{source.name} holds no network and no block", Span(source, 0, 0)),)
    if problems:
        raise CompileError(problems)
    return spec


def parse_partial(source: Source) -> tuple[tree.Spec, tuple[Diagnostic, ...]]:
    """The tree of a file that may be half written, and its syntax errors.

    Statements with errors are missing in the tree. It has no items where the rest could not be read either.
    """
    return _read(source, source.path)


@lru_cache(maxsize=64)
def _read(source: Source, path: Path | None) -> tuple[tree.Spec, tuple[Diagnostic, ...]]:
    layout = scan(source)
    parsed, problems = _recovered(source, layout)
    spec, found = _built(source, parsed) if parsed is not None else (None, [])
    items = spec.items if spec is not None else ()
    return tree.Spec(source, items, layout.comments), (*problems, *found)


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


# --- Lark ----------------------------------------------------------------------------------------


class _Indentation(Indenter):
    """Lark's indenter. It accepts names anywhere, so that a misspelt keyword is read as a name and can be explained."""

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
    """The parser. Its tables are stored between runs, because making them takes ten times as long as loading them."""
    key = digest("tables", lark.__version__, grammar_text())
    return kept(key, _new_lark, _tables, _from_tables)


def _new_lark() -> Lark:
    return Lark(
        grammar_text(),
        parser="lalr",
        start=["file", "expression"],
        postlex=_Indentation(),
        propagate_positions=True,
    )


def _tables(parser: Lark) -> Any:
    """The parser, without the indenter, as plain data. (Lark's own cache is a pickle, and loading one can run code.)"""
    data, memo = parser.memo_serialize([TerminalDef, Rule])
    return [data | {"options": data["options"] | {"postlex": None}}, memo]


def _from_tables(stored: Any) -> Lark:
    """The parser made from plain data. Its tables have numbers as keys, which JSON has turned into strings."""
    data, memo = stored
    data["options"]["postlex"] = _Indentation()
    table = data["parser"]["parser"]
    table["tokens"] = _numbered(table["tokens"])
    table["states"] = {int(state): _numbered(actions) for state, actions in table["states"].items()}
    return Lark.load({"data": data, "memo": _numbered(memo)})


def _numbered(table: dict[str, Any]) -> dict[int, Any]:
    return {int(number): value for number, value in table.items()}


def _parse(source: Source, text: str, start: str = "file") -> Tree[Token] | Diagnostic:
    """Lark's tree, or the error. `text` is that of `source`, perhaps with blanks in place of parts with errors."""
    ending = "\n" if start == "file" else ""
    with _lock:
        try:
            return _lark().parse(text + ending, start)
        except UnexpectedInput as error:
            return explain(source, error)


def _built(source: Source, parsed: Tree[Token]) -> tuple[Any, list[Diagnostic]]:
    """The tree that the builder makes from Lark's, and the builder's problems."""
    builder = TreeBuilder(source)
    try:
        return builder.build(parsed), builder.problems
    except CompileError as error:
        return None, [*builder.problems, *error.diagnostics]


def _recovered(source: Source, layout: LogicalLines) -> tuple[Tree[Token] | None, list[Diagnostic]]:
    """Lark's tree of what can be read, and every independent error.

    After each error, its statement is replaced by blanks and the text is parsed again.
    """
    problems = list(layout.problems)
    if len(problems) >= REPORTED or any(problem.code == "mixed-indentation" for problem in problems):
        return None, problems
    text = source.text
    for problem in problems:
        text = _without(text, layout, problem)
    for _ in range(EFFORT // (len(text) + 1) + 1):
        try:
            found = _parse(source, text)
        except DedentError:
            # The removed statement opened the indentation of the remaining text.
            break
        if isinstance(found, Tree):
            return found, problems
        problems.append(found)
        rest = _without(text, layout, found)
        if rest == text or len(problems) >= REPORTED:
            break
        text = rest
    return None, problems


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
