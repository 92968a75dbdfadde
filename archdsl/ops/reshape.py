"""Ops that move numbers to other places and change none of them."""

from __future__ import annotations

from collections.abc import Iterator
from math import prod
from typing import Annotated, Literal

from pydantic import BeforeValidator, Field

from archdsl.ops.arguments import Count, Dims, Distance, Mismatch, divisors
from archdsl.ops.base import Example, Expression, Family, Module, Nodes, Rearrangement, Support, View, Window
from archdsl.ops.registry import register
from archdsl.ops.spatial import IMAGES, expect_map, resampling, whole
from archdsl.tensor import Layout, Tensor

MOST_PARTS = 10_000

Parts = Annotated[
    Annotated[int, Field(ge=1, le=MOST_PARTS)] | Annotated[tuple[Count, ...], Field(min_length=1)],
    BeforeValidator(lambda value: tuple(value) if isinstance(value, list) else value),
]
"""A number of equal parts, or a list of the channels of each part."""

Factor = Annotated[Count, Field(description="pixels in each direction that become, or come from, channels")]


@register
class Identity(View):
    """Gives its input unchanged."""

    name = "identity"
    family = Family.RESHAPE
    keeps_order = True
    pointwise = True
    keeps_zero = True
    identity_at_inference = True

    def shape(self, x: Tensor) -> Tensor:
        return x

    def layout(self) -> Layout:
        return "either"

    def torch(self, x: Tensor) -> Module:
        return Module("nn.Identity")

    @classmethod
    def examples(cls) -> Iterator[Example]:
        yield Example(cls(), (Tensor(64, 28, 28),), Tensor(64, 28, 28))
        yield Example(cls(), (Tensor(10),), Tensor(10))
        yield Example(cls(), (Tensor(8, 4, 6, 6),), Tensor(8, 4, 6, 6))


@register
class Flatten(View):
    """All numbers as one vector: first the channels, then frames (of a clip), then rows, then columns."""

    name = "flatten"
    family = Family.RESHAPE
    keeps_order = True

    def shape(self, x: Tensor) -> Tensor:
        return Tensor(x.size)

    def window(self, x: Tensor) -> Window | None:
        return whole(x)

    def torch(self, x: Tensor) -> Module:
        return Module("nn.Flatten")

    def onnx(self, to: Nodes, x: Tensor) -> str:
        return to("Flatten", to[0])

    @classmethod
    def examples(cls) -> Iterator[Example]:
        yield Example(cls(), (Tensor(512, 7, 7),), Tensor(25088))
        yield Example(cls(), (Tensor(300, 1),), Tensor(300))
        yield Example(cls(), (Tensor(8, 2, 3, 4),), Tensor(192))


@register
class Reshape(View):
    """The same numbers in another shape: first the channels, then rows, then columns."""

    name = "reshape"
    family = Family.RESHAPE
    keeps_order = True

    dims: Dims = Field(description="the new shape, channels first: as many numbers as flow in")

    def shape(self, x: Tensor) -> Tensor:
        made = Tensor(*self.dims)
        if made.size != x.size:
            said = "" if made.rank == 1 else f" = {made.size:,} numbers"
            found = f"{x} is {x.size:,}" if x.rank > 1 else f"{x.size:,} flow in"
            raise Mismatch(f"`reshape` to {made}{said}, but {found}", argument="dims", help=self._fitting(x))
        return made

    def _fitting(self, x: Tensor) -> str | None:
        """The shape with as many channels as are needed for these positions."""
        *_, positions = (1, prod(self.dims[1:]))
        if x.size % positions:
            return None
        return f"write `reshape({' x '.join(map(str, (x.size // positions, *self.dims[1:])))})`"

    def window(self, x: Tensor) -> Window | None:
        return None if self.dims[0] == x.channels else whole(x)

    def torch(self, x: Tensor) -> Expression:
        if len(self.dims) == 1:
            return Expression("{0}.flatten(1)")
        if x.rank == 1:
            return Expression("{0}.unflatten(1, {dims})", values=(("dims", self.dims),))
        return Expression("{0}.flatten(1).unflatten(1, {dims})", values=(("dims", self.dims),))

    def onnx(self, to: Nodes, x: Tensor) -> str:
        return to.reshape(to[0], 0, *self.dims)

    @classmethod
    def examples(cls) -> Iterator[Example]:
        yield Example(cls(dims=(32, 7, 7)), (Tensor(1568),), Tensor(32, 7, 7))
        yield Example(cls(dims=(64, 9, 9)), (Tensor(64, 81),), Tensor(64, 9, 9))
        yield Example(cls(dims=(12,)), (Tensor(3, 4),), Tensor(12))


