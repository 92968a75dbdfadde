"""What a `forward` does, as data beside its text: which values its statements make, and which variables hold them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeAlias

from archdsl.backends.torch.bodies import Call, If, Several, Turns, Wire


@dataclass(frozen=True, slots=True)
class Applied:
    """A step written where its values are used, with the expressions that it is applied to in the order of the text."""

    step: Call
    inputs: tuple[Source, ...]


Source: TypeAlias = Wire | Several | Applied
"""An expression: a variable's value, a list, or a step."""


@dataclass(frozen=True, slots=True)
class Assignment:
    """All expressions are computed, then the variables set: `x = f(y)`, `a, b = split(x)`, `a, b = b, a`.

    `passing` are the variables whose names say nothing of their values, so that the next value may have them.
    """

    names: tuple[str, ...]
    sources: tuple[Source, ...]
    passing: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Branch:
    """An `if`: what each arm does, by its number."""

    item: If
    arms: Mapping[int, tuple[Statement, ...]]


@dataclass(frozen=True, slots=True)
class Loop:
    """A loop over copies.

    Every turn sets the variables `made` to what the copy gives, then `states` to the loop's updates; either may be left
    out. `lists` are the variables of the lists to which a turn adds, by the place of what they collect. Where copies
    are opened, each of their members sets the one state.
    """

    turns: Turns
    states: tuple[str, ...]
    made: tuple[str, ...]
    lists: Mapping[int, str]


@dataclass(frozen=True, slots=True)
class Gathered:
    """Values that a list has more of: `parts.append(x)`; one that `begins` has no other: `parts = [x]`."""

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
    sources: tuple[Source, ...]


Statement: TypeAlias = Assignment | Branch | Loop | Gathered | OneByOne | Return
