"""Transposed convolution, 1-D, 2-D and 3-D, which enlarges its input."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from math import prod

from pydantic import Field

from archdsl.ops.arguments import Count, Mismatch, Pixels, Size, compact, spread, times
from archdsl.ops.base import Example, Family, Kept, Module, Nodes, Op, Rest, Weight, Window
from archdsl.ops.conv import BIAS_RULE, Bias, Dilation, Groups, Kernel, Start, expect_groups
from archdsl.ops.costs import product, with_bias
from archdsl.ops.initialize import Xavier, starts
from archdsl.ops.registry import register
from archdsl.ops.spatial import dimensions, expect_map
from archdsl.tensor import Tensor


@register
class UpConv(Op):
    """Transposed convolution: each input position adds its kernel to the output, `stride` pixels from the one before.

    The output length is (n - 1) * stride - 2 * padding + dilation * (kernel - 1) + output_padding + 1
    (Zeiler et al. 2010, Deconvolutional networks). As in PyTorch, the padding is 0 unless it is given.
    """

    name = "up_conv"
    short = "up"
    family = Family.CONV
    backward_needs_output = False

    out: Count = Field(description="output channels")
    kernel: Kernel
    stride: Size = Field(default=1, description="output pixels from one input pixel to the next: 2 doubles the size")
    padding: Pixels = Field(default=0, description="output pixels cut at each side: one number, or one per dimension")
    output_padding: Pixels = Field(
        default=0,
        description="pixels added at the end, since several sizes are possible: one number, or one per dimension",
    )
    dilation: Dilation = 1
    groups: Groups = 1
    bias: Bias = True
    init: Start = None

    def shape(self, x: Tensor) -> Tensor:
        expect_map(self.name, x)
        expect_groups(x.channels, self.out, self.groups)
        window = self.window(x)
        added = self._added(x, window)
        spatial = tuple(
            (length - 1) * stride + dilation * (kernel - 1) + 1 - 2 * cut + more
            for length, stride, dilation, kernel, cut, more in zip(
                x.spatial,
                window.stretch,
                window.dilation,
                window.kernel,
                spread(self.padding, x, "padding"),
                added,
                strict=True,
            )
        )
        if min(spatial) < 1:
            raise Mismatch(
                f"padding {self.padding} cuts off everything that a kernel of {times(window.kernel)} makes of {x}",
                argument="padding",
                code="bad-padding",
            )
        return Tensor(self.out, *spatial)

    def weights(self, x: Tensor) -> Mapping[str, Weight]:
        kernel = spread(self.kernel, x, "kernel")
        shape = (x.channels, self.out // self.groups, *kernel)
        return with_bias(Weight(shape, factors=self._factors(x, kernel)), self.out * self.bias)

    def _factors(self, x: Tensor, kernel: tuple[int, ...]) -> tuple[int | str, ...]:
        """The factors of the number of weights: the kernel, input channels, output channels of a group."""
        return (*kernel, x.channels, f"({self.out}/{self.groups})" if self.groups > 1 else self.out)

    def macs(self, x: Tensor) -> int:
        return x.size * (self.out // self.groups) * prod(spread(self.kernel, x, "kernel"))

    def rest(self, x: Tensor) -> Rest:
        return Rest(self.bias * self.shape(x).size, BIAS_RULE)

    def macs_working(self, x: Tensor) -> str:
        return product((*self._factors(x, spread(self.kernel, x, "kernel")), *x.spatial))

    def keeps(self, x: Tensor) -> Kept:
        return Kept((0,))

    def window(self, x: Tensor) -> Window:
        kernel = spread(self.kernel, x, "kernel")
        dilation = spread(self.dilation, x, "dilation")
        borders = tuple(
            d * (k - 1) - cut for d, k, cut in zip(dilation, kernel, spread(self.padding, x, "padding"), strict=True)
        )
        return Window(
            kernel,
            (1,) * len(kernel),
            dilation,
            tuple((border, border) for border in borders),
            stretch=spread(self.stride, x, "stride"),
        )

    def _added(self, x: Tensor, window: Window) -> tuple[int, ...]:
        added = spread(self.output_padding, x, "output_padding")
        for more, stride, dilation in zip(added, window.stretch, window.dilation, strict=True):
            if more >= max(stride, dilation):
                raise Mismatch(
                    f"output_padding {more} must be less than the stride {stride} or the dilation {dilation}",
                    argument="output_padding",
                    code="bad-padding",
                )
        return added

    def initialize(self, target: str) -> tuple[str, ...]:
        return starts(target, self.init, self.bias)

    def torch(self, x: Tensor) -> Module:
        return Module.of(
            f"nn.ConvTranspose{dimensions(x)}",
            x.channels,
            self.out,
            compact(spread(self.kernel, x, "kernel")),
            stride=(compact(spread(self.stride, x, "stride")), 1),
            padding=(compact(spread(self.padding, x, "padding")), 0),
            output_padding=(compact(spread(self.output_padding, x, "output_padding")), 0),
            groups=(self.groups, 1),
            bias=(self.bias, True),
            dilation=(compact(spread(self.dilation, x, "dilation")), 1),
        )

    def onnx(self, to: Nodes, x: Tensor) -> str:
        window, cut = self.window(x), spread(self.padding, x, "padding")
        added = list(spread(self.output_padding, x, "output_padding"))
        value, ends = to[0], cut
        if any(more >= stride for more, stride in zip(added, window.stretch, strict=True)):
            value, ends, added = self._lengthened(to, x, window.stretch)
        return to(
            "ConvTranspose",
            value,
            to.weight(),
            *((to.weight("bias"),) if self.bias else ()),
            kernel_shape=window.kernel,
            strides=window.stretch,
            dilations=window.dilation,
            pads=(*cut, *ends),
            output_padding=added,
            group=self.groups,
        )

    def _lengthened(self, to: Nodes, x: Tensor, strides: tuple[int, ...]) -> tuple[str, tuple[int, ...], list[int]]:
        """The input with zeros at the ends, how much is cut off at the ends of the output, and how much is added there.

        ONNX adds less than a stride to an output. A zero that is added to the input makes a stride of positions.
        """
        cut, added = spread(self.padding, x, "padding"), spread(self.output_padding, x, "output_padding")
        zeros = tuple(-(min(c - more, 0) // s) for c, more, s in zip(cut, added, strides, strict=True))
        border, axes = to.ints(*(0 for _ in zeros), *zeros), to.ints(*range(2, x.rank + 1))
        value = to("Pad", to[0], border, to.number(0), axes, mode="constant")
        ends = tuple(c - more + n * s for c, more, n, s in zip(cut, added, zeros, strides, strict=True))
        return value, ends, [0] * len(zeros)

    @classmethod
    def examples(cls) -> Iterator[Example]:
        yield Example(cls(out=256, kernel=2, stride=2), (Tensor(512, 28, 28),), Tensor(256, 56, 56))
        yield Example(
            cls(out=8, kernel=3, stride=2, padding=1, output_padding=1, groups=2, bias=False),
            (Tensor(4, 7, 9),),
            Tensor(8, 14, 18),
        )
        yield Example(cls(out=6, kernel=3, dilation=2, init=Xavier()), (Tensor(3, 10),), Tensor(6, 14))
        yield Example(
            cls(out=4, kernel=(1, 2, 4), stride=(1, 2, 2), padding=(0, 0, 1), output_padding=(0, 1, 0)),
            (Tensor(6, 3, 5, 4),),
            Tensor(4, 3, 11, 8),
        )
