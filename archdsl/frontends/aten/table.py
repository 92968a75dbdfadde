"""Tables: what a trace computes from neither inputs nor learned weights, and which learned numbers it picks."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from archdsl.frontends.aten.step import TraceNode, operation

SHAPES_ONLY = frozenset(
    {"zero"}
    | {f"{what}_like" for what in ("zeros", "ones", "full")}
    | {f"new_{what}" for what in ("zeros", "ones", "full")}
)
"""Operations that ask for the shape and precision of their first input, and not for its numbers."""


@dataclass(frozen=True, slots=True)
class Table:
    """Numbers that are fixed, plus, where `picked` is not -1, the number with that index in a flat `weight`.

    `numbers` and `picked` are arrays of numpy, or lists of them for a call with several results.
    """

    numbers: Any
    weight: TraceNode | None = None
    picked: Any = None

    @property
    def number(self) -> float | None:
        """The only number that a fixed table holds; None if it holds several, or none."""
        if self.weight is not None or not isinstance(self.numbers, np.ndarray) or not self.numbers.size:
            return None
        first = self.numbers.flat[0]
        return None if np.iscomplexobj(self.numbers) or bool((self.numbers != first).any()) else float(first)


class Tables(Protocol):
    """The tables of a trace, by call."""

    def __getitem__(self, node: TraceNode) -> Table | None:
        """The table that a call computes; None if it depends on the input, on chance, or otherwise on weights."""


@dataclass(frozen=True, slots=True)
class KnownTables:
    """Tables that are all known beforehand."""

    known: Mapping[TraceNode, Table]

    def __getitem__(self, node: TraceNode) -> Table | None:
        return self.known.get(node)


def shape_only(node: TraceNode) -> bool:
    """Whether a call asks its inputs for nothing but their shapes."""
    return operation(node) in SHAPES_ONLY
