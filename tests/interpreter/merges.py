"""What joins several values."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from types import SimpleNamespace as Arguments

import numpy as np

from interpreter.table import Array, defines

Weights = Mapping[str, Array]


@defines("add")
def add(a: Arguments, w: Weights, *values: Array) -> Array:
    return functools.reduce(np.add, values)


@defines("mean")
def mean(a: Arguments, w: Weights, *values: Array) -> Array:
    return functools.reduce(np.add, values) / len(values)


@defines("maximum")
def maximum(a: Arguments, w: Weights, *values: Array) -> Array:
    return functools.reduce(np.maximum, values)


@defines("mul")
def mul(a: Arguments, w: Weights, *values: Array) -> Array:
    """What has size 1 is the same along that dimension."""
    return functools.reduce(np.multiply, values)


@defines("concat")
def concat(a: Arguments, w: Weights, *values: Array) -> Array:
    """The channels one after the other, or the positions (Dosovitskiy et al. 2021, equation 1)."""
    return np.concatenate(values, {"channels": 1, "positions": 2}[a.over])
