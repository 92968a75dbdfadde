"""Where Lark stopped, in the words of the language: one `Diagnostic` for one mistake.

`explain` asks the rules of `RULES` in turn, from what is surely meant to what can only be named. A rule sees
the word or sign at fault, the text around it, and what the grammar would have taken in its place.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from difflib import get_close_matches
from functools import cached_property

from lark import Tree
from lark.exceptions import UnexpectedCharacters, UnexpectedInput, UnexpectedToken

from archdsl.diagnostics import Diagnostic
from archdsl.source import Source, Span

FLOW = ("path", "let", "shared", "repeat", "for", "if", "elif", "else", "return", "output", "stage")
"""Words that begin a line of a body."""

DECLARATIONS = (
    *("source", "input", "param", "scaling", "variants", "def", "require", "defaults", "init", "expect"),
)
"""Words that begin a line of a network."""

DEFINITIONS = ("network", "block", "from", "def", "defaults")
"""Words that begin a definition of a file."""

NAMED = ("path", "let", "shared", "output", "stage", "input", "param", "def", "network", "block")
"""Words that a name follows."""

FOREIGN = {
    "**": "write `^`",
    "&&": "write `and`",
    "||": "write `or`",
    "==": "write `=`",
    ":=": "write `let name = ...` on a line of its own",
    "+=": "write `let` with a new name",
    "=>": "write `->`",
    "|>": "write `->`",
    "<-": "write `->`, from the first step to the last",
    "import": "write `from blocks.residual import Bottleneck`",
    "class": "write `block` or `network`",
    "while": "write `repeat n:` or `for x in xs:`",
    "lambda": "write `def f(c) = ...`",
    "const": "write `let`",
    "var": "write `let`",
    "function": "write `def f(c) = ...`, or `block`",
    "module": "write `block` or `network`",
    "model": "write `network`",
    "layer": "write `block`",
    "parallel_for": "write `| for x in xs: ...`",
}
"""What other languages write, and what it is here."""

WORD = re.compile(r'[A-Za-z_]\w*|\d[\w.]*|\.\d[\w.]*|->|<-|\|>|//|\*\*|[=!<>:+*/-]=|=>|\|\||"[^"\n]*"|\S')

LINE_ENDS = ("_NL", "_INDENT", "_DEDENT", "$END")

SPOKEN = {
    "NAME": "a name",
    "NUMBER": "a number",
    "STRING": "a string in double quotes",
    "DOC": "a docstring",
    "LABEL": "a variant's name",
    "VARIANT": "a variant's name",
    "COMPARE": "a comparison",
    "TRAINING": "`training`",
    "COLON": "`:`",
    "COMMA": "`,`",
    "EQUAL": "`=`",
    "VBAR": "`|`",
    "ARROW": "`->`",
    "LPAR": "`(`",
    "RPAR": "`)`",
    "RSQB": "`]`",
    "RBRACE": "`}`",
    "SEMICOLON": "`;`",
    "PERCENT": "`%`",
    "_NL": "the end of the line",
    "_INDENT": "an indented line",
    **{word: f"`{word.lower()}`" for word in ("IN", "THEN", "ELSE", "IMPORT", "OF", "AS")},
}
"""Terminals as a message calls them, the most telling first; what is not here goes without saying."""


@dataclass(frozen=True)
class Mistake:
    """Where Lark stopped: on a terminal of this `kind` (None: on what is no terminal), with `stack` behind it."""

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
        """The word or sign at fault; none at the end of a line."""
        match = None if self.at_line_end else WORD.match(self.source.text, self.start)
        return match[0] if match else ""

    @cached_property
    def before(self) -> str:
        """The line up to the word at fault."""
        return self.source.text[self.source.text.rfind("\n", 0, self.start) + 1 : self.start].lstrip()

    @cached_property
    def after(self) -> str:
        """The line from the word at fault on."""
        return self.source.text[self.start :].partition("\n")[0]

    @cached_property
    def first(self) -> str:
        """The word that the line begins with."""
        match = WORD.match((self.before + self.after).lstrip())
        return match[0] if match else ""

    @cached_property
    def begins_line(self) -> bool:
        return not self.before and not self.at_line_end

    @cached_property
    def span(self) -> Span:
        end = min(self.start + max(len(self.word), 1), len(self.source.text))
        return Span(self.source, min(self.start, end), end)

    def first_span(self) -> Span:
        start = self.start - len(self.before)
        return Span(self.source, start, start + len(self.first))

    def line_below(self) -> tuple[int, str]:
        """Where the next line begins that is no mere comment, and its text."""
        match = re.compile(r"[^\n]*(?:\n[ \t\r\f]*(?:#[^\n]*)?)*").match(self.source.text, self.start)
        start = match.end() if match else self.start
        return start, self.source.text[start:].partition("\n")[0]

    def says(self, code: str, message: str, help: str | None = None, span: Span | None = None) -> Diagnostic:
        return Diagnostic(code, message, span or self.span, help=help)


def explain(source: Source, error: UnexpectedInput) -> Diagnostic:
    """What is wrong where Lark stopped."""
    mistake = _mistake(source, error)
    return next(found for rule in RULES if (found := rule(mistake)))


def _mistake(source: Source, error: UnexpectedInput) -> Mistake:
    assert isinstance(error, UnexpectedToken | UnexpectedCharacters)
    kind = error.token.type if isinstance(error, UnexpectedToken) else None
    start = error.token.start_pos if isinstance(error, UnexpectedToken) else error.pos_in_stream
    parser = error.interactive_parser  # type: ignore[union-attr]
    stack = tuple(str(value.data if isinstance(value, Tree) else value.type) for value in parser.parser_state.value_stack)
    return Mistake(source, start or 0, kind, frozenset(parser.accepts()), stack)


# --- words of the line's beginning ---------------------------------------------------------


def no_network(mistake: Mistake) -> Diagnostic | None:
    """A file's first level holds definitions only."""
    if "NETWORK" not in mistake.accepted or mistake.word in FOREIGN:
        return None
    if mistake.word in DECLARATIONS + FLOW:
        return mistake.says("misplaced-line", f"`{mistake.word}` belongs into a network or a block, indented under it")
    if close := _close(mistake.word, DEFINITIONS):
        return mistake.says(
            "unknown-keyword", f"`{mistake.word}` begins no definition", f"did you mean `{close}`?"
        )
    return mistake.says(
        "misplaced-line", "a file holds imports, a network and blocks; steps stand in them, indented", None
    )


def unknown_keyword(mistake: Mistake) -> Diagnostic | None:
    """`stge conv1: ...`: a word that is almost one of those that begin a line, and something after it."""
    beside = mistake.before.strip() == mistake.first and not mistake.at_line_end and mistake.kind != "COLON"
    known = DECLARATIONS + FLOW
    if not beside or mistake.first in known or not re.match(r'[\w"]', mistake.word):
        return None
    if close := _close(mistake.first, known):
        return mistake.says(
            "unknown-keyword",
            f"`{mistake.first}` begins no line of a network or block",
            f"did you mean `{close}`?",
            mistake.first_span(),
        )
    return None


RULES: tuple[Callable[[Mistake], Diagnostic | None], ...] = ()


def _close(word: str, known: tuple[str, ...]) -> str | None:
    close = get_close_matches(word.lower(), known, 1, 0.7)
    return close[0] if close else None
