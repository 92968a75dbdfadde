"""The values that an expression can have.

Numbers, booleans, strings and lists are Python's own, and a shape is a tuple of ints. Here are the others.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from archdsl.diagnostics import Diagnostic, Note
from archdsl.ir.builder import Home, Ref
from archdsl.ops.base import Op
from archdsl.ops.initialize import Initializer
from archdsl.resolve.model import Block, Network
from archdsl.source import Span
from archdsl.syntax import tree
from archdsl.tensor import Tensor


@dataclass(frozen=True, slots=True)
class Flow:
    """A value that flows through the network. If it is the output of a network used as a block, `stages` has the values
    of that network's stages by name."""

    ref: Ref
    tensor: Tensor
    stages: Mapping[str, Flow] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Given:
    """The value of an argument, a setting or a named number, and the place (`span`) where it is written.

    It was written as `expression` and evaluated in `environment`. `origin` is only given for settings and defaults:
    "default", "variant b3". `asked` are the values of the network that the expression names, with the text that stands
    for each: `it.channels` names "it". For an element of a list that was passed as `*row`, `row` is the place of the
    list.
    """

    name: str | None
    value: Any
    span: Span | None
    expression: tree.Expression | None = None
    environment: Any = field(default=None, compare=False, repr=False)
    origin: str = ""
    asked: tuple[tuple[str, Ref], ...] = field(default=(), compare=False, repr=False)
    row: Span | None = None


@dataclass(frozen=True, slots=True)
class Unit:
    """An op, a block or a network used as a value, with the arguments that it has been given so far."""

    definition: type[Op] | Block | Network
    given: tuple[Given, ...] = ()
    variant: str | None = None
    home: Home | None = None

    def __str__(self) -> str:
        arguments = ", ".join(f"{g.name}={describe(g.value)}" if g.name else describe(g.value) for g in self.given)
        return self.definition.name + (f"({arguments})" if arguments else "")


def is_flow(value: Any) -> bool:
    """Whether this is a value of the network, or a tuple of several."""
    return isinstance(value, Flow) or (isinstance(value, tuple) and all(isinstance(part, Flow) for part in value))


class Listed(list[Any]):
    """A list that knows where it is written, so that a row of a table can be shown when it is at fault."""

    __slots__ = ("span",)

    def __init__(self, items: Iterable[Any], span: Span) -> None:
        super().__init__(items)
        self.span = span


class Failed:
    """Stands for a value that could not be computed. A step that uses it fails without a further error."""


FAILED = Failed()


class Problem(Exception):
    """The exception for an error in the spec. Where a statement is expanded, it is caught and recorded."""

    def __init__(self, code: str, message: str, span: Span | None, **more: Any) -> None:
        self.diagnostic = Diagnostic(code, message, span, **more)
        super().__init__(message)

    @classmethod
    def of(cls, diagnostic: Diagnostic, notes: tuple[Note, ...] = ()) -> Problem:
        """A problem made from another stage's diagnostic, so that it is recorded with the frames of this stage."""
        return cls(diagnostic.code, diagnostic.message, diagnostic.span, help=diagnostic.help, notes=notes)


def rows_of(*arguments: Given | None) -> tuple[Note, ...]:
    """Notes that show where the lists are written whose elements were passed as these arguments."""
    rows = dict.fromkeys(given.row for given in arguments if given is not None and given.row is not None)
    return tuple(Note(f"the list {row.text} is written here", row) for row in rows)


class Quiet(Exception):
    """The exception for an expression or step that cannot be evaluated because of an error already reported."""


def describe(value: Any) -> str:
    """A value as it is called in messages: `2.5`, `the block Basic`, `a value of shape 64x56x56`."""
    match value:
        case bool():
            return "true" if value else "false"
        case str():
            return f'"{value}"'
        case list():
            return "[" + ", ".join(map(describe, value)) + "]"
        case tuple() if all(isinstance(v, Flow) for v in value):
            return f"{len(value)} values"
        case tuple() if all(isinstance(v, int) for v in value):
            return "x".join(map(str, value))
        case tuple():
            return "[" + ", ".join(describe(list(v) if isinstance(v, tuple) else v) for v in value) + "]"
        case Flow():
            return f"a value of shape {value.tensor}"
        case Unit(definition=Block()):
            return f"the block {value}"
        case Unit(definition=Network()):
            return f"the network {value}"
        case Unit():
            return f"the op {value}"
        case Initializer():
            return f"the initializer {value}"
        case None:
            return "nothing"
        case int():
            return f"{value:_}" if abs(value) >= 100_000 else str(value)
        case _:
            return str(value)


def plain(value: Any) -> Any:
    """A parameter's value in the form in which the graph stores it: numbers, words, lists, and names for the rest."""
    if isinstance(value, bool | int | float | str):
        return value
    if isinstance(value, Flow):
        return str(value.tensor)
    return tuple(map(plain, value)) if isinstance(value, list | tuple) else str(value)


def tensor_facts(value: Flow) -> dict[str, Any]:
    """The properties of a value that a spec can ask for: `channels`, and its size in pixels and frames."""
    tensor = value.tensor
    facts: dict[str, Any] = {"shape": tensor.dims}
    if tensor.kind == "float":
        facts["channels"] = tensor.channels
        facts |= dict(zip(tensor.sides, tensor.spatial, strict=False))
    else:
        facts["length"] = tensor.dims[-1]
    return facts
