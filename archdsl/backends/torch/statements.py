"""The statements of a `forward` as data: which values they compute, and which variables hold them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeAlias

from archdsl.backends.torch.bodies import Call, If, Several, Turns, Wire


@dataclass(frozen=True, slots=True)
class Applied:
    """A step that is written where its value is used. `inputs` are its arguments, in the order of the text."""

    step: Call
    inputs: tuple[Source, ...]


Source: TypeAlias = Wire | Several | Applied
"""An expression: a variable's value, a list, or a step."""


@dataclass(frozen=True, slots=True)
class Assignment:
    """An assignment, which computes all expressions before it sets variables: `x = f(y)`, `a, b = b, a`.

    `passing` are the variables whose names (such as `x`) mean no particular value, so the next value may have them.
    """

    names: tuple[str, ...]
    sources: tuple[Source, ...]
    passing: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Branch:
    """An `if`: the statements of each arm, by its number."""

    item: If
    arms: Mapping[int, tuple[Statement, ...]]


@dataclass(frozen=True, slots=True)
class Loop:
    """A loop over copies.

    Every turn sets the variables `made` to the outputs of the copy, then `states` to the loop's updates; either may be
    empty. `lists` are the variables of the lists to which a turn appends, by the number of the output that they
    collect. If copies are opened, each of their members sets the only state.
    """

    turns: Turns
    states: tuple[str, ...]
    made: tuple[str, ...]
    lists: Mapping[int, str]


@dataclass(frozen=True, slots=True)
class Gathered:
    """Values that are added to a list: `parts.append(x)` or, if the list `begins` with them, `parts = [x]`."""

    name: str
    sources: tuple[Source, ...]
    begins: bool


@dataclass(frozen=True, slots=True)
class OneByOne:
    """A loop that joins the elements of a list: `for part in parts[1:]: x = x + part`, after `x = parts[0]`."""

    step: Call
    name: str
    elements: str


@dataclass(frozen=True, slots=True)
class Return:
    """A `return` with its values."""

    sources: tuple[Source, ...]


Statement: TypeAlias = Assignment | Branch | Loop | Gathered | OneByOne | Return
