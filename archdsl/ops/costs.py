"""What an op says of its cost beside parameters and multiply-adds, as small values."""

from __future__ import annotations

from dataclasses import dataclass

INDEX_BYTES = 8
"""PyTorch's whole numbers: tokens, and the places that a max pooling remembers."""


@dataclass(frozen=True, slots=True)
class Rest:
    """Operations that are no multiply-adds of a convolution or a matrix product, and the rule they are counted by."""

    count: int
    rule: str


NOTHING = Rest(0, "nothing")


@dataclass(frozen=True, slots=True)
class Store:
    """So many numbers of the network's precision, and so many whole numbers, for one sample."""

    numbers: int = 0
    indices: int = 0

    def size(self, width: int) -> int:
        """In bytes, where a number of the network takes `width`."""
        return self.numbers * width + self.indices * INDEX_BYTES


@dataclass(frozen=True, slots=True)
class Kept:
    """What an op keeps for the backward pass, as PyTorch's autograd does on the CPU; weights are not counted.

    `inputs` are the places of the inputs that are kept. `further` is for one sample, `once` are numbers for a batch
    of any size. An op that overwrites its input keeps its output in the input's stead if `result_suffices`, else a
    copy of the input.
    """

    inputs: tuple[int, ...] = ()
    output: bool = False
    further: Store = Store()
    once: int = 0
    result_suffices: bool = False


def weighted(weight: tuple[int, ...], bias: int = 0) -> dict[str, tuple[int, ...]]:
    """What a checkpoint holds of an op with a weight, and with `bias` biases where there are any."""
    return {"weight": weight, "bias": (bias,)} if bias else {"weight": weight}


def normalized(channels: int, affine: bool, track: bool = False) -> dict[str, tuple[int, ...]]:
    """What a checkpoint holds of a normalization: scale and shift, running statistics."""
    learned = weighted((channels,), channels) if affine else {}
    kept: dict[str, tuple[int, ...]] = {"running_mean": (channels,), "running_var": (channels,)}
    return learned | (kept | {"num_batches_tracked": ()} if track else {})


@dataclass(frozen=True, slots=True)
class Working:
    """Parameters and multiply-adds as arithmetic, for a reader to check: `5·5·3·8 + 8`; empty where there are none."""

    params: str = ""
    macs: str = ""
