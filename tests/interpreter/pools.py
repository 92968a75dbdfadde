"""Pooling. A stride is the kernel unless it is given, the padding `same`, but 0 where the size is rounded up."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from types import SimpleNamespace as Arguments
from typing import Any

import numpy as np

from interpreter.table import Array, defines
from interpreter.windows import borders, each, padded, taps

Weights = Mapping[str, Array]


def pooled(a: Arguments, x: Array, outside: float, beyond: float) -> Array:
    """All windows of a pool, their numbers last. Padding is `outside`, what hangs over the end of it `beyond`."""
    lengths, count = x.shape[2:], x.ndim - 2
    kernel = each(a.kernel, count)
    stride = each(a.stride or a.kernel, count)
    dilation = each(getattr(a, "dilation", 1), count)
    ceil = getattr(a, "ceil", False)
    rule = a.padding if a.padding is not None else "valid" if ceil else "same"
    pixels = borders(rule, lengths, kernel, stride, dilation)
    x = padded(x, pixels, outside)
    if ceil:
        extents = [d * (k - 1) + 1 for k, d in zip(kernel, dilation, strict=True)]
        over = map(overhang, lengths, pixels, extents, stride)
        x = padded(x, [(0, more) for more in over], beyond)
    return taps(x, kernel, stride, dilation)


def overhang(length: int, pixels: tuple[int, int], extent: int, stride: int) -> int:
    """How far the last window reaches over the padded end.

    A last window is added where some pixels are left, if it starts in the input or the padding before it: "sliding
    windows that would start in the right padded region are ignored" (PyTorch's MaxPool2d).
    """
    before, after = pixels
    free = before + length + after - extent
    start = -(-free // stride) * stride
    if start >= before + length:
        start -= stride
    return max(start - free, 0)


@defines("max_pool")
def max_pool(a: Arguments, w: Weights, x: Array) -> Array:
    """The largest number of each window, of those that lie in the input."""
    return pooled(a, x, -np.inf, -np.inf).max(-1)


@defines("avg_pool")
def avg_pool(a: Arguments, w: Weights, x: Array) -> Array:
    """The mean of each window. Padding counts if asked for; what hangs over the end does not (PyTorch)."""
    counted = pooled(a, np.ones_like(x), 1.0 if a.include_padding else 0.0, 0.0)
    return pooled(a, x, 0.0, 0.0).sum(-1) / counted.sum(-1)


@defines("lp_pool")
def lp_pool(a: Arguments, w: Weights, x: Array) -> Array:
    """(sum of |x|^norm) ^ (1 / norm) (Sermanet et al. 2012)."""
    return (np.abs(pooled(a, x, 0.0, 0.0)) ** a.norm).sum(-1) ** (1 / a.norm)


@defines("stochastic_pool")
def stochastic_pool(a: Arguments, w: Weights, x: Array) -> Array:
    """Evaluation: the mean of a window, weighted by the window's positive part (Zeiler and Fergus 2013, equation 6)."""
    windows = np.maximum(pooled(a, x, 0.0, 0.0), 0)
    total = windows.sum(-1)
    return (windows**2).sum(-1) / np.where(total > 0, total, 1)


@defines("global_avg_pool")
def global_avg_pool(a: Arguments, w: Weights, x: Array) -> Array:
    """The mean of each channel (Lin et al. 2014)."""
    return x.mean(tuple(range(2, x.ndim)), keepdims=True)


@defines("global_max_pool")
def global_max_pool(a: Arguments, w: Weights, x: Array) -> Array:
    """The largest number of each channel."""
    return x.max(tuple(range(2, x.ndim)), keepdims=True)


@defines("adaptive_avg_pool")
def adaptive_avg_pool(a: Arguments, w: Weights, x: Array) -> Array:
    return adaptive(a, x, np.mean)


@defines("adaptive_max_pool")
def adaptive_max_pool(a: Arguments, w: Weights, x: Array) -> Array:
    return adaptive(a, x, np.max)


def adaptive(a: Arguments, x: Array, reduce: Callable[..., Any]) -> Array:
    """Window i of m over n pixels is floor(i n / m) to ceil((i + 1) n / m), the end excluded (He et al. 2014, SPP)."""
    count = x.ndim - 2
    for axis, size in enumerate(each(a.size, count), start=2):
        length = x.shape[axis]
        windows = [(i * length // size, -(-(i + 1) * length // size)) for i in range(size)]
        # One dimension after the other: every window is a product of intervals of one length a row.
        x = np.concatenate([reduce(x.take(range(*ends), axis), axis, keepdims=True) for ends in windows], axis)
    return x


@defines("fractional_max_pool")
def fractional_max_pool(a: Arguments, w: Weights, x: Array) -> Array:
    """Max pooling at random places, in evaluation too (Graham 2014).

    They depend on one number u between 0 and 1 for each sample, channel and dimension. It is no weight: whoever
    compares gives it as `draws`, as PyTorch's module can be given it: for a map width and height in this order, for a
    clip frames, height and width.
    """
    lengths, count = x.shape[2:], x.ndim - 2
    kernel = each(a.kernel, count)
    size = each(a.size, count) if a.size is not None else tuple(int(n * a.ratio) for n in lengths)
    result = np.empty((*x.shape[:2], *size))
    for sample, channel in np.ndindex(*x.shape[:2]):
        draws = w["draws"][sample, channel]
        by_axis = zip(lengths, kernel, size, draws[::-1] if count == 2 else draws, strict=True)
        firsts = [list(starts(*of)) for of in by_axis]
        for place in np.ndindex(*size):
            corner = [first[i] for first, i in zip(firsts, place, strict=True)]
            window = tuple(slice(start, start + k) for start, k in zip(corner, kernel, strict=True))
            result[sample, channel][place] = x[sample, channel][window].max()
    return result


def starts(length: int, kernel: int, size: int, u: float) -> Iterator[int]:
    """Where windows begin: floor((i + u) alpha) - floor(u alpha), the last at the end (PyTorch)."""
    if size > 1:
        alpha = (length - kernel) / (size - 1)
        yield from (int((i + u) * alpha) - int(u * alpha) for i in range(size - 1))
    yield length - kernel
