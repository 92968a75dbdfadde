"""Ops that only imported networks have: PyTorch's operations along dimensions that the language has no words for.

A spec has channels and positions, and an op for what papers do with them. Published code also multiplies matrices of
heads by channels, sums over branches, or swaps dimensions. Such a call is held as it is: along which dimensions,
counted as PyTorch does with the batch as 0. So it has a shape, costs and code, and the spec that is written of an
imported network calls it.
"""

from __future__ import annotations

from collections.abc import Iterator
from math import prod
from typing import Annotated, ClassVar, Literal

from pydantic import BeforeValidator, Field

from archdsl.ops.arguments import Count, Distance, Mismatch
from archdsl.ops.attend_nodes import causal, rolled, swapped, weighted
from archdsl.ops.base import Example, Expression, Family, Kept, Nodes, Op, Rearrangement, Rest, View
from archdsl.ops.registry import register
from archdsl.ops.resize import resized
from archdsl.tensor import Tensor

Numbers = Annotated[
    tuple[int, ...],
    BeforeValidator(
        lambda value: tuple(value) if isinstance(value, list) else (value,) if type(value) is int else value
    ),
]
"""Several whole numbers, `[2, 3]`; one of them may stand without brackets."""
Dimension = Annotated[Count, Field(description="a dimension, with the batch as 0")]
Dimensions = Annotated[Numbers, Field(description="dimensions, with the batch as 0")]


class Held(Op):
    """An op of imported networks alone, which takes its dimensions as they lie."""

    internal: ClassVar[bool] = True
    imported: ClassVar[bool] = True
    mixes: ClassVar[bool] = True
    """A number of the output may depend on any position: dimensions need not be channels and positions."""


def along(x: Tensor, dims: tuple[int, ...], size: int = 1) -> Tensor:
    """The value with another size along some dimensions."""
    if not all(1 <= dim <= x.rank for dim in dims):
        raise Mismatch(f"{x} has no dimension {max(dims)}", code="out-of-bounds")
    return Tensor(*(size if dim in dims else n for dim, n in enumerate(x.dims, 1)), kind=x.kind)


@register
class Permute(Held, View):
    """The same numbers with the dimensions in another order."""

    name = "permute"
    family = Family.RESHAPE
    takes = None

    order: Dimensions

    def shape(self, x: Tensor) -> Tensor:
        if sorted(self.order) != list(range(1, x.rank + 1)):
            raise Mismatch(f"{self.order} is no order of the dimensions of {x}", argument="order", code="out-of-bounds")
        return Tensor(*(x.dims[dim - 1] for dim in self.order), kind=x.kind)

    def torch(self, x: Tensor) -> Expression:
        return Expression(f"{{0}}.permute({', '.join(map(str, (0, *self.order)))})")

    def onnx(self, to: Nodes, x: Tensor) -> str:
        return to.transpose(to[0], 0, *self.order)

    @classmethod
    def examples(cls) -> Iterator[Example]:
        yield Example(cls(order=(2, 1)), (Tensor(64, 20),), Tensor(20, 64))
        yield Example(cls(order=(3, 1, 2)), (Tensor(8, 4, 6),), Tensor(6, 8, 4))


@register
class Rolled(Held, Rearrangement):
    """The same numbers moved along some dimensions; what leaves at one end enters at the other."""

    name = "rolled"
    family = Family.RESHAPE

    dims: Dimensions
    shifts: Numbers

    def shape(self, x: Tensor) -> Tensor:
        if len(self.dims) != len(self.shifts) or not all(1 <= dim <= x.rank for dim in self.dims):
            raise Mismatch(f"{x} has no dimensions {self.dims}", argument="dims", code="out-of-bounds")
        return x

    def torch(self, x: Tensor) -> Expression:
        return Expression(f"{{0}}.roll({self.shifts}, {self.dims})")

    def onnx(self, to: Nodes, x: Tensor) -> str:
        value = to[0]
        for dim, shift in zip(self.dims, self.shifts, strict=True):
            value = rolled(to, value, dim, -shift % x.dims[dim - 1])
        return value

    @classmethod
    def examples(cls) -> Iterator[Example]:
        yield Example(cls(dims=(2, 3), shifts=(-1, 2)), (Tensor(8, 4, 6),), Tensor(8, 4, 6))
        yield Example(cls(dims=(2,), shifts=(3,)), (Tensor(8, 10),), Tensor(8, 10))


