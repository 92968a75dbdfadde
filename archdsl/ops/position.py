"""Where a position is: its number, waves of many lengths, and rotations by angles that grow with it."""

from __future__ import annotations

import math
from array import array
from collections.abc import Iterator
from typing import Annotated, Literal

from pydantic import Field

from archdsl.ops.arguments import Count, Mismatch, divisors
from archdsl.ops.base import Example, Expression, Family, Kept, Module, Nodes, Op, Rearrangement, Rest, Store, Support
from archdsl.ops.nodes import FLOAT
from archdsl.ops.registry import register
from archdsl.tensor import Layout, Tensor

Base = Annotated[float, Field(gt=1, description="the waves' lengths grow from 2 pi to 2 pi times this number")]

POSITIONS = Support(
    "positions",
    '''\
def positions(x: Tensor, axis: int = 1) -> Tensor:
    """The numbers 0, 1, 2 ... of the positions along an axis, for each sample."""
    return torch.arange(x.shape[axis], device=x.device).expand(x.shape[0], -1)
''',
    cached='''\
def positions(x: Tensor, axis: int = 1) -> Tensor:
    """The numbers of the positions along an axis, for each sample, after those that are cached."""
    start = 0 if Cache.active is None else Cache.active.length
    return torch.arange(start, start + x.shape[axis], device=x.device).expand(x.shape[0], -1)
''',
)


@register
class Positions(Rearrangement):
    """The numbers 0, 1, 2 ... of a sequence's positions, as tokens.

    With an embedding they give each position a learned vector, which is added to that of the word, as in GPT-2
    (Radford et al. 2019): `add{embedding(50_257, 768) | positions -> embedding(1024, 768)}`.
    """

    name = "positions"
    family = Family.EMBED
    takes = None
    reads_shape_alone = True

    def shape(self, x: Tensor) -> Tensor:
        if x.kind == "int" and x.rank == 1:
            return x
        if x.rank != 2:
            raise Mismatch(
                f"`positions` takes channels x length, or tokens, got {x}",
                code="wrong-rank",
                help="put `tokens` before it" if x.rank > 2 else None,
            )
        return Tensor(*x.spatial, kind="int")

    def layout(self) -> Layout:
        return "either"

    def torch(self, x: Tensor) -> Expression:
        first = x.spatial and not x.last
        return Expression("positions({0}, 2)" if first else "positions({0})", support=POSITIONS)

    def onnx(self, to: Nodes, x: Tensor) -> str:
        (length,) = self.shape(x).dims
        return to.places(range(length), (1, length))

    @classmethod
    def examples(cls) -> Iterator[Example]:
        yield Example(cls(), (Tensor(12, kind="int"),), Tensor(12, kind="int"))
        yield Example(cls(), (Tensor(64, 12),), Tensor(12, kind="int"))


SINUSOID = Support(
    "Sinusoid",
    '''\
class Sinusoid(nn.Module):
    """Sines and cosines of numbers, as waves whose lengths grow from 2 pi to about 2 pi * base."""

    def __init__(self, width, base=10000.0, order="interleaved", last=False):
        super().__init__()
        self.half = width // 2
        self.base = base
        self.order = order
        self.steps = self.half - 1 if last else self.half  # last: that wave is 2 pi * base long
        self.register_buffer("precision", torch.empty(0), persistent=False)  # that of the module

    def angles(self, x):
        exact = torch.float64 if self.precision.dtype == torch.float64 else torch.float32
        powers = -torch.arange(self.half, dtype=exact, device=x.device) / self.steps
        return x.to(exact) * self.base**powers

    def forward(self, x):
        angles = self.angles(x if x.is_floating_point() else x.unsqueeze(-1))
        sin, cos = angles.sin(), angles.cos()
        if self.order == "interleaved":
            waves = torch.stack([sin, cos], dim=-1)
        elif self.order == "sin_cos":
            waves = torch.stack([sin, cos], dim=-2)
        else:
            waves = torch.stack([cos, sin], dim=-2)
        return waves.flatten(-2).to(self.precision.dtype)
''',
)


