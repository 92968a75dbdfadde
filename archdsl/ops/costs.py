"""Small values with which an op states its weights and costs."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from math import prod
from typing import NamedTuple

INDEX_BYTES = 8
"""Bytes of an integer in PyTorch, such as a token id or an index that max pooling keeps."""


@dataclass(frozen=True, slots=True)
class Rest:
    """How many operations an op needs besides its multiply-adds, and the rule by which they are counted."""

    count: int
    rule: str


NOTHING = Rest(0, "nothing")


@dataclass(frozen=True, slots=True)
class Store:
    """An amount of memory for one sample: `numbers` in the network's precision and `indices`, which are integers."""

    numbers: int = 0
    indices: int = 0

    def size(self, width: int) -> int:
        """In bytes, if a number of the network takes `width` bytes."""
        return self.numbers * width + self.indices * INDEX_BYTES


@dataclass(frozen=True, slots=True)
class Kept:
    """What PyTorch's autograd keeps of an op for the backward pass on the CPU; weights are not counted.

    `inputs` are the indices of the inputs it keeps; `output` says whether it keeps the output. `further` is additional
    memory for each sample, `once` is memory that it keeps once for the whole batch. An op that overwrites its input
    keeps its output instead of it if `result_suffices`, else a copy of the input.
    """

    inputs: tuple[int, ...] = ()
    output: bool = False
    further: Store = Store()
    once: Store = Store()
    result_suffices: bool = False


class Weight(NamedTuple):
    """One entry of an op's state dict: a parameter, which is `learned`, or a buffer, which is only kept.

    A buffer that can be computed anew is not `saved` there (`persistent=False` in PyTorch).

    `factors` are the factors that explain its size (`3·3·(64/2)·8`), if these are not the numbers of the shape in their
    order.
    """

    shape: tuple[int, ...]
    learned: bool = True
    factors: tuple[int | str, ...] = ()
    saved: bool = True

    @property
    def size(self) -> int:
        """How many numbers it holds."""
        return prod(self.shape)

    @property
    def working(self) -> str:
        """Its size as a product."""
        return product(self.factors or self.shape)


def with_bias(weight: Weight, bias: int) -> dict[str, Weight]:
    """The weights `weight` and, unless `bias` is 0, a `bias` of that many numbers."""
    return {"weight": weight, "bias": Weight((bias,))} if bias else {"weight": weight}


COUNTER = Weight((), learned=False)
"""The entry of running statistics that counts the batches."""


def scale_and_shift(channels: int, affine: bool, track: bool = False) -> dict[str, Weight]:
    """The weights of a normalization: a scale and a shift if `affine`, running statistics if `track`."""
    found: dict[str, Weight] = {}
    if affine:
        found["weight"] = found["bias"] = Weight((channels,))
    if track:
        found["running_mean"] = found["running_var"] = Weight((channels,), False)
        found["num_batches_tracked"] = COUNTER
    return found


def product(factors: Iterable[int | str]) -> str:
    """A product as it is worked out by hand: `5·5`."""
    return "·".join(map(str, factors))


def working(weights: Iterable[Weight]) -> str:
    """How many numbers are learned, as a sum of products: `5·5·3·8 + 8`, `2·64`; empty where none are."""
    terms = Counter(weight.working for weight in weights if weight.learned)
    return " + ".join(term if count == 1 else f"{count}·{term}" for term, count in terms.items())


@dataclass(frozen=True, slots=True)
class Working:
    """Parameters and multiply-adds as arithmetic, for a reader to check: `5·5·3·8 + 8`; empty where there are none."""

    params: str = ""
    macs: str = ""