@register
class Expanded(Held, Rearrangement):
    """The same numbers again and again along dimensions of size 1, up to the sizes `dims`."""

    name = "expanded"
    family = Family.RESHAPE

    dims: Numbers

    def shape(self, x: Tensor) -> Tensor:
        if len(self.dims) != x.rank or any(size not in (1, most) for size, most in zip(x.dims, self.dims, strict=True)):
            raise Mismatch(f"{x} cannot be repeated to {self.dims}", argument="dims", code="out-of-bounds")
        return Tensor(*self.dims, kind=x.kind)

    def torch(self, x: Tensor) -> Expression:
        return Expression(f"{{0}}.expand({', '.join(map(str, (-1, *self.dims)))})")

    def onnx(self, to: Nodes, x: Tensor) -> str:
        return to("Expand", to[0], to.ints(1, *self.dims))

    @classmethod
    def examples(cls) -> Iterator[Example]:
        yield Example(cls(dims=(8, 4, 6)), (Tensor(8, 1, 6),), Tensor(8, 4, 6))
        yield Example(cls(dims=(3, 10)), (Tensor(1, 10),), Tensor(3, 10))


@register
class Part(Held, View):
    """The places `start` to `stop` along one dimension."""

    name = "part"
    family = Family.RESHAPE
    takes = None

    dim: Dimension
    start: Distance
    stop: Count
    step: Count = 1

    def shape(self, x: Tensor) -> Tensor:
        if not self.start < self.stop <= x.dims[self.dim - 1]:
            raise Mismatch(f"{x} has no places {self.start} to {self.stop}", argument="stop", code="out-of-bounds")
        return along(x, (self.dim,), len(range(self.start, self.stop, self.step)))

    def torch(self, x: Tensor) -> Expression:
        step = f":{self.step}" if self.step > 1 else ""
        text = f"{{0}}[{':, ' * self.dim}{{start}}:{{stop}}{step}]"
        return Expression(text, values=(("start", self.start), ("stop", self.stop)))

    def onnx(self, to: Nodes, x: Tensor) -> str:
        start, stop, axis, step = map(to.ints, (self.start, self.stop, self.dim, self.step))
        return to("Slice", to[0], start, stop, axis, *((step,) if self.step > 1 else ()))

    @classmethod
    def examples(cls) -> Iterator[Example]:
        yield Example(cls(dim=2, start=1, stop=9), (Tensor(8, 10),), Tensor(8, 8))
        yield Example(cls(dim=3, start=0, stop=6, step=2), (Tensor(8, 4, 6),), Tensor(8, 4, 3))


@register
class Parts(Held, View):
    """Parts of these sizes along one dimension."""

    name = "parts"
    family = Family.RESHAPE
    takes = None

    dim: Dimension
    sizes: Numbers

    def shape(self, x: Tensor) -> tuple[Tensor, ...]:
        if sum(self.sizes) != x.dims[self.dim - 1]:
            raise Mismatch(f"{x} does not fall into {self.sizes}", argument="sizes", code="out-of-bounds")
        return tuple(along(x, (self.dim,), size) for size in self.sizes)

    def torch(self, x: Tensor) -> Expression:
        if len(set(self.sizes)) == 1:
            return Expression(f"{{0}}.chunk({len(self.sizes)}, dim={self.dim})")
        return Expression(f"{{0}}.split({{sizes}}, dim={self.dim})", values=(("sizes", list(self.sizes)),))

    def onnx(self, to: Nodes, x: Tensor) -> tuple[str, ...]:
        return to.split(to[0], self.dim, self.sizes)

    @classmethod
    def examples(cls) -> Iterator[Example]:
        yield Example(cls(dim=2, sizes=(5, 5)), (Tensor(8, 10),), (Tensor(8, 5), Tensor(8, 5)))
        yield Example(cls(dim=1, sizes=(2, 6)), (Tensor(8, 4, 6),), (Tensor(2, 4, 6), Tensor(6, 4, 6)))


