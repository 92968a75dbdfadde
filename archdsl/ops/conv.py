"""Convolutions: 1-D on channels x length, 2-D on maps, 3-D on clips (channels x frames x height x width)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from math import gcd, prod
from typing import Annotated, Any

from pydantic import Field

from archdsl.ops.arguments import Count, Mismatch, Padding, Size, compact, divisors, spread
from archdsl.ops.base import Example, Family, Kept, Module, Nodes, Op, Rest, Store, Weight, Window
from archdsl.ops.costs import product, with_bias
from archdsl.ops.initialize import Kaiming, Weights, starts
from archdsl.ops.registry import register
from archdsl.ops.spatial import (
    Padder,
    dimensions,
    expect_map,
    follows_input,
    is_even,
    lengths,
    padded_size,
    pads,
    sides_argument,
    slide,
    unused,
)
from archdsl.tensor import Tensor

Kernel = Annotated[
    Size, Field(description="window in pixels: 3 is 3x3, on clips 3x3x3; 1x7 is 1 high and 7 wide, 3x1x1 is 3 frames")
]
Stride = Annotated[Size, Field(description="pixels from one window to the next")]
Dilation = Annotated[Size, Field(description="pixels from one tap of the kernel to the next")]
Groups = Annotated[Count, Field(description="channels fall into this many groups that do not see each other")]
Bias = Annotated[bool, Field(description="learn a number for each output channel, added to it")]
Start = Annotated[Weights, Field(description="initial weights; biases then start at 0; unset: PyTorch's defaults")]
Border = Annotated[
    Padding,
    Field(
        description="zeros around the input: `same` is dilation * (kernel - 1) // 2 on each side (0 for windows "
        "of even size that do not overlap), `tf_same` is TensorFlow's rule, `valid` is 0; or pixels: one number, "
        "one for each dimension (frames, height, width), or one for each side (left, right, top, bottom, front, back)"
    ),
]


BIAS_RULE = "1 per output number if there is a bias"


@register
class Conv(Op):
    """Convolution: each output channel is a learned weighting of a window of all input channels of its group.

    Output length (n + padding - dilation * (kernel - 1) - 1) / stride + 1, rounded down.
    """

    name = "conv"
    short = ""
    family = Family.CONV
    backward_needs_output = False

    out: Count = Field(description="output channels")
    kernel: Kernel
    stride: Stride = 1
    padding: Border = "same"
    dilation: Dilation = 1
    groups: Groups = 1
    bias: Bias = True
    init: Start = None

    def shape(self, x: Tensor) -> Tensor:
        expect_map(self.name, x)
        expect_groups(x.channels, self.out, self.groups)
        return Tensor(self.out, *lengths(x, self.window(x)))

    def weights(self, x: Tensor) -> Mapping[str, Weight]:
        kernel = spread(self.kernel, x, "kernel")
        shape = (self.out, x.channels // self.groups, *kernel)
        return with_bias(Weight(shape, factors=self._factors(x, kernel)), self.out * self.bias)

    def _factors(self, x: Tensor, kernel: tuple[int, ...]) -> tuple[int | str, ...]:
        """The factors of the number of weights: the kernel, input channels of a group, output channels."""
        return (*kernel, f"({x.channels}/{self.groups})" if self.groups > 1 else x.channels, self.out)

    def macs(self, x: Tensor) -> int:
        kernel = prod(spread(self.kernel, x, "kernel"))
        return self.shape(x).size * (x.channels // self.groups) * kernel

    def rest(self, x: Tensor) -> Rest:
        return Rest(self.bias * self.shape(x).size, BIAS_RULE)

    def macs_working(self, x: Tensor) -> str:
        return product((*self._factors(x, spread(self.kernel, x, "kernel")), *self.shape(x).spatial))

    def scratch(self, x: Tensor) -> Store:
        return Store(self._padded_copy(x))

    def keeps(self, x: Tensor) -> Kept:
        copied = self._padded_copy(x)
        return Kept(further=Store(copied)) if copied else Kept((0,))

    def _padded_copy(self, x: Tensor) -> int:
        """How many numbers the padded copy of the input has, which PyTorch makes if the sides differ; else 0."""
        window = self.window(x)
        return 0 if is_even(window) else padded_size(x, window)

    def window(self, x: Tensor) -> Window:
        return slide(x, self.kernel, self.stride, self.padding, self.dilation)

    def dropped(self, x: Tensor) -> tuple[int, ...]:
        return unused(x, self.window(x))

    def initialize(self, target: str) -> tuple[str, ...]:
        return starts(target, self.init, self.bias)

    def torch(self, x: Tensor) -> Module:
        window = self.window(x)
        convolve = f"return F.conv{dimensions(x)}"
        weights, rest = "self.weight, self.bias, self.stride", "self.dilation, self.groups"
        forward = f"{convolve}(\n    F.pad(x, {{sides}}), {weights}, 0, {rest}\n)"
        even = f"{convolve}(\n    x, {weights}, {{sides}}, {rest}\n)"
        base = Padder(f"Conv{dimensions(x)}", "Convolution", forward, "self.dilation", even=even)
        support = None
        borders: dict[str, Any] = {"padding": (compact(tuple(before for before, _ in window.padding)), 0)}
        if follows_input(self.padding, window):
            support, borders = base.same(), {}
        elif not is_even(window):
            support, borders = base.padded(), {"sides": (sides_argument(window), ...)}
        return Module.of(
            support.name if support else base.target,
            x.channels,
            self.out,
            compact(window.kernel),
            support=support,
            stride=(compact(window.stride), 1),
            **borders,
            dilation=(compact(window.dilation), 1),
            groups=(self.groups, 1),
            bias=(self.bias, True),
        )

    def onnx(self, to: Nodes, x: Tensor) -> str:
        return self.convolved(to, x, to.weight())

    def convolved(self, to: Nodes, x: Tensor, kernels: str, value: str | None = None) -> str:
        """The ONNX node, with these kernels, of the first input or of another value."""
        window = self.window(x)
        return to(
            "Conv",
            value or to[0],
            kernels,
            *((to.weight("bias"),) if self.bias else ()),
            kernel_shape=window.kernel,
            strides=window.stride,
            dilations=window.dilation,
            pads=pads(window),
            group=self.groups,
        )

    @classmethod
    def examples(cls) -> Iterator[Example]:
        yield Example(cls(out=64, kernel=7, stride=2), (Tensor(3, 224, 224),), Tensor(64, 112, 112))
        yield Example(cls(out=16, kernel=(1, 7), bias=False), (Tensor(8, 17, 17),), Tensor(16, 17, 17))
        yield Example(cls(out=100, kernel=4, padding="valid"), (Tensor(300, 128),), Tensor(100, 125))
        yield Example(cls(out=32, kernel=3, stride=2, padding="tf_same"), (Tensor(8, 12, 13),), Tensor(32, 6, 7))
        yield Example(cls(out=8, kernel=3, dilation=2, groups=4, init=Kaiming()), (Tensor(4, 9, 9),), Tensor(8, 9, 9))
        yield Example(cls(out=8, kernel=2, padding=(0, 1, 0, 1)), (Tensor(4, 5, 6),), Tensor(8, 5, 6))
        yield Example(cls(out=6, kernel=(3, 7, 7), stride=(1, 2, 2)), (Tensor(3, 8, 28, 28),), Tensor(6, 8, 14, 14))
        yield Example(
            cls(out=4, kernel=3, stride=(1, 2, 3), padding="tf_same", dilation=(2, 1, 1), groups=2),
            (Tensor(2, 5, 6, 7),),
            Tensor(4, 5, 3, 3),
        )
        yield Example(cls(out=4, kernel=2, padding=(0, 1, 0, 1, 1, 0)), (Tensor(3, 5, 6, 7),), Tensor(4, 5, 6, 7))


@register
class Depthwise(Op):
    """Depthwise convolution: every channel has its own kernels and sees no other channel.

    With a 1x1 `conv` after it, a separable convolution (Howard et al. 2017, MobileNets).
    """

    name = "depthwise"
    short = "dw"
    family = Family.CONV
    backward_needs_output = False

    kernel: Kernel
    stride: Stride = 1
    multiplier: Count = Field(default=1, description="output channels for each input channel")
    padding: Border = "same"
    dilation: Dilation = 1
    bias: Bias = True
    init: Start = None

    def _conv(self, x: Tensor) -> Conv:
        """The grouped convolution that computes the same. Its fields are not validated again."""
        expect_map(self.name, x)
        return Conv.model_construct(
            out=x.channels * self.multiplier,
            kernel=self.kernel,
            stride=self.stride,
            padding=self.padding,
            dilation=self.dilation,
            groups=x.channels,
            bias=self.bias,
        )

    def shape(self, x: Tensor) -> Tensor:
        return self._conv(x).shape(x)

    def weights(self, x: Tensor) -> Mapping[str, Weight]:
        out, kernel = x.channels * self.multiplier, spread(self.kernel, x, "kernel")
        return with_bias(Weight((out, 1, *kernel), factors=(*kernel, out)), out * self.bias)

    def macs(self, x: Tensor) -> int:
        return self._conv(x).macs(x)

    def rest(self, x: Tensor) -> Rest:
        return self._conv(x).rest(x)

    def macs_working(self, x: Tensor) -> str:
        return product((*spread(self.kernel, x, "kernel"), *self.shape(x).dims))

    def scratch(self, x: Tensor) -> Store:
        return self._conv(x).scratch(x)

    def keeps(self, x: Tensor) -> Kept:
        return self._conv(x).keeps(x)

    def window(self, x: Tensor) -> Window:
        return self._conv(x).window(x)

    def dropped(self, x: Tensor) -> tuple[int, ...]:
        return self._conv(x).dropped(x)

    def initialize(self, target: str) -> tuple[str, ...]:
        return starts(target, self.init, self.bias)

    def torch(self, x: Tensor) -> Module:
        return self._conv(x).torch(x)

    def onnx(self, to: Nodes, x: Tensor) -> str:
        return self._conv(x).onnx(to, x)

    @classmethod
    def examples(cls) -> Iterator[Example]:
        yield Example(cls(kernel=3, stride=2, bias=False), (Tensor(32, 112, 112),), Tensor(32, 56, 56))
        yield Example(
            cls(kernel=3, multiplier=2, padding=0, dilation=2, init=Kaiming()), (Tensor(4, 20),), Tensor(8, 16)
        )
        yield Example(cls(kernel=(3, 1, 1), stride=(2, 1, 1)), (Tensor(6, 8, 5, 7),), Tensor(6, 4, 5, 7))


def expect_groups(into: int, out: int, groups: int) -> None:
    for what, channels in (("", into), ("output ", out)):
        if channels % groups:
            raise Mismatch(
                f"{channels} {what}channels do not split into {groups} groups",
                argument="groups",
                code="channels-not-divisible",
                help=divisors("groups", gcd(into, out), groups),
            )
