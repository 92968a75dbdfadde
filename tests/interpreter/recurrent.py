"""Recurrent layers, position by position, as PyTorch's documentation of LSTM and GRU writes them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from types import SimpleNamespace as Arguments
from typing import TypeAlias

import numpy as np

from interpreter.table import Array, defines

Weights = Mapping[str, Array]

Cell: TypeAlias = Callable[[Weights, str, Array], Iterator[Array]]
"""Gives the state at each position of a sequence, by the weights whose names end so."""


def sigmoid(x: Array) -> Array:
    return 1 / (1 + np.exp(-x))


def products(w: Weights, end: str, x: Array, h: Array, gates: int) -> tuple[list[Array], list[Array]]:
    """W x + b and U h + b of each gate, in the order in which the weights have them."""
    of_x = x @ w[f"weight_ih_{end}"].T + w[f"bias_ih_{end}"]
    of_h = h @ w[f"weight_hh_{end}"].T + w[f"bias_hh_{end}"]
    return np.split(of_x, gates, axis=-1), np.split(of_h, gates, axis=-1)


def lstm_states(w: Weights, end: str, xs: Array) -> Iterator[Array]:
    """Hochreiter and Schmidhuber 1997, with the forget gate of Gers et al. 2000."""
    h = c = np.zeros((len(xs), w[f"weight_hh_{end}"].shape[1]))
    for place in range(xs.shape[1]):
        of_x, of_h = products(w, end, xs[:, place], h, 4)
        i, f, g, o = (one + other for one, other in zip(of_x, of_h, strict=True))
        c = sigmoid(f) * c + sigmoid(i) * np.tanh(g)
        h = sigmoid(o) * np.tanh(c)
        yield h


def gru_states(w: Weights, end: str, xs: Array) -> Iterator[Array]:
    """Cho et al. 2014; the reset gate multiplies U h, not h, as PyTorch's documentation says."""
    h = np.zeros((len(xs), w[f"weight_hh_{end}"].shape[1]))
    for place in range(xs.shape[1]):
        (xr, xz, xn), (hr, hz, hn) = products(w, end, xs[:, place], h, 3)
        z = sigmoid(xz + hz)
        n = np.tanh(xn + sigmoid(xr + hr) * hn)
        h = (1 - z) * n + z * h
        yield h


def layers(a: Arguments, w: Weights, x: Array, states: Cell) -> Array:
    """Each layer reads what the one before it gave; what is read backwards is turned round and put behind."""
    xs = np.swapaxes(x, 1, 2)
    for layer in range(a.layers):
        given = [np.stack(list(states(w, f"l{layer}", xs)), axis=1)]
        if a.bidirectional:
            back = np.stack(list(states(w, f"l{layer}_reverse", xs[:, ::-1])), axis=1)
            given.append(back[:, ::-1])
        xs = np.concatenate(given, axis=-1)
    return np.swapaxes(xs, 1, 2)


@defines("lstm")
def lstm(a: Arguments, w: Weights, x: Array) -> Array:
    return layers(a, w, x, lstm_states)


@defines("gru")
def gru(a: Arguments, w: Weights, x: Array) -> Array:
    return layers(a, w, x, gru_states)
