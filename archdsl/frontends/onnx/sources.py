"""Where the numbers of a weight are in a file."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np


@dataclass(frozen=True, slots=True)
class Rows:
    """A part of a recurrent layer's weight: of one direction, blocks of `width` rows each, one for a gate.

    `slot` is PyTorch's name of the part.
    """

    slot: str
    direction: int
    blocks: tuple[int, ...]
    width: int

    def shape(self, whole: tuple[int, ...]) -> tuple[int, ...]:
        """The shape of the part of a weight of this shape: directions, rows and perhaps columns."""
        return len(self.blocks) * self.width, *whole[2:]

    def of(self, numbers: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
        """The part of a weight."""
        one = numbers[self.direction]
        blocks = one.reshape(-1, self.width, *one.shape[1:])
        found: np.ndarray[Any, Any] = blocks[list(self.blocks)].reshape(-1, *one.shape[1:])
        return found


@dataclass(frozen=True, slots=True)
class Source:
    """The name of an initializer or a constant, whether it is a matrix that PyTorch keeps transposed, and which part of
    it is taken; None for all. `numbers` are those of a weight that the file computes from others, and does not hold."""

    name: str
    columns: bool
    rows: Rows | None = None
    numbers: np.ndarray[Any, Any] | None = field(default=None, compare=False)
