"""The resolved model of a spec: imports are read, definitions found, and parameters have types.

Bodies stay syntax trees (`syntax.tree`). `check.py` has checked that every name in them is defined.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from archdsl.diagnostics import Diagnostic
from archdsl.source import Source, Span
from archdsl.syntax import tree


@dataclass(frozen=True, slots=True)
class Parameter:
    """A setting of a network or an argument of a block. `type` is None if any kind of value is accepted."""

    name: str
    type: tree.ParameterType | None
    default: tree.Expression | None
    doc: str
    span: Span


@dataclass(frozen=True, eq=False)
class Block:
    """A block and the file whose definitions its body sees."""

    name: str
    doc: str
    parameters: tuple[Parameter, ...]
    ports: tree.Ports | None
    body: tree.Body
    span: Span
    file: File = field(repr=False)


def default_calls(items: Iterable[tree.Defaults | tree.Init]) -> tuple[tree.Call, ...]:
    """The calls in `defaults`, then those in `init`, where `conv(kaiming)` is read as `conv(init=kaiming)`."""
    items = tuple(items)
    inits = (call for item in items if isinstance(item, tree.Init) for call in item.calls)
    return (*(call for item in items if isinstance(item, tree.Defaults) for call in item.calls), *map(_init, inits))


def _init(call: tree.Call) -> tree.Call:
    arguments = tuple(tree.Argument(a.name or "init", a.value, a.span) for a in call.arguments)
    return tree.Call(call.function, arguments, call.span)


@dataclass(frozen=True, slots=True)
class Variant:
    name: str
    assignments: tuple[tree.Assignment, ...]
    span: Span

    @property
    def label(self) -> Span:
        """The place of its name."""
        return Span(self.span.source, self.span.start, self.span.start + len(self.name))


@dataclass(frozen=True, eq=False)
class Network:
    """A network: its declarations by kind, and its statements in the order in which they are written."""

    name: str
    doc: str
    citation: str
    inputs: tuple[tree.Input, ...]
    parameters: tuple[Parameter, ...]
    scaling: tuple[tree.Assignment, ...]
    variants: dict[str, Variant]
    functions: dict[str, tree.Define]
    requires: tuple[tree.Require, ...]
    defaults: tuple[tree.Call, ...]
    expectations: tuple[tree.Expect, ...]
    flow: tree.Body
    span: Span
    file: File = field(repr=False)


class Use(NamedTuple):
    """A place where a name stands, and the place where it was given. A name that is given is a use of itself."""

    place: Span
    given: Span


class Unused(NamedTuple):
    """A warning about a name that nothing uses, and the whole text that defines it."""

    warning: Diagnostic
    whole: Span


@dataclass(frozen=True, eq=False)
class File:
    """One spec file. `definitions` has its own and its imported blocks and networks, `functions` its `def`s.

    `imports` has the path of each file that is imported. `uses` are the places of all names in the text that have a
    definition; where the arms of an `if` give the same name, the places of one are uses of the other.
    `problems` are the errors in names and arguments, in this file and in its imports. `broken` are names whose import
    failed; they are not reported again. `unused` is set only for the main file, and only if it has no problems.
    """

    source: Source
    definitions: dict[str, Block | Network] = field(repr=False)
    functions: dict[str, tree.Define]
    defaults: tuple[tree.Call, ...]
    network: Network | None = None
    problems: tuple[Diagnostic, ...] = ()
    unused: tuple[Unused, ...] = ()
    broken: set[str] = field(default_factory=set)
    imports: list[tuple[tree.Import, Path]] = field(default_factory=list, repr=False)
    uses: list[Use] = field(default_factory=list, repr=False)