@register
class Sinusoid(Op):
    """Sines and cosines of a number, or of each token of a sequence, as `width` channels (Vaswani et al. 2017).

    Wave i of the width / 2 waves has the angle x * base^(-i / (width / 2)). Public code has three orders:
    order=interleaved, sine and cosine of each wave in turn, is the paper's; order=sin_cos, all sines, then all cosines,
    with last=true is that of the diffusion model of Ho et al. 2020; order=cos_sin is that of Stable Diffusion.
    """

    name = "sinusoid"
    family = Family.EMBED
    takes = None

    width: Count = Field(description="how many sines and cosines: the output channels")
    base: Base = 10_000.0
    order: Literal["interleaved", "sin_cos", "cos_sin"] = Field(
        default="interleaved", description="sine and cosine in turn, or all of one before all of the other"
    )
    last: bool = Field(default=False, description="the last wave has the length 2 pi * base, not the one after it")

    def shape(self, x: Tensor) -> Tensor:
        if x.kind == "float" and x.dims != (1,):
            raise Mismatch(
                f"`sinusoid` takes a sequence of tokens, or a single number, got {x}",
                code="wrong-kind",
                help="put `positions` before it" if x.rank == 2 else None,
            )
        if self.width % 2 or (self.last and self.width < 4):
            raise Mismatch(
                f"{self.width} channels are no pairs of a sine and a cosine"
                if self.width % 2
                else "with `last` there are at least two waves, of 4 channels",
                argument="width",
                code="channels-not-divisible",
                help=f"write `width={max(self.width + self.width % 2, 4 if self.last else 2)}`",
            )
        return Tensor(self.width, *(x.dims if x.kind == "int" else ()))

    def _waves(self, x: Tensor) -> int:
        """How many sines there are, and as many cosines."""
        return self.shape(x).size // 2

    def rest(self, x: Tensor) -> Rest:
        return Rest(2 * self.shape(x).size, "2 per output number: its angle, and the sine or cosine")

    def scratch(self, x: Tensor) -> Store:
        return Store(3 * self._waves(x))

    def keeps(self, x: Tensor) -> Kept:
        return Kept(further=Store(self._waves(x)), once=Store(self.width // 2)) if x.kind == "float" else Kept()

    def layout(self) -> Layout:
        return "last"

    def torch(self, x: Tensor) -> Module:
        return Module.of(
            "Sinusoid",
            self.width,
            support=SINUSOID,
            base=(self.base, 10000.0),
            order=(self.order, "interleaved"),
            last=(self.last, False),
        )

    def onnx(self, to: Nodes, x: Tensor) -> str:
        half = self.width // 2
        rates = to.numbers([self.base ** (-i / (half - self.last)) for i in range(half)])
        number = to.unsqueeze(to("Cast", to[0], to=FLOAT), -1) if x.kind == "int" else to[0]
        angles = to("Mul", number, rates)
        sin, cos = to("Sin", angles), to("Cos", angles)
        if self.order != "interleaved":
            return to("Concat", *((sin, cos) if self.order == "sin_cos" else (cos, sin)), axis=-1)
        waves = to("Concat", to.unsqueeze(sin, -1), to.unsqueeze(cos, -1), axis=-1)
        return to.reshape(waves, 0, *x.dims, self.width) if x.kind == "int" else to.reshape(waves, 0, self.width)

    @classmethod
    def examples(cls) -> Iterator[Example]:
        yield Example(cls(width=16), (Tensor(12, kind="int"),), Tensor(16, 12))
        yield Example(cls(width=32, order="sin_cos", last=True), (Tensor(1),), Tensor(32))
        yield Example(cls(width=8, base=500.0, order="cos_sin"), (Tensor(1),), Tensor(8))


ROTARY_SOURCE = '''\
class Rotary(nn.Module):
    """Turns pairs of each head's channels by angles that grow with the position. Channels last.

    A pair is a channel of the head's first half and one of its second half.
    """

    def __init__(self, heads, base=10000.0):
        super().__init__()
        self.heads = heads
        self.base = base

    def forward(self, x):
        exact = torch.float64 if x.dtype == torch.float64 else torch.float32
        half = x.shape[-1] // self.heads // 2
        rates = self.base ** (-torch.arange(half, dtype=exact, device=x.device) / half)
        angles = torch.arange(x.shape[1], device=x.device).unsqueeze(1) * rates
        cos = angles.cos().to(x.dtype).unsqueeze(1)
        sin = angles.sin().to(x.dtype).unsqueeze(1)
        one, other = x.unflatten(-1, (self.heads, -1)).chunk(2, dim=-1)
        return torch.cat([one * cos - other * sin, other * cos + one * sin], dim=-1).flatten(2)
'''


def _continued(source: str) -> str:
    """The rotation of positions that follow the cached ones."""
    return source.replace(
        "        angles = torch.arange(x.shape[1], device=x.device)",
        """\
        start = 0 if Cache.active is None else Cache.active.length
        angles = torch.arange(start, start + x.shape[1], device=x.device)""",
    )


ROTARY = Support("Rotary", ROTARY_SOURCE, cached=_continued(ROTARY_SOURCE))

NEIGHBOUR_SOURCE = (
    ROTARY_SOURCE.replace("class Rotary", "class NeighbourRotary")
    .replace("A pair is a channel of the head's first half and one of its second half.", "A pair is two neighbours.")
    .replace(
        "one, other = x.unflatten(-1, (self.heads, -1)).chunk(2, dim=-1)",
        "one, other = x.unflatten(-1, (self.heads, half, 2)).unbind(-1)",
    )
    .replace(
        "torch.cat([one * cos - other * sin, other * cos + one * sin], dim=-1).flatten(2)",
        "torch.stack([one * cos - other * sin, other * cos + one * sin], dim=-1).flatten(2)",
    )
)

NEIGHBOUR_ROTARY = Support("NeighbourRotary", NEIGHBOUR_SOURCE, cached=_continued(NEIGHBOUR_SOURCE))


@register
class Rotary(Op):
    """Turns pairs of channels by angles that grow with the position, in each head alike (Su et al. 2021, RoFormer).

    Queries and keys that are turned so have scores that depend on how far apart they are. Pair i of a head with d
    channels turns by position * base^(-2 i / d). With pairs=halves it is channels i and i + d / 2, as in LLaMA's code
    at Hugging Face; with pairs=neighbours, channels 2 i and 2 i + 1, as in the paper and in Meta's code. Weights for
    one are not weights for the other.
    """

    name = "rotary"
    family = Family.EMBED
    backward_needs_output = False

    heads: Count = Field(description="how many heads the channels have")
    base: Base = 10_000.0
    pairs: Literal["halves", "neighbours"] = Field(default="halves", description="which two channels are a pair")

    def shape(self, x: Tensor) -> Tensor:
        if x.rank != 2:
            raise Mismatch(
                f"`rotary` takes channels x length, got {x}",
                code="wrong-rank",
                help="put `tokens` before it" if x.rank > 2 else None,
            )
        if x.channels % self.heads:
            raise Mismatch(
                f"{x.channels} channels do not split into {self.heads} heads",
                argument="heads",
                code="channels-not-divisible",
                help=divisors("heads", x.channels, self.heads),
            )
        if x.channels // self.heads % 2:
            raise Mismatch(
                f"a head has {x.channels // self.heads} channels, which are no pairs",
                argument="heads",
                code="channels-not-divisible",
            )
        return x

    def rest(self, x: Tensor) -> Rest:
        return Rest(3 * x.size, "3 per number: two products and their sum")

    def scratch(self, x: Tensor) -> Store:
        return Store(x.size + self._table(x) * 3 // 2 + x.channels // self.heads // 2)

    def keeps(self, x: Tensor) -> Kept:
        return Kept(once=Store(self._table(x)))

    def _table(self, x: Tensor) -> int:
        """How many sines and cosines there are: those of all positions, for one head."""
        return x.size // self.heads

    def layout(self) -> Layout:
        return "last"

    def torch(self, x: Tensor) -> Module:
        support = ROTARY if self.pairs == "halves" else NEIGHBOUR_ROTARY
        return Module.of(support.name, self.heads, support=support, base=(self.base, 10000.0))

    def onnx(self, to: Nodes, x: Tensor) -> str:
        (length,), half = x.spatial, x.channels // self.heads // 2
        pair, alone, axis = ((2, half), (1, half), 3) if self.pairs == "halves" else ((half, 2), (half, 1), 4)
        # In single precision, as the emitted code has them.
        rates = array("f", [self.base ** (-i / half) for i in range(half)])
        angles = array("f", [place * rate for place in range(length) for rate in rates])
        one, other = to.split(to.reshape(to[0], 0, 0, self.heads, *pair), axis, (1, 1))
        cos, sin = (to.numbers([f(angle) for angle in angles], (length, 1, *alone)) for f in (math.cos, math.sin))
        turned = to("Sub", to("Mul", one, cos), to("Mul", other, sin))
        beside = to("Add", to("Mul", other, cos), to("Mul", one, sin))
        return to.reshape(to("Concat", turned, beside, axis=axis), 0, 0, x.channels)

    @classmethod
    def examples(cls) -> Iterator[Example]:
        yield Example(cls(heads=4), (Tensor(64, 12),), Tensor(64, 12))
        yield Example(cls(heads=1, base=100.0, pairs="neighbours"), (Tensor(6, 20),), Tensor(6, 20))
