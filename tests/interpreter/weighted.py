"""Convolutions, fully connected layers and embeddings."""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping
from types import SimpleNamespace as Arguments

import numpy as np

from interpreter.table import Array, by_channel, defines
from interpreter.windows import borders, each, padded, taps

Weights = Mapping[str, Array]


@defines("conv")
def conv(a: Arguments, w: Weights, x: Array) -> Array:
    """Cross-correlation of each group of channels (Dumoulin and Visin 2016; PyTorch's Conv2d)."""
    return with_bias(w, correlated(a, w["weight"], x, a.groups))


@defines("depthwise")
def depthwise(a: Arguments, w: Weights, x: Array) -> Array:
    """As many groups as channels (Howard et al. 2017)."""
    return with_bias(w, correlated(a, w["weight"], x, x.shape[1]))


def correlated(a: Arguments, weight: Array, x: Array, groups: int) -> Array:
    lengths, count = x.shape[2:], x.ndim - 2
    kernel, stride, dilation = each(a.kernel, count), each(a.stride, count), each(a.dilation, count)
    windows = taps(padded(x, borders(a.padding, lengths, kernel, stride, dilation)), kernel, stride, dilation)
    places = windows.shape[2:-1]
    batch, into = len(x), x.shape[1] // groups
    # batch, group, channel of the group, place, tap: the last and the third are summed over
    seen = windows.reshape(batch, groups, into, math.prod(places), -1).swapaxes(3, 4)
    seen = seen.reshape(batch, groups, -1, math.prod(places))
    return (weight.reshape(groups, len(weight) // groups, -1) @ seen).reshape(batch, len(weight), *places)


@defines("up_conv")
def up_conv(a: Arguments, w: Weights, x: Array) -> Array:
    """Every position adds its kernel to the output, `stride` apart; `padding` is cut (Zeiler et al. 2010)."""
    count = x.ndim - 2
    kernel, stride, dilation = each(a.kernel, count), each(a.stride, count), each(a.dilation, count)
    cut, more = each(a.padding, count), each(a.output_padding, count)
    batch, into, out = len(x), x.shape[1] // a.groups, w["weight"].shape[1]
    lengths = [
        (n - 1) * s + d * (k - 1) + 1 + o
        for n, k, s, d, o in zip(x.shape[2:], kernel, stride, dilation, more, strict=True)
    ]
    result = np.zeros((batch, a.groups, out, *lengths))
    grouped = x.reshape(batch, a.groups, into, *x.shape[2:])
    weight = w["weight"].reshape(a.groups, into, out, *kernel)
    for tap in itertools.product(*map(range, kernel)):
        start = [d * t for d, t in zip(dilation, tap, strict=True)]
        place = [slice(b, b + (n - 1) * s + 1, s) for b, n, s in zip(start, x.shape[2:], stride, strict=True)]
        result[:, :, :, *place] += np.einsum("ngi...,gio->ngo...", grouped, weight[:, :, :, *tap])
    inside = [slice(c, n - c) for c, n in zip(cut, lengths, strict=True)]
    return with_bias(w, result[:, :, :, *inside].reshape(batch, a.groups * out, *(s.stop - s.start for s in inside)))


@defines("linear")
def linear(a: Arguments, w: Weights, x: Array) -> Array:
    """W x + b, on the channels of each position, or on the positions of each channel."""
    if a.over == "positions":
        return x @ w["weight"].T + w.get("bias", 0)
    return with_bias(w, np.moveaxis(np.moveaxis(x, 1, -1) @ w["weight"].T, -1, 1))


@defines("embedding")
def embedding(a: Arguments, w: Weights, tokens: Array) -> Array:
    """A row of the table for each token; the rows' numbers are the channels. `padding` concerns training only."""
    return np.swapaxes(w["weight"][tokens], 1, 2)


def with_bias(w: Weights, x: Array) -> Array:
    """A number for each output channel is added, where one is learned."""
    return x + by_channel(w["bias"], x) if "bias" in w else x
