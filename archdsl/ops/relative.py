"""Biases of attention that depend on how far apart a query and a key are, looked up in a learned table."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from math import prod
from typing import ClassVar

from pydantic import Field

from archdsl.ops.arguments import Count, Mismatch
from archdsl.ops.attend_nodes import offsets
from archdsl.ops.base import Example, Family, Kept, Module, Nodes, Rearrangement, Store, Support, Weight
from archdsl.ops.initialize import Normal, Weights, starts
from archdsl.ops.registry import register
from archdsl.tensor import Layout, Tensor

BUCKET_SOURCE = '''\
class BucketBias(nn.Module):
    """A learned number for each head and bucket of distances: batch, heads, queries, keys.

    Half of the buckets hold one distance each. Those for farther ones grow by the same factor
    from bucket to bucket, and the last one holds all from `farthest` on.
    """

    def __init__(self, heads, buckets, farthest=128, causal=False, axis=1):
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(buckets, heads))
        self.causal = causal
        self.axis = axis  # that of the positions
        self.count = buckets if causal else buckets // 2  # else as many for keys after the query
        self.near = self.count // 2
        far = self.count - self.near
        self.borders = [self.near * (farthest / self.near) ** (i / far) for i in range(1, far)]

    def forward(self, x):
        length = x.shape[self.axis]
        after = torch.arange(1 - length, length, device=x.device)  # from the query to the key
        row = self.weight[self.bucket(after)].T
        return row.unfold(1, length, 1).flip(1).expand(x.shape[0], -1, -1, -1)

    def bucket(self, after):
        distance = (-after).clamp(min=0) if self.causal else after.abs()
        bucket = distance.clamp(max=self.near)
        for border in self.borders:
            bucket = bucket + (distance >= border)
        return bucket if self.causal else bucket + self.count * (after > 0)
'''

BUCKET_BIAS = Support(
    "BucketBias",
    BUCKET_SOURCE,
    cached=BUCKET_SOURCE.replace(
        "        length = x.shape[self.axis]\n",
        "        # The queries are the positions after those that are cached; the keys are all of them.\n"
        "        past = 0 if Cache.active is None else Cache.active.length\n"
        "        length = past + x.shape[self.axis]\n",
    ).replace(".flip(1).expand", ".flip(1)[:, past:].expand"),
)


OFFSET_BIAS = Support(
    "OffsetBias",
    '''\
class OffsetBias(nn.Module):
    """A learned number for each head and offset of two positions: batch, heads, queries, keys.

    With a class token in front of the positions, three more: for what it asks of the others, for
    what they ask of it, and for what it asks of itself.
    """

    def __init__(self, heads, height, width, class_token=False):
        super().__init__()
        self.height = height
        self.width = width
        self.class_token = class_token
        self.offsets = (2 * height - 1) * (2 * width - 1)
        self.weight = nn.Parameter(torch.zeros(self.offsets + 3 * class_token, heads))

    def forward(self, x):
        # Turned round, the table has the offsets from a query to all keys side by side.
        table = self.weight[: self.offsets].T.unflatten(1, (-1, 2 * self.width - 1)).flip(1, 2)
        bias = table.unfold(1, self.height, 1).unfold(2, self.width, 1).flip(1, 2)
        bias = bias.flatten(1, 2).flatten(2)
        if self.class_token:
            asks, asked, itself = self.weight[-3:].unsqueeze(-1).unsqueeze(-1).unbind(0)
            first = torch.cat([itself, asks.expand(-1, -1, bias.shape[2])], dim=2)
            others = torch.cat([asked.expand(-1, bias.shape[1], -1), bias], dim=2)
            bias = torch.cat([first, others], dim=1)
        return bias.expand(x.shape[0], -1, -1, -1)
''',
)


class _TableBias(Rearrangement):
    """A bias of heads x queries x keys for the positions of a value, of which it reads the shape alone."""

    family: ClassVar[Family] = Family.EMBED
    takes: ClassVar[None] = None
    reads_shape_alone: ClassVar[bool] = True

    heads: Count = Field(description="how many numbers a distance has: one for each head")

    def _count(self, x: Tensor) -> int:
        """How many rows the table has."""
        raise NotImplementedError

    def weights(self, x: Tensor) -> Mapping[str, Weight]:
        return {"weight": Weight((self._count(x), self.heads))}

    def layout_of(self, place: int, x: Tensor) -> Layout | None:
        return None

    def _looked_up(self, to: Nodes, table: str, rows: str) -> str:
        """The bias as an ONNX node: for each query and key a row of the table, which has a number for each head."""
        return to.unsqueeze(to.transpose(to("Gather", table, rows, axis=0), 2, 0, 1), 0)


@register
class BucketBias(_TableBias):
    """A bias of attention by the distance of two positions of a sequence, in buckets (Raffel et al. 2020, T5).

    Half of the buckets hold one distance each: 0, 1, 2 ... Those of farther distances grow by the same factor from one
    to the next, and the last one holds all from `farthest` on. Keys after the query have as many buckets as those
    before it; with `causal` all buckets are for those before it. It is made once and read by all layers:
    `path near = tokens -> bucket_bias(8)`, then `attend(8, bias=near)`.
    """

    name = "bucket_bias"

    buckets: Count = Field(default=32, description="how many distances are told apart")
    farthest: Count = Field(default=128, description="from this distance on, all are one bucket")
    causal: bool = Field(default=False, description="no bucket is for keys after the query, which does not see them")
    init: Weights = Field(default=None, description="initial values; unset: 0")

    def shape(self, x: Tensor) -> Tensor:
        if not (x.rank == 2 or (x.kind == "int" and x.rank == 1)):
            raise Mismatch(
                f"`bucket_bias` takes channels x length, or tokens, got {x}",
                code="wrong-rank",
                help="put `tokens` before it: pixels are then numbered row by row" if x.rank > 2 else None,
            )
        least = 2 if self.causal else 4
        if self.buckets < least or self.buckets % (least // 2):
            raise Mismatch(
                f"{self.buckets} buckets are not at least {least}"
                if self.buckets < least
                else f"{self.buckets} buckets are not as many for keys before the query as for those after it",
                argument="buckets",
                code="bad-choice",
                help=f"write `buckets={max(least, self.buckets + 1)}`",
            )
        if self.farthest <= self._near:
            raise Mismatch(
                f"the first {self._near} distances have a bucket each, so the last bucket cannot begin at "
                f"{self.farthest}",
                argument="farthest",
                code="bad-choice",
                help=f"write `farthest={4 * self._near}`",
            )
        (length,) = self._positions(x)
        return Tensor(self.heads, length, length)

    @property
    def _near(self) -> int:
        """How many distances have a bucket of their own."""
        return (self.buckets if self.causal else self.buckets // 2) // 2

    def buckets_of(self, length: int) -> tuple[int, ...]:
        """The bucket of each distance from a query to a key, from 1 - length to length - 1."""
        count, near = (self.buckets if self.causal else self.buckets // 2), self._near
        borders = [float(near * (self.farthest / near) ** (i / (count - near))) for i in range(1, count - near)]

        def bucket(after: int) -> int:
            distance = max(-after, 0) if self.causal else abs(after)
            is_other_half = after > 0 and not self.causal
            return min(distance, near) + sum(distance >= border for border in borders) + count * is_other_half

        return tuple(map(bucket, range(1 - length, length)))

    def _positions(self, x: Tensor) -> tuple[int, ...]:
        return x.dims if x.kind == "int" else x.spatial

    def _count(self, x: Tensor) -> int:
        return self.buckets

    def scratch(self, x: Tensor) -> Store:
        """The numbers of all distances by head, and the distances."""
        distances = 2 * self._positions(x)[0] - 1
        return Store(self.heads * distances, indices=distances)

    def keeps(self, x: Tensor) -> Kept:
        return Kept(once=Store(indices=2 * self._positions(x)[0] - 1))

    def initialize(self, target: str) -> tuple[str, ...]:
        return starts(target, self.init, bias=False)

    def torch(self, x: Tensor) -> Module:
        return Module.of(
            "BucketBias",
            self.heads,
            self.buckets,
            support=BUCKET_BIAS,
            farthest=(self.farthest, 128),
            causal=(self.causal, False),
            axis=(1 if x.kind == "int" or x.last else 2, 1),
        )

    def onnx(self, to: Nodes, x: Tensor) -> str:
        (length,) = self._positions(x)
        buckets = [self._bucket(after) for after in range(1 - length, length)]
        table = to("Gather", to.weight(), to.ints(*buckets), axis=0)  # a row for each distance
        queries = to.places(range(length - 1, -1, -1), (length, 1))
        return self._looked_up(to, table, to("Add", queries, to.places(range(length), (1, length))))

    def _bucket(self, after: int) -> int:
        """The bucket of a key that lies so many positions after the query."""
        count = self.buckets if self.causal else self.buckets // 2
        distance, far = max(-after, 0) if self.causal else abs(after), count - self._near
        borders = [self._near * math.pow(self.farthest / self._near, i / far) for i in range(1, far)]
        bucket = min(distance, self._near) + sum(distance >= border for border in borders)
        return bucket if self.causal or after <= 0 else bucket + count

    @classmethod
    def examples(cls) -> Iterator[Example]:
        tokens = Tensor(12, kind="int")
        yield Example(cls(heads=8), (tokens,), Tensor(8, 12, 12))
        yield Example(
            cls(heads=4, buckets=6, farthest=9, causal=True, init=Normal(std=0.02)),
            (Tensor(16, 11),),
            Tensor(4, 11, 11),
        )


@register
class OffsetBias(_TableBias):
    """A bias of attention by how far a key lies from the query in each direction, on a map of this size.

    Every offset between two positions has a number for each head (Liu et al. 2021; Bao et al. 2022, BEiT). With
    `class_token` there is one more position, in front of the others, and three more numbers: for what that token asks
    of the others, for what they ask of it, and for what it asks of itself. `attend(relative=true)` has the same inside
    of windows.
    """

    name = "offset_bias"

    class_token: bool = Field(default=False, description="one more position, in front of those of the map")
    init: Weights = Field(default=None, description="initial values; unset: 0")

    def shape(self, x: Tensor) -> Tensor:
        if len(x.dims if x.kind == "int" else x.spatial) not in (1, 2):
            raise Mismatch(f"`offset_bias` takes a map or a sequence, got {x}", code="wrong-rank")
        positions = prod(self._size(x)) + self.class_token
        return Tensor(self.heads, positions, positions)

    def _size(self, x: Tensor) -> tuple[int, int]:
        """Height and width of the map; a sequence is a map of one row."""
        *height, width = x.dims if x.kind == "int" else x.spatial
        return (height[0] if height else 1), width

    def _count(self, x: Tensor) -> int:
        return prod(2 * length - 1 for length in self._size(x)) + 3 * self.class_token

    def learns_by_position(self) -> bool:
        return True

    def scratch(self, x: Tensor) -> Store:
        """The turned table. The bias of a map is copied, so that all keys of a query lie in one row. With a class
        token, what is put together: the bias without it, its row, and the other rows."""
        height, width = self._size(x)
        table, bias = (2 * height - 1) * (2 * width - 1), (height * width) ** 2
        if self.class_token:
            return Store(self.heads * (table + bias + (height * width + 1) ** 2))
        return Store(self.heads * (table + (bias if min(height, width) > 1 else 0)))

    def initialize(self, target: str) -> tuple[str, ...]:
        return starts(target, self.init, bias=False)

    def torch(self, x: Tensor) -> Module:
        height, width = self._size(x)
        token = self.class_token, False
        return Module.of("OffsetBias", self.heads, height, width, support=OFFSET_BIAS, class_token=token)

    def onnx(self, to: Nodes, x: Tensor) -> str:
        height, width = self._size(x)
        rows = offsets(to, height, width)
        if self.class_token:
            positions, table = height * width, self._count(x) - 3
            asked = to.places([table + 1] * positions, (positions, 1))
            first = to.places([table + 2, *[table] * positions], (1, positions + 1))
            rows = to("Concat", first, to("Concat", asked, rows, axis=1), axis=0)
        return self._looked_up(to, to.weight(), rows)

    @classmethod
    def examples(cls) -> Iterator[Example]:
        yield Example(cls(heads=3), (Tensor(16, 4, 5),), Tensor(3, 20, 20))
        yield Example(cls(heads=4, class_token=True), (Tensor(24, 3, 4),), Tensor(4, 13, 13))
        yield Example(cls(heads=2, init=Normal(std=0.02)), (Tensor(8, 7),), Tensor(2, 7, 7))
