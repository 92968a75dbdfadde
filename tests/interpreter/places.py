"""What moves, leaves out or adds numbers: channels, shapes and borders."""

from __future__ import annotations

from collections.abc import Mapping
from types import SimpleNamespace as Arguments

import numpy as np

from interpreter.table import Array, defines
from interpreter.windows import each, sides

Weights = Mapping[str, Array]


@defines("flatten")
def flatten(a: Arguments, w: Weights, x: Array) -> Array:
    """First the channels, then frames, then rows, then columns."""
    return x.reshape(len(x), -1)


@defines("reshape")
def reshape(a: Arguments, w: Weights, x: Array) -> Array:
    """The numbers stay in order."""
    return x.reshape(len(x), *a.dims)


@defines("tokens")
def tokens(a: Arguments, w: Weights, x: Array) -> Array:
    """Row after row (Dosovitskiy et al. 2021); of a clip, frame after frame."""
    rows = x if x.ndim == 4 else np.concatenate([x[:, :, t] for t in range(x.shape[2])], 2)
    return np.concatenate([rows[:, :, y] for y in range(rows.shape[2])], 2)


@defines("token")
def token(a: Arguments, w: Weights, x: Array) -> Array:
    return x[:, :, a.index]


@defines("channel_slice")
def channel_slice(a: Arguments, w: Weights, x: Array) -> Array:
    return x[:, a.start : a.stop]


@defines("split")
def split(a: Arguments, w: Weights, x: Array) -> tuple[Array, ...]:
    """Equal parts, or parts of the given sizes."""
    parts = a.parts if isinstance(a.parts, tuple) else (x.shape[1] // a.parts,) * a.parts
    return tuple(np.split(x, np.cumsum(parts)[:-1], 1))


@defines("channel_shuffle")
def channel_shuffle(a: Arguments, w: Weights, x: Array) -> Array:
    """Channel i of group g goes to place i * groups + g (Zhang et al. 2018)."""
    result = np.empty_like(x)
    width = x.shape[1] // a.groups
    for group in range(a.groups):
        for i in range(width):
            result[:, i * a.groups + group] = x[:, group * width + i]
    return result


@defines("pixel_shuffle")
def pixel_shuffle(a: Arguments, w: Weights, x: Array) -> Array:
    """Channel c r^2 + i r + j is pixel (i, j) of each square of channel c (Shi et al. 2016; PyTorch's PixelShuffle)."""
    r = a.factor
    result = np.empty((len(x), x.shape[1] // r**2, x.shape[2] * r, x.shape[3] * r))
    for i in range(r):
        for j in range(r):
            result[:, :, i::r, j::r] = x[:, i * r + j :: r**2]
    return result


@defines("space_to_depth")
def space_to_depth(a: Arguments, w: Weights, x: Array) -> Array:
    """The inverse of `pixel_shuffle`; or blocks of all channels, one for each pixel (i, j) of a square.

    By rows in TensorFlow's space_to_depth; by columns in Swin's patch merging and in YOLOv5's Focus.
    """
    r, c = a.factor, x.shape[1]
    result = np.empty((len(x), c * r**2, x.shape[2] // r, x.shape[3] // r))
    for i in range(r):
        for j in range(r):
            block = {"pytorch": 0, "rows": i * r + j, "columns": j * r + i}[a.order]
            places = slice(i * r + j, None, r**2) if a.order == "pytorch" else slice(block * c, (block + 1) * c)
            result[:, places] = x[:, :, i::r, j::r]
    return result


@defines("pad")
def pad(a: Arguments, w: Weights, x: Array) -> Array:
    """numpy's modes are those of the language under other names: `edge` is replicate, `wrap` circular."""
    pixels = [(0, 0), (0, 0), *sides(a.sides, x.ndim - 2)]
    if a.mode == "constant":
        return np.pad(x, pixels, constant_values=a.value)
    if a.mode == "reflect":
        return np.pad(x, pixels, mode="reflect")
    return np.pad(x, pixels, mode="edge" if a.mode == "replicate" else "wrap")


@defines("trim")
def trim(a: Arguments, w: Weights, x: Array) -> Array:
    pixels = sides(a.sides, x.ndim - 2)
    return x[:, :, *(slice(before, n - after) for (before, after), n in zip(pixels, x.shape[2:], strict=True))]


@defines("crop")
def crop(a: Arguments, w: Weights, x: Array, *other: Array) -> Array:
    """A region of a size, or of the size of another value, so many pixels from the top left (Long et al. 2015)."""
    size = other[0].shape[2:] if other else each(a.size, x.ndim - 2)
    return region(x, size, each(a.offset, x.ndim - 2))


@defines("center_crop")
def center_crop(a: Arguments, w: Weights, x: Array, *other: Array) -> Array:
    """The middle; of an odd number of pixels to cut, one more at the end (Ronneberger et al. 2015)."""
    size = other[0].shape[2:] if other else each(a.size, x.ndim - 2)
    return region(x, size, tuple((n - s) // 2 for n, s in zip(x.shape[2:], size, strict=True)))


def region(x: Array, size: tuple[int, ...], offset: tuple[int, ...]) -> Array:
    return x[:, :, *(slice(start, start + length) for start, length in zip(offset, size, strict=True))]
