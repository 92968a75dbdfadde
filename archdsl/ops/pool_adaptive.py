"""Pools whose output size is fixed, whatever the input's: global and adaptive pools."""

from __future__ import annotations

from collections.abc import Iterator
from typing import ClassVar

from pydantic import Field

from archdsl.ops.arguments import Size, compact, spread
from archdsl.ops.base import Example, Family, Kept, Module, Op, Rest, Store, Window, register
from archdsl.ops.pool import AVERAGE_RULE, MAX_RULE
from archdsl.ops.spatial import dimensions, expect_map, whole
from archdsl.tensor import Tensor


class GlobalPool(Op):
    """An op that reduces each channel to one number. The spatial dimensions stay, with size 1."""

    family: ClassVar[Family] = Family.POOL
    reduction: ClassVar[str]

    def shape(self, x: Tensor) -> Tensor:
        expect_map(self.name, x)
        return Tensor(x.channels, *(1 for _ in x.spatial))

    def window(self, x: Tensor) -> Window | None:
        return whole(x)

    def torch(self, x: Tensor) -> Module:
        return Module(f"nn.Adaptive{self.reduction}Pool{dimensions(x)}", (1,))

    @classmethod
    def examples(cls) -> Iterator[Example]:
        yield Example(cls(), (Tensor(2048, 7, 7),), Tensor(2048, 1, 1))
        yield Example(cls(), (Tensor(100, 126),), Tensor(100, 1))
        yield Example(cls(), (Tensor(16, 2, 7, 5),), Tensor(16, 1, 1, 1))


@register
class GlobalAvgPool(GlobalPool):
    """The mean of each channel; the dimensions stay: C x 1 x 1 (Lin et al. 2014, Network in network)."""

    name = "global_avg_pool"
    reduction = "Avg"

    def rest(self, x: Tensor) -> Rest:
        return Rest(x.size, AVERAGE_RULE)


@register
class GlobalMaxPool(GlobalPool):
    """The largest value of each channel; the dimensions stay: C x 1 x 1. On text, max pooling over time."""

    name = "global_max_pool"
    reduction = "Max"

    def rest(self, x: Tensor) -> Rest:
        return Rest(x.size - x.channels, MAX_RULE)

    def scratch(self, x: Tensor) -> Store:
        return Store(indices=x.channels)

    def keeps(self, x: Tensor) -> Kept:
        return Kept((0,), further=Store(indices=x.channels))


class AdaptivePool(Op):
    """An op whose output position o pools the n input positions from floor(o * n / size) to
    ceil((o + 1) * n / size) - 1."""

    family: ClassVar[Family] = Family.POOL
    reduction: ClassVar[str]

    size: Size = Field(description="output size in pixels: 6 is 6x6, on clips 6x6x6")

    def shape(self, x: Tensor) -> Tensor:
        expect_map(self.name, x)
        return Tensor(x.channels, *spread(self.size, x, "size"))

    def window(self, x: Tensor) -> Window | None:
        size = spread(self.size, x, "size")
        if all(length == 1 for length in size):
            return whole(x)
        kernel = tuple(length + out - 1 for length, out in zip(x.spatial, size, strict=True))
        return Window(kernel, x.spatial, (1,) * len(size), tuple((out - 1, 0) for out in size), stretch=size)

    def _taps(self, x: Tensor) -> int:
        """How many numbers are in all windows together."""
        total = x.channels
        for length, out in zip(x.spatial, spread(self.size, x, "size"), strict=True):
            total *= sum(-(-(o + 1) * length // out) - o * length // out for o in range(out))
        return total

    def torch(self, x: Tensor) -> Module:
        size = compact(spread(self.size, x, "size"))
        return Module(f"nn.Adaptive{self.reduction}Pool{dimensions(x)}", (size,))

    @classmethod
    def examples(cls) -> Iterator[Example]:
        yield Example(cls(size=6), (Tensor(256, 13, 13),), Tensor(256, 6, 6))
        yield Example(cls(size=(2, 3)), (Tensor(16, 7, 7),), Tensor(16, 2, 3))
        yield Example(cls(size=4), (Tensor(16, 10),), Tensor(16, 4))
        yield Example(cls(size=(1, 2, 3)), (Tensor(8, 4, 5, 7),), Tensor(8, 1, 2, 3))


@register
class AdaptiveAvgPool(AdaptivePool):
    """The mean of windows chosen so that the output has the given size, whatever the input's."""

    name = "adaptive_avg_pool"
    reduction = "Avg"

    def rest(self, x: Tensor) -> Rest:
        return Rest(self._taps(x), AVERAGE_RULE)

    def keeps(self, x: Tensor) -> Kept:
        """The input, except when pooling to a single pixel: PyTorch computes that as a mean, and keeps nothing."""
        return Kept() if self.shape(x).size == x.channels else Kept((0,))


@register
class AdaptiveMaxPool(AdaptivePool):
    """The largest value of windows chosen so that the output has the given size, whatever the input's."""

    name = "adaptive_max_pool"
    reduction = "Max"

    def rest(self, x: Tensor) -> Rest:
        return Rest(self._taps(x) - self.shape(x).size, MAX_RULE)

    def scratch(self, x: Tensor) -> Store:
        return Store(indices=self.shape(x).size)

    def keeps(self, x: Tensor) -> Kept:
        return Kept((0,), further=Store(indices=self.shape(x).size))
