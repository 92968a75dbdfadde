"""Blur pooling, which only imported networks have."""

from __future__ import annotations

from collections.abc import Iterator
from math import comb

from pydantic import Field

from archdsl.ops.arguments import Count
from archdsl.ops.base import Example, Family, Kept, Module, Nodes, Op, Rest, Support, Window
from archdsl.ops.costs import product
from archdsl.ops.registry import register
from archdsl.ops.spatial import IMAGES, expect_map, lengths, slide, unused
from archdsl.tensor import Tensor

BLUR = Support(
    "BlurPool2d",
    '''\
class BlurPool2d(nn.Module):
    """Smooths each channel by a row and a column of weights, and takes every few pixels."""

    def __init__(self, weights: tuple[float, ...], stride: int) -> None:
        super().__init__()
        self.stride = stride
        row = torch.tensor(weights)
        self.register_buffer("kernel", (row[:, None] * row)[None, None], persistent=False)

    def forward(self, x: Tensor) -> Tensor:
        channels = x.shape[1]
        kernel = self.kernel.expand(channels, -1, -1, -1)
        return F.conv2d(x, kernel, stride=self.stride, groups=channels)
''',
)


def binomial(count: int) -> tuple[float, ...]:
    """As many binomial coefficients, divided by their sum: 1/4, 1/2, 1/4."""
    return tuple(comb(count - 1, place) / 2 ** (count - 1) for place in range(count))


@register
class BlurPool(Op):
    """Each channel smoothed by a binomial filter, at every few pixels (Zhang 2019). It has no padding of its own."""

    name = "blur_pool"
    family = Family.POOL
    internal = True
    imported = True
    backward_needs_output = False

    kernel: Count = Field(le=16, description="pixels in a row and in a column of the filter")
    stride: Count = Field(default=2, description="pixels from one window to the next")

    def shape(self, x: Tensor) -> Tensor:
        expect_map(self.name, x, IMAGES)
        return Tensor(x.channels, *lengths(x, self.window(x)))

    def window(self, x: Tensor) -> Window:
        return slide(x, self.kernel, self.stride, "valid")

    def dropped(self, x: Tensor) -> tuple[int, ...]:
        return unused(x, self.window(x))

    def macs(self, x: Tensor) -> int:
        return self.shape(x).size * self.kernel**2

    def macs_working(self, x: Tensor) -> str:
        return product((self.kernel, self.kernel, *self.shape(x).dims))

    def rest(self, x: Tensor) -> Rest:
        return Rest(0, "nothing besides its multiply-adds")

    def keeps(self, x: Tensor) -> Kept:
        return Kept((0,))

    def torch(self, x: Tensor) -> Module:
        return Module(BLUR.name, (binomial(self.kernel), self.stride), support=BLUR)

    def onnx(self, to: Nodes, x: Tensor) -> str:
        row = binomial(self.kernel)
        kernels = to.numbers([one * other for one in row for other in row] * x.channels, (x.channels, 1, *self._size))
        strides = (self.stride, self.stride)
        return to("Conv", to[0], kernels, kernel_shape=self._size, strides=strides, group=x.channels)

    @property
    def _size(self) -> tuple[int, int]:
        return self.kernel, self.kernel

    @classmethod
    def examples(cls) -> Iterator[Example]:
        yield Example(cls(kernel=3), (Tensor(64, 58, 58),), Tensor(64, 28, 28))
        yield Example(cls(kernel=4, stride=1), (Tensor(8, 9, 10),), Tensor(8, 6, 7))
