"""Ops that join several inputs to one output."""

from __future__ import annotations

from collections.abc import Iterator
from functools import reduce
from math import prod
from typing import ClassVar, Literal

from pydantic import Field

from archdsl.ops.arguments import Mismatch
from archdsl.ops.base import Example, Expression, Family, Kept, Nodes, Op, Rearrangement, Rest, Store
from archdsl.ops.registry import register
from archdsl.tensor import Layout, Tensor


def _listed(inputs: tuple[object, ...]) -> str:
    """Shapes, or words, in a sentence: `256x56x56 and 512x28x28`."""
    *first, last = map(str, inputs)
    return f"{', '.join(first)} and {last}" if first else last


JOIN_RULE = "1 per number for each input but the first"


class Merge(Op):
    """An op that joins several values number by number."""

    family: ClassVar[Family] = Family.MERGE
    commutative: ClassVar[bool] = True

    def layout(self) -> Layout:
        return "either"

    def is_view(self, *inputs: Tensor, training: bool = False) -> bool:
        return len(inputs) == 1


class Equal(Merge):
    """A join of values of equal shape."""

    pointwise: ClassVar[bool] = True
    keeps_zero: ClassVar[bool] = True

    def shape(self, x: Tensor, *others: Tensor) -> Tensor:
        if any(other.dims != x.dims for other in others):
            raise Mismatch(f"`{self.name}` needs equal shapes, got {_listed((x, *others))}")
        return x

    def rest(self, *inputs: Tensor) -> Rest:
        return Rest((len(inputs) - 1) * inputs[0].size, JOIN_RULE)

    def scratch(self, *inputs: Tensor) -> Store:
        return Store(inputs[0].size if len(inputs) > 2 else 0)

    @classmethod
    def examples(cls) -> Iterator[Example]:
        x = Tensor(64, 28, 28)
        yield Example(cls(), (x, x), x)
        yield Example(cls(), (Tensor(10), Tensor(10), Tensor(10)), Tensor(10))
        yield Example(cls(), (Tensor(8, 4, 6, 6), Tensor(8, 4, 6, 6)), Tensor(8, 4, 6, 6))


class Spread(Merge):
    """A join of values, some of which may be the same at all positions: a vector of the channels, or 64x1x1.

    `operator` is Python's sign, `kind` is ONNX's operator.
    """

    folds: ClassVar[bool] = True
    operator: ClassVar[str]
    kind: ClassVar[str]

    def rest(self, *inputs: Tensor) -> Rest:
        return Rest(sum(self._results(inputs)), JOIN_RULE)

    def scratch(self, *inputs: Tensor) -> Store:
        return Store(max(self._results(inputs)[:-1], default=0))

    def _results(self, inputs: tuple[Tensor, ...]) -> list[int]:
        """Sizes of the intermediate results: of the first two inputs, the first three, and so on."""
        rank = max(tensor.rank for tensor in inputs)
        dims, *others = (with_positions(tensor, rank) for tensor in inputs)
        return [prod(dims := tuple(map(max, dims, other))) for other in others]

    def torch(self, *inputs: Tensor) -> Expression:
        full = max(inputs, key=lambda tensor: tensor.rank)
        each = (f"{{{i}}}{'' if x.rank == full.rank else _new_positions(full)}" for i, x in enumerate(inputs))
        return Expression(f" {self.operator} ".join(each), atomic=len(inputs) == 1)

    def onnx(self, to: Nodes, *inputs: Tensor) -> str:
        full = max(inputs, key=lambda tensor: tensor.rank)
        each = [to[i] if x.rank == full.rank else _at_positions(to, to[i], full) for i, x in enumerate(inputs)]
        return reduce(lambda a, b: to(self.kind, a, b), each)


def with_positions(x: Tensor, rank: int) -> tuple[int, ...]:
    """The dimensions of a value; a vector is the same at each of the positions that other values have: 64x1x1."""
    return (*x.dims, *(1,) * (rank - 1)) if x.rank == 1 else x.dims


def _new_positions(full: Tensor) -> str:
    """The index by which PyTorch gives a vector the positions of another value: `[:, :, None, None]`."""
    new = ", ".join(["None"] * len(full.spatial))
    return f"[:, {new}]" if full.last else f"[:, :, {new}]"


