"""Where the numbers of a weight are in a file."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Source:
    """The name of an initializer or a constant, and whether it is a matrix that PyTorch keeps transposed."""

    name: str
    columns: bool
