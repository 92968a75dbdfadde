"""Recurrent layers, position by position, as PyTorch's documentation of LSTM and GRU writes them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from types import SimpleNamespace as Arguments
from typing import TypeAlias

import numpy as np

from interpreter.table import Array, defines

Weights = Mapping[str, Array]

State: TypeAlias = tuple[Array, ...]
"""h, and for an LSTM also c, of one layer and direction."""

Cell: TypeAlias = Callable[[Weights, str, Array, State], Iterator[State]]
"""Gives the state at each position of a sequence, by the weights whose names end so, and the state before."""


def sigmoid(x: Array) -> Array:
    return 1 / (1 + np.exp(-x))


def products(w: Weights, end: str, x: Array, h: Array, gates: int) -> tuple[list[Array], list[Array]]:
    """W x + b and U h + b of each gate, in the order in which the weights have them."""
    of_x = x @ w[f"weight_ih_{end}"].T + w[f"bias_ih_{end}"]
    of_h = h @ w[f"weight_hh_{end}"].T + w[f"bias_hh_{end}"]
    return np.split(of_x, gates, axis=-1), np.split(of_h, gates, axis=-1)


def lstm_states(w: Weights, end: str, xs: Array, state: State) -> Iterator[State]:
    """Hochreiter and Schmidhuber 1997, with the forget gate of Gers et al. 2000."""
    h, c = state
    for place in range(xs.shape[1]):
        of_x, of_h = products(w, end, xs[:, place], h, 4)
        i, f, g, o = (one + other for one, other in zip(of_x, of_h, strict=True))
        c = sigmoid(f) * c + sigmoid(i) * np.tanh(g)
        h = sigmoid(o) * np.tanh(c)
        yield h, c


def gru_states(w: Weights, end: str, xs: Array, state: State) -> Iterator[State]:
    """Cho et al. 2014; the reset gate multiplies U h, not h, as PyTorch's documentation says."""
    (h,) = state
    for place in range(xs.shape[1]):
        (xr, xz, xn), (hr, hz, hn) = products(w, end, xs[:, place], h, 3)
        z = sigmoid(xz + hz)
        n = np.tanh(xn + sigmoid(xr + hr) * hn)
        h = (1 - z) * n + z * h
        yield (h,)


def layers(a: Arguments, w: Weights, x: Array, start: Array | None, cell: Cell, memories: int) -> Array:
    """Each layer reads what the one before it gave; what is read backwards is turned round and put behind.

    The columns of a state are h of each layer and direction, and then c in the same order.
    """
    w = {name.removeprefix("layers."): weight for name, weight in w.items()}
    ways = ("", "_reverse")[: 1 + a.bidirectional]
    columns = len(ways) * a.layers
    known = np.zeros((len(x), a.width, memories * columns)) if start is None else start
    last = np.empty_like(known)
    xs = np.swapaxes(x, 1, 2)
    for layer in range(a.layers):
        given = []
        for way, name in enumerate(ways):
            own = [memory * columns + layer * len(ways) + way for memory in range(memories)]
            read = xs[:, ::-1] if way else xs
            states = list(cell(w, f"l{layer}{name}", read, tuple(known[:, :, column] for column in own)))
            for column, value in zip(own, states[-1], strict=True):
                last[:, :, column] = value
            heard = np.stack([state[0] for state in states], axis=1)
            given.append(heard[:, ::-1] if way else heard)
        xs = np.concatenate(given, axis=-1)
    return last if a.gives == "state" else np.swapaxes(xs, 1, 2)


@defines("lstm")
def lstm(a: Arguments, w: Weights, x: Array, start: Array | None = None) -> Array:
    return layers(a, w, x, start, lstm_states, 2)


@defines("gru")
def gru(a: Arguments, w: Weights, x: Array, start: Array | None = None) -> Array:
    return layers(a, w, x, start, gru_states, 1)
