"""Activations. They keep the shape of their input and, except for `prelu`, learn nothing."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Annotated, ClassVar

from pydantic import Field

from archdsl.ops.arguments import Unusual
from archdsl.ops.base import Example, Expression, Family, Kept, Module, Nodes, Op, Rest, Weight
from archdsl.ops.registry import register
from archdsl.tensor import Layout, Tensor

Slope = Annotated[
    float,
    Unusual(
        1,
        "numbers below 0 are multiplied by it",
        "the paper that divides by {value} (Xu et al. 2015) means a slope of {inverse}",
    ),
    Field(description="slope below 0"),
]


class Activation(Op):
    """An op that keeps the shape and learns nothing. Subclasses give the PyTorch module.

    `operations` is how many operations the formula needs for one number. For the backward pass, PyTorch keeps the
    output if `keeps_result` is true, else the input. If `result_suffices` is true, keeping the output would be enough,
    so the input may be overwritten. `gate` is the name of an activation g if this one is x * g(x).
    """

    family: ClassVar[Family] = Family.ACTIVATION
    pointwise: ClassVar[bool] = True
    gate: ClassVar[str] = ""
    operations: ClassVar[int]
    keeps_result: ClassVar[bool] = False
    result_suffices: ClassVar[bool] = False

    def shape(self, x: Tensor) -> Tensor:
        return x

    def layout(self) -> Layout:
        return "either"

    def rest(self, x: Tensor) -> Rest:
        return Rest(self.operations * x.size, f"{self.operations} per number")

    def keeps(self, x: Tensor) -> Kept:
        return Kept(output=True) if self.keeps_result else Kept((0,), result_suffices=self.result_suffices)


class Plain(Activation):
    """An activation without arguments: only the PyTorch class differs, and whether it can work in place.

    `kind` is ONNX's operator, if there is one that computes the same.
    """

    target: ClassVar[str]
    kind: ClassVar[str] = ""

    def torch(self, x: Tensor) -> Module:
        return Module(self.target, inplace=self.in_place)

    def onnx(self, to: Nodes, x: Tensor) -> str:
        return to(self.kind, to[0])

    @classmethod
    def examples(cls) -> Iterator[Example]:
        yield Example(cls(), (Tensor(64, 56, 56),), Tensor(64, 56, 56))
        yield Example(cls(), (Tensor(10),), Tensor(10))
        yield Example(cls(), (Tensor(8, 4, 6, 6),), Tensor(8, 4, 6, 6))


@register
class Relu(Plain):
    """max(x, 0)."""

    name = "relu"
    short = "ReLU"
    keeps_zero = True
    target = "nn.ReLU"
    kind = "Relu"
    in_place = True
    operations = 1
    keeps_result = True


@register
class Relu6(Plain):
    """min(max(x, 0), 6) (Krizhevsky 2010)."""

    name = "relu6"
    short = "ReLU6"
    keeps_zero = True
    target = "nn.ReLU6"
    in_place = True
    operations = 2

    def onnx(self, to: Nodes, x: Tensor) -> str:
        return to("Clip", to[0], to.number(0), to.number(6))


@register
class Silu(Plain):
    """x * sigmoid(x), also called swish (Ramachandran et al. 2017)."""

    name = "silu"
    short = "SiLU"
    keeps_zero = True
    gate = "sigmoid"
    target = "nn.SiLU"
    in_place = True
    operations = 5

    def onnx(self, to: Nodes, x: Tensor) -> str:
        return to("Mul", to[0], to("Sigmoid", to[0]))


@register
class HardSwish(Plain):
    """x * min(max(x + 3, 0), 6) / 6 (Howard et al. 2019, MobileNetV3)."""

    name = "hard_swish"
    keeps_zero = True
    gate = "hard_sigmoid"
    target = "nn.Hardswish"
    kind = "HardSwish"
    in_place = True
    operations = 5


@register
class Mish(Plain):
    """x * tanh(log(1 + exp(x))) (Misra 2019)."""

    name = "mish"
    keeps_zero = True
    target = "nn.Mish"
    kind = "Mish"
    in_place = True
    operations = 5


@register
class HardSigmoid(Plain):
    """min(max(x + 3, 0), 6) / 6."""

    name = "hard_sigmoid"
    target = "nn.Hardsigmoid"
    in_place = True
    operations = 4

    def onnx(self, to: Nodes, x: Tensor) -> str:
        return to("HardSigmoid", to[0], alpha=1 / 6, beta=0.5)


@register
class Sigmoid(Plain):
    """1 / (1 + exp(-x))."""

    name = "sigmoid"
    target = "nn.Sigmoid"
    kind = "Sigmoid"
    operations = 4
    keeps_result = True


@register
class Tanh(Plain):
    """(exp(x) - exp(-x)) / (exp(x) + exp(-x))."""

    name = "tanh"
    keeps_zero = True
    target = "nn.Tanh"
    kind = "Tanh"
    operations = 1
    keeps_result = True


@register
class Exp(Activation):
    """exp(x), the exponential function."""

    name = "exp"
    operations = 1
    keeps_result = True

    def torch(self, x: Tensor) -> Expression:
        return Expression("{0}.exp()")

    def onnx(self, to: Nodes, x: Tensor) -> str:
        return to("Exp", to[0])

    @classmethod
    def examples(cls) -> Iterator[Example]:
        yield Example(cls(), (Tensor(20),), Tensor(20))
        yield Example(cls(), (Tensor(3, 14, 14),), Tensor(3, 14, 14))


@register
class Abs(Activation):
    """The absolute value: x where it is positive, else -x."""

    name = "abs"
    keeps_zero = True
    operations = 1

    def torch(self, x: Tensor) -> Expression:
        return Expression("{0}.abs()")

    def onnx(self, to: Nodes, x: Tensor) -> str:
        return to("Abs", to[0])

    @classmethod
    def examples(cls) -> Iterator[Example]:
        yield Example(cls(), (Tensor(128),), Tensor(128))
        yield Example(cls(), (Tensor(3, 14, 14),), Tensor(3, 14, 14))


@register
class LeakyRelu(Activation):
    """x where it is positive, else slope * x (Maas et al. 2013)."""

    name = "leaky_relu"
    short = "leaky ReLU"
    keeps_zero = True
    in_place = True
    operations = 2
    result_suffices = True

    slope: Slope = 0.01

    def torch(self, x: Tensor) -> Module:
        return Module.of("nn.LeakyReLU", inplace=self.in_place, negative_slope=(self.slope, 0.01))

    def onnx(self, to: Nodes, x: Tensor) -> str:
        return to("LeakyRelu", to[0], alpha=self.slope)

    @classmethod
    def examples(cls) -> Iterator[Example]:
        yield Example(cls(), (Tensor(64, 56, 56),), Tensor(64, 56, 56))
        yield Example(cls(slope=0.2), (Tensor(10),), Tensor(10))
        yield Example(cls(slope=0.2), (Tensor(8, 4, 6, 6),), Tensor(8, 4, 6, 6))


@register
class Elu(Activation):
    """x where it is positive, else alpha * (exp(x) - 1) (Clevert et al. 2016)."""

    name = "elu"
    short = "ELU"
    keeps_zero = True
    in_place = True
    operations = 4
    result_suffices = True

    alpha: float = Field(default=1.0, description="far below 0 the result approaches -alpha")

    def torch(self, x: Tensor) -> Module:
        return Module.of("nn.ELU", inplace=self.in_place, alpha=(self.alpha, 1.0))

    def onnx(self, to: Nodes, x: Tensor) -> str:
        return to("Elu", to[0], alpha=self.alpha)

    @classmethod
    def examples(cls) -> Iterator[Example]:
        yield Example(cls(), (Tensor(64, 56, 56),), Tensor(64, 56, 56))
        yield Example(cls(alpha=0.5), (Tensor(10),), Tensor(10))
        yield Example(cls(alpha=0.5), (Tensor(8, 4, 6, 6),), Tensor(8, 4, 6, 6))


@register
class Gelu(Activation):
    """x * Phi(x), with Phi the distribution function of the normal distribution (Hendrycks and Gimpel 2016)."""

    name = "gelu"
    short = "GELU"
    keeps_zero = True

    approximate: bool = Field(default=False, description="compute it by its usual approximation, which uses tanh")

    def rest(self, x: Tensor) -> Rest:
        return Rest((9 if self.approximate else 5) * x.size, "5 per number, 9 if it is approximated")

    def torch(self, x: Tensor) -> Module:
        return Module.of("nn.GELU", approximate=("tanh" if self.approximate else "none", "none"))

    def onnx(self, to: Nodes, x: Tensor) -> str:
        return to("Gelu", to[0], approximate="tanh" if self.approximate else "none")

    @classmethod
    def examples(cls) -> Iterator[Example]:
        yield Example(cls(), (Tensor(96, 56, 56),), Tensor(96, 56, 56))
        yield Example(cls(approximate=True), (Tensor(10),), Tensor(10))
        yield Example(cls(approximate=True), (Tensor(8, 4, 6, 6),), Tensor(8, 4, 6, 6))


@register
class Prelu(Op):
    """x where it is positive, else slope * x with a learned slope (He et al. 2015, Delving deep into rectifiers)."""

    name = "prelu"
    short = "PReLU"
    family = Family.ACTIVATION
    pointwise = True
    keeps_zero = True
    training_arguments = frozenset({"slope"})

    per_channel: bool = Field(default=False, description="a slope for each channel, else one for all")
    slope: float = Field(default=0.25, description="slope below 0 at the start")

    def shape(self, x: Tensor) -> Tensor:
        return x

    def weights(self, x: Tensor) -> Mapping[str, Weight]:
        return {"weight": Weight((self._count(x),))}

    def _count(self, x: Tensor) -> int:
        """How many slopes there are."""
        return x.channels if self.per_channel else 1

    def rest(self, x: Tensor) -> Rest:
        return Rest(2 * x.size, "2 per number")

    def keeps(self, x: Tensor) -> Kept:
        return Kept((0,))

    def layout(self) -> Layout:
        return "first" if self.per_channel else "either"

    def torch(self, x: Tensor) -> Module:
        return Module.of("nn.PReLU", num_parameters=(self._count(x), 1), init=(self.slope, 0.25))

    def onnx(self, to: Nodes, x: Tensor) -> str:
        slope = to.weight()
        return to("PRelu", to[0], to.by_channel(slope, x) if self.per_channel else slope)

    @classmethod
    def examples(cls) -> Iterator[Example]:
        yield Example(cls(), (Tensor(64, 56, 56),), Tensor(64, 56, 56))
        yield Example(cls(per_channel=True, slope=0.1), (Tensor(10),), Tensor(10))
        yield Example(cls(per_channel=True, slope=0.1), (Tensor(8, 4, 6, 6),), Tensor(8, 4, 6, 6))


class Normalized(Activation):
    """An activation that is computed over all channels of a position together."""

    target: ClassVar[str]
    kind: ClassVar[str]
    keeps_result = True

    def doubt(self, x: Tensor) -> str | None:
        if x.channels > 1:
            return None
        always = "1" if self.name == "softmax" else "0"
        return f"`{self.name}` over a single channel is always {always}; for one number `sigmoid` gives a probability"

    def torch(self, x: Tensor) -> Module:
        return Module(self.target, kwargs=(("dim", x.axis),))

    def onnx(self, to: Nodes, x: Tensor) -> str:
        return to(self.kind, to[0], axis=x.axis)

    @classmethod
    def examples(cls) -> Iterator[Example]:
        yield Example(cls(), (Tensor(1000),), Tensor(1000))
        yield Example(cls(), (Tensor(21, 32, 32),), Tensor(21, 32, 32))
        yield Example(cls(), (Tensor(8, 4, 6, 6),), Tensor(8, 4, 6, 6))


@register
class Softmax(Normalized):
    """exp(x) / sum of exp(x), over the channels of each position: probabilities."""

    name = "softmax"
    target = "nn.Softmax"
    kind = "Softmax"
    operations = 3


@register
class LogSoftmax(Normalized):
    """The logarithm of softmax, over the channels of each position."""

    name = "log_softmax"
    target = "nn.LogSoftmax"
    kind = "LogSoftmax"
    operations = 3
