"""Normalizations: they subtract a mean, divide by a standard deviation, then scale and shift by learned numbers.

For receptive fields only the position that is normalized counts, not those over which the statistics are taken.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Annotated, ClassVar

from pydantic import Field

from archdsl.ops.arguments import Count, Mismatch, Unusual, divisors
from archdsl.ops.base import Example, Family, Kept, Module, Nodes, Op, Rest, Store, Support, Weight
from archdsl.ops.costs import scale_and_shift
from archdsl.ops.initialize import Normal, Ones, Scale, Zeros, starts
from archdsl.ops.registry import register
from archdsl.ops.spatial import MAPS, dimensions, expect_map
from archdsl.tensor import Layout, Tensor

Eps = Annotated[
    float,
    Unusual(
        0.1,
        "it is added to the variance before the square root is taken, and networks use 0.001 or less",
        "the number of channels is known from what flows in, and is not written",
    ),
    Field(ge=0, description="added to the variance before its root is taken"),
]
Momentum = Annotated[
    float,
    Unusual(
        0.8,
        "as in PyTorch, it is the weight of a new batch in the running statistics",
        "a momentum of {value} in Keras and TensorFlow is {rest} here",
    ),
    Field(ge=0, le=1, description="weight of a new batch in the running statistics (PyTorch's)"),
]
Affine = Annotated[bool, Field(description="learn a scale and a shift for each channel")]
Start = Annotated[Scale, Field(description="the initial scale, most often a number; the shift then starts at 0")]


class Normalization(Op):
    """An op that normalizes, and keeps the shape of its input, which has one to four dimensions."""

    family: ClassVar[Family] = Family.NORM
    backward_needs_output: ClassVar[bool] = False

    def shape(self, x: Tensor) -> Tensor:
        expect_map(self.name, x, (1, *MAPS))
        return x


def _affine(to: Nodes, x: Tensor, affine: bool) -> tuple[str, str]:
    """The scale and the shift for an ONNX node: those that are learned, or 1 and 0."""
    if affine:
        return to.weight(), to.weight("bias")
    return to.numbers([1.0] * x.channels), to.numbers([0.0] * x.channels)


def _from_statistics(x: Tensor, affine: bool) -> Rest:
    """The operations that compute the mean and the standard deviation and apply them."""
    return Rest(
        (5 + 2 * affine) * x.size, "5 per number for the statistics and their use, 2 for a learned scale and shift"
    )


@register
class Bn(Normalization):
    """Batch normalization of each channel (Ioffe and Szegedy 2015).

    Training uses the statistics of the batch, over all its samples and positions; inference uses running statistics.
    """

    name = "bn"
    short = "BN"
    training_arguments = frozenset({"init", "momentum"})

    eps: Eps = 1e-5
    momentum: Momentum = 0.1
    affine: Affine = True
    track: bool = Field(default=True, description="keep running statistics; else those of the batch are always used")
    init: Start = None

    def weights(self, x: Tensor) -> Mapping[str, Weight]:
        return scale_and_shift(x.channels, self.affine, self.track)

    def initialize(self, target: str) -> tuple[str, ...]:
        return starts(target, self.init, bias=True) if self.affine else ()

    def rest(self, x: Tensor) -> Rest:
        if not self.track:
            return _from_statistics(x, self.affine)
        return Rest(2 * x.size, "2 per number, since the statistics are known (track=false: as layer_norm)")

    def scratch(self, x: Tensor) -> Store:
        return Store(0 if self.track else 2 * x.channels)

    def keeps(self, x: Tensor) -> Kept:
        return Kept((0,), once=Store(2 * x.channels))

    def torch(self, x: Tensor) -> Module:
        return Module.of(
            f"nn.BatchNorm{dimensions(x) if x.spatial else '1d'}",
            x.channels,
            eps=(self.eps, 1e-5),
            momentum=(self.momentum, 0.1),
            affine=(self.affine, True),
            track_running_stats=(self.track, True),
        )

    def onnx(self, to: Nodes, x: Tensor) -> str:
        scale, shift = _affine(to, x, self.affine)
        if self.track:
            mean, variance = to.weight("running_mean"), to.weight("running_var")
            return to("BatchNormalization", to[0], scale, shift, mean, variance, epsilon=self.eps)
        axes = to.ints(0, *range(2, x.rank + 1))
        centred = to("Sub", to[0], to("ReduceMean", to[0], axes))
        variance = to("ReduceMean", to("Mul", centred, centred), axes)
        normalized = to("Div", centred, to("Sqrt", to("Add", variance, to.number(self.eps))))
        scaled = to("Mul", normalized, to.by_channel(scale, x))
        return to("Add", scaled, to.by_channel(shift, x))

    @classmethod
    def examples(cls) -> Iterator[Example]:
        yield Example(cls(), (Tensor(64, 56, 56),), Tensor(64, 56, 56))
        yield Example(cls(eps=1e-3, momentum=0.01, init=Zeros()), (Tensor(32, 50),), Tensor(32, 50))
        yield Example(cls(affine=False, track=False), (Tensor(128),), Tensor(128))
        yield Example(cls(), (Tensor(8, 4, 6, 6),), Tensor(8, 4, 6, 6))


@register
class InstanceNorm(Normalization):
    """Instance normalization: each channel of each sample over its own positions (Ulyanov et al. 2016)."""

    name = "instance_norm"
    short = "IN"
    training_arguments = frozenset({"init", "momentum"})

    eps: Eps = 1e-5
    momentum: Momentum = 0.1
    affine: Affine = False
    track: bool = Field(default=False, description="keep running statistics and use them when not training")
    init: Start = None

    def shape(self, x: Tensor) -> Tensor:
        expect_map(self.name, x)
        if x.size == x.channels:
            raise Mismatch(f"`instance_norm` needs more than one position in each channel, got {x}")
        return x

    def weights(self, x: Tensor) -> Mapping[str, Weight]:
        return scale_and_shift(x.channels, self.affine, self.track)

    def initialize(self, target: str) -> tuple[str, ...]:
        return starts(target, self.init, bias=True) if self.affine else ()

    def rest(self, x: Tensor) -> Rest:
        return _from_statistics(x, self.affine)

    def scratch(self, x: Tensor) -> Store:
        return Store((2 + 2 * self.affine) * x.channels)

    def keeps(self, x: Tensor) -> Kept:
        """PyTorch calls batch normalization with samples as further channels, so it copies weights for each sample."""
        return Kept((0,), further=Store((2 + self.affine + 2 * self.track) * x.channels))

    def torch(self, x: Tensor) -> Module:
        return Module.of(
            f"nn.InstanceNorm{dimensions(x)}",
            x.channels,
            eps=(self.eps, 1e-5),
            momentum=(self.momentum, 0.1),
            affine=(self.affine, False),
            track_running_stats=(self.track, False),
        )

    def onnx(self, to: Nodes, x: Tensor) -> str:
        scale, shift = _affine(to, x, self.affine)
        if not self.track:
            return to("InstanceNormalization", to[0], scale, shift, epsilon=self.eps)
        mean, variance = to.weight("running_mean"), to.weight("running_var")
        return to("BatchNormalization", to[0], scale, shift, mean, variance, epsilon=self.eps)

    @classmethod
    def examples(cls) -> Iterator[Example]:
        yield Example(cls(), (Tensor(64, 32, 32),), Tensor(64, 32, 32))
        yield Example(
            cls(eps=1e-3, affine=True, init=Normal(mean=1.0, std=0.02), momentum=0.2, track=True),
            (Tensor(8, 50),),
            Tensor(8, 50),
        )
        yield Example(cls(affine=True), (Tensor(8, 4, 6, 6),), Tensor(8, 4, 6, 6))


@register
class GroupNorm(Normalization):
    """Group normalization: each group of channels of each sample over its positions (Wu and He 2018).

    One group normalizes a sample as a whole.
    """

    name = "group_norm"
    short = "GN"

    groups: Count = Field(description="channels fall into this many groups")
    eps: Eps = 1e-5
    affine: Affine = True
    init: Start = None

    def weights(self, x: Tensor) -> Mapping[str, Weight]:
        return scale_and_shift(x.channels, self.affine)

    def initialize(self, target: str) -> tuple[str, ...]:
        return starts(target, self.init, bias=True) if self.affine else ()

    def shape(self, x: Tensor) -> Tensor:
        expect_map(self.name, x, (1, *MAPS))
        if x.channels % self.groups:
            raise Mismatch(
                f"{x.channels} channels do not split into {self.groups} groups",
                argument="groups",
                code="channels-not-divisible",
                help=divisors("groups", x.channels, self.groups),
            )
        return x

    def rest(self, x: Tensor) -> Rest:
        return _from_statistics(x, self.affine)

    def scratch(self, x: Tensor) -> Store:
        return Store(2 * self.groups)

    def keeps(self, x: Tensor) -> Kept:
        return Kept((0,), further=Store(2 * self.groups))

    def torch(self, x: Tensor) -> Module:
        return Module.of("nn.GroupNorm", self.groups, x.channels, eps=(self.eps, 1e-5), affine=(self.affine, True))

    def onnx(self, to: Nodes, x: Tensor) -> str:
        ones, zeros = to.numbers([1.0] * self.groups), to.numbers([0.0] * self.groups)
        groups = to.reshape(to[0], 0, self.groups, -1)
        normalized = to("InstanceNormalization", groups, ones, zeros, epsilon=self.eps)
        normalized = to.reshape(normalized, 0, *x.dims)
        if not self.affine:
            return normalized
        scaled = to("Mul", normalized, to.by_channel(to.weight(), x))
        return to("Add", scaled, to.by_channel(to.weight("bias"), x))

    @classmethod
    def examples(cls) -> Iterator[Example]:
        yield Example(cls(groups=32), (Tensor(64, 56, 56),), Tensor(64, 56, 56))
        yield Example(cls(groups=2, eps=1e-6, affine=False, init=Ones()), (Tensor(8, 10),), Tensor(8, 10))
        yield Example(cls(groups=4), (Tensor(8, 4, 6, 6),), Tensor(8, 4, 6, 6))


CHANNEL_LAYER_NORM = Support(
    "ChannelLayerNorm",
    '''\
class ChannelLayerNorm(nn.LayerNorm):
    """Layer normalization over the channels of each position, channels first."""

    def forward(self, x):
        x = x.movedim(1, -1)
        x = F.layer_norm(x, self.normalized_shape, self.weight, self.bias, self.eps)
        return x.movedim(-1, 1)
''',
)


@register
class LayerNorm(Normalization):
    """Layer normalization: the channels of each position, or a whole vector (Ba et al. 2016).

    On feature maps it is that of ConvNeXt. `group_norm(1)` normalizes over channels and positions together.
    """

    name = "layer_norm"
    short = "LN"
    is_simpler_last = True
    pointwise = True

    eps: Eps = 1e-5
    affine: Affine = True
    init: Start = None

    def weights(self, x: Tensor) -> Mapping[str, Weight]:
        return scale_and_shift(x.channels, self.affine)

    def initialize(self, target: str) -> tuple[str, ...]:
        return starts(target, self.init, bias=True) if self.affine else ()

    def rest(self, x: Tensor) -> Rest:
        return _from_statistics(x, self.affine)

    def scratch(self, x: Tensor) -> Store:
        return Store(2 * x.size // x.channels)

    def keeps(self, x: Tensor) -> Kept:
        return Kept((0,), further=Store(2 * x.size // x.channels))

    def layout(self) -> Layout:
        return "either"

    def torch(self, x: Tensor) -> Module:
        first = x.spatial and not x.last
        return Module.of(
            "ChannelLayerNorm" if first else "nn.LayerNorm",
            x.channels,
            support=CHANNEL_LAYER_NORM if first else None,
            eps=(self.eps, 1e-5),
            elementwise_affine=(self.affine, True),
        )

    def onnx(self, to: Nodes, x: Tensor) -> str:
        scale, shift = _affine(to, x, self.affine)
        return to("LayerNormalization", to[0], scale, shift, axis=-1, epsilon=self.eps)

    @classmethod
    def examples(cls) -> Iterator[Example]:
        yield Example(cls(eps=1e-6, init=Ones()), (Tensor(96, 56, 56),), Tensor(96, 56, 56))
        yield Example(cls(affine=False), (Tensor(768),), Tensor(768))
        yield Example(cls(), (Tensor(16, 40),), Tensor(16, 40))
        yield Example(cls(), (Tensor(8, 4, 6, 6),), Tensor(8, 4, 6, 6))


CHANNEL_RMS_NORM = Support(
    "ChannelRMSNorm",
    '''\
class ChannelRMSNorm(nn.RMSNorm):
    """Division by the root mean square of the channels of each position, channels first."""

    def forward(self, x):
        x = x.movedim(1, -1)
        x = F.rms_norm(x, self.normalized_shape, self.weight, self.eps)
        return x.movedim(-1, 1)
''',
)


@register
class RmsNorm(Normalization):
    """Divides the channels of each position by their root mean square, and multiplies them by a learned scale.

    A layer normalization without the mean and without the shift (Zhang and Sennrich 2019): x / sqrt(mean(x^2) + eps).
    """

    name = "rms_norm"
    short = "RMSNorm"
    is_simpler_last = True
    pointwise = True
    keeps_zero = True

    eps: Annotated[Eps, Field(description="added to the mean square before its root is taken")] = 1e-6
    init: Annotated[Scale, Field(description="the initial scale, most often a number")] = None

    def weights(self, x: Tensor) -> Mapping[str, Weight]:
        return {"weight": Weight((x.channels,))}

    def initialize(self, target: str) -> tuple[str, ...]:
        return starts(target, self.init, bias=False)

    def rest(self, x: Tensor) -> Rest:
        return Rest(4 * x.size, "3 per number for the mean square and the division, 1 for the learned scale")

    def scratch(self, x: Tensor) -> Store:
        return Store(x.size + x.size // x.channels)

    def keeps(self, x: Tensor) -> Kept:
        return Kept((0,), further=Store(x.size + x.size // x.channels))

    def layout(self) -> Layout:
        return "either"

    def torch(self, x: Tensor) -> Module:
        first = x.spatial and not x.last
        return Module.of(
            "ChannelRMSNorm" if first else "nn.RMSNorm",
            x.channels,
            support=CHANNEL_RMS_NORM if first else None,
            eps=(self.eps, None),
        )

    def onnx(self, to: Nodes, x: Tensor) -> str:
        mean = to("ReduceMean", to("Pow", to[0], to.number(2)), to.ints(-1))
        root = to("Sqrt", to("Add", mean, to.number(self.eps)))
        return to("Mul", to("Div", to[0], root), to.weight())

    @classmethod
    def examples(cls) -> Iterator[Example]:
        yield Example(cls(), (Tensor(64, 20),), Tensor(64, 20))
        yield Example(cls(eps=1e-5, init=Ones()), (Tensor(16, 12, 12),), Tensor(16, 12, 12))
        yield Example(
            cls(),
            (
                Tensor(
                    768,
                ),
            ),
            Tensor(768),
        )


LOCAL_RESPONSE_NORM = Support(
    "LocalResponseNorm",
    '''\
class LocalResponseNorm(nn.LocalResponseNorm):
    """torch's layer, written so that it also works in half precision on the CPU."""

    def forward(self, x):
        squares = F.pad(x.square().flatten(2), (0, 0, self.size // 2, (self.size - 1) // 2))
        mean = F.avg_pool2d(squares.unsqueeze(1), (self.size, 1), stride=1).squeeze(1).view_as(x)
        return x / (self.k + self.alpha * mean) ** self.beta
''',
)


@register
class Lrn(Op):
    """Local response normalization: x / (k + alpha * m)^beta, with m the mean square over `size` adjacent channels.

    Krizhevsky et al. 2012 have the sum of squares where PyTorch and Caffe have the mean, so their alpha is the one here
    divided by `size`. For an even `size`, one more channel is taken before than after. Channels past the ends are 0.
    """

    name = "lrn"
    short = "LRN"
    family = Family.NORM
    pointwise = True
    keeps_zero = True
    backward_needs_output = False

    size: Count = Field(description="adjacent channels that are taken together")
    alpha: float = Field(default=1e-4, description="weight of their mean square")
    beta: float = Field(default=0.75, description="exponent")
    k: float = Field(default=1.0, description="added to the mean square")

    def shape(self, x: Tensor) -> Tensor:
        expect_map(self.name, x)
        return x

    def rest(self, x: Tensor) -> Rest:
        rule = "size + 4 per number: a square, size - 1 sums, a scale, a sum, a power, a division"
        return Rest((self.size + 4) * x.size, rule)

    def scratch(self, x: Tensor) -> Store:
        return Store(self._squares(x) + 2 * x.size)

    def keeps(self, x: Tensor) -> Kept:
        return Kept((0,), further=Store(self._squares(x) + 2 * x.size))

    def _squares(self, x: Tensor) -> int:
        """How many squares there are, with the zeros that are added before the first channel and after the last."""
        return (x.channels + self.size - 1) * (x.size // x.channels)

    def torch(self, x: Tensor) -> Module:
        return Module.of(
            "LocalResponseNorm",
            self.size,
            support=LOCAL_RESPONSE_NORM,
            alpha=(self.alpha, 1e-4),
            beta=(self.beta, 0.75),
            k=(self.k, 1.0),
        )

    def onnx(self, to: Nodes, x: Tensor) -> str:
        if self.size % 2 and x.rank == 3 and min(self.alpha, self.beta) > 0:
            return to("LRN", to[0], size=self.size, alpha=self.alpha, beta=self.beta, bias=self.k)
        squares = to.reshape(to("Mul", to[0], to[0]), 0, 1, x.channels, -1)
        sides = (self.size // 2, 0, (self.size - 1) // 2, 0)
        mean = to("AveragePool", squares, kernel_shape=(self.size, 1), pads=sides, count_include_pad=1)
        scaled = to("Mul", to.reshape(mean, 0, *x.dims), to.number(self.alpha))
        divisor = to("Pow", to("Add", scaled, to.number(self.k)), to.number(self.beta))
        return to("Div", to[0], divisor)

    @classmethod
    def examples(cls) -> Iterator[Example]:
        yield Example(cls(size=5), (Tensor(96, 27, 27),), Tensor(96, 27, 27))
        yield Example(cls(size=4, alpha=5e-4, beta=0.5, k=2.0), (Tensor(8, 30),), Tensor(8, 30))
        yield Example(cls(size=3), (Tensor(8, 4, 6, 6),), Tensor(8, 4, 6, 6))
