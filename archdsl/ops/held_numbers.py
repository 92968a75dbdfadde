"""Ops of imported networks alone that compute numbers: arithmetic, functions of one number, sums over dimensions.

Those that move, cut and multiply whole dimensions are in `held.py`, which says why there are such ops.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

from archdsl.ops.arguments import Mismatch
from archdsl.ops.base import Example, Expression, Family, Kept, Nodes, Rest
from archdsl.ops.held import Dimension, Dimensions, Held, along, broadcast
from archdsl.ops.registry import register
from archdsl.tensor import Layout, Tensor

OPERATORS = {
    "add": "{0} + {1}",
    "sub": "{0} - {1}",
    "mul": "{0} * {1}",
    "div": "{0} / {1}",
    "maximum": "torch.maximum({0}, {1})",
    "minimum": "torch.minimum({0}, {1})",
}


KINDS = {"maximum": "Max", "minimum": "Min"}
"""ONNX's operators where they are not called as the functions are."""


@register
class Arithmetic(Held):
    """Two values number by number; where one has size 1 in a dimension, it is repeated."""

    name = "arithmetic"
    family = Family.MERGE
    mixes = False

    function: Literal["add", "sub", "mul", "div", "maximum", "minimum"]

    def shape(self, x: Tensor, y: Tensor) -> Tensor:
        if x.rank != y.rank:
            raise Mismatch(f"{x} and {y} have not equally many dimensions")
        return Tensor(*broadcast(x.dims, y.dims))

    def rest(self, x: Tensor, y: Tensor) -> Rest:
        return Rest(self.shape(x, y).size, "1 per number")

    def keeps(self, x: Tensor, y: Tensor) -> Kept:
        return Kept(() if self.function in ("add", "sub") else (0, 1))

    def torch(self, x: Tensor, y: Tensor) -> Expression:
        text = OPERATORS[self.function]
        return Expression(text, atomic=text.startswith("torch"))

    def onnx(self, to: Nodes, x: Tensor, y: Tensor) -> str:
        return to(KINDS.get(self.function, self.function.capitalize()), to[0], to[1])

    @classmethod
    def examples(cls) -> Iterator[Example]:
        yield Example(cls(function="add"), (Tensor(4, 10, 8), Tensor(1, 10, 1)), Tensor(4, 10, 8))
        yield Example(cls(function="div"), (Tensor(10, 1), Tensor(1, 6)), Tensor(10, 6))


FUNCTIONS: dict[str, tuple[str, int]] = {
    "square": ("{0}.square()", 1),
    "sqrt": ("{0}.sqrt()", 1),
    "rsqrt": ("{0}.rsqrt()", 2),
    "reciprocal": ("{0}.reciprocal()", 1),
    "pow": ("{0}.pow({first})", 1),
    "shift": ("{0} + {first}", 1),
    "at_least": ("{0}.clamp(min={first})", 1),
    "at_most": ("{0}.clamp(max={first})", 1),
    "log": ("{0}.log()", 1),
    "sin": ("{0}.sin()", 1),
    "cos": ("{0}.cos()", 1),
    "softplus": ("F.softplus({0})", 3),
    "erf": ("{0}.erf()", 1),
    "sign": ("{0}.sign()", 1),
    "selu": ("F.selu({0})", 5),
}
"""How functions of one number are written, and how many operations they are."""

Function = Literal[
    "square", "sqrt", "rsqrt", "reciprocal", "pow", "shift", "at_least", "at_most", "log", "sin", "cos", "softplus",
    "erf", "sign", "selu",
]  # fmt: skip


