"""Python code as data: statements, and blocks of statements under a header. `write.py` lays it out as text.

The text of a statement or header is valid Python on one line, however long. `Line.of` and `Suite.of` make it from
the trees of Python's `ast`.
"""

from __future__ import annotations

import ast
from dataclasses import dataclass
from typing import TypeAlias

from archdsl.backends.python.layout import text_of


@dataclass(frozen=True, slots=True)
class Line:
    """One statement, however long, and the comment behind it. Without text, a blank line."""

    text: str
    comment: str = ""

    @classmethod
    def of(cls, statement: ast.stmt, comment: str = "") -> Line:
        """Makes the line from a statement of Python's `ast`. Raises `Unwritable`."""
        return cls(text_of(statement), comment)


@dataclass(frozen=True, slots=True)
class Suite:
    """A header such as `if self.training:` or `for cell in self.cells:`, and the code that is indented under it."""

    header: str
    lines: tuple[Code, ...]

    @classmethod
    def of(cls, statement: ast.stmt, lines: tuple[Code, ...]) -> Suite:
        """Takes the header from a compound statement, whose own body is ignored, and puts `lines` under it."""
        return cls(text_of(statement), lines)


Code: TypeAlias = Line | Suite


@dataclass(frozen=True, slots=True)
class Function:
    """A function or method: `arguments` with their annotations (`x: Tensor`), and the annotation of the `result`."""

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
    """A definition that is already text."""

    text: str
