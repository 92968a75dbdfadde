"""Python as data: lines and what is indented under them. Whoever emits Python makes it; the writer lays it out.

Lines and headers are valid Python, each on one line however long. Where their expressions are trees, `Line.of` and
`Suite.of` write them.
"""

from __future__ import annotations

import ast
from dataclasses import dataclass
from typing import TypeAlias

from archdsl.backends.python.layout import text_of


@dataclass(frozen=True, slots=True)
class Line:
    """One statement, however long, with what is said of it. Without text, a blank line."""

    text: str
    comment: str = ""

    @classmethod
    def of(cls, statement: ast.stmt, comment: str = "") -> Line:
        return cls(text_of(statement), comment)


@dataclass(frozen=True, slots=True)
class Suite:
    """`if self.training:` or `for cell in self.cells:` and what belongs under it."""

    header: str
    lines: tuple[Code, ...]

    @classmethod
    def of(cls, statement: ast.stmt, lines: tuple[Code, ...]) -> Suite:
        """The head of a compound statement, whose own body is left aside."""
        return cls(text_of(statement), lines)


Code: TypeAlias = Line | Suite


@dataclass(frozen=True, slots=True)
class Function:
    """A function or method; arguments and result as they are annotated."""

    name: str
    arguments: tuple[str, ...]
    result: str
    lines: tuple[Code, ...]
    comment: str = ""
    doc: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Class:
    """A class derived from `base`; `fields` are annotated names."""

    name: str
    base: str
    doc: tuple[str, ...]
    fields: tuple[Line, ...] = ()
    methods: tuple[Function, ...] = ()


@dataclass(frozen=True, slots=True)
class Text:
    """A definition that is written already."""

    text: str