def _at_positions(to: Nodes, vector: str, full: Tensor) -> str:
    """A vector of each sample with the positions of another value, all of size 1, as an ONNX node."""
    first = 1 if full.last else 2
    return to.unsqueeze(vector, *range(first, first + len(full.spatial)))


class Sum(Spread):
    """A sum or a difference."""

    backward_needs_output: ClassVar[bool] = False

    def shape(self, x: Tensor, *others: Tensor) -> Tensor:
        inputs = (x, *others)
        full = max(inputs, key=lambda tensor: (tensor.rank, tensor.size))
        if not all(_is_spread(tensor, full) for tensor in inputs):
            has_vector = any(tensor.size == tensor.channels < full.size for tensor in inputs)
            further = ", or one number for each channel" if has_vector and full.spatial else ""
            raise Mismatch(f"`{self.name}` needs equal shapes{further}, got {_listed(inputs)}")
        return full


def _is_spread(x: Tensor, full: Tensor) -> bool:
    """Whether a value has the shape of `full`, or one number for each of its channels."""
    return x.dims == full.dims or (x.channels == full.channels and x.size == x.channels and x.rank in (1, full.rank))


@register
class Add(Sum):
    """The sum of values of equal shape.

    A vector (64) or a value of size 1 in all other dimensions (64x1x1) is added at every position of 64xHxW.
    """

    name = "add"
    short = "+"
    associative = True
    operator = "+"
    kind = "Add"

    @classmethod
    def examples(cls) -> Iterator[Example]:
        x = Tensor(64, 28, 28)
        yield Example(cls(), (x, x), x)
        yield Example(cls(), (Tensor(10), Tensor(10), Tensor(10)), Tensor(10))
        yield Example(cls(), (Tensor(64), x, Tensor(64, 1, 1)), x)
        yield Example(cls(), (Tensor(300, 16), Tensor(300)), Tensor(300, 16))


@register
class Sub(Sum):
    """The first value without all others, number by number. Shapes are those that `add` takes."""

    name = "sub"
    short = "−"
    commutative = False
    operator = "-"
    kind = "Sub"

    @classmethod
    def examples(cls) -> Iterator[Example]:
        x = Tensor(64, 28, 28)
        yield Example(cls(), (x, x), x)
        yield Example(cls(), (x, Tensor(64)), x)
        yield Example(cls(), (Tensor(10), Tensor(10), Tensor(10)), Tensor(10))


@register
class Mean(Equal):
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
        total = " + ".join(f"{{{i}}}" for i in range(len(inputs)))
        return Expression(f"({total}) / {len(inputs)}", atomic=False)

    def onnx(self, to: Nodes, *inputs: Tensor) -> str:
        return to("Mean", *(to[i] for i in range(len(inputs))))


@register
class Maximum(Equal):
    """The largest of values of equal shape, element by element (maxout, Goodfellow et al. 2013)."""

    name = "maximum"
    short = "max"
    folds = True
    associative = True

    def keeps(self, *inputs: Tensor) -> Kept:
        between = max(len(inputs) - 2, 0)
        return Kept(tuple(range(len(inputs))) if len(inputs) > 1 else (), further=Store(between * inputs[0].size))

    def torch(self, *inputs: Tensor) -> Expression:
        names = [f"{{{i}}}" for i in range(len(inputs))]
        return Expression(reduce(lambda a, b: f"torch.maximum({a}, {b})", names))

    def onnx(self, to: Nodes, *inputs: Tensor) -> str:
        return to("Max", *(to[i] for i in range(len(inputs))))


