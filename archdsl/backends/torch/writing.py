"""Types that the parts which write a `forward` share: expressions, changes of the layout, and protocols."""

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
    """A change of how a step is written. The step is named by the first use of its class and its path from there.

    Either its line ends after it, or it `opens`: the members of a sequence, or of a block that is a chain, are called
    one by one. The copies of a list are opened all together, in the turns of their loop; the path then ends in `COPY`.
    """

    use: str
    path: str
    opens: bool


COPY = "*"
"""Stands for every copy of a list in the path of a `Change`."""

Layout: TypeAlias = frozenset[Change]
"""All changes, in all classes."""


class Words(Protocol):
    """What a `Forward` needs to know of its class.

    `flags` are the conditions of each `if`, by the `id` of the item; `folded` are the `if`s that never vary, with the
    arm that is always taken. `expressions`, and the texts of the `numbers` in them, are by the `id` of the step.
    """

    outline: Outline
    body: Body
    title: str
    folded: dict[int, int]
    flags: dict[int, tuple[ast.expr, ...]]
    expressions: dict[int, Expression]
    numbers: dict[int, dict[str, str]]


class Writing(Protocol):
    """What the writers of parts of a `forward` need of the whole; `Forward` provides it."""

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
