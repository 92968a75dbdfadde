"""Pools with random choices: fractional max pooling and stochastic pooling."""

from __future__ import annotations

from collections.abc import Iterator
from math import prod
from typing import Annotated, Any

from pydantic import Field

from archdsl.ops.arguments import Mismatch, Size, compact, spread, times
from archdsl.ops.base import Example, Family, Kept, Module, Nodes, Op, Rest, Store, Support, Window
from archdsl.ops.conv import Kernel
from archdsl.ops.pool import MAX_RULE, Pool
from archdsl.ops.registry import register
from archdsl.ops.spatial import Padder, dimensions, expect_map
from archdsl.tensor import Tensor


@register
class FractionalMaxPool(Op):
    """Max pooling by a factor between 1 and 2: windows at random steps of one or more pixels (Graham 2014).

    The positions are drawn again for every sample, in training and in evaluation. This is as published: Graham
    averages the results of several passes. Give either `ratio` or `size`.
    """

    name = "fractional_max_pool"
    family = Family.POOL
    without_onnx = "it draws the places of its windows anew for every sample, at inference too"

    kernel: Kernel = 2
    ratio: Annotated[float, Field(gt=0, lt=1)] | None = Field(
        default=None, description="output size for each pixel of input, rounded down: 0.7 shrinks by about 1.4"
    )
    size: Size | None = Field(default=None, description="output size in pixels")

    def shape(self, x: Tensor) -> Tensor:
        expect_map(self.name, x, (3, 4))
        size = self._size(x)
        kernel = spread(self.kernel, x, "kernel")
        if min(size) < 1:
            raise Mismatch(f"a ratio of {self.ratio} leaves nothing of {x}", argument="ratio", code="kernel-too-large")
        if any(s + k - 1 > n for s, k, n in zip(size, kernel, x.spatial, strict=True)):
            raise Mismatch(
                f"{times(size)} windows of {times(kernel)} at different positions do not fit {times(x.spatial)} pixels",
                argument="size" if self.size else "ratio",
                code="kernel-too-large",
            )
        return Tensor(x.channels, *size)

    def _size(self, x: Tensor) -> tuple[int, ...]:
        if self.ratio is not None and self.size is None:
            return tuple(int(length * self.ratio) for length in x.spatial)
        if self.size is not None and self.ratio is None:
            return spread(self.size, x, "size")
        count = "both" if self.size is not None else "neither"
        raise Mismatch(
            f"`fractional_max_pool` takes either a ratio or a size, got {count}",
            argument="size" if self.size is not None else None,
            code="bad-choice",
        )

    def window(self, x: Tensor) -> Window:
        """A window that covers all positions that may be drawn: they lie less than one pixel from even spacing."""
        kernel, size = spread(self.kernel, x, "kernel"), self._size(x)
        stretch = tuple(max(out - 1, 1) for out in size)
        free = tuple(n - k for n, k in zip(x.spatial, kernel, strict=True))
        return Window(
            tuple(gap * (k + 1) - 1 if out > 1 else k for gap, k, out in zip(stretch, kernel, size, strict=True)),
            free,
            (1,) * len(size),
            tuple((gap - 1, 0) if out > 1 else (-f, 0) for gap, f, out in zip(stretch, free, size, strict=True)),
            stretch=stretch,
        )

    def rest(self, x: Tensor) -> Rest:
        return Rest((prod(spread(self.kernel, x, "kernel")) - 1) * self.shape(x).size, MAX_RULE)

    def scratch(self, x: Tensor) -> Store:
        return Store(len(x.spatial) * x.channels, indices=self.shape(x).size)

    def keeps(self, x: Tensor) -> Kept:
        return Kept((0,), further=Store(indices=self.shape(x).size))

    def torch(self, x: Tensor) -> Module:
        kernel = compact(spread(self.kernel, x, "kernel"))
        option: dict[str, Any] = {"output_ratio": (self.ratio, None)}
        if self.size is not None:
            option = {"output_size": (compact(spread(self.size, x, "size")), None)}
        return Module.of(f"nn.FractionalMaxPool{dimensions(x)}", kernel, **option)

    @classmethod
    def examples(cls) -> Iterator[Example]:
        yield Example(cls(ratio=0.7), (Tensor(16, 36, 36),), Tensor(16, 25, 25))
        yield Example(cls(kernel=(2, 3), size=(8, 5)), (Tensor(4, 12, 10),), Tensor(4, 8, 5))
        yield Example(cls(ratio=0.6), (Tensor(4, 5, 7, 9),), Tensor(4, 3, 4, 5))