@register
class Split(View):
    """Splits the channels into several values: a number of equal parts, or parts with the given channels."""

    name = "split"
    family = Family.RESHAPE
    pointwise = True
    keeps_zero = True

    parts: Parts = Field(default=2, description="how many equal parts, or a list of channels: [16, 48]")

    @property
    def is_one(self) -> bool:
        """Whether it gives one value, which is its input. PyTorch and Keras would give a sequence of one."""
        return self.parts == 1 or (isinstance(self.parts, tuple) and len(self.parts) == 1)

    def shape(self, x: Tensor) -> tuple[Tensor, ...]:
        return tuple(Tensor(channels, *x.spatial) for channels in self._channels(x))

    def _channels(self, x: Tensor) -> tuple[int, ...]:
        if isinstance(self.parts, tuple):
            if sum(self.parts) != x.channels:
                total = " + ".join(map(str, self.parts))
                raise Mismatch(
                    f"the parts {total} = {sum(self.parts)} do not add up to {x.channels} channels",
                    argument="parts",
                    code="channels-not-divisible",
                )
            return self.parts
        if x.channels % self.parts:
            raise Mismatch(
                f"{x.channels} channels do not split into {self.parts} parts",
                argument="parts",
                code="channels-not-divisible",
                help=divisors("parts", x.channels, self.parts),
            )
        return (x.channels // self.parts,) * self.parts

    def layout(self) -> Layout:
        return "either"

    def torch(self, x: Tensor) -> Expression:
        if self.is_one:
            return Expression("{0}")
        if isinstance(self.parts, tuple):
            return Expression(f"{{0}}.split({{sizes}}, dim={x.axis})", values=(("sizes", list(self.parts)),))
        return Expression(f"{{0}}.chunk({{parts}}, dim={x.axis})", values=(("parts", self.parts),))

    def onnx(self, to: Nodes, x: Tensor) -> tuple[str, ...]:
        return to.split(to[0], x.axis, self._channels(x))

    @classmethod
    def examples(cls) -> Iterator[Example]:
        yield Example(cls(parts=2), (Tensor(64, 28, 28),), (Tensor(32, 28, 28), Tensor(32, 28, 28)))
        yield Example(cls(parts=(16, 48)), (Tensor(64, 30),), (Tensor(16, 30), Tensor(48, 30)))
        yield Example(cls(parts=(8,)), (Tensor(8, 6, 6),), (Tensor(8, 6, 6),))
        yield Example(cls(), (Tensor(8, 4, 6, 6),), (Tensor(4, 4, 6, 6), Tensor(4, 4, 6, 6)))


@register
class ChannelSlice(View):
    """The channels from `start` (from 0, included) to `stop` (excluded)."""

    name = "channel_slice"
    family = Family.RESHAPE
    pointwise = True
    keeps_zero = True

    start: Distance = Field(description="first channel, counted from 0")
    stop: Count | None = Field(default=None, description="the channel after the last one; unset: to the end")

    def shape(self, x: Tensor) -> Tensor:
        stop = x.channels if self.stop is None else self.stop
        if not self.start < stop <= x.channels:
            raise Mismatch(
                f"channels {self.start} to {stop} cannot be taken from {x.channels} channels",
                argument="start" if self.start >= x.channels or self.stop is None else "stop",
                code="out-of-bounds",
            )
        return Tensor(stop - self.start, *x.spatial)

    def layout(self) -> Layout:
        return "either"

    def torch(self, x: Tensor) -> Expression:
        before = "..." if x.last else ":"
        if self.stop is None or self.stop == x.channels:
            return Expression(f"{{0}}[{before}, {{start}}:]", values=(("start", self.start),))
        if self.start == 0:
            return Expression(f"{{0}}[{before}, :{{stop}}]", values=(("stop", self.stop),))
        return Expression(f"{{0}}[{before}, {{start}}:{{stop}}]", values=(("start", self.start), ("stop", self.stop)))

    def onnx(self, to: Nodes, x: Tensor) -> str:
        return to.cut(to[0], (x.axis, self.start, self.start + self.shape(x).channels))

    @classmethod
    def examples(cls) -> Iterator[Example]:
        yield Example(cls(start=16), (Tensor(64, 28, 28),), Tensor(48, 28, 28))
        yield Example(cls(start=0, stop=16), (Tensor(64, 28, 28),), Tensor(16, 28, 28))
        yield Example(cls(start=8, stop=24), (Tensor(64),), Tensor(16))
        yield Example(cls(start=2), (Tensor(8, 4, 6, 6),), Tensor(6, 4, 6, 6))


@register
class ChannelShuffle(Rearrangement):
    """Channel i of group g goes to place i * groups + g, so that groups mix (Zhang et al. 2018, ShuffleNet)."""

    name = "channel_shuffle"
    family = Family.RESHAPE
    pointwise = True
    keeps_zero = True

    groups: Count = Field(description="how many groups the incoming channels form")

    def shape(self, x: Tensor) -> Tensor:
        expect_map(self.name, x)
        if x.channels % self.groups:
            raise Mismatch(
                f"{x.channels} channels do not split into {self.groups} groups",
                argument="groups",
                code="channels-not-divisible",
                help=divisors("groups", x.channels, self.groups),
            )
        return x

    def torch(self, x: Tensor) -> Module:
        return Module("nn.ChannelShuffle", (self.groups,))

    def onnx(self, to: Nodes, x: Tensor) -> str:
        groups = to.reshape(to[0], 0, self.groups, x.channels // self.groups, -1)
        return to.reshape(to.transpose(groups, 0, 2, 1, 3), 0, *x.dims)

    @classmethod
    def examples(cls) -> Iterator[Example]:
        yield Example(cls(groups=2), (Tensor(116, 28, 28),), Tensor(116, 28, 28))
        yield Example(cls(groups=3), (Tensor(12, 10),), Tensor(12, 10))
        yield Example(cls(groups=2), (Tensor(8, 4, 6, 6),), Tensor(8, 4, 6, 6))


@register
class PixelShuffle(Rearrangement):
    """Channels become pixels: factor^2 channels make a square of factor x factor (Shi et al. 2016)."""

    name = "pixel_shuffle"
    family = Family.RESHAPE

    factor: Factor

    def shape(self, x: Tensor) -> Tensor:
        expect_map(self.name, x, IMAGES)
        if x.channels % self.factor**2:
            raise Mismatch(
                f"{x.channels} channels do not split into squares of {self.factor}x{self.factor}",
                argument="factor",
                code="channels-not-divisible",
            )
        return Tensor(x.channels // self.factor**2, *(length * self.factor for length in x.spatial))

    def window(self, x: Tensor) -> Window:
        return resampling(x.spatial, self.shape(x).spatial)

    def torch(self, x: Tensor) -> Module:
        return Module("nn.PixelShuffle", (self.factor,))

    def onnx(self, to: Nodes, x: Tensor) -> str:
        return to("DepthToSpace", to[0], blocksize=self.factor, mode="CRD")

    @classmethod
    def examples(cls) -> Iterator[Example]:
        yield Example(cls(factor=2), (Tensor(64, 14, 14),), Tensor(16, 28, 28))
        yield Example(cls(factor=3), (Tensor(27, 5, 6),), Tensor(3, 15, 18))


AXES = {
    ("pytorch", False): "0, 1, 3, 5, 2, 4",
    ("rows", False): "0, 3, 5, 1, 2, 4",
    ("rows", True): "0, 1, 3, 2, 4, 5",
    ("columns", False): "0, 5, 3, 1, 2, 4",
    ("columns", True): "0, 1, 3, 4, 2, 5",
}


def _squares(order: str, last: bool) -> Support:
    """The function for an order that PyTorch has no module for. `last`: the channels are the last axis."""
    name, axis = f"pixels_by_{order}{'_last' if last else ''}", 1 if last else 2
    return Support(
        name,
        f'''\
def {name}(x: Tensor, factor: int) -> Tensor:
    """The pixels of each square as channels, {order} first. The channels are the {"last" if last else "first"} axis."""
    x = x.unflatten({axis}, (-1, factor)).unflatten({axis + 2}, (-1, factor))
    return x.permute({AXES[order, last]}).flatten({axis + 2 if last else "1, 3"})
''',
    )


@register
class SpaceToDepth(Rearrangement):
    """Pixels become channels: squares of factor x factor pixels make factor^2 channels of each channel.

    Public code has three orders of the new channels. In PyTorch's, those that come from one channel follow each other,
    and this is the inverse of `pixel_shuffle`. With order=rows, those that come from one pixel do, and the pixels of a
    square follow each other row by row (TensorFlow); with order=columns, column by column (the patch merging of Swin,
    Liu et al. 2021, and the Focus layer of YOLOv5). Weights after one of them are not weights after another.
    """

    name = "space_to_depth"
    family = Family.RESHAPE

    factor: Factor
    order: Literal["pytorch", "rows", "columns"] = Field(
        default="pytorch", description="which of the new channels come first"
    )

    def shape(self, x: Tensor) -> Tensor:
        expect_map(self.name, x, IMAGES)
        if any(length % self.factor for length in x.spatial):
            raise Mismatch(
                f"{x} does not split into squares of {self.factor}x{self.factor} pixels",
                argument="factor",
            )
        return Tensor(x.channels * self.factor**2, *(length // self.factor for length in x.spatial))

    def window(self, x: Tensor) -> Window:
        each = (self.factor,) * len(x.spatial)
        return Window(each, each, (1,) * len(each), ((0, 0),) * len(each))

    def layout(self) -> Layout:
        return "first" if self.order == "pytorch" else "either"

    def torch(self, x: Tensor) -> Module | Expression:
        if self.order == "pytorch":
            return Module("nn.PixelUnshuffle", (self.factor,))
        support = _squares(self.order, x.last)
        return Expression(f"{support.name}({{0}}, {{factor}})", values=(("factor", self.factor),), support=support)

    def onnx(self, to: Nodes, x: Tensor) -> str:
        height, width = self.shape(x).spatial
        split = (height, self.factor, width, self.factor)
        squares = to.reshape(to[0], 0, *((*split, x.channels) if x.last else (x.channels, *split)))
        moved = to.transpose(squares, *map(int, AXES[self.order, x.last].split(", ")))
        return to.reshape(moved, 0, *((height, width, -1) if x.last else (-1, height, width)))

    @classmethod
    def examples(cls) -> Iterator[Example]:
        yield Example(cls(factor=2), (Tensor(64, 26, 26),), Tensor(256, 13, 13))
        yield Example(cls(factor=3), (Tensor(3, 15, 18),), Tensor(27, 5, 6))
        yield Example(cls(factor=2, order="columns"), (Tensor(96, 14, 14),), Tensor(384, 7, 7))
        yield Example(cls(factor=2, order="rows"), (Tensor(3, 6, 8),), Tensor(12, 3, 4))
