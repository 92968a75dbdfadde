"""Numbers that imported code computes from neither inputs nor weights: sinusoids, masks, and places in tables.

They are kept as they are, compressed, since the code that computes them is no part of a graph.
"""

from __future__ import annotations

from array import array
from base64 import b64decode, b64encode
from collections.abc import Iterator
from math import prod
from typing import Any, Literal
from zlib import compress, decompress

from pydantic import Field

from archdsl.ops.arguments import Count, Dims, Mismatch
from archdsl.ops.base import NOTHING, Example, Family, Module, Nodes, Rearrangement, Rest, Support
from archdsl.ops.held import Dimension, Held, along
from archdsl.ops.registry import register
from archdsl.tensor import Tensor

MOST, LONGEST = 1 << 20, 1 << 18
"""The most numbers that are kept, and the longest text for them."""

FIXED = Support(
    "fixed",
    '''\
def fixed(text: str, dims: tuple[int, ...], precision: torch.dtype = torch.float32) -> Tensor:
    """A table of numbers, from their compressed bytes."""
    from base64 import b64decode
    from zlib import decompress

    numbers = torch.frombuffer(bytearray(decompress(b64decode(text))), dtype=precision)
    return numbers.reshape(dims)
''',
)

PICKED = Support(
    "Picked",
    '''\
class Picked(nn.Module):
    """Numbers of a value, each from the place that a table says."""

    def __init__(self, places: str, dims: tuple[int, ...]) -> None:
        super().__init__()
        self.register_buffer("places", fixed(places, dims, torch.int32).long(), persistent=False)

    def forward(self, x: Tensor) -> Tensor:
        return x.flatten(1)[:, self.places]
''',
    needs=(FIXED,),
)

PICKED_ALONG = Support(
    "PickedAlong",
    '''\
class PickedAlong(nn.Module):
    """The places of one dimension that a table lists."""

    def __init__(self, dim: int, places: str, count: int) -> None:
        super().__init__()
        self.dim = dim
        chosen = fixed(places, (count,), torch.int32).long()
        self.register_buffer("places", chosen, persistent=False)

    def forward(self, x: Tensor) -> Tensor:
        return x.index_select(self.dim, self.places)
''',
    needs=(FIXED,),
)


def packed(numbers: bytes) -> str:
    """The bytes of numbers as a text."""
    return b64encode(compress(numbers, 9)).decode()


def _expect(text: str, dims: tuple[int, ...]) -> None:
    """Raises `Mismatch` unless a text holds as many numbers of four bytes as these dimensions have."""
    try:
        held = len(decompress(b64decode(text, validate=True))) if prod(dims) <= MOST else 0
    except Exception:
        held = 0
    if held != 4 * prod(dims):
        raise Mismatch(f"the text does not hold {prod(dims):,} numbers", argument="numbers", code="out-of-bounds")


def _unpacked(text: str, kind: Literal["f", "i"]) -> array[Any]:
    """The numbers of a text, in single precision or as integers of four bytes."""
    return array(kind, decompress(b64decode(text)))


@register
class Fixed(Held):
    """A value of fixed numbers, the same for every sample."""

    name = "fixed"
    family = Family.EMBED
    mixes = False
    is_held = True

    dims: Dims
    numbers: str = Field(description="their bytes in single precision, compressed, in base 64")

    def shape(self) -> Tensor:
        _expect(self.numbers, self.dims)
        return Tensor(*self.dims)

    def rest(self) -> Rest:
        return NOTHING

    def torch(self) -> Module:
        return Module("fixed", (self.numbers, (1, *self.dims)), support=FIXED, around="nn.Buffer({}, persistent=False)")

    def onnx(self, to: Nodes) -> str:
        return to.numbers(_unpacked(self.numbers, "f"), (1, *self.dims))

    @classmethod
    def examples(cls) -> Iterator[Example]:
        yield Example(cls(dims=(2, 3), numbers=packed(bytes(24))), (), Tensor(2, 3))
        yield Example(cls(dims=(4,), numbers=packed(bytes(range(16)))), (), Tensor(4))


@register
class Picked(Held, Rearrangement):
    """Numbers of a value, each from a place that is counted through all its dimensions."""

    name = "picked"
    family = Family.EMBED

    dims: Dims
    numbers: str = Field(description="the places as integers of four bytes, compressed, in base 64")

    def shape(self, x: Tensor) -> Tensor:
        _expect(self.numbers, self.dims)
        return Tensor(*self.dims)

    def torch(self, x: Tensor) -> Module:
        return Module("Picked", (self.numbers, self.dims), support=PICKED)

    def onnx(self, to: Nodes, x: Tensor) -> str:
        return to("Gather", to.reshape(to[0], 0, -1), to.places(_unpacked(self.numbers, "i"), self.dims), axis=1)

    @classmethod
    def examples(cls) -> Iterator[Example]:
        yield Example(cls(dims=(2, 3), numbers=packed(bytes(24))), (Tensor(4, 5),), Tensor(2, 3))
        yield Example(cls(dims=(2,), numbers=packed(bytes([3, 0, 0, 0, 1, 0, 0, 0]))), (Tensor(6),), Tensor(2))


@register
class PickedAlong(Held, Rearrangement):
    """The places of one dimension that a table lists, each as often as it is there."""

    name = "picked_along"
    family = Family.EMBED

    dim: Dimension
    count: Count
    numbers: str = Field(description="the places as integers of four bytes, compressed, in base 64")

    def shape(self, x: Tensor) -> Tensor:
        _expect(self.numbers, (self.count,))
        return along(x, (self.dim,), self.count)

    def torch(self, x: Tensor) -> Module:
        return Module("PickedAlong", (self.dim, self.numbers, self.count), support=PICKED_ALONG)

    def onnx(self, to: Nodes, x: Tensor) -> str:
        return to("Gather", to[0], to.places(_unpacked(self.numbers, "i"), (self.count,)), axis=self.dim)

    @classmethod
    def examples(cls) -> Iterator[Example]:
        places = packed(bytes([3, 0, 0, 0, 1, 0, 0, 0]))
        yield Example(cls(dim=2, count=2, numbers=places), (Tensor(4, 5),), Tensor(4, 2))
        yield Example(cls(dim=1, count=2, numbers=places), (Tensor(4, 3, 6),), Tensor(2, 3, 6))
