"""The fully connected layer."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from pydantic import Field

from archdsl.ops.arguments import Count, Mismatch
from archdsl.ops.base import Example, Family, Kept, Module, Op, Rest, Weight, register
from archdsl.ops.conv import BIAS_RULE, Bias, Start
from archdsl.ops.costs import product, with_bias
from archdsl.ops.initialize import Zeros, starts
from archdsl.tensor import Tensor


@register
class Linear(Op):
    """Fully connected: every output is a learned weighting of all inputs, W x + b."""

    name = "linear"
    family = Family.LINEAR
    backward_needs_output = False

    out: Count = Field(description="output features")
    bias: Bias = True
    init: Start = None

    def shape(self, x: Tensor) -> Tensor:
        if x.rank != 1:
            raise Mismatch(
                f"`linear` takes a vector, got {x}",
                code="wrong-rank",
                help="put `flatten`, or `global_avg_pool -> flatten`, before it; for the same weights at every "
                f"position write `conv({self.out}, 1)`",
            )
        return Tensor(self.out)

    def weights(self, x: Tensor) -> Mapping[str, Weight]:
        return with_bias(Weight((self.out, x.channels), factors=(x.channels, self.out)), self.out * self.bias)

    def macs(self, x: Tensor) -> int:
        return self.out * x.channels

    def rest(self, x: Tensor) -> Rest:
        return Rest(self.bias * self.out, BIAS_RULE)

    def macs_working(self, x: Tensor) -> str:
        return product((x.channels, self.out))

    def keeps(self, x: Tensor) -> Kept:
        return Kept((0,))

    def initialize(self, target: str) -> tuple[str, ...]:
        return starts(target, self.init, self.bias)

    def torch(self, x: Tensor) -> Module:
        return Module.of("nn.Linear", x.channels, self.out, bias=(self.bias, True))

    @classmethod
    def examples(cls) -> Iterator[Example]:
        yield Example(cls(out=1000), (Tensor(2048),), Tensor(1000))
        yield Example(cls(out=10, bias=False, init=Zeros()), (Tensor(84),), Tensor(10))
