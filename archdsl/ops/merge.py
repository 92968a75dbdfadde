"""Ops that join several inputs to one output."""

from __future__ import annotations

from collections.abc import Iterator
from functools import reduce
from math import prod
from typing import ClassVar

from archdsl.ops.arguments import Mismatch
from archdsl.ops.base import Example, Expression, Family, Kept, Op, Rearrangement, Rest, Store, register
from archdsl.tensor import Layout, Tensor


def _listed(inputs: tuple[object, ...]) -> str:
    """Shapes, or words, in a sentence: `256x56x56 and 512x28x28`."""
    *first, last = map(str, inputs)
    return f"{', '.join(first)} and {last}" if first else last


JOIN_RULE = "1 per number for each input but the first"


class Merge(Op):
    """An op that joins values of equal shape element by element."""

    family: ClassVar[Family] = Family.MERGE
    commutative: ClassVar[bool] = True
    pointwise: ClassVar[bool] = True
    keeps_zero: ClassVar[bool] = True

    def shape(self, x: Tensor, *others: Tensor) -> Tensor:
        if any(other.dims != x.dims for other in others):
            raise Mismatch(f"`{self.name}` needs equal shapes, got {_listed((x, *others))}")
        return x

    def layout(self) -> Layout:
        return "either"

    def rest(self, *inputs: Tensor) -> Rest:
        return Rest((len(inputs) - 1) * inputs[0].size, JOIN_RULE)

    def is_view(self, *inputs: Tensor, training: bool = False) -> bool:
        return len(inputs) == 1

    def scratch(self, *inputs: Tensor) -> Store:
        return Store(inputs[0].size if len(inputs) > 2 else 0)

    @classmethod
    def examples(cls) -> Iterator[Example]:
        x = Tensor(64, 28, 28)
        yield Example(cls(), (x, x), x)
        yield Example(cls(), (Tensor(10), Tensor(10), Tensor(10)), Tensor(10))
        yield Example(cls(), (Tensor(8, 4, 6, 6), Tensor(8, 4, 6, 6)), Tensor(8, 4, 6, 6))


def _joined(operator: str, count: int) -> Expression:
    return Expression(f" {operator} ".join(f"{{{i}}}" for i in range(count)), atomic=count == 1)


@register
class Add(Merge):
    """The sum of values of equal shape."""

    name = "add"
    short = "+"
    associative = True
    backward_needs_output = False

    def torch(self, *inputs: Tensor) -> Expression:
        return _joined("+", len(inputs))


@register
class Mean(Merge):
    """The mean of values of equal shape."""

    name = "mean"

    def rest(self, *inputs: Tensor) -> Rest:
        count = len(inputs) if len(inputs) > 1 else 0
        return Rest(count * inputs[0].size, "1 per number for each input: sums, and a division")

    def scratch(self, *inputs: Tensor) -> Store:
        return Store(inputs[0].size if len(inputs) > 1 else 0)

    def torch(self, *inputs: Tensor) -> Expression:
        if len(inputs) == 1:
            return Expression("{0}")
        return Expression(f"({_joined('+', len(inputs)).text}) / {len(inputs)}", atomic=False)


@register
class Maximum(Merge):
    """The largest of values of equal shape, element by element (maxout, Goodfellow et al. 2013)."""

    name = "maximum"
    short = "max"
    associative = True

    def keeps(self, *inputs: Tensor) -> Kept:
        between = max(len(inputs) - 2, 0)
        return Kept(tuple(range(len(inputs))) if len(inputs) > 1 else (), further=Store(between * inputs[0].size))

    def torch(self, *inputs: Tensor) -> Expression:
        names = [f"{{{i}}}" for i in range(len(inputs))]
        return Expression(reduce(lambda a, b: f"torch.maximum({a}, {b})", names))


