"""Attention, and where positions come from. Formulas are those of the papers, written for one position at a time."""

from __future__ import annotations

import math
from collections.abc import Mapping
from types import SimpleNamespace as Arguments

import numpy as np

from interpreter.activations import softmax
from interpreter.table import Array, defines
from interpreter.windows import each

Weights = Mapping[str, Array]


@defines("attend")
def attend(a: Arguments, w: Weights, q: Array, k: Array, v: Array, added: Array | None = None) -> Array:
    """Vaswani et al. 2017, equation 1, for each sample and head; several heads may ask the same keys (Ainslie 2023).

    What is `added` to the scores is a number for each head, query and key (Raffel et al. 2020, section 2.1).
    """
    queries, keys, values = (x.reshape(*x.shape[:2], -1) for x in (q, k, v))
    size = q.shape[1] // a.heads
    shared = k.shape[1] // size
    wide = v.shape[1] // shared
    scale = 1 / math.sqrt(size) if a.scale is None else a.scale
    blind = unseen(a, q, k)
    bias = relative_bias(a, w, q)[None] if added is None else added
    heads = []
    for head in range(a.heads):
        group = head // (a.heads // shared)
        asked = queries[:, head * size : (head + 1) * size]
        key = keys[:, group * size : (group + 1) * size]
        value = values[:, group * wide : (group + 1) * wide]
        answers = np.einsum("ncs,ncl->nsl", key, asked) * scale + np.swapaxes(bias[:, head], 1, 2)
        heads.append(np.einsum("nsl,nes->nel", softmax(a, w, np.where(blind.T, -np.inf, answers)), value))
    return np.concatenate(heads, 1).reshape(len(q), -1, *q.shape[2:])


def unseen(a: Arguments, q: Array, k: Array) -> Array:
    """Whether a query (row) does not see a key (column): one after it, or one in another window."""
    queries, keys = (int(np.prod(x.shape[2:])) for x in (q, k))
    if a.causal:
        return np.arange(keys) > np.arange(queries)[:, None]
    if a.windows is None:
        return np.zeros((queries, keys), dtype=bool)
    rank = q.ndim - 2
    numbers = [
        window_of(np.arange(n), n, size, shift, a.grid)
        for n, size, shift in zip(q.shape[2:], each(a.windows, rank), each(a.shift, rank), strict=True)
    ]
    window = np.stack([number.reshape(-1) for number in np.meshgrid(*numbers, indexing="ij")])
    return (window[:, None] != window[:, :, None]).any(0)