@register
class Joined(Held, Rearrangement):
    """All inputs one after the other along one dimension."""

    name = "joined"
    family = Family.RESHAPE

    dim: Dimension

    def shape(self, x: Tensor, *others: Tensor) -> Tensor:
        total = along(x, (self.dim,), sum(tensor.dims[self.dim - 1] for tensor in (x, *others)))
        if any(along(tensor, (self.dim,)) != along(x, (self.dim,)) for tensor in others):
            raise Mismatch(f"values of other sizes cannot follow {x}")
        return total

    def torch(self, x: Tensor, *others: Tensor) -> Expression:
        return Expression(f"torch.cat([{{all}}], dim={self.dim})")

    def onnx(self, to: Nodes, x: Tensor, *others: Tensor) -> str:
        return to("Concat", *(to.with_batch(i) for i in range(1 + len(others))), axis=self.dim)

    @classmethod
    def examples(cls) -> Iterator[Example]:
        yield Example(cls(dim=2), (Tensor(8, 1, 6), Tensor(8, 4, 6)), Tensor(8, 5, 6))
        yield Example(cls(dim=1), (Tensor(8), Tensor(3)), Tensor(11))


@register
class Bordered(Held, Rearrangement):
    """Numbers of one value before and after each dimension: `sides` are those before and after the first, and so on."""

    name = "bordered"
    family = Family.RESHAPE

    sides: Numbers
    value: float = 0.0

    def shape(self, x: Tensor) -> Tensor:
        if len(self.sides) != 2 * x.rank or min(self.sides) < 0:
            raise Mismatch(f"{x} has not the sides {self.sides}", argument="sides", code="out-of-bounds")
        pairs = zip(self.sides[::2], self.sides[1::2], strict=True)
        return Tensor(*(n + sum(pair) for n, pair in zip(x.dims, pairs, strict=True)))

    def torch(self, x: Tensor) -> Expression:
        pairs = list(zip(self.sides[::2], self.sides[1::2], strict=True))[::-1]
        while pairs[-1] == (0, 0):
            pairs.pop()
        value = f", value={self.value}" if self.value else ""
        return Expression(f"F.pad({{0}}, ({', '.join(str(n) for pair in pairs for n in pair)}){value})")

    def onnx(self, to: Nodes, x: Tensor) -> str:
        border, axes = to.ints(*self.sides[::2], *self.sides[1::2]), to.ints(*range(1, x.rank + 1))
        return to("Pad", to[0], border, to.number(self.value), axes, mode="constant")

    @classmethod
    def examples(cls) -> Iterator[Example]:
        yield Example(cls(sides=(0, 2, 0, 0)), (Tensor(8, 4),), Tensor(10, 4))
        yield Example(cls(sides=(0, 0, 1, 0, 0, 0), value=1.0), (Tensor(8, 4, 6),), Tensor(8, 5, 6))


