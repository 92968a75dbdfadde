"""The fully connected layer."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Literal

from pydantic import Field

from archdsl.ops.arguments import Count, Mismatch, SharedStep
from archdsl.ops.base import Example, Expression, Family, Kept, Module, Nodes, Op, Rest, Weight, Window
from archdsl.ops.conv import BIAS_RULE, Bias, Start
from archdsl.ops.costs import product, with_bias
from archdsl.ops.initialize import Zeros, starts
from archdsl.ops.registry import register
from archdsl.ops.spatial import whole
from archdsl.tensor import Layout, Tensor


@register
class Linear(Op):
    """Fully connected: every output is a learned weighting of all inputs, W x + b.

    On channels x length, the same layer at every position, as in the perceptrons of a transformer. With over=channels
    it is that on a map too; with over=positions it mixes the positions of each channel, and all channels have the same
    weights (Tolstikhin et al. 2021, MLP-Mixer).
    """

    name = "linear"
    family = Family.LINEAR
    backward_needs_output = False

    out: Count = Field(description="output features")
    bias: Bias = True
    init: Start = None
    over: Literal["channels", "positions"] | None = Field(
        default=None, description="what is weighted: the channels at each position, or the positions of each channel"
    )
    weight: SharedStep | None = Field(
        default=None, description="the step of which it takes the weight instead of learning one (bias=false)"
    )

    def shape(self, x: Tensor) -> Tensor:
        if self.weight is not None:
            self._expect_tied()
        if self.over == "positions":
            return self._over_positions(x)
        if self.over is None and x.rank > 2:
            raise Mismatch(
                f"`linear` takes a vector, or channels x length, got {x}",
                code="wrong-rank",
                help="put `flatten`, or `global_avg_pool -> flatten`, before it; for the same weights at every "
                f"position write `linear({self.out}, over=channels)`",
            )
        return Tensor(self.out, *x.spatial)

    def _expect_tied(self) -> None:
        for name, given in (("bias", self.bias), ("init", self.init is not None)):
            if given:
                raise Mismatch(
                    f"a layer that takes its weight from `{self.weight}` learns nothing of its own",
                    argument=name if name in self.model_fields_set else "weight",
                    code="bad-choice",
                    help="write bias=false" if name == "bias" else "leave out `init`",
                )

    def _over_positions(self, x: Tensor) -> Tensor:
        if x.rank != 2:
            raise Mismatch(
                f"`linear` over positions takes channels x length, got {x}",
                argument="over",
                code="wrong-rank",
                help="put `tokens` before it"
                if x.rank > 2
                else f"a vector has no positions: write `linear({self.out})`",
            )
        return Tensor(x.channels, self.out)

    def _inputs(self, x: Tensor) -> int:
        """How many numbers each output is a weighting of."""
        return x.spatial[0] if self.over == "positions" else x.channels

    def weights(self, x: Tensor) -> Mapping[str, Weight]:
        inputs = self._inputs(x)
        return with_bias(Weight((self.out, inputs), factors=(inputs, self.out)), self.out * self.bias)

    def macs(self, x: Tensor) -> int:
        return self.out * x.size

    def rest(self, x: Tensor) -> Rest:
        return Rest(self.bias * self.shape(x).size, BIAS_RULE)

    def macs_working(self, x: Tensor) -> str:
        return product((*x.dims, self.out))

    def learns_by_position(self) -> bool:
        return self.over == "positions"

    def is_tied(self) -> bool:
        return self.weight is not None

    def window(self, x: Tensor) -> Window | None:
        return whole(x) if self.over == "positions" else None

    def layout(self) -> Layout:
        return "first" if self.over == "positions" else "last"

    def keeps(self, x: Tensor) -> Kept:
        return Kept((0,))

    def initialize(self, target: str) -> tuple[str, ...]:
        return starts(target, self.init, self.bias)

    def torch(self, x: Tensor) -> Module | Expression:
        if self.weight is not None:
            return Expression("F.linear({0}, {module}.weight)")
        return Module.of("nn.Linear", self._inputs(x), self.out, bias=(self.bias, True))

    def onnx(self, to: Nodes, x: Tensor) -> str:
        bias = to.weight("bias") if self.bias else ""
        if x.spatial:
            return to.linear(to[0], to.weight(), bias)
        return to("Gemm", to[0], to.weight(), *((bias,) if bias else ()), transB=1)

    @classmethod
    def examples(cls) -> Iterator[Example]:
        yield Example(cls(out=1000), (Tensor(2048),), Tensor(1000))
        yield Example(cls(out=10, bias=False, init=Zeros()), (Tensor(84),), Tensor(10))
        yield Example(cls(out=16), (Tensor(8, 10),), Tensor(16, 10))
        yield Example(cls(out=16), (Tensor(8, 1),), Tensor(16, 1))
        yield Example(cls(out=16, over="channels"), (Tensor(8, 5, 6),), Tensor(16, 5, 6))
        yield Example(cls(out=50, bias=False, weight="words"), (Tensor(8, 10),), Tensor(50, 10))
        yield Example(cls(out=20, over="positions", bias=False), (Tensor(8, 10),), Tensor(8, 20))
