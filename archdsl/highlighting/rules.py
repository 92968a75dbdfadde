"""What each word and sign of a spec is, for whatever colours a text.

Colouring needs no parser: `RULES` are regular expressions, tried in order at each place of a text. They are written so
that Python and the editors that read TextMate grammars understand them alike: each fits on one line of a spec, but for
docstrings. Ops, functions and types come from the compiler; a test holds the other words to those of the grammar.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum, auto
from functools import cache
from typing import get_args

from archdsl.ops.registry import REGISTRY
from archdsl.resolve.names import FUNCTIONS
from archdsl.syntax.tree import ParameterType


class Kind(Enum):
    """What a piece of text is."""

    COMMENT = auto()
    DOCSTRING = auto()
    STRING = auto()
    NUMBER = auto()
    DECLARATION = auto()
    CONTROL = auto()
    LOGICAL = auto()
    CONSTANT = auto()
    TYPE = auto()
    OP = auto()
    FUNCTION = auto()
    DEFINITION = auto()
    BLOCK = auto()
    STAGE = auto()
    LABEL = auto()
    ARGUMENT = auto()
    FLOW = auto()
    NAME = auto()
    OPERATOR = auto()
    PUNCTUATION = auto()
    ERROR = auto()


@dataclass(frozen=True, slots=True)
class Rule:
    """A pattern and what each of its groups is; text outside of groups is blank. `end` closes what spans lines."""

    pattern: str
    kinds: tuple[Kind, ...]
    end: str | None = None


def _words(words: Iterable[str]) -> str:
    return rf"\b({'|'.join(words)})\b"


DOCSTRING = '"""'
BEFORE_NAME = "stage path let shared learned output input param def".split()
"""They declare something where a line begins with one and a name follows; elsewhere they are names."""
BEFORE_COLON = "scaling variants defaults init".split()
BEFORE_VALUE = "expect require".split()
CONTROL = "as elif else for if in repeat return then".split()
LOGICAL = "and or not".split()
CONSTANT = "true false".split()
FLOW = "it input".split()
"""Names that the language itself gives to values."""


@cache
def rules() -> tuple[Rule, ...]:
    """The rules in order; together they fit every text."""
    return (*_LITERALS, *_DECLARATIONS, *_words_anywhere(), *_SIGNS)


_LITERALS = (
    Rule("(#.*)", (Kind.COMMENT,)),
    Rule(DOCSTRING, (Kind.DOCSTRING,), end=DOCSTRING),
    Rule(r'("[^"\\\n]*(?:\\.[^"\\\n]*)*"?)', (Kind.STRING,)),
)

_DECLARATIONS = (
    Rule(r"^[ \t]*(network|block)\b[ \t]+([A-Za-z_]\w*)", (Kind.DECLARATION, Kind.DEFINITION)),
    Rule(r"^[ \t]*(stage)[ \t]+(?!as\b)([A-Za-z_]\w*)", (Kind.DECLARATION, Kind.STAGE)),
    Rule(rf"^[ \t]*({'|'.join(BEFORE_NAME)})(?=[ \t]+(?!as\b)[A-Za-z_])", (Kind.DECLARATION,)),
    Rule(rf"^[ \t]*({'|'.join(BEFORE_COLON)})(?=[ \t]*:)", (Kind.DECLARATION,)),
    Rule(r"^[ \t]*(expect)\b[ \t]+(\w+(?:[.-]\d\w*)*)(?=[ \t]*:)", (Kind.DECLARATION, Kind.LABEL)),
    Rule(rf"^[ \t]*({'|'.join(BEFORE_VALUE)})\b(?![ \t]*=)", (Kind.DECLARATION,)),
    Rule(r'^[ \t]*(source)(?=[ \t]*")', (Kind.DECLARATION,)),
    Rule(r"^[ \t]*(from)(?=[ \t]+[\w.]+[ \t]+import\b)", (Kind.DECLARATION,)),
    Rule(r"(?<=\w )(import)(?=[ \t]+[(A-Za-z_])", (Kind.DECLARATION,)),
    Rule(r"\b(from)(?=[ \t]+\*?[ \t]*[A-Za-z_][\w, \t*]*:)", (Kind.DECLARATION,)),
    Rule(r"\b(training)(?=[ \t]*:)", (Kind.DECLARATION,)),
    Rule(r"(?<=[\w)\]] )(first|last)(?=\()", (Kind.CONTROL,)),
    Rule(r"\b(of)[ \t]+(int)\b", (Kind.DECLARATION, Kind.TYPE)),
    Rule(r"^[ \t]*(\d\w*(?:[.-]\d\w*)*|\w+(?:[.-]\d\w*)+)(?=[ \t]*:)", (Kind.LABEL,)),
    Rule(r"^[ \t]*(?!else\b)(\w+)(?=[ \t]*:[ \t]*[^\s#])", (Kind.LABEL,)),
    Rule(r"(@)[ \t]*(\w+(?:[.-]\d\w*)*)", (Kind.OPERATOR, Kind.LABEL)),
)


def _words_anywhere() -> tuple[Rule, ...]:
    types = "|".join(get_args(ParameterType))
    return (
        Rule(_words(CONTROL), (Kind.CONTROL,)),
        Rule(_words(LOGICAL), (Kind.LOGICAL,)),
        Rule(_words(CONSTANT), (Kind.CONSTANT,)),
        Rule(rf'(:)[ \t]*({types})\b(?=[ \t]*(?:[=,)"#]|$))', (Kind.PUNCTUATION, Kind.TYPE)),
        Rule(r"\b([A-Za-z_]\w*)(?=[ \t]*=(?!=))", (Kind.ARGUMENT,)),
        Rule(_words(sorted(FUNCTIONS)) + r"(?=\()", (Kind.FUNCTION,)),
        Rule(_words(sorted(REGISTRY.written())), (Kind.OP,)),
        Rule(_words(FLOW), (Kind.FLOW,)),
    )


_SIGNS = (
    Rule(r"(\d+(?:_\d+)*(?:\.\d+(?:_\d+)*)?(?:[eE][+-]?\d+)?[KMGT]?)(?![0-9A-Za-wyz_])", (Kind.NUMBER,)),
    Rule(r"(×|\bx\b|(?<=\d)x(?=\d)|(?<=[\d)\]] )x(?=\d))", (Kind.OPERATOR,)),
    Rule(r"\b([A-Z]\w*[a-z]\w*)", (Kind.BLOCK,)),
    Rule(r"([A-Za-z_]\w*)", (Kind.NAME,)),
    Rule(r"(->|[=!<>]=|//|\+-|[-+*/%^=<>~±|])", (Kind.OPERATOR,)),
    Rule(r"([()\[\]{},:;.])", (Kind.PUNCTUATION,)),
    Rule(r"(\S)", (Kind.ERROR,)),
)