def window_of(place: Array, length: int, size: int, shift: int, grid: bool) -> Array:
    """The number of the window in one dimension. Shifted windows begin at `shift`, and are cut at both ends of the map.

    Liu et al. 2021, section 3.2. A grid of Tu et al. 2022, section 3.2, has every (length / size)-th place.
    """
    if grid:
        return place % (length // size)
    return (place - (shift if size < length else 0)) // size


def relative_bias(a: Arguments, w: Weights, q: Array) -> Array:
    """B of Liu et al. 2021, equation 4: by head, query and key, a learned number for how far they are apart."""
    if not a.relative:
        return np.zeros((a.heads, 1, 1))
    rank = q.ndim - 2
    sizes = each(a.windows, rank)
    inside = [
        place // (n // size) if a.grid else (place - (shift if size < n else 0)) % size
        for place, n, size, shift in zip(
            map(np.arange, q.shape[2:]), q.shape[2:], sizes, each(a.shift, rank), strict=True
        )
    ]
    places = [x.reshape(-1) for x in np.meshgrid(*inside, indexing="ij")]
    apart = [x[:, None] - x + size - 1 for x, size in zip(places, sizes, strict=True)]
    row = np.ravel_multi_index(apart, [2 * size - 1 for size in sizes])
    return np.moveaxis(w["bias_table"][row], -1, 0)


@defines("positions")
def positions(a: Arguments, w: Weights, x: Array) -> Array:
    """0, 1, 2 ... for each position, which is the last axis of tokens and of sequences (Radford et al. 2019)."""
    return np.broadcast_to(np.arange(x.shape[-1]), (len(x), x.shape[-1]))


@defines("sinusoid")
def sinusoid(a: Arguments, w: Weights, x: Array) -> Array:
    """PE(pos, 2i) = sin(pos / base^(2i/d)), PE(pos, 2i+1) = cos of the same (Vaswani et al. 2017, section 3.5).

    Other code has the sines or the cosines first, and, with `last`, exponents that end at 1: i / (d/2 - 1) (the code of
    Ho et al. 2020).
    """
    numbers, half = x.reshape(len(x), -1), a.width // 2
    waves = np.empty((len(x), a.width, numbers.shape[1]))
    for i in range(half):
        angle = numbers / a.base ** (i / (half - 1) if a.last else 2 * i / a.width)
        sine, cosine = {"interleaved": (2 * i, 2 * i + 1), "sin_cos": (i, half + i), "cos_sin": (half + i, i)}[a.order]
        waves[:, sine], waves[:, cosine] = np.sin(angle), np.cos(angle)
    return waves if np.issubdtype(x.dtype, np.integer) else waves[:, :, 0]


@defines("rotary")
def rotary(a: Arguments, w: Weights, x: Array) -> Array:
    """Each pair is a complex number, which is multiplied by exp(i m theta_j), theta_j = base^(-2j/d), at position m.

    Su et al. 2021, section 3.2; pairs are neighbours there, and halves of the head in Hugging Face's LLaMA.
    """
    result = np.empty_like(x)
    size = x.shape[1] // a.heads
    for head in range(a.heads):
        for j in range(size // 2):
            one, other = (2 * j, 2 * j + 1) if a.pairs == "neighbours" else (j, j + size // 2)
            one, other = one + head * size, other + head * size
            turned = (x[:, one] + 1j * x[:, other]) * np.exp(1j * np.arange(x.shape[2]) * a.base ** (-2 * j / size))
            result[:, one], result[:, other] = turned.real, turned.imag
    return result


@defines("bucket_bias")
def bucket_bias(a: Arguments, w: Weights, x: Array) -> Array:
    """Raffel et al. 2020, section 2.1, with the numbers of the buckets as in the code of T5 (mesh_tensorflow's
    `_relative_position_bucket`): keys after the query come second."""
    length = x.shape[-1]
    table = np.empty((a.heads, length, length))
    half = a.buckets if a.causal else a.buckets // 2
    for query in range(length):
        for key in range(length):
            distance = max(query - key, 0) if a.causal else abs(query - key)
            bucket = distance
            if distance >= half // 2:
                share = math.log(distance / (half // 2)) / math.log(a.farthest / (half // 2))
                bucket = min(half // 2 + int(share * (half - half // 2) + 1e-9), half - 1)
            table[:, query, key] = w["weight"][bucket + half * (key > query and not a.causal)]
    return np.broadcast_to(table, (len(x), *table.shape))


@defines("offset_bias")
def offset_bias(a: Arguments, w: Weights, x: Array) -> Array:
    """B of Liu et al. 2021, equation 4, for the whole map; with a class token as in the code of Bao et al. 2022, where
    the last rows of the table are for what it asks, for what it is asked, and for itself."""
    size = x.shape[1:] if np.issubdtype(x.dtype, np.integer) else x.shape[2:]
    places = [np.array(place) for place in np.ndindex(*size)]
    front = int(a.class_token)
    table = np.empty((a.heads, len(places) + front, len(places) + front))
    for i, query in enumerate(places):
        for j, key in enumerate(places):
            row = np.ravel_multi_index(query - key + np.array(size) - 1, [2 * n - 1 for n in size])
            table[:, front + i, front + j] = w["weight"][row]
    if front:
        asks, asked, itself = w["weight"][-3:]
        table[:, 0, :], table[:, :, 0] = asks[:, None], asked[:, None]
        table[:, 0, 0] = itself
    return np.broadcast_to(table, (len(x), *table.shape))
