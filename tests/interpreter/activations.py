"""Activations, and what does nothing in evaluation."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from types import SimpleNamespace as Arguments

import numpy as np

from interpreter.table import Array, by_channel, defines

Weights = Mapping[str, Array]

normal_distribution = np.vectorize(lambda x: math.erfc(-x / math.sqrt(2)) / 2, otypes=[float])
"""The probability that a number of the normal distribution is at most x."""


def logistic(x: Array) -> Array:
    """1 / (1 + exp(-x)), written so that nothing overflows."""
    return (1 + np.tanh(x / 2)) / 2


def hard(x: Array) -> Array:
    """min(max(x + 3, 0), 6) / 6."""
    return np.clip(x + 3, 0, 6) / 6


def without_arguments(name: str, function: Callable[[Array], Array]) -> None:
    defines(name)(lambda a, w, x: function(x))


without_arguments("relu", lambda x: np.maximum(x, 0))
without_arguments("relu6", lambda x: np.clip(x, 0, 6))
without_arguments("sigmoid", logistic)
without_arguments("tanh", np.tanh)
without_arguments("exp", np.exp)
without_arguments("abs", np.abs)
without_arguments("silu", lambda x: x * logistic(x))
without_arguments("hard_sigmoid", hard)
without_arguments("mish", lambda x: x * np.tanh(np.logaddexp(0, x)))  # Misra 2019
without_arguments("hard_swish", lambda x: x * hard(x))  # Howard et al. 2019

# Chance plays a part in training only (Srivastava et al. 2014, Tompson et al. 2015, Huang et al. 2016).
for name in ("identity", "dropout", "channel_dropout", "drop_path"):
    without_arguments(name, lambda x: x)


@defines("leaky_relu")
def leaky_relu(a: Arguments, w: Weights, x: Array) -> Array:
    """Maas et al. 2013."""
    return np.where(x > 0, x, a.slope * x)


@defines("prelu")
def prelu(a: Arguments, w: Weights, x: Array) -> Array:
    """The slope is learned (He et al. 2015)."""
    return np.where(x > 0, x, by_channel(w["weight"], x) * x)


@defines("elu")
def elu(a: Arguments, w: Weights, x: Array) -> Array:
    """Clevert et al. 2016."""
    return np.where(x > 0, x, a.alpha * np.expm1(np.minimum(x, 0)))


@defines("gelu")
def gelu(a: Arguments, w: Weights, x: Array) -> Array:
    """x * Phi(x); its approximation is in section 2 of Hendrycks and Gimpel 2016."""
    if a.approximate:
        return 0.5 * x * (1 + np.tanh(math.sqrt(2 / math.pi) * (x + 0.044715 * x**3)))
    return x * normal_distribution(x)


@defines("softmax")
def softmax(a: Arguments, w: Weights, x: Array) -> Array:
    """exp(x) / sum of exp(x), over the channels; the largest x is taken off first, so that nothing overflows."""
    powers = np.exp(x - x.max(1, keepdims=True))
    return powers / powers.sum(1, keepdims=True)


@defines("log_softmax")
def log_softmax(a: Arguments, w: Weights, x: Array) -> Array:
    """log(softmax(x)) = x - log(sum of exp(x))."""
    x = x - x.max(1, keepdims=True)
    return x - np.log(np.exp(x).sum(1, keepdims=True))
