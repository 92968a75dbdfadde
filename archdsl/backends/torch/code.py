"""Python as data: lines and what is indented under them. The planner makes it, the writer lays it out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias


@dataclass(frozen=True, slots=True)
class Line:
    """One statement, however long, with what is said of it. Without text, a blank line."""

    text: str
    comment: str = ""


@dataclass(frozen=True, slots=True)
class Suite:
    """`if self.training:` or `for cell in self.cells:` and what belongs under it."""

    header: str
    lines: tuple[Code, ...]


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
