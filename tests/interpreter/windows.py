"""Sliding windows, as docs/ops.md describes them: kernel, stride, padding and dilation."""

from __future__ import annotations

from typing import TypeAlias

import numpy as np

from interpreter.table import Array

Borders: TypeAlias = list[tuple[int, int]]
"""Pixels before and after, for each dimension of the positions."""


def each(size: int | tuple[int, ...], count: int) -> tuple[int, ...]:
    """A size with a number for each dimension: 3 is 3x3, on clips 3x3x3."""
    return (size,) * count if isinstance(size, int) else size


def sides(pixels: int | tuple[int, ...], count: int) -> Borders:
    """Pixels at the borders: one number, one a dimension (height, width), or left, right, top, bottom, front, back."""
    if isinstance(pixels, int) or len(pixels) == count:
        return [(p, p) for p in each(pixels, count)]
    pairs = list(zip(pixels[::2], pixels[1::2], strict=True))
    return pairs[::-1]


def borders(
    rule: str | int | tuple[int, ...],
    lengths: tuple[int, ...],
    kernel: tuple[int, ...],
    stride: tuple[int, ...],
    dilation: tuple[int, ...],
) -> Borders:
    """The padding that a rule gives, or the pixels as they are written."""
    if rule == "valid":
        return [(0, 0)] * len(lengths)
    if rule == "same":
        return [same(*sizes) for sizes in zip(kernel, stride, dilation, strict=True)]
    if rule == "tf_same":
        return [tf_same(*sizes) for sizes in zip(lengths, kernel, stride, dilation, strict=True)]
    assert not isinstance(rule, str)
    return sides(rule, len(lengths))


def same(kernel: int, stride: int, dilation: int) -> tuple[int, int]:
    """dilation * (kernel - 1) // 2 on each side, but 0 for windows of even extent that do not overlap."""
    extent = dilation * (kernel - 1) + 1
    if extent % 2 == 0 and stride >= extent:
        return 0, 0
    return (extent - 1) // 2, (extent - 1) // 2


def tf_same(length: int, kernel: int, stride: int, dilation: int) -> tuple[int, int]:
    """TensorFlow's SAME: what ceil(length / stride) windows need, the odd pixel at the end (tf.nn.convolution)."""
    windows = -(-length // stride)
    total = max((windows - 1) * stride + dilation * (kernel - 1) + 1 - length, 0)
    return total // 2, total - total // 2


def padded(x: Array, pixels: Borders, value: float = 0.0) -> Array:
    """`x` with a constant around its positions."""
    return np.pad(x, [(0, 0), (0, 0), *pixels], constant_values=value)


def taps(x: Array, kernel: tuple[int, ...], stride: tuple[int, ...], dilation: tuple[int, ...]) -> Array:
    """Every window of a padded `x`: batch, channels, places of windows ..., numbers in a window."""
    count = len(kernel)
    extents = [d * (k - 1) + 1 for k, d in zip(kernel, dilation, strict=True)]
    views = np.lib.stride_tricks.sliding_window_view(x, extents, axis=tuple(range(2, 2 + count)))
    steps = [slice(None, None, step) for step in (*stride, *dilation)]
    chosen = views[:, :, *steps]
    return chosen.reshape(*chosen.shape[: 2 + count], -1)
