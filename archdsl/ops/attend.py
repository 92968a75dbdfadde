"""Attention: each position asks all positions of a value, and takes from each as much as it answers."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Annotated, NamedTuple

from pydantic import Field

from archdsl.ops.arguments import UNUSUAL_DROP, Count, Mismatch, Probability, divisors
from archdsl.ops.base import Example, Family, Kept, Module, Op, Rest, Store, Support, Window, register
from archdsl.ops.costs import product
from archdsl.ops.spatial import whole
from archdsl.tensor import Layout, Tensor

ATTEND_SOURCE = '''\
class Attend(nn.Module):
    """Every position of q asks all positions of k, and mixes what v has there. The channels are the last axis."""

    def __init__(self, heads, grouped=False, causal=False, scale=None, dropout=0.0):
        super().__init__()
        self.heads = heads
        self.grouped = grouped  # fewer heads of keys and values than of queries
        self.causal = causal
        self.scale = scale
        self.dropout = dropout

    def forward(self, q, k, v):
        size = q.shape[-1] // self.heads
        q = q.unflatten(-1, (self.heads, size)).transpose(1, 2)
        k = k.unflatten(-1, (-1, size)).transpose(1, 2)
        v = v.unflatten(-1, (k.shape[1], -1)).transpose(1, 2)
        x = F.scaled_dot_product_attention(
            q,
            k,
            v,
            dropout_p=self.dropout if self.training else 0.0,
            is_causal=self.causal,
            scale=self.scale,
            enable_gqa=self.grouped,
        )
        return x.transpose(1, 2).flatten(2)
'''

ATTEND = Support(
    "Attend",
    ATTEND_SOURCE,
    cached=ATTEND_SOURCE.replace(
        "        x = F.scaled",
        """\
        if Cache.active is not None:
            k, v = Cache.active.joined(self, k, v)
        x = F.scaled""",
    ).replace("is_causal=self.causal", "is_causal=self.causal and q.shape[2] == k.shape[2]"),
)


MAP_ATTEND = Support(
    "MapAttend",
    '''\
class MapAttend(nn.Module):
    """Attention between all pixels of maps, channels first."""

    def __init__(self, heads, grouped=False, scale=None, dropout=0.0):
        super().__init__()
        self.attend = Attend(heads, grouped, scale=scale, dropout=dropout)

    def forward(self, q, k, v):
        size = q.shape[2:]
        q = q.flatten(2).transpose(1, 2).contiguous()
        k = k.flatten(2).transpose(1, 2).contiguous()
        v = v.flatten(2).transpose(1, 2).contiguous()
        return self.attend(q, k, v).transpose(1, 2).unflatten(2, size)
''',
    needs=(ATTEND,),
)


class Heads(NamedTuple):
    """How the channels of three values fall into heads: `size` channels of a query or a key, `wide` of a value.

    `shared` heads of keys and values serve all heads of the queries.
    """

    size: int
    shared: int
    wide: int


def _has_maps(q: Tensor, k: Tensor) -> bool:
    """Whether pixels of maps attend, or are attended to. In the emitted code maps have their channels first."""
    return max(q.rank, k.rank) > 2


@register
class Attend(Op):
    """Attention (Vaswani et al. 2017): softmax(scale * q k^T) v, in each head by itself.

    Three values flow in: queries, keys and values. The channels of each are its heads, one after the other, and the
    output has the positions of the queries. Keys and values may have another length (cross-attention), fewer heads
    than the queries, each then serving several of them (grouped queries, Ainslie et al. 2023), and values may be wider.
    Maps attend between all their pixels. The projections are steps of their own:
    `linear(3 * width) -> split(3) -> attend(12) -> linear(width)`.
    """

    name = "attend"
    short = "Attention"
    family = Family.ATTENTION
    roles = ("q", "k", "v")

    heads: Count = Field(default=1, description="how many parts of the channels attend, each by itself")
    causal: bool = Field(default=False, description="a position sees itself and those before it alone")
    scale: float | None = Field(
        default=None, description="what the scores are multiplied by; unset: 1 / root of a head's channels"
    )
    dropout: Annotated[Probability, UNUSUAL_DROP] = Field(
        default=0.0, description="probability that a position is not seen while training"
    )

    def shape(self, q: Tensor, k: Tensor, v: Tensor) -> Tensor:
        for tensor in (q, k, v):
            if not tensor.spatial:
                raise Mismatch(
                    f"`attend` takes channels x length, or channels x height x width, got the vector {tensor}",
                    code="wrong-rank",
                )
        if k.spatial != v.spatial:
            raise Mismatch(f"each key has a value, but the keys are {k} and the values {v}")
        if self.causal and (q.rank > 2 or q.spatial != k.spatial):
            raise Mismatch(
                f"with `causal`, queries and keys are the same positions of a sequence, but they are {q} and {k}",
                argument="causal",
                help="leave out `causal`",
            )
        heads = self._heads(q, k, v)
        channels = q.channels if v.channels == k.channels else self.heads * heads.wide
        return Tensor(channels, *q.spatial)

    def _heads(self, q: Tensor, k: Tensor, v: Tensor) -> Heads:
        if q.channels % self.heads:
            raise Mismatch(
                f"{q.channels} channels of the queries do not split into {self.heads} heads",
                argument="heads",
                code="channels-not-divisible",
                help=divisors("heads", q.channels, self.heads),
            )
        size = q.channels // self.heads
        shared = k.channels // size
        if k.channels % size or self.heads % shared:
            raise Mismatch(
                f"{k.channels} channels of the keys make no heads for {self.heads} heads of {size} channels",
                code="channels-not-divisible",
                help=f"give the keys {q.channels} channels, as the queries have",
            )
        if v.channels % shared:
            raise Mismatch(
                f"{v.channels} channels of the values do not split into the {shared} heads of the keys",
                code="channels-not-divisible",
                help=f"give the values {k.channels} channels, as the keys have",
            )
        return Heads(size, shared, v.channels // shared)

    def _check_inputs(self, inputs: tuple[Tensor, ...]) -> None:
        if len(inputs) == 1:
            (x,) = inputs
            layer = "linear({})" if x.rank == 2 else "conv({}, 1)"
            raise Mismatch(
                "`attend` takes 3 values (queries, keys, values), got 1",
                code="wrong-number-of-values",
                help=f"write `{layer.format(3 * x.channels)} -> split(3) -> attend({self.heads})`",
            )
        super()._check_inputs(inputs)

    def _scores(self, q: Tensor, k: Tensor) -> int:
        """How many scores there are: one for each head, query and key."""
        return self.heads * (q.size // q.channels) * (k.size // k.channels)

    def macs(self, q: Tensor, k: Tensor, v: Tensor) -> int:
        heads = self._heads(q, k, v)
        return self._scores(q, k) * (heads.size + heads.wide)

    def macs_working(self, q: Tensor, k: Tensor, v: Tensor) -> str:
        heads = self._heads(q, k, v)
        return product((self.heads, *q.spatial, *k.spatial, f"({heads.size} + {heads.wide})"))

    def rest(self, q: Tensor, k: Tensor, v: Tensor) -> Rest:
        rule = "4 per score: its scale, and the softmax; 1 for a mask"
        return Rest((4 + self.causal) * self._scores(q, k), rule)

    def _is_fused(self, q: Tensor, k: Tensor, v: Tensor) -> bool:
        """Whether PyTorch's kernel on the CPU, which makes no tensor of all scores, takes heads of these sizes."""
        heads = self._heads(q, k, v)
        return heads.size == heads.wide

    def scratch(self, q: Tensor, k: Tensor, v: Tensor) -> Store:
        copies = q.size + k.size + v.size if _has_maps(q, k) else 0
        if self._is_fused(q, k, v):
            return Store(copies + self._logarithms(q))
        scores, keys, values = self._scores(q, k), *self._of_all_heads(q, k, v)
        out = self.shape(q, k, v).size
        held = q.size + (keys + values if self._heads(q, k, v).shared < self.heads else 0)
        held += self.causal * (q.size // q.channels) ** 2
        return Store(copies + max(held + scores + max(keys, scores, out), 2 * out) - out)

    def keeps(self, q: Tensor, k: Tensor, v: Tensor) -> Kept:
        if self._is_fused(q, k, v) and not self.dropout:
            inputs = q.size + k.size + v.size if _has_maps(q, k) else 0
            kept = () if inputs else (0, 1, 2)
            return Kept(kept, output=True, further=Store(inputs + self._logarithms(q)))
        keys, values = self._of_all_heads(q, k, v)
        copies = q.size + keys + (3 if self.dropout else 1) * self._scores(q, k)
        if self.heads == 1 and not _has_maps(q, k):
            return Kept((2,), further=Store(copies))
        return Kept(further=Store(copies + values))

    def _logarithms(self, q: Tensor) -> int:
        """How many sums of exponentials PyTorch's kernel holds, as their logarithms: one for each head and query."""
        return self.heads * q.size // q.channels

    def _of_all_heads(self, q: Tensor, k: Tensor, v: Tensor) -> tuple[int, int]:
        """How many numbers the keys and the values have, if those that heads share are repeated."""
        heads, positions = self._heads(q, k, v), k.size // k.channels
        return self.heads * positions * heads.size, self.heads * positions * heads.wide

    def cache(self, q: Tensor, k: Tensor, v: Tensor) -> int:
        return k.size + v.size if self.causal else 0

    def window(self, q: Tensor, k: Tensor, v: Tensor) -> Window | None:
        window = whole(q)
        return replace(window, everything=False, so_far=True) if window and self.causal else window

    def told(self) -> tuple[str, ...]:
        heads = "1 head" if self.heads == 1 else f"{self.heads} heads"
        return (heads, "masked") if self.causal else (heads,)

    def layout_for(self, q: Tensor, k: Tensor, v: Tensor) -> Layout:
        return "first" if _has_maps(q, k) else "last"

    def torch(self, q: Tensor, k: Tensor, v: Tensor) -> Module:
        grouped = self._heads(q, k, v).shared < self.heads, False
        scale, dropout = (self.scale, None), (self.dropout, 0.0)
        if _has_maps(q, k):
            return Module.of("MapAttend", self.heads, support=MAP_ATTEND, grouped=grouped, scale=scale, dropout=dropout)
        causal = self.causal, False
        return Module.of(
            "Attend", self.heads, support=ATTEND, grouped=grouped, causal=causal, scale=scale, dropout=dropout
        )

    @classmethod
    def examples(cls) -> Iterator[Example]:
        x, other = Tensor(64, 12), Tensor(64, 7)
        yield Example(cls(heads=4), (x, other, other), x)
        yield Example(cls(heads=8, causal=True), (x, Tensor(16, 12), Tensor(16, 12)), x)
        yield Example(cls(heads=2, dropout=0.1), (x, other, Tensor(96, 7)), Tensor(96, 12))
        yield Example(cls(heads=6, causal=True), (Tensor(24, 9), Tensor(12, 9), Tensor(24, 9)), Tensor(48, 9))
        yield Example(cls(dropout=0.2), (x, other, other), x)
        yield Example(cls(scale=1.0, dropout=0.5), (Tensor(8, 3, 4), Tensor(8, 7), Tensor(8, 7)), Tensor(8, 3, 4))
        yield Example(cls(scale=1.0), (Tensor(32, 5, 6), Tensor(32, 5, 6), Tensor(32, 5, 6)), Tensor(32, 5, 6))
