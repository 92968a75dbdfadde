"""Convolutions of several maps of each sample with the same kernels, which only imported networks have."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from archdsl.ops.arguments import Count, Mismatch, compact
from archdsl.ops.base import Example, Kept, Module, Nodes, Rest, Support, Weight
from archdsl.ops.conv import BIAS_RULE, Bias, Border, Conv, Dilation, Groups, Kernel, Stride
from archdsl.ops.held import Held
from archdsl.ops.registry import register
from archdsl.ops.spatial import dimensions, is_even
from archdsl.tensor import Tensor


def _folded(base: str) -> Support:
    """The subclass of `nn.{base}` that takes maps x channels x positions."""
    return Support(
        f"Folded{base}",
        f'''\
class Folded{base}(nn.{base}):
    """A convolution of each of several maps, which are an axis of their own after the batch."""

    def forward(self, x):
        return super().forward(x.flatten(0, 1)).unflatten(0, x.shape[:2])
''',
    )


@register
class FoldedConv(Held):
    """A convolution of several maps of each sample with the same kernels: maps x channels x positions.

    Pooled attention convolves each head in this way (Fan et al. 2021, MViT).
    """

    name = "folded_conv"
    family = Conv.family
    backward_needs_output = False

    out: Count
    kernel: Kernel
    stride: Stride = 1
    padding: Border = "same"
    dilation: Dilation = 1
    groups: Groups = 1
    bias: Bias = True

    @property
    def _conv(self) -> Conv:
        """The convolution of one map. Its fields are not validated again."""
        return Conv.model_construct(**dict(self))

    def shape(self, x: Tensor) -> Tensor:
        return Tensor(x.dims[0], *self._conv.shape(_one(x)).dims)

    def weights(self, x: Tensor) -> Mapping[str, Weight]:
        return self._conv.weights(_one(x))

    def macs(self, x: Tensor) -> int:
        return x.dims[0] * self._conv.macs(_one(x))

    def macs_working(self, x: Tensor) -> str:
        return f"{x.dims[0]}·{self._conv.macs_working(_one(x))}"

    def rest(self, x: Tensor) -> Rest:
        return Rest(self.bias * self.shape(x).size, BIAS_RULE)

    def keeps(self, x: Tensor) -> Kept:
        return Kept((0,))

    def torch(self, x: Tensor) -> Module:
        one = _one(x)
        window = self._conv.window(one)
        if not is_even(window):
            raise Mismatch(f"`{self.name}` takes equal borders on both sides", argument="padding")
        support = _folded(f"Conv{dimensions(one)}")
        return Module.of(
            support.name,
            one.channels,
            self.out,
            compact(window.kernel),
            support=support,
            stride=(compact(window.stride), 1),
            padding=(compact(tuple(before for before, _ in window.padding)), 0),
            dilation=(compact(window.dilation), 1),
            groups=(self.groups, 1),
            bias=(self.bias, True),
        )

    def onnx(self, to: Nodes, x: Tensor) -> str:
        one = _one(x)
        folded = to.reshape(to[0], -1, *one.dims)
        made = self._conv.convolved(to, one, to.weight(), folded)
        return to.reshape(made, -1, *self.shape(x).dims)

    @classmethod
    def examples(cls) -> Iterator[Example]:
        op = cls(out=8, kernel=3, stride=(1, 2, 2), groups=8, bias=False)
        yield Example(op, (Tensor(2, 8, 4, 6, 6),), Tensor(2, 8, 4, 3, 3))
        yield Example(cls(out=6, kernel=(1, 3), padding=2, dilation=2), (Tensor(3, 4, 5, 6),), Tensor(3, 6, 9, 6))
        yield Example(cls(out=6, kernel=3), (Tensor(3, 4, 5),), Tensor(3, 6, 5))


def _one(x: Tensor) -> Tensor:
    """One of the maps. Raises `Mismatch` for a value that has not several."""
    if x.rank < 3:
        raise Mismatch(f"`folded_conv` takes maps x channels x positions, got {x}", code="wrong-rank")
    return Tensor(*x.dims[1:])
