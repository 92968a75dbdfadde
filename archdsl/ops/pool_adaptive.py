"""Pools whose output size is fixed, whatever the input's: global and adaptive pools."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator
from typing import ClassVar

from pydantic import Field

from archdsl.ops.arguments import Size, compact, spread
from archdsl.ops.base import Example, Family, Kept, Module, Nodes, Op, Rest, Store, Window
from archdsl.ops.pool import AVERAGE_RULE, MAX_RULE
from archdsl.ops.registry import register
from archdsl.ops.spatial import dimensions, expect_map, whole
from archdsl.tensor import Tensor


class GlobalPool(Op):
    """An op that reduces each channel to one number. The spatial dimensions stay, with size 1."""

    family: ClassVar[Family] = Family.POOL
    reduction: ClassVar[str]
    kind: ClassVar[str]

    def shape(self, x: Tensor) -> Tensor:
        expect_map(self.name, x)
        return Tensor(x.channels, *(1 for _ in x.spatial))

    def window(self, x: Tensor) -> Window | None:
        return whole(x)

    def torch(self, x: Tensor) -> Module:
        return Module(f"nn.Adaptive{self.reduction}Pool{dimensions(x)}", (1,))

    def onnx(self, to: Nodes, x: Tensor) -> str:
        return to(self.kind, to[0])

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
    kind = "GlobalAveragePool"

    def rest(self, x: Tensor) -> Rest:
        return Rest(x.size, AVERAGE_RULE)


@register
class GlobalMaxPool(GlobalPool):
    """The largest value of each channel; the dimensions stay: C x 1 x 1. On text, max pooling over time."""

    name = "global_max_pool"
    reduction = "Max"
    kind = "GlobalMaxPool"

    def rest(self, x: Tensor) -> Rest:
        return Rest(x.size - x.channels, MAX_RULE)

    def scratch(self, x: Tensor) -> Store:
        return Store(indices=x.channels)

    def keeps(self, x: Tensor) -> Kept:
        return Kept((0,), further=Store(indices=x.channels))


def _windows(length: int, count: int) -> list[range]:
    """The positions of each of `count` windows, which together cover `length` positions."""
    return [range(o * length // count, -(-(o + 1) * length // count)) for o in range(count)]


class AdaptivePool(Op):
    """An op whose output position o pools the n input positions from floor(o * n / size) to
    ceil((o + 1) * n / size) - 1."""

    family: ClassVar[Family] = Family.POOL
    reduction: ClassVar[str]
    kind: ClassVar[str]

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

    def onnx(self, to: Nodes, x: Tensor) -> str:
        size = spread(self.size, x, "size")
        if all(length == 1 for length in size):
            return to(f"Global{self.kind}", to[0])
        if all(n % length == 0 for n, length in zip(x.spatial, size, strict=True)):
            kernel = tuple(n // length for n, length in zip(x.spatial, size, strict=True))
            return to(self.kind, to[0], kernel_shape=kernel, strides=kernel)
        value = to[0]
        for axis, (n, length) in enumerate(zip(x.spatial, size, strict=True), 2):
            if n != length:
                value = self._along(to, value, axis, _windows(n, length))
        return value

    @abstractmethod
    def _along(self, to: Nodes, value: str, axis: int, windows: list[range]) -> str:
        """The result for each window along one axis, as an ONNX node. ONNX has no windows of several sizes."""

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
    kind = "AveragePool"

    def rest(self, x: Tensor) -> Rest:
        return Rest(self._taps(x), AVERAGE_RULE)

    def keeps(self, x: Tensor) -> Kept:
        """The input, except when pooling to a single pixel: PyTorch computes that as a mean, and keeps nothing."""
        return Kept() if self.shape(x).size == x.channels else Kept((0,))

    def _along(self, to: Nodes, value: str, axis: int, windows: list[range]) -> str:
        means = [to("ReduceMean", to.cut(value, (axis, w.start, w.stop)), to.ints(axis)) for w in windows]
        return to("Concat", *means, axis=axis)


@register
class AdaptiveMaxPool(AdaptivePool):
    """The largest value of windows chosen so that the output has the given size, whatever the input's."""

    name = "adaptive_max_pool"
    reduction = "Max"
    kind = "MaxPool"

    def rest(self, x: Tensor) -> Rest:
        return Rest(self._taps(x) - self.shape(x).size, MAX_RULE)

    def scratch(self, x: Tensor) -> Store:
        return Store(indices=self.shape(x).size)

    def keeps(self, x: Tensor) -> Kept:
        return Kept((0,), further=Store(indices=self.shape(x).size))

    def _along(self, to: Nodes, value: str, axis: int, windows: list[range]) -> str:
        largest = [to("ReduceMax", to.cut(value, (axis, w.start, w.stop)), to.ints(axis)) for w in windows]
        return to("Concat", *largest, axis=axis)
