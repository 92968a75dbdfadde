"""Attention: each position asks all positions of a value, and takes from each as much as it answers."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from math import prod
from typing import Annotated, NamedTuple

from pydantic import Field

from archdsl.ops.arguments import UNUSUAL_DROP, Count, Mismatch, Pixels, Probability, Size, compact, divisors, spread
from archdsl.ops.attend_memory import AttendMemory
from archdsl.ops.base import Example, Family, Kept, Module, Op, Rest, Store, Support, Weight, Window, register
from archdsl.ops.costs import product
from archdsl.ops.spatial import so_far, whole
from archdsl.ops.windows import WINDOW_ATTEND, Tiles, Windows
from archdsl.tensor import Layout, Tensor

ATTEND_SOURCE = '''\
class Attend(nn.Module):
    """Every position of q asks all positions of k, and mixes what v has there. Channels last."""

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
    Maps attend between all their pixels, or inside windows, which may be shifted (Liu et al. 2021, Swin; a window as
    large as the map is not), or spread as a grid (Tu et al. 2022, MaxViT). The projections are steps of their own:
    `linear(3 * width) -> split(3) -> attend(12) -> linear(width)`.
    """

    name = "attend"
    short = "Attention"
    family = Family.ATTENTION
    roles = ("q", "k", "v")

    heads: Count = Field(default=1, description="how many parts of the channels attend, each by itself")
    causal: bool = Field(default=False, description="a position sees itself and those before it alone")
    windows: Size | None = Field(default=None, description="attend inside windows of this size; unset: everywhere")
    shift: Pixels = Field(default=0, description="pixels by which the windows are moved down and right")
    grid: bool = Field(default=False, description="the positions of a window are spread over the whole map, as a grid")
    relative: bool = Field(default=False, description="learn a bias for each head and distance inside a window")
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
        if self.causal and q.spatial != k.spatial:
            raise Mismatch(
                f"with `causal`, queries and keys are the same positions, but they are {q} and {k}",
                argument="causal",
                help="leave out `causal`",
            )
        if self.causal and q.rank > 2:
            raise Mismatch(
                f"a causal attention is that of a sequence, got {q}",
                argument="causal",
                code="wrong-rank",
                help="leave out `causal`",
            )
        self._check_windows(q, k)
        heads = self._heads(q, k, v)
        channels = q.channels if v.channels == k.channels else self.heads * heads.wide
        return Tensor(channels, *q.spatial)

    def _check_windows(self, q: Tensor, k: Tensor) -> None:
        if self.windows is None:
            for name in ("shift", "grid", "relative"):
                if getattr(self, name) not in (0, False, (0, 0)):
                    message = f"`{name}` is about windows, but this attention has none"
                    raise Mismatch(
                        message, argument=name, code="bad-choice", help=f"add `windows=7`, or leave out `{name}`"
                    )
            return
        cut = self._is_cut(q)
        if q.spatial != k.spatial:
            raise Mismatch(f"inside windows, queries and keys have the same positions, but they are {q} and {k}")
        if self.grid and cut:
            message = "a grid spans the map, and is not shifted"
            raise Mismatch(message, argument="shift", code="bad-choice", help="leave out `shift`")

    def _windows(self, q: Tensor) -> Windows:
        assert self.windows is not None
        return Windows.of(q, self.windows, self.shift)

    def _is_cut(self, q: Tensor) -> bool:
        """Whether windows are shifted, so that some are cut at the border."""
        return self.windows is not None and any(self._windows(q).shift)

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
        """How many scores there are: one for each head, query and key that the query sees or is masked from."""
        keys = k.size // k.channels if self.windows is None else prod(self._windows(q).size)
        return self.heads * (q.size // q.channels) * keys

    def macs(self, q: Tensor, k: Tensor, v: Tensor) -> int:
        heads = self._heads(q, k, v)
        return self._scores(q, k) * (heads.size + heads.wide)

    def macs_working(self, q: Tensor, k: Tensor, v: Tensor) -> str:
        heads = self._heads(q, k, v)
        keys = k.spatial if self.windows is None else self._windows(q).size
        return product((self.heads, *q.spatial, *keys, f"({heads.size} + {heads.wide})"))

    def rest(self, q: Tensor, k: Tensor, v: Tensor) -> Rest:
        rule = "4 per score: its scale, and the softmax; 1 for a mask, 1 for a relative bias"
        return Rest((4 + (self.causal or self._is_cut(q)) + self.relative) * self._scores(q, k), rule)

    def weights(self, q: Tensor, k: Tensor, v: Tensor) -> Mapping[str, Weight]:
        if not self.relative:
            return {}
        size = self._windows(q).size
        return {
            "bias_table": Weight((prod(2 * length - 1 for length in size), self.heads)),
            "bias_index": Weight((prod(size), prod(size)), learned=False, saved=False),
        }

    def scratch(self, q: Tensor, k: Tensor, v: Tensor) -> Store:
        return self._memory(q, k, v).scratch()

    def keeps(self, q: Tensor, k: Tensor, v: Tensor) -> Kept:
        return self._memory(q, k, v).keeps()

    def _memory(self, q: Tensor, k: Tensor, v: Tensor) -> AttendMemory:
        heads, learned, mask = self._heads(q, k, v), 0, 0
        if self.windows is not None:
            window = prod(self._windows(q).size)
            learned = self.heads * window**2 if self.relative else 0
            mask = q.size // q.channels * window if self._is_cut(q) else 0
        return AttendMemory(
            q.size,
            k.size,
            v.size,
            self.shape(q, k, v).size,
            heads=self.heads,
            shared=heads.shared,
            size=heads.size,
            wide=heads.wide,
            queries=q.size // q.channels,
            keys=k.size // k.channels,
            scores=self._scores(q, k),
            causal=self.causal,
            dropout=bool(self.dropout),
            copied=_has_maps(q, k),
            windows=self.windows is not None,
            biased=self.relative,
            bias=self.heads * mask if self.relative and mask else learned or mask,
            mask=mask,
        )

    def cache(self, q: Tensor, k: Tensor, v: Tensor) -> int:
        return k.size + v.size if self.causal else 0

    def window(self, q: Tensor, k: Tensor, v: Tensor) -> Window | None:
        if self.windows is not None and not self.grid:
            ones = (1,) * len(q.spatial)
            return Tiles(ones, ones, ones, ((0, 0),) * len(ones), tiles=self._windows(q), lengths=q.spatial)
        return so_far(q) if self.causal else whole(q)

    def told(self) -> tuple[str, ...]:
        heads = "1 head" if self.heads == 1 else f"{self.heads} heads"
        if self.windows is None:
            return (heads, "masked") if self.causal else (heads,)
        size = (self.windows, self.windows) if isinstance(self.windows, int) else self.windows
        shift = (self.shift,) if isinstance(self.shift, int) else self.shift
        shape = f"{'×'.join(map(str, size))} {'grid' if self.grid else 'windows'}"
        return heads, shape, *([f"shifted {'×'.join(map(str, shift))}"] if any(shift) else [])

    def layout_for(self, q: Tensor, k: Tensor, v: Tensor) -> Layout:
        return "first" if _has_maps(q, k) and self.windows is None else "last"

    def torch(self, q: Tensor, k: Tensor, v: Tensor) -> Module:
        grouped = self._heads(q, k, v).shared < self.heads, False
        scale, dropout = (self.scale, None), (self.dropout, 0.0)
        if self.windows is not None:
            windows = self._windows(q)
            return Module.of(
                "WindowAttend",
                self.heads,
                compact(windows.size),
                support=WINDOW_ATTEND,
                shift=(compact(spread(self.shift, q, "shift")), 0),
                grid=(self.grid, False),
                relative=(self.relative, False),
                grouped=grouped,
                scale=scale,
                dropout=dropout,
            )
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
        image = Tensor(24, 8, 12)
        yield Example(cls(heads=3, windows=4, shift=2, relative=True), (image, image, image), image)
        yield Example(cls(heads=4, windows=(4, 6), grid=True), (image, Tensor(12, 8, 12), Tensor(12, 8, 12)), image)
        yield Example(cls(heads=2, windows=2, shift=1), (image, image, image), image)
        yield Example(cls(windows=(4, 12), shift=(1, 5)), (image, image, Tensor(48, 8, 12)), Tensor(48, 8, 12))
        yield Example(cls(heads=2, windows=4, relative=True, dropout=0.1), (image, image, image), image)
        yield Example(cls(heads=6, causal=True), (Tensor(24, 9), Tensor(12, 9), Tensor(24, 9)), Tensor(48, 9))
        yield Example(cls(dropout=0.2), (x, other, other), x)
        yield Example(cls(scale=1.0, dropout=0.5), (Tensor(8, 3, 4), Tensor(8, 7), Tensor(8, 7)), Tensor(8, 3, 4))
        yield Example(cls(scale=1.0), (Tensor(32, 5, 6), Tensor(32, 5, 6), Tensor(32, 5, 6)), Tensor(32, 5, 6))