@register
class MatrixProduct(Held):
    """The products of matrices: those in the last two dimensions of both values. The other dimensions broadcast."""

    name = "matrix_product"
    family = Family.ATTENTION
    backward_needs_output = False

    def shape(self, x: Tensor, y: Tensor) -> Tensor:
        if x.rank < 2 or x.rank != y.rank or x.dims[-1] != y.dims[-2]:
            raise Mismatch(f"{x} and {y} have no product of matrices")
        return Tensor(*broadcast(x.dims[:-2], y.dims[:-2]), x.dims[-2], y.dims[-1])

    def macs(self, x: Tensor, y: Tensor) -> int:
        return self.shape(x, y).size * x.dims[-1]

    def macs_working(self, x: Tensor, y: Tensor) -> str:
        return "·".join(map(str, (*self.shape(x, y).dims, x.dims[-1])))

    def rest(self, x: Tensor, y: Tensor) -> Rest:
        return Rest(0, "nothing besides its multiply-adds")

    def keeps(self, x: Tensor, y: Tensor) -> Kept:
        return Kept((0, 1))

    def torch(self, x: Tensor, y: Tensor) -> Expression:
        return Expression("{0} @ {1}", atomic=False)

    def onnx(self, to: Nodes, x: Tensor, y: Tensor) -> str:
        return to("MatMul", to[0], to[1])

    @classmethod
    def examples(cls) -> Iterator[Example]:
        yield Example(cls(), (Tensor(4, 10, 8), Tensor(4, 8, 6)), Tensor(4, 10, 6))
        yield Example(cls(), (Tensor(10, 8), Tensor(8, 10)), Tensor(10, 10))


def broadcast(*each: tuple[int, ...]) -> tuple[int, ...]:
    """The dimensions of values that are repeated where they have size 1."""
    found = tuple(map(max, zip(*each, strict=True)))
    if any(size not in (1, most) for dims in each for size, most in zip(dims, found, strict=True)):
        raise Mismatch("values of these sizes cannot be repeated to one: " + ", ".join(map(str, each)))
    return found


@register
class ScaledAttention(Held):
    """Attention of queries, keys and values: positions x channels in the last two dimensions, heads and more before.

    A fourth value is added to the scores.
    """

    name = "scaled_attention"
    family = Family.ATTENTION
    roles = ("q", "k", "v", "bias")

    scale: float | None = None
    causal: bool = False

    def shape(self, q: Tensor, k: Tensor, v: Tensor, *bias: Tensor) -> Tensor:
        if not q.dims[:-2] == k.dims[:-2] == v.dims[:-2] or q.dims[-1] != k.dims[-1] or k.dims[-2] != v.dims[-2]:
            raise Mismatch(f"{q}, {k} and {v} are no queries, keys and values")
        scores = self._scores(q, k).dims
        if len(bias) > 1 or any(broadcast(one.dims, scores) != scores for one in bias):
            raise Mismatch(f"{bias[0]} cannot be added to the scores {self._scores(q, k)}")
        return Tensor(*q.dims[:-1], v.dims[-1])

    @staticmethod
    def _scores(q: Tensor, k: Tensor) -> Tensor:
        return Tensor(*q.dims[:-1], k.dims[-2])

    def macs(self, q: Tensor, k: Tensor, v: Tensor, *bias: Tensor) -> int:
        return self._scores(q, k).size * (q.dims[-1] + v.dims[-1])

    def macs_working(self, q: Tensor, k: Tensor, v: Tensor, *bias: Tensor) -> str:
        return "·".join(map(str, (*self._scores(q, k).dims, f"({q.dims[-1]} + {v.dims[-1]})")))

    def rest(self, q: Tensor, k: Tensor, v: Tensor, *bias: Tensor) -> Rest:
        each = 4 + len(bias) + self.causal
        return Rest(each * self._scores(q, k).size, "4 a score: scale, softmax; 1 for what is added, 1 for a mask")

    def keeps(self, q: Tensor, k: Tensor, v: Tensor, *bias: Tensor) -> Kept:
        return Kept((0, 1, 2), output=True)

    def torch(self, q: Tensor, k: Tensor, v: Tensor, *bias: Tensor) -> Expression:
        options = [
            *("attn_mask={3}" for _ in bias),
            *(("is_causal=True",) if self.causal else ()),
            *(("scale={scale}",) if self.scale is not None else ()),
        ]
        text = ", ".join(["F.scaled_dot_product_attention({0}, {1}, {2}", *options]) + ")"
        return Expression(text, values=() if self.scale is None else (("scale", self.scale),))

    def onnx(self, to: Nodes, q: Tensor, k: Tensor, v: Tensor, *bias: Tensor) -> str:
        added = [*((causal(to, q.dims[-2]),) if self.causal else ()), *(to[3] for _ in bias)]
        scale = q.dims[-1] ** -0.5 if self.scale is None else self.scale
        return weighted(to, to[0], swapped(to, to[1], k.rank + 1), to[2], scale, *added)

    @classmethod
    def examples(cls) -> Iterator[Example]:
        q, k, v = Tensor(4, 10, 8), Tensor(4, 12, 8), Tensor(4, 12, 6)
        yield Example(cls(scale=0.5), (q, k, v, Tensor(1, 10, 12)), Tensor(4, 10, 6))
        yield Example(cls(causal=True), (q, q, q), q)


