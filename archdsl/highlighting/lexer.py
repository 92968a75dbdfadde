"""A lexer for Pygments, which colours specs in documents, notebooks and terminals, by the name `arch`."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache
from typing import ClassVar

from pygments.lexer import Lexer
from pygments.token import Comment, Error, Keyword, Name, Number, Operator, Punctuation, String, Whitespace, _TokenType

from archdsl.highlighting.rules import Kind, Rule, rules

TOKENS = {
    Kind.COMMENT: Comment.Single,
    Kind.DOCSTRING: String.Doc,
    Kind.STRING: String.Double,
    Kind.NUMBER: Number,
    Kind.DECLARATION: Keyword.Declaration,
    Kind.CONTROL: Keyword,
    Kind.LOGICAL: Operator.Word,
    Kind.CONSTANT: Keyword.Constant,
    Kind.TYPE: Keyword.Type,
    Kind.OP: Name.Builtin,
    Kind.FUNCTION: Name.Function,
    Kind.DEFINITION: Name.Class,
    Kind.BLOCK: Name.Class,
    Kind.STAGE: Name.Namespace,
    Kind.LABEL: Name.Label,
    Kind.ARGUMENT: Name.Attribute,
    Kind.FLOW: Name.Builtin.Pseudo,
    Kind.NAME: Name,
    Kind.OPERATOR: Operator,
    Kind.PUNCTUATION: Punctuation,
    Kind.ERROR: Error,
}
"""What each kind is called in Pygments, whose styles have a colour for each."""

Piece = tuple[int, Kind | None, str]


class ArchLexer(Lexer):  # type: ignore[misc]  # (pygments has no types)
    """Specs of neural networks, as archdsl reads them."""

    name = "archdsl"
    aliases: ClassVar = ["arch", "archdsl"]
    filenames: ClassVar = ["*.arch"]
    mimetypes: ClassVar = ["text/x-archdsl"]

    def get_tokens_unprocessed(self, text: str) -> Iterator[tuple[int, _TokenType, str]]:
        for place, kind, piece in pieces(text):
            yield place, Whitespace if kind is None else TOKENS[kind], piece


def pieces(text: str) -> Iterator[Piece]:
    """Every character of a text in order, as pieces with their places and kinds; blanks have none."""
    place = 0
    while place < len(text):
        found = _first(text, place)
        yield from found
        place = found[-1][0] + len(found[-1][2])


def _first(text: str, place: int) -> list[Piece]:
    for pattern, rule in _compiled():
        match = pattern.match(text, place)
        if match:
            return [*_groups(match, rule)]
    match = _BLANK.match(text, place)
    assert match
    return [(place, None, match[0])]


def _groups(match: re.Match[str], rule: Rule) -> Iterator[Piece]:
    """What a rule found: its groups, and the blanks before and between them."""
    place = match.start()
    for number, kind in enumerate(rule.kinds, 1):
        if place < match.start(number):
            yield place, None, match.string[place : match.start(number)]
        yield match.start(number), kind, match[number]
        place = match.end(number)


# A line's own blanks may begin a rule, so each line end is a piece of its own.
_BLANK = re.compile(r"\n|[^\S\n]+")


@cache
def _compiled() -> tuple[tuple[re.Pattern[str], Rule], ...]:
    return tuple((re.compile(_whole(rule), re.MULTILINE), rule) for rule in rules())


def _whole(rule: Rule) -> str:
    """The rule's pattern; with an end, up to it, or to the end of a text that lacks it."""
    return rf"({rule.pattern}[\s\S]*?(?:{rule.end}|\Z))" if rule.end else rule.pattern