@register
class Mul(Spread):
    """The product of values of equal shape.

    A gate has size 1 where it is the same for all positions (64x1x1) or all channels (1x28x28). A vector (64) is the
    same for all positions, too.
    """

    name = "mul"
    short = "×"
    associative = True
    operator = "*"
    kind = "Mul"

    def shape(self, x: Tensor, *others: Tensor) -> Tensor:
        inputs = (x, *others)
        rank = max(tensor.rank for tensor in inputs)
        if any(tensor.rank not in (1, rank) for tensor in inputs):
            raise Mismatch(f"`mul` needs values with equally many dimensions, got {_listed(inputs)}", code="wrong-rank")
        each = [with_positions(tensor, rank) for tensor in inputs]
        full = tuple(map(max, zip(*each, strict=True)))
        fits = all(size in (1, whole) for dims in each for size, whole in zip(dims, full, strict=True))
        if not fits or full not in each:
            raise Mismatch(f"`mul` needs equal shapes, or gates of size 1 in a dimension, got {_listed(inputs)}")
        return Tensor(*full)

    def keeps(self, *inputs: Tensor) -> Kept:
        between = sum(self._results(inputs)[:-1])
        return Kept(tuple(range(len(inputs))) if len(inputs) > 1 else (), further=Store(between))

    @classmethod
    def examples(cls) -> Iterator[Example]:
        yield Example(cls(), (Tensor(64, 28, 28), Tensor(64, 1, 1)), Tensor(64, 28, 28))
        yield Example(cls(), (Tensor(1, 28, 28), Tensor(64, 28, 28), Tensor(64, 28, 28)), Tensor(64, 28, 28))
        yield Example(cls(), (Tensor(8, 4, 6, 6), Tensor(8, 1, 1, 1)), Tensor(8, 4, 6, 6))
        yield Example(cls(), (Tensor(64), Tensor(64, 28, 28)), Tensor(64, 28, 28))


@register
class Concat(Rearrangement):
    """All inputs one after the other: the channels of the first, then those of the second, and so on.

    The other dimensions must be equal. With over=positions the inputs are channels x length with equal channels, and
    their positions follow each other: a class token is put before the patches of an image (Dosovitskiy et al. 2021).
    """

    name = "concat"
    family = Family.MERGE
    folds = True
    associative = True

    over: Literal["channels", "positions"] = Field(
        default="channels", description="what follows each other: the channels of each position, or the positions"
    )

    def shape(self, x: Tensor, *others: Tensor) -> Tensor:
        inputs = (x, *others)
        if self.over == "positions":
            return self._over_positions(inputs)
        if any(tensor.spatial != x.spatial for tensor in others):
            sides = max(inputs, key=lambda tensor: tensor.rank).sides
            raise Mismatch(f"`concat` needs equal {_listed(sides)}, got {_listed(inputs)}")
        return Tensor(sum(tensor.channels for tensor in inputs), *x.spatial)

    def _over_positions(self, inputs: tuple[Tensor, ...]) -> Tensor:
        if any(tensor.rank != 2 for tensor in inputs):
            raise Mismatch(
                f"`concat` over positions takes channels x length, got {_listed(inputs)}",
                argument="over",
                code="wrong-rank",
                help=None
                if any(tensor.rank == 2 for tensor in inputs)
                else "leave out `over=positions`: these values are joined along their channels",
            )
        x = inputs[0]
        if any(tensor.channels != x.channels for tensor in inputs):
            raise Mismatch(
                f"`concat` over positions needs equal channels, got {_listed(inputs)}",
                help=f"put `linear({x.channels})` after each value that has not {x.channels} channels",
            )
        return Tensor(x.channels, sum(tensor.spatial[0] for tensor in inputs))

    def layout(self) -> Layout:
        return "either"

    def torch(self, x: Tensor, *others: Tensor) -> Expression:
        return Expression(f"torch.cat([{{all}}], dim={self._axis(x)})")

    def onnx(self, to: Nodes, x: Tensor, *others: Tensor) -> str:
        return to("Concat", *(to.with_batch(i) for i in range(1 + len(others))), axis=self._axis(x))

    def _axis(self, x: Tensor) -> int:
        return (1 if x.last else 2) if self.over == "positions" else x.axis

    @classmethod
    def examples(cls) -> Iterator[Example]:
        yield Example(cls(), (Tensor(64, 28, 28), Tensor(128, 28, 28), Tensor(32, 28, 28)), Tensor(224, 28, 28))
        yield Example(cls(), (Tensor(100), Tensor(100)), Tensor(200))
        yield Example(cls(), (Tensor(8, 4, 6, 6), Tensor(4, 4, 6, 6)), Tensor(12, 4, 6, 6))
        yield Example(cls(over="positions"), (Tensor(768, 1), Tensor(768, 196)), Tensor(768, 197))