@register
class Patches(Held, Rearrangement):
    """The numbers under a sliding window at each of its places: channels and pixels of the window x places."""

    name = "patches"
    family = Family.RESHAPE

    kernel: Numbers
    stride: Numbers = (1, 1)
    padding: Numbers = (0, 0)
    dilation: Numbers = (1, 1)

    def shape(self, x: Tensor) -> Tensor:
        if x.rank != 3:
            raise Mismatch(f"windows slide over maps, and this is {x}", code="wrong-rank")
        return Tensor(x.channels * prod(self.kernel), prod(self.places(x.spatial)))

    def places(self, sizes: tuple[int, ...]) -> tuple[int, ...]:
        """How many places there are in each direction."""
        rows = zip(sizes, self.kernel, self.stride, self.padding, self.dilation, strict=True)
        return tuple((n + 2 * p - d * (k - 1) - 1) // s + 1 for n, k, s, p, d in rows)

    def torch(self, x: Tensor) -> Expression:
        return Expression(f"F.unfold({{0}}, {self._window()})")

    def _window(self) -> str:
        given = {
            "dilation": (self.dilation, (1, 1)),
            "padding": (self.padding, (0, 0)),
            "stride": (self.stride, (1, 1)),
        }
        return ", ".join([str(self.kernel), *(f"{name}={one}" for name, (one, usual) in given.items() if one != usual)])

    def onnx(self, to: Nodes, x: Tensor) -> str:
        taps = prod(self.kernel)
        # Each kernel is 1 at one pixel of the window, and 0 at all others.
        each = [float(tap == other) for tap in range(taps) for other in range(taps)]
        patches = to(
            "Conv",
            to[0],
            to.numbers(each * x.channels, (x.channels * taps, 1, *self.kernel)),
            kernel_shape=self.kernel,
            strides=self.stride,
            dilations=self.dilation,
            pads=self.padding * 2,
            group=x.channels,
        )
        return to.reshape(patches, 0, x.channels * taps, -1)

    @classmethod
    def examples(cls) -> Iterator[Example]:
        yield Example(cls(kernel=(3, 3), stride=(2, 2), padding=(1, 1)), (Tensor(4, 8, 8),), Tensor(36, 16))
        yield Example(cls(kernel=(2, 1), dilation=(2, 1)), (Tensor(4, 8, 6),), Tensor(8, 36))


@register
class SummedPatches(Patches):
    """The sum of patches at the places from which `patches` takes them."""

    name = "summed_patches"

    size: Numbers = (1, 1)

    def shape(self, x: Tensor) -> Tensor:
        if x.rank != 2 or x.dims[1] != prod(self.places(self.size)) or x.dims[0] % prod(self.kernel):
            raise Mismatch(f"{x} has not the patches of {self.size} pixels", code="wrong-rank")
        return Tensor(x.dims[0] // prod(self.kernel), *self.size)

    def rest(self, x: Tensor) -> Rest:
        return Rest(x.size, "1 per number that is added")

    def torch(self, x: Tensor) -> Expression:
        return Expression(f"F.fold({{0}}, {self.size}, {self._window()})")

    def onnx(self, to: Nodes, x: Tensor) -> str:
        size, kernel = to.ints(*self.size), to.ints(*self.kernel)
        strides, sides = self.stride, self.padding * 2
        return to("Col2Im", to[0], size, kernel, strides=strides, pads=sides, dilations=self.dilation)

    @classmethod
    def examples(cls) -> Iterator[Example]:
        op = cls(kernel=(3, 3), stride=(2, 2), padding=(1, 1), size=(8, 8))
        yield Example(op, (Tensor(36, 16),), Tensor(4, 8, 8))
        yield Example(cls(kernel=(2, 1), dilation=(2, 1), size=(8, 6)), (Tensor(8, 36),), Tensor(4, 8, 6))


@register
class Slid(Held, View):
    """What a window sees at each of its places along one dimension: the places stay there, the window comes last."""

    name = "slid"
    family = Family.RESHAPE

    dim: Dimension
    size: Count
    stride: Count

    def shape(self, x: Tensor) -> Tensor:
        if not 1 <= self.dim <= x.rank or self.size > x.dims[self.dim - 1]:
            raise Mismatch(f"{x} has no {self.size} places", argument="size", code="out-of-bounds")
        places = (x.dims[self.dim - 1] - self.size) // self.stride + 1
        return Tensor(*along(x, (self.dim,), places).dims, self.size)

    def torch(self, x: Tensor) -> Expression:
        return Expression(f"{{0}}.unfold({self.dim}, {self.size}, {self.stride})")

    def onnx(self, to: Nodes, x: Tensor) -> str:
        places = self.shape(x).dims[self.dim - 1]
        seen = [place * self.stride + offset for place in range(places) for offset in range(self.size)]
        windows = to("Gather", to[0], to.places(seen, (places, self.size)), axis=self.dim)
        order = [axis for axis in range(x.rank + 2) if axis != self.dim + 1]
        return to.transpose(windows, *order, self.dim + 1)

    @classmethod
    def examples(cls) -> Iterator[Example]:
        yield Example(cls(dim=2, size=4, stride=2), (Tensor(8, 10),), Tensor(8, 4, 4))
        yield Example(cls(dim=1, size=2, stride=1), (Tensor(8, 6),), Tensor(7, 6, 2))


@register
class Resampled(Held):
    """Another number of pixels, by a rule that the language lacks."""

    name = "resampled"
    family = Family.RESHAPE

    size: Numbers
    mode: Literal["linear", "bilinear", "trilinear", "bicubic"]
    align_corners: bool = False
    antialias: bool = False

    def shape(self, x: Tensor) -> Tensor:
        if len(self.size) != len(x.spatial):
            raise Mismatch(f"{x} has not {len(self.size)} dimensions of pixels", argument="size", code="wrong-rank")
        return Tensor(x.channels, *self.size)

    def rest(self, x: Tensor) -> Rest:
        reach = 4 if self.mode == "bicubic" else 2
        count = reach ** len(self.size) * self.shape(x).size
        return Rest(2 * count, "2 per number that is read: 4 (bicubic) or 2 in each direction; more with antialias")

    def torch(self, x: Tensor) -> Expression:
        options = [f"mode={self.mode!r}".replace("'", '"')]
        options += ["align_corners=True"] * self.align_corners + ["antialias=True"] * self.antialias
        return Expression(f"F.interpolate({{0}}, {self.size}, {', '.join(options)})")

    def onnx(self, to: Nodes, x: Tensor) -> str:
        mode: str = "linear"
        options: dict[str, float] = {"antialias": 1, "exclude_outside": 1} if self.antialias else {}
        if self.mode == "bicubic":
            mode, options = "cubic", {**options, "cubic_coeff_a": -0.5 if self.antialias else -0.75}
        return resized(to, x, self.size, mode, self.align_corners, **options)

    @classmethod
    def examples(cls) -> Iterator[Example]:
        yield Example(cls(size=(7, 9), mode="bicubic", antialias=True), (Tensor(4, 8, 8),), Tensor(4, 7, 9))
        yield Example(cls(size=(20,), mode="linear", align_corners=True), (Tensor(4, 8),), Tensor(4, 20))