@register
class Applied(Held):
    """A function of each number, perhaps with a constant beside it."""

    name = "applied"
    family = Family.ACTIVATION
    mixes = False
    pointwise = True

    function: Function
    first: float = 0.0

    def shape(self, x: Tensor) -> Tensor:
        return x

    def layout(self) -> Layout:
        return "either"

    def rest(self, x: Tensor) -> Rest:
        operations = FUNCTIONS[self.function][1]
        return Rest(operations * x.size, f"{operations} per number")

    def keeps(self, x: Tensor) -> Kept:
        if self.function in ("sqrt", "rsqrt", "reciprocal"):
            return Kept(output=True)
        return Kept(() if self.function in ("shift", "sign") else (0,))

    def torch(self, x: Tensor) -> Expression:
        text = FUNCTIONS[self.function][0]
        values = (("first", self.first),) if "{first}" in text else ()
        return Expression(text, atomic=self.function != "shift", values=values)

    def onnx(self, to: Nodes, x: Tensor) -> str:
        first = to.number(self.first)
        match self.function:
            case "square":
                return to("Mul", to[0], to[0])
            case "rsqrt":
                return to("Reciprocal", to("Sqrt", to[0]))
            case "pow":
                return to("Pow", to[0], first)
            case "shift":
                return to("Add", to[0], first)
            case "at_least":
                return to("Max", to[0], first)
            case "at_most":
                return to("Min", to[0], first)
            case function:
                return to(function.capitalize(), to[0])

    @classmethod
    def examples(cls) -> Iterator[Example]:
        for function in FUNCTIONS:
            yield Example(cls(function=function, first=2.0), (Tensor(64, 28),), Tensor(64, 28))  # type: ignore[arg-type]


REDUCTIONS: dict[str, str] = {
    "sum": "{{0}}.sum({dims}, keepdim=True)",
    "mean": "{{0}}.mean({dims}, keepdim=True)",
    "amax": "{{0}}.amax({dims}, keepdim=True)",
    "amin": "{{0}}.amin({dims}, keepdim=True)",
    "norm": "torch.linalg.vector_norm({{0}}, dim={dims}, keepdim=True)",
}


REDUCING = {
    "sum": "ReduceSum",
    "mean": "ReduceMean",
    "amax": "ReduceMax",
    "amin": "ReduceMin",
    "norm": "ReduceL2",
}
"""ONNX's operators for these functions."""


@register
class Reduced(Held):
    """One number for all along some dimensions: their sum, mean, largest, smallest, or the root of their squares."""

    name = "reduced"
    family = Family.POOL

    function: Literal["sum", "mean", "amax", "amin", "norm"]
    dims: Dimensions

    def shape(self, x: Tensor) -> Tensor:
        return along(x, self.dims)

    def rest(self, x: Tensor) -> Rest:
        squares = x.size if self.function == "norm" else 0
        last = self.shape(x).size if self.function in ("norm", "mean") else 0
        return Rest(x.size + squares + last, "1 per number, a square of each and a root or a division at the end")

    def keeps(self, x: Tensor) -> Kept:
        return Kept() if self.function in ("sum", "mean") else Kept((0,), output=True)

    def torch(self, x: Tensor) -> Expression:
        dims = self.dims[0] if len(self.dims) == 1 else self.dims
        return Expression(REDUCTIONS[self.function].format(dims=dims))

    def onnx(self, to: Nodes, x: Tensor) -> str:
        return to(REDUCING[self.function], to[0], to.ints(*self.dims))

    @classmethod
    def examples(cls) -> Iterator[Example]:
        for function in REDUCTIONS:
            yield Example(cls(function=function, dims=(1, 3)), (Tensor(8, 4, 6),), Tensor(1, 4, 1))  # type: ignore[arg-type]


@register
class SoftmaxAlong(Held):
    """exp(x) / sum of exp(x), over one dimension."""

    name = "softmax_along"
    family = Family.ACTIVATION

    dim: Dimension

    def shape(self, x: Tensor) -> Tensor:
        return along(x, (self.dim,), x.dims[self.dim - 1] if self.dim <= x.rank else 0)

    def rest(self, x: Tensor) -> Rest:
        return Rest(3 * x.size, "3 per number")

    def keeps(self, x: Tensor) -> Kept:
        return Kept(output=True)

    def torch(self, x: Tensor) -> Expression:
        return Expression(f"{{0}}.softmax(dim={self.dim})")

    def onnx(self, to: Nodes, x: Tensor) -> str:
        return to("Softmax", to[0], axis=self.dim)

    @classmethod
    def examples(cls) -> Iterator[Example]:
        yield Example(cls(dim=3), (Tensor(8, 4, 6),), Tensor(8, 4, 6))
        yield Example(cls(dim=2), (Tensor(8, 4),), Tensor(8, 4))
