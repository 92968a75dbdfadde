"""Multiplication by a constant or by a learned factor."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from pydantic import Field

from archdsl.ops.base import Example, Expression, Family, Kept, Module, Nodes, Op, Rest, Support, Weight
from archdsl.ops.registry import register
from archdsl.tensor import Layout, Tensor

SCALE_RULE = "1 per number"


@register
class Scale(Op):
    """Multiplies its input by a constant (residual scaling, Szegedy et al. 2017)."""

    name = "scale"
    family = Family.NORM
    pointwise = True
    keeps_zero = True
    backward_needs_output = False

    factor: float = Field(description="what every number is multiplied by")

    def shape(self, x: Tensor) -> Tensor:
        return x

    def rest(self, x: Tensor) -> Rest:
        return Rest(x.size, SCALE_RULE)

    def layout(self) -> Layout:
        return "either"

    def torch(self, x: Tensor) -> Expression:
        return Expression("{factor} * {0}", atomic=False, values=(("factor", self.factor),))

    def onnx(self, to: Nodes, x: Tensor) -> str:
        return to("Mul", to[0], to.number(self.factor))

    @classmethod
    def examples(cls) -> Iterator[Example]:
        yield Example(cls(factor=0.17), (Tensor(256, 35, 35),), Tensor(256, 35, 35))
        yield Example(cls(factor=-1.0), (Tensor(10),), Tensor(10))
        yield Example(cls(factor=0.5), (Tensor(8, 4, 6, 6),), Tensor(8, 4, 6, 6))


LAYER_SCALE = Support(
    "LayerScale",
    '''\
class LayerScale(nn.Module):
    """A learned factor for each channel, or one for all. The channels are the last axis."""

    def __init__(self, channels, init=1e-6):
        super().__init__()
        self.weight = nn.Parameter(torch.full((channels,), init))

    def forward(self, x):
        return x * self.weight
''',
)


CHANNEL_LAYER_SCALE = Support(
    "ChannelLayerScale",
    '''\
class ChannelLayerScale(nn.Module):
    """A learned factor for each channel, or one for all, channels first."""

    def __init__(self, channels, init=1e-6):
        super().__init__()
        self.weight = nn.Parameter(torch.full((channels,), init))

    def forward(self, x):
        return x * self.weight.view([-1] + [1] * (x.dim() - 2))
''',
)


@register
class LayerScale(Op):
    """Multiplies its input by a learned factor for each channel (Touvron et al. 2021, CaiT), or by one for all."""

    name = "layer_scale"
    family = Family.NORM
    is_simpler_last = True
    pointwise = True
    keeps_zero = True
    backward_needs_output = False

    init: float = Field(default=1e-6, description="the factor at the start")
    per_channel: bool = Field(default=True, description="a factor for each channel, else one for all")

    def shape(self, x: Tensor) -> Tensor:
        return x

    def weights(self, x: Tensor) -> Mapping[str, Weight]:
        return {"weight": Weight((self._count(x),))}

    def _count(self, x: Tensor) -> int:
        """How many factors there are."""
        return x.channels if self.per_channel else 1

    def rest(self, x: Tensor) -> Rest:
        return Rest(x.size, SCALE_RULE)

    def keeps(self, x: Tensor) -> Kept:
        return Kept((0,))

    def layout(self) -> Layout:
        return "either"

    def torch(self, x: Tensor) -> Module:
        support = CHANNEL_LAYER_SCALE if x.spatial and not x.last else LAYER_SCALE
        return Module.of(support.name, self._count(x), support=support, init=(self.init, 1e-6))

    def onnx(self, to: Nodes, x: Tensor) -> str:
        return to("Mul", to[0], to.by_channel(to.weight(), x))

    @classmethod
    def examples(cls) -> Iterator[Example]:
        yield Example(cls(), (Tensor(96, 56, 56),), Tensor(96, 56, 56))
        yield Example(cls(init=0.0, per_channel=False), (Tensor(10),), Tensor(10))
        yield Example(cls(), (Tensor(8, 4, 6, 6),), Tensor(8, 4, 6, 6))
