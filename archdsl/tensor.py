"""The type of a value that flows through a network: its shape and whether it holds floats or token ids."""

from __future__ import annotations

from dataclasses import dataclass
from math import prod
from typing import Literal

Kind = Literal["float", "int"]

Layout = Literal["first", "last", "either"]
"""Where emitted code keeps the channels of a value: before its positions, after them, or in either place."""

SIDES = ((), ("length",), ("height", "width"), ("frames", "height", "width"))
"""Names of the dimensions after the channels, by how many there are."""


@dataclass(frozen=True, slots=True, init=False)
class Tensor:
    """Shape and kind of one value, channels first and without the batch: `Tensor(64, 112, 112)`.

    One dimension is a vector of features, two are channels x length, three channels x height x
    width (a map), four channels x frames x height x width (a clip). Token ids are
    `Tensor(128, kind="int")`: a length alone, which an embedding turns into channels x length.

    `last` is set by the PyTorch backend alone: the emitted code keeps the channels of this value after its positions,
    as transformers do. `dims` has the channels first all the same.
    """

    dims: tuple[int, ...]
    kind: Kind
    last: bool

    def __init__(self, *dims: int, kind: Kind = "float", last: bool = False) -> None:
        object.__setattr__(self, "dims", dims)
        object.__setattr__(self, "kind", kind)
        object.__setattr__(self, "last", last)

    @property
    def channels(self) -> int:
        return self.dims[0]

    @property
    def spatial(self) -> tuple[int, ...]:
        """The dimensions after the channels: (), (length,), (height, width) or (frames, height, width)."""
        return self.dims[1:]

    @property
    def sides(self) -> tuple[str, ...]:
        """What the dimensions after the channels are called; () where they have no names."""
        return SIDES[self.rank - 1] if self.rank <= len(SIDES) else ()

    @property
    def frame(self) -> tuple[int, ...]:
        """The spatial dimensions of one frame of a clip; of any other value, all of them."""
        return self.spatial[-2:]

    @property
    def rank(self) -> int:
        return len(self.dims)

    @property
    def axis(self) -> int:
        """The axis of the channels in the emitted code, where axis 0 is the batch."""
        return -1 if self.last else 1

    @property
    def size(self) -> int:
        """Number of elements."""
        return prod(self.dims)

    def __str__(self) -> str:
        text = "x".join(map(str, self.dims))
        return f"{text} of int" if self.kind == "int" else text
