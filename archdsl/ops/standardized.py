"""Convolutions whose kernels are standardized in each call, which only imported networks have."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from pydantic import Field

from archdsl.ops.arguments import Mismatch, compact
from archdsl.ops.base import Example, Module, Nodes, Rest, Support, Weight
from archdsl.ops.conv import Conv
from archdsl.ops.initialize import Kaiming
from archdsl.ops.registry import register
from archdsl.ops.spatial import is_even
from archdsl.tensor import Tensor

STANDARDIZED = Support(
    "StandardizedConv2d",
    '''\
class StandardizedConv2d(nn.Conv2d):
    """A convolution of kernels with mean 0 and variance 1, times a constant and perhaps a gain."""

    def __init__(self, *args, gain=False, scale=1.0, eps=1e-6, **options):
        super().__init__(*args, **options)
        self.scale, self.eps = scale, eps
        self.gain = nn.Parameter(torch.ones(self.out_channels, 1, 1, 1)) if gain else None

    def forward(self, x):
        gain = None if self.gain is None else (self.gain * self.scale).flatten()
        kernels = self.weight.reshape(1, self.out_channels, -1)
        kernels = F.batch_norm(kernels, None, None, gain, training=True, momentum=0.0, eps=self.eps)
        return self._conv_forward(x, kernels.reshape_as(self.weight), self.bias)
''',
)


@register
class StandardizedConv(Conv):
    """A convolution with standardized kernels (Qiao et al. 2019), with a gain for each (Brock et al. 2021, NFNet)."""

    name = "standardized_conv"
    internal = True
    imported = True

    gain: bool = Field(default=False, description="a learned factor for each output channel")
    scale: float = Field(default=1.0, description="a constant factor beside the gain")
    eps: float = Field(default=1e-6, description="added to the variance")

    def weights(self, x: Tensor) -> Mapping[str, Weight]:
        gain = {"gain": Weight((self.out, 1, 1, 1))} if self.gain else {}
        return {**super().weights(x), **gain}

    def rest(self, x: Tensor) -> Rest:
        kernels = super().weights(x)["weight"].size
        return Rest(super().rest(x).count + 4 * kernels, "4 per weight, and 1 per output number for the bias")

    def torch(self, x: Tensor) -> Module:
        window = self.window(x)
        if len(x.spatial) != 2 or not is_even(window):
            raise Mismatch(f"`{self.name}` takes maps, with equal borders on both sides")
        return Module.of(
            STANDARDIZED.name,
            x.channels,
            self.out,
            compact(window.kernel),
            support=STANDARDIZED,
            stride=(compact(window.stride), 1),
            padding=(compact(tuple(before for before, _ in window.padding)), 0),
            dilation=(compact(window.dilation), 1),
            groups=(self.groups, 1),
            bias=(self.bias, True),
            gain=(self.gain, False),
            scale=(self.scale, 1.0),
            eps=(self.eps, 1e-6),
        )

    def onnx(self, to: Nodes, x: Tensor) -> str:
        gains = [self.scale] * self.out
        gain = to.numbers(gains)
        if self.gain:
            gain = to("Mul", gain, to.reshape(to.weight("gain"), -1))
        kernels = to.reshape(to.weight(), 1, self.out, -1)
        kernels = to("InstanceNormalization", kernels, gain, to.numbers([0.0] * self.out), epsilon=self.eps)
        return self.convolved(to, x, to.reshape(kernels, *self.weights(x)["weight"].shape))

    @classmethod
    def examples(cls) -> Iterator[Example]:
        yield Example(cls(out=8, kernel=3, gain=True, scale=0.5, eps=1e-5), (Tensor(4, 9, 9),), Tensor(8, 9, 9))
        yield Example(cls(out=8, kernel=1, stride=2, bias=False), (Tensor(4, 9, 9),), Tensor(8, 5, 5))
        yield Example(
            cls(out=8, kernel=3, padding=2, dilation=2, groups=2, init=Kaiming()), (Tensor(4, 9, 9),), Tensor(8, 9, 9)
        )
