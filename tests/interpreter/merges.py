"""What joins several values."""

from __future__ import annotations

import functools
from collections.abc import Mapping, Sequence
from types import SimpleNamespace as Arguments

import numpy as np

from interpreter.table import Array, defines

Weights = Mapping[str, Array]


def at_positions(values: Sequence[Array]) -> list[Array]:
    """Vectors get positions, all of size 1, if other values have some: they are the same at each."""
    rank = max(x.ndim for x in values)
    return [x.reshape(*x.shape, *(1,) * (rank - x.ndim)) if x.ndim == 2 else x for x in values]


@defines("add")
def add(a: Arguments, w: Weights, *values: Array) -> Array:
    return functools.reduce(np.add, at_positions(values))


@defines("sub")
def sub(a: Arguments, w: Weights, *values: Array) -> Array:
    """The first without all others."""
    first, *others = at_positions(values)
    return functools.reduce(np.subtract, others, first)


@defines("mean")
def mean(a: Arguments, w: Weights, *values: Array) -> Array:
    return functools.reduce(np.add, values) / len(values)


@defines("maximum")
def maximum(a: Arguments, w: Weights, *values: Array) -> Array:
    return functools.reduce(np.maximum, values)


@defines("mul")
def mul(a: Arguments, w: Weights, *values: Array) -> Array:
    """What has size 1 is the same along that dimension."""
    return functools.reduce(np.multiply, at_positions(values))


@defines("concat")
def concat(a: Arguments, w: Weights, *values: Array) -> Array:
    """The channels one after the other, or the positions (Dosovitskiy et al. 2021, equation 1)."""
    return np.concatenate(values, {"channels": 1, "positions": 2}[a.over])