@register
class Mul(Op):
    """The product of values of equal shape.

    A gate has size 1 where it is the same for all positions (64x1x1) or all channels (1x28x28).
    """

    name = "mul"
    short = "×"
    family = Family.MERGE
    commutative = True
    associative = True

    def shape(self, x: Tensor, *others: Tensor) -> Tensor:
        inputs = (x, *others)
        if any(tensor.rank != x.rank for tensor in others):
            vector, rank = any(tensor.rank == 1 for tensor in inputs), max(tensor.rank for tensor in inputs)
            raise Mismatch(
                f"`mul` needs values with equally many dimensions, got {_listed(inputs)}",
                code="wrong-rank",
                help=f"a gate needs its dimensions (64{'x1' * (rank - 1)}): leave out the `flatten` before it"
                if vector
                else None,
            )
        full = Tensor(*map(max, zip(*(tensor.dims for tensor in inputs), strict=True)))
        fits = all(size in (1, whole) for tensor in inputs for size, whole in zip(tensor.dims, full.dims, strict=True))
        if not fits or all(tensor.dims != full.dims for tensor in inputs):
            raise Mismatch(f"`mul` needs equal shapes, or gates of size 1 in a dimension, got {_listed(inputs)}")
        return full

    def layout(self) -> Layout:
        return "either"

    def rest(self, *inputs: Tensor) -> Rest:
        return Rest(sum(self._products(inputs)), JOIN_RULE)

    def is_view(self, *inputs: Tensor, training: bool = False) -> bool:
        return len(inputs) == 1

    def scratch(self, *inputs: Tensor) -> Store:
        return Store(max(self._products(inputs)[:-1], default=0))

    def keeps(self, *inputs: Tensor) -> Kept:
        between = sum(self._products(inputs)[:-1])
        return Kept(tuple(range(len(inputs))) if len(inputs) > 1 else (), further=Store(between))

    def _products(self, inputs: tuple[Tensor, ...]) -> list[int]:
        """Sizes of the intermediate products: of the first two inputs, the first three, and so on."""
        sizes, dims = [], inputs[0].dims
        for tensor in inputs[1:]:
            dims = tuple(map(max, dims, tensor.dims))
            sizes.append(prod(dims))
        return sizes

    def torch(self, *inputs: Tensor) -> Expression:
        return _joined("*", len(inputs))

    @classmethod
    def examples(cls) -> Iterator[Example]:
        yield Example(cls(), (Tensor(64, 28, 28), Tensor(64, 1, 1)), Tensor(64, 28, 28))
        yield Example(cls(), (Tensor(1, 28, 28), Tensor(64, 28, 28), Tensor(64, 28, 28)), Tensor(64, 28, 28))
        yield Example(cls(), (Tensor(8, 4, 6, 6), Tensor(8, 1, 1, 1)), Tensor(8, 4, 6, 6))


@register
class Concat(Rearrangement):
    """The channels of all inputs, one input after the other. The other dimensions must be equal."""

    name = "concat"
    family = Family.MERGE
    associative = True
    pointwise = True
    keeps_zero = True

    def shape(self, x: Tensor, *others: Tensor) -> Tensor:
        inputs = (x, *others)
        if any(tensor.spatial != x.spatial for tensor in others):
            sides = max(inputs, key=lambda tensor: tensor.rank).sides
            raise Mismatch(f"`concat` needs equal {_listed(sides)}, got {_listed(inputs)}")
        return Tensor(sum(tensor.channels for tensor in inputs), *x.spatial)

    def layout(self) -> Layout:
        return "either"

    def torch(self, x: Tensor, *others: Tensor) -> Expression:
        return Expression(f"torch.cat([{{all}}], dim={x.axis})")

    @classmethod
    def examples(cls) -> Iterator[Example]:
        yield Example(cls(), (Tensor(64, 28, 28), Tensor(128, 28, 28), Tensor(32, 28, 28)), Tensor(224, 28, 28))
        yield Example(cls(), (Tensor(100), Tensor(100)), Tensor(200))
        yield Example(cls(), (Tensor(8, 4, 6, 6), Tensor(4, 4, 6, 6)), Tensor(12, 4, 6, 6))
