"""What resamples: `resize` and `upsample`."""

from __future__ import annotations

from collections.abc import Mapping
from types import SimpleNamespace as Arguments

import numpy as np

from interpreter.table import Array, defines
from interpreter.windows import each

Weights = Mapping[str, Array]


@defines("resize")
def resize(a: Arguments, w: Weights, x: Array, *other: Array) -> Array:
    size = other[0].shape[2:] if other else each(a.size, x.ndim - 2)
    return resampled(x, size, a.mode, a.align_corners)


@defines("upsample")
def upsample(a: Arguments, w: Weights, x: Array) -> Array:
    factors = each(a.factor, x.ndim - 2)
    size = tuple(n * factor for n, factor in zip(x.shape[2:], factors, strict=True))
    return resampled(x, size, a.mode, a.align_corners)


def resampled(x: Array, size: tuple[int, ...], mode: str, align_corners: bool) -> Array:
    """One dimension after the other."""
    for axis, length in enumerate(size, start=2):
        x = nearest(x, axis, length) if mode == "nearest" else linear(x, axis, length, align_corners)
    return x


def nearest(x: Array, axis: int, length: int) -> Array:
    """Pixel o of m comes from pixel floor(o n / m) of n (PyTorch's `nearest`).

    PyTorch multiplies o by a rounded n / m. In single precision that can fall below a whole o n / m, and it then takes
    the pixel before: of 2 pixels, output 41 of 82 is the first. In double precision no size below 130 does so.
    """
    return x.take([o * x.shape[axis] // length for o in range(length)], axis)


def linear(x: Array, axis: int, length: int, align_corners: bool) -> Array:
    """The nearest two pixels, weighted by how near they are; beyond the first and last centre, that pixel alone."""
    n = x.shape[axis]
    places = np.arange(length)
    if align_corners:  # the first centre is at the first centre, the last at the last
        source = places * (n - 1) / max(length - 1, 1)
    else:  # pixels are squares, and the images have the same outline
        source = np.clip((places + 0.5) * n / length - 0.5, 0, n - 1)
    left = np.floor(source).astype(int)
    right = np.minimum(left + 1, n - 1)
    share = np.reshape(source - left, (-1, *(1,) * (x.ndim - axis - 1)))
    return x.take(left, axis) * (1 - share) + x.take(right, axis) * share