STOCHASTIC_POOL = Support(
    "StochasticPool",
    '''\
class StochasticPool(nn.Module):
    """Training draws one value of each window, with probability in proportion to it.

    Evaluation takes the mean weighted by those probabilities (Zeiler and Fergus 2013). Values
    below 0 count as 0.
    """

    def __init__(self, kernel_size, stride=None):
        super().__init__()
        self.kernel_size = kernel_size
        self.stride = stride or kernel_size

    def forward(self, x):
        windows = x.relu()
        for i in range(x.dim() - 2):
            sizes = (self.kernel_size, self.stride)
            kernel, stride = (size[i] if isinstance(size, tuple) else size for size in sizes)
            windows = windows.unfold(i + 2, kernel, stride)
        windows = windows.flatten(x.dim())
        if self.training:
            lots = torch.empty_like(windows, dtype=torch.float32).exponential_()
            return windows.gather(-1, (windows / lots).argmax(-1, keepdim=True)).squeeze(-1)
        total = windows.sum(-1, keepdim=True).clamp(min=torch.finfo(x.dtype).tiny)
        return (windows * (windows / total)).sum(-1)
''',
)


SMALLEST = 2.0**-126
"""The smallest number of single precision that is not 0, but for those with fewer digits."""


@register
class StochasticPool(Pool):
    """Training draws one value of each window, with probability in proportion to it (Zeiler and Fergus 2013).

    Evaluation takes the mean weighted by those probabilities. Values below 0, and padding, are never drawn.
    """

    name = "stochastic_pool"
    has_padding = False

    def rest(self, x: Tensor) -> Rest:
        rule = "4 for each number in a window, less 2: sums, divisions, products; 1 for each number that comes in"
        return Rest((4 * self._taps(x) - 2) * self._outputs(x) + x.size, rule)

    def scratch(self, x: Tensor) -> Store:
        windows = self._taps(x) * self._outputs(x)
        positive = windows if self._copies_windows(x) else self._copy(x) or x.size
        return Store(self._copy(x) + positive + 2 * windows)

    def keeps(self, x: Tensor) -> Kept:
        windows = self._taps(x) * self._outputs(x)
        positive = self._copy(x) or x.size
        kept = positive + windows + windows * self._copies_windows(x)
        return Kept(further=Store(kept, indices=self._outputs(x)))

    def _copies_windows(self, x: Tensor) -> bool:
        """Whether flattening the windows copies them, as it does for windows of several rows."""
        return sum(length > 1 for length in self.window(x).kernel) > 1

    def torch(self, x: Tensor) -> Module:
        forward = "return super().forward(F.pad(x, {sides}))"
        base = Padder("StochasticPool", "Stochastic pooling", forward, definition=STOCHASTIC_POOL)
        return self._module(x, base)

    def onnx(self, to: Nodes, x: Tensor) -> str:
        positive, window = to("Relu", to[0]), self.window(x)
        mean = self.pooled(to, x, "AveragePool", positive, window, count_include_pad=1)
        squares = self.pooled(to, x, "AveragePool", to("Mul", positive, positive), window, count_include_pad=1)
        return to("Div", squares, to("Max", mean, to.number(SMALLEST)))

    @classmethod
    def examples(cls) -> Iterator[Example]:
        yield Example(cls(kernel=3, stride=2), (Tensor(16, 28, 28),), Tensor(16, 14, 14))
        yield Example(cls(kernel=2, padding="valid"), (Tensor(8, 20),), Tensor(8, 10))
        yield Example(cls(kernel=3, stride=2, padding="tf_same"), (Tensor(4, 8, 7),), Tensor(4, 4, 4))
        yield Example(cls(kernel=(1, 2, 2)), (Tensor(4, 3, 6, 8),), Tensor(4, 3, 3, 4))
