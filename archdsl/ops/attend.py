"""Attention: each position asks all positions of a value, and takes from each as much as it answers."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from math import prod
from typing import Annotated, NamedTuple

from pydantic import Field

from archdsl.ops.arguments import (
    UNUSUAL_DROP,
    Count,
    Like,
    Mismatch,
    Pixels,
    Probability,
    Size,
    compact,
    divisors,
    spread,
    times,
)
from archdsl.ops.attend_memory import AttendMemory
from archdsl.ops.attend_modules import ATTEND, BIASED_ATTEND, BIASED_MAP_ATTEND, MAP_ATTEND
from archdsl.ops.attend_nodes import Grouped, Tiling, attend_first, attend_last, attend_windows, causal
from archdsl.ops.base import Example, Family, Kept, Module, Nodes, Op, Rest, Store, Weight, Window
from archdsl.ops.clip_windows import CLIP_WINDOW_ATTEND
from archdsl.ops.costs import product
from archdsl.ops.registry import register
from archdsl.ops.spatial import so_far, whole
from archdsl.ops.windows import WINDOW_ATTEND, Tiles, Windows
from archdsl.tensor import Layout, Tensor


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
    large as the map is not), or spread as a grid (Tu et al. 2022, MaxViT). Windows of clips are some frames long (Liu
    et al. 2022, Video Swin). The projections are steps of their own:
    `linear(3 * width) -> split(3) -> attend(12) -> linear(width)`.

    A bias is added to the scores before the softmax: a value of heads x queries x keys, which `learned` declares, or
    `bucket_bias` or `offset_bias` makes.
    """

    name = "attend"
    short = "Attention"
    family = Family.ATTENTION
    roles = ("q", "k", "v", "bias")
    operands = frozenset({"bias"})

    heads: Count = Field(default=1, description="how many parts of the channels attend, each by itself")
    causal: bool = Field(default=False, description="a position sees itself and those before it alone")
    windows: Size | None = Field(default=None, description="attend inside windows of this size; unset: everywhere")
    shift: Pixels = Field(
        default=0, description="pixels by which the windows are moved: down and right; in a clip first by frames"
    )
    grid: bool = Field(default=False, description="the positions of a window are spread over the whole map, as a grid")
    relative: bool = Field(default=False, description="learn a bias for each head and distance inside a window")
    bias: Like | None = Field(default=None, description="heads x queries x keys: added to the scores")
    scale: float | None = Field(
        default=None, description="what the scores are multiplied by; unset: 1 / root of a head's channels"
    )
    dropout: Annotated[Probability, UNUSUAL_DROP] = Field(
        default=0.0, description="probability that a position is not seen while training"
    )

    def shape(self, q: Tensor, k: Tensor, v: Tensor, bias: Tensor | None = None) -> Tensor:
        for tensor in (q, k, v):
            if not tensor.spatial:
                raise Mismatch(
                    f"`attend` takes channels x length, or channels x height x width, got the vector {tensor}",
                    code="wrong-rank",
                )
        if k.spatial != v.spatial:
            message = f"each key has a value, but the keys are {k} and the values {v}"
            raise Mismatch(message, help="take keys and values from the same value, as `CrossAttention` does")
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
        self._check_bias(q, k, bias)
        heads = self._heads(q, k, v)
        channels = q.channels if v.channels == k.channels else self.heads * heads.wide
        return Tensor(channels, *q.spatial)

    def _check_bias(self, q: Tensor, k: Tensor, bias: Tensor | None) -> None:
        if bias is None:
            return
        if self.windows is not None:
            message = "inside windows, `bias` has no place: `relative=true` learns one"
            raise Mismatch(message, argument="bias", code="bad-choice", help="write `relative=true` instead of `bias`")
        wanted = (self.heads, q.size // q.channels, k.size // k.channels)
        if bias.dims != wanted:
            raise Mismatch(
                f"the bias is {bias}, and {self.heads} heads of {wanted[1]} queries and {wanted[2]} keys have "
                f"{times(wanted)} scores",
                argument="bias",
                help=f"give the bias the shape {times(wanted)}: heads x queries x keys",
            )

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
        if self.grid and q.rank > 3:
            message = f"a grid spans a map, got the clip {q}"
            raise Mismatch(message, argument="grid", code="wrong-rank", help="leave out `grid`")
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

    def macs(self, q: Tensor, k: Tensor, v: Tensor, bias: Tensor | None = None) -> int:
        heads = self._heads(q, k, v)
        return self._scores(q, k) * (heads.size + heads.wide)

    def macs_working(self, q: Tensor, k: Tensor, v: Tensor, bias: Tensor | None = None) -> str:
        heads = self._heads(q, k, v)
        keys = k.spatial if self.windows is None else self._windows(q).size
        return product((self.heads, *q.spatial, *keys, f"({heads.size} + {heads.wide})"))

    def rest(self, q: Tensor, k: Tensor, v: Tensor, bias: Tensor | None = None) -> Rest:
        rule = "4 per score: its scale, and the softmax; 1 for a mask, 1 for a bias"
        biased = self.relative or bias is not None
        return Rest((4 + (self.causal or self._is_cut(q)) + biased) * self._scores(q, k), rule)

    def weights(self, q: Tensor, k: Tensor, v: Tensor, bias: Tensor | None = None) -> Mapping[str, Weight]:
        if not self.relative:
            return {}
        size = self._windows(q).size
        return {
            "bias_table": Weight((prod(2 * length - 1 for length in size), self.heads)),
            "bias_index": Weight((prod(size), prod(size)), learned=False, saved=False),
        }

    def scratch(self, q: Tensor, k: Tensor, v: Tensor, bias: Tensor | None = None) -> Store:
        return self._memory(q, k, v, bias).scratch()

    def keeps(self, q: Tensor, k: Tensor, v: Tensor, bias: Tensor | None = None) -> Kept:
        return self._memory(q, k, v, bias).keeps()

    def _memory(self, q: Tensor, k: Tensor, v: Tensor, bias: Tensor | None = None) -> AttendMemory:
        heads, mask = self._heads(q, k, v), self._mask(q)
        return AttendMemory(
            q.size,
            k.size,
            v.size,
            self.shape(q, k, v, bias).size,
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
            biased=self.relative or bias is not None,
            bias=self._added(q, bias),
            mask=mask,
        )

    def _mask(self, q: Tensor) -> int:
        """How many numbers the mask of windows has that are cut at the border."""
        return q.size // q.channels * prod(self._windows(q).size) if self._is_cut(q) else 0

    def _added(self, q: Tensor, bias: Tensor | None) -> int:
        """How many numbers the module makes that are added to the scores: a bias that is given is one only if a causal
        mask is added to it first."""
        if bias is not None:
            return bias.size if self.causal else 0
        mask = self._mask(q)
        if not self.relative:
            return mask
        return self.heads * (mask or prod(self._windows(q).size) ** 2)

    def cache(self, q: Tensor, k: Tensor, v: Tensor, bias: Tensor | None = None) -> int:
        return k.size + v.size if self.causal else 0

    def window(self, q: Tensor, k: Tensor, v: Tensor, bias: Tensor | None = None) -> Window | None:
        if self.windows is not None and not self.grid:
            ones = (1,) * len(q.spatial)
            return Tiles(ones, ones, ones, ((0, 0),) * len(ones), tiles=self._windows(q), lengths=q.spatial)
        return so_far(q) if self.causal else whole(q)

    def told(self, q: Tensor, k: Tensor, v: Tensor, bias: Tensor | None = None) -> tuple[str, ...]:
        heads = "1 head" if self.heads == 1 else f"{self.heads} heads"
        if self.windows is None:
            return (heads, "masked") if self.causal else (heads,)
        size = spread(self.windows, q, "windows")
        shift = (self.shift,) if isinstance(self.shift, int) else self.shift
        shape = f"{'×'.join(map(str, size))} {'grid' if self.grid else 'windows'}"
        return heads, shape, *([f"shifted {'×'.join(map(str, shift))}"] if any(shift) else [])

    def layout_for(self, q: Tensor, k: Tensor, v: Tensor, bias: Tensor | None = None) -> Layout:
        return "first" if _has_maps(q, k) and self.windows is None else "last"

    def layout_of(self, place: int, q: Tensor, k: Tensor, v: Tensor, bias: Tensor | None = None) -> Layout:
        return "first" if place == 3 else self.layout_for(q, k, v)

    def torch(self, q: Tensor, k: Tensor, v: Tensor, bias: Tensor | None = None) -> Module:
        grouped = self._heads(q, k, v).shared < self.heads, False
        scale, dropout = (self.scale, None), (self.dropout, 0.0)
        if self.windows is not None:
            windows, shift = self._windows(q).size, spread(self.shift, q, "shift")
            is_map = q.rank == 3
            support = WINDOW_ATTEND if is_map else CLIP_WINDOW_ATTEND
            return Module.of(
                support.name,
                self.heads,
                compact(windows) if is_map else windows,
                support=support,
                shift=(compact(shift), 0) if is_map else (shift, (0, 0, 0)),
                grid=(self.grid, False),
                relative=(self.relative, False),
                grouped=grouped,
                scale=scale,
                dropout=dropout,
            )
        if _has_maps(q, k):
            support = MAP_ATTEND if bias is None else BIASED_MAP_ATTEND
            return Module.of(support.name, self.heads, support=support, grouped=grouped, scale=scale, dropout=dropout)
        support, causal = ATTEND if bias is None else BIASED_ATTEND, (self.causal, False)
        return Module.of(
            support.name, self.heads, support=support, grouped=grouped, causal=causal, scale=scale, dropout=dropout
        )

    def onnx(self, to: Nodes, q: Tensor, k: Tensor, v: Tensor, bias: Tensor | None = None) -> str:
        heads = self._heads(q, k, v)
        grouped = Grouped(self.heads, heads.shared, heads.size**-0.5 if self.scale is None else self.scale)
        if self.windows is not None:
            tiling = Tiling(q.spatial, self._windows(q), self.grid)
            return attend_windows(to, q, v, grouped, tiling, self.relative)
        added = [causal(to, q.spatial[0])] if self.causal else []
        if bias is not None:
            added.append(to[3] if len(grouped.dims) == 1 else to.reshape(to[3], 0, *grouped.dims, *bias.spatial))
        return (attend_last if q.last else attend_first)(to, q, v, grouped, *added)

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
        clip = Tensor(12, 4, 6, 4)
        yield Example(cls(heads=3, windows=2, shift=1, relative=True), (clip, clip, clip), clip)
        yield Example(
            cls(heads=2, windows=(4, 3, 2), shift=(2, 0, 1)), (clip, clip, Tensor(24, 4, 6, 4)), Tensor(24, 4, 6, 4)
        )
        yield Example(cls(heads=6, causal=True), (Tensor(24, 9), Tensor(12, 9), Tensor(24, 9)), Tensor(48, 9))
        yield Example(cls(dropout=0.2), (x, other, other), x)
        yield Example(cls(heads=4, bias="like"), (x, other, other, Tensor(4, 12, 7)), x)
        yield Example(cls(heads=2, causal=True, bias="like"), (other, other, other, Tensor(2, 7, 7)), other)
        yield Example(cls(scale=1.0, dropout=0.5), (Tensor(8, 3, 4), Tensor(8, 7), Tensor(8, 7)), Tensor(8, 3, 4))
        yield Example(cls(scale=1.0), (Tensor(32, 5, 6), Tensor(32, 5, 6), Tensor(32, 5, 6)), Tensor(32, 5, 6))
        small, wide = Tensor(8, 2, 3), Tensor(16, 4, 6)
        yield Example(cls(bias="like"), (small, Tensor(8, 4, 6), wide, Tensor(1, 6, 24)), Tensor(16, 2, 3))
        few = Tensor(8, 5), Tensor(4, 5), Tensor(4, 5), Tensor(4, 5, 5)
        yield Example(cls(heads=4, causal=True, bias="like", dropout=0.1), few, Tensor(8, 5))
