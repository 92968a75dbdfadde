"""What the parts that write a `forward` know of each other: expressions, changes of the layout, words of the class."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple, Protocol, TypeAlias

from archdsl.backends.python.code import Code
from archdsl.backends.torch.bodies import Body, Call, Item, Several, Wire
from archdsl.backends.torch.outline import Outline
from archdsl.backends.torch.statements import Source, Statement
from archdsl.backends.torch.variables import Variables
from archdsl.ops.base import Expression


@dataclass(frozen=True, slots=True)
class Operand:
    """An expression, the values that it reads from variables, and how deep its calls are nested.

    `ended`: it contains an activation after other calls, where a person would end the line. `width` is the length of
    the text with every number as a literal, so that lines end at the same place whatever a number is called.
    """

    text: str
    source: Source
    reads: tuple[Wire | Several, ...]
    width: int
    atomic: bool = True
    depth: int = 0
    ended: bool = False


class Change(NamedTuple):
    """A step that is not written as it comes, by the first use of its class and its path from there.

    Either it ends its line, or it is opened: the members of a sequence, or of a block that is one, are called one by
    one. The copies of a list are opened in the turns of its loop, for all of them at `COPY`.
    """

    use: str
    path: str
    opens: bool


COPY = "*"
"""Any copy of a list, in the path of a `Change`."""

Layout: TypeAlias = frozenset[Change]
"""All changes, in whatever class."""


class Words(Protocol):
    """What a `Forward` is told of its class: the words for its conditions (`flags`, by the item) and for the numbers in

    its expressions, by the `id` of the step; and the `if`s that never vary, with the arm that is always taken.
    """

    outline: Outline
    body: Body
    title: str
    folded: dict[int, int]
    flags: dict[int, tuple[ast.expr, ...]]
    expressions: dict[int, Expression]
    numbers: dict[int, dict[str, str]]


class Writing(Protocol):
    """What those that write a part of a `forward` ask of the whole, which is `Forward`."""

    construction: Words
    outline: Outline
    variables: Variables
    waiting: dict[Wire, tuple[Operand, Call]]
    lines: list[Code]
    statements: list[Statement]

    def run(self, items: Iterable[Item]) -> None: ...

    def flush(self, wires: Iterable[Wire] | None = None) -> None: ...

    def read(self, wire: Wire) -> Operand: ...

    def real(self, wire: Wire) -> Wire: ...

    def own_name(self, step: Call, wire: Wire) -> str | None: ...

    def with_lists(self, wires: tuple[Wire, ...], texts: Sequence[str]) -> Iterator[str]: ...

    def operand(
        self,
        text: str,
        source: Source,
        reads: tuple[Wire | Several, ...],
        inputs: Sequence[Operand],
        atomic: bool,
    ) -> Operand: ...
