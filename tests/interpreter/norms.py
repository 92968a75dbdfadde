"""Normalizations, and learned or constant factors. Variances divide by the count, not by one less."""

from __future__ import annotations

from collections.abc import Mapping
from types import SimpleNamespace as Arguments

import numpy as np

from interpreter.table import Array, by_channel, defines

Weights = Mapping[str, Array]


def normalized(x: Array, axes: tuple[int, ...], eps: float) -> Array:
    """(x - mean) / sqrt(variance + eps), both over these axes."""
    mean, variance = x.mean(axes, keepdims=True), x.var(axes, keepdims=True)
    return (x - mean) / np.sqrt(variance + eps)


def by_running(w: Weights, x: Array, eps: float) -> Array:
    """The same with the statistics that were kept while training."""
    return (x - by_channel(w["running_mean"], x)) / np.sqrt(by_channel(w["running_var"], x) + eps)


def affine(w: Weights, x: Array) -> Array:
    """A learned scale and shift for each channel, where they are learned."""
    return x * by_channel(w["weight"], x) + by_channel(w["bias"], x) if "weight" in w else x


def positions(x: Array) -> tuple[int, ...]:
    return tuple(range(2, x.ndim))


@defines("bn")
def bn(a: Arguments, w: Weights, x: Array) -> Array:
    """By running statistics, else by those of the batch (Ioffe and Szegedy 2015, algorithm 2 and 1)."""
    return affine(w, by_running(w, x, a.eps) if a.track else normalized(x, (0, *positions(x)), a.eps))


@defines("instance_norm")
def instance_norm(a: Arguments, w: Weights, x: Array) -> Array:
    """Each channel of each sample over its positions, or by running statistics (Ulyanov et al. 2016)."""
    return affine(w, by_running(w, x, a.eps) if a.track else normalized(x, positions(x), a.eps))


@defines("group_norm")
def group_norm(a: Arguments, w: Weights, x: Array) -> Array:
    """Each group of channels of each sample over its positions (Wu and He 2018)."""
    grouped = x.reshape(len(x), a.groups, -1)
    return affine(w, normalized(grouped, (2,), a.eps).reshape(x.shape))


@defines("layer_norm")
def layer_norm(a: Arguments, w: Weights, x: Array) -> Array:
    """The channels of each position (Ba et al. 2016; Liu et al. 2022, ConvNeXt)."""
    return affine(w, normalized(x, (1,), a.eps))


@defines("rms_norm")
def rms_norm(a: Arguments, w: Weights, x: Array) -> Array:
    """x / RMS(x) * g, RMS(x) the root of the mean square of the channels (Zhang and Sennrich 2019, equation 4).

    eps is added below the root, as LLaMA does (Touvron et al. 2023).
    """
    return x / np.sqrt((x**2).mean(1, keepdims=True) + a.eps) * by_channel(w["weight"], x)


@defines("lrn")
def lrn(a: Arguments, w: Weights, x: Array) -> Array:
    """x / (k + alpha * m)^beta (Krizhevsky et al. 2012; PyTorch's LocalResponseNorm).

    m is the sum of squares over `size` channels, size // 2 of them before this one, divided by `size` also at the ends.
    """
    before = a.size // 2
    squares = np.zeros_like(x)
    for channel in range(x.shape[1]):
        first = max(channel - before, 0)
        squares[:, channel] = (x[:, first : channel - before + a.size] ** 2).sum(1)
    return x / (a.k + a.alpha * squares / a.size) ** a.beta


@defines("layer_scale")
def layer_scale(a: Arguments, w: Weights, x: Array) -> Array:
    """x times a learned factor for each channel, or one for all (Touvron et al. 2021)."""
    return x * by_channel(w["weight"], x)


@defines("scale")
def scale(a: Arguments, w: Weights, x: Array) -> Array:
    """x times a number (Szegedy et al. 2017)."""
    return x * a.factor
