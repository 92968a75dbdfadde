"""Recurrent layers that read each row, or each column, of a map by itself, which only imported networks have."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Annotated, ClassVar

from pydantic import Field

from archdsl.ops.arguments import UNUSUAL_DROP, Count, Mismatch, Probability
from archdsl.ops.base import Example, Family, Kept, Module, Nodes, Op, Rest, Store, Support, Weight, Window
from archdsl.ops.costs import product
from archdsl.ops.recurrent import Gru, Lstm, Recurrent
from archdsl.ops.registry import register
from archdsl.ops.windows import Tiles, Windows
from archdsl.tensor import Layout, Tensor

ALONG = '''\
class {name}Along(nn.{name}):
    """Reads along one dimension. Each place of the others begins a sequence of its own. Channels are last."""

    def __init__(self, channels, width, dim, num_layers=1, dropout=0.0, bidirectional=False):
        super().__init__(
            channels,
            width,
            num_layers=num_layers,
            batch_first=True,
            dropout=dropout,
            bidirectional=bidirectional,
        )
        self.dim = dim

    def forward(self, x):
        x = x.movedim(self.dim, -2)
        y, _ = super().forward(x.flatten(0, -3))
        return y.unflatten(0, x.shape[:-2]).movedim(-2, self.dim)
'''


class Along(Op):
    """A recurrent layer that reads a map, or a clip, along one of its dimensions, with the same weights everywhere.

    Its weights are those of the layer that reads one sequence, and have the same names.
    """

    family: ClassVar[Family] = Family.RECURRENT
    internal: ClassVar[bool] = True
    imported: ClassVar[bool] = True
    reader: ClassVar[type[Recurrent]]
    support: ClassVar[Support]

    width: Count = Field(description="numbers that are remembered, in each direction")
    dim: Annotated[int, Field(ge=2, le=4, description="the dimension to read along, with the batch as 0")]
    layers: Count = Field(default=1, description="layers on top of each other")
    bidirectional: bool = Field(default=False, description="whether a sequence is read backwards too")
    dropout: Annotated[Probability, UNUSUAL_DROP] = Field(
        default=0.0, description="probability that a number is dropped on its way from one layer to the next"
    )

    def depth(self) -> int:
        return self.layers

    def told(self, x: Tensor) -> tuple[str, ...]:
        return self._layer.told(self._sequence(x))

    @property
    def _layer(self) -> Recurrent:
        """The layer that reads one sequence."""
        return self.reader(**{name: value for name, value in self if name != "dim"})

    def _sequence(self, x: Tensor) -> Tensor:
        return Tensor(x.channels, x.dims[self.dim - 1])

    def _count(self, x: Tensor) -> int:
        """How many sequences there are."""
        return x.size // self._sequence(x).size

    def shape(self, x: Tensor) -> Tensor:
        if not 3 <= x.rank <= 4 or self.dim > x.rank:
            raise Mismatch(f"`{self.name}` reads a map or a clip along dimension {self.dim}, got {x}", argument="dim")
        return Tensor(self._layer.outputs(self._sequence(x))[0].channels, *x.spatial)

    def weights(self, x: Tensor) -> Mapping[str, Weight]:
        return self._layer.weights(self._sequence(x))

    def macs(self, x: Tensor) -> int:
        return self._count(x) * self._layer.macs(self._sequence(x))

    def macs_working(self, x: Tensor) -> str:
        one = self._layer.macs_working(self._sequence(x))
        return product((one if self.layers == 1 else f"({one})", self._count(x)))

    def remembered(self, x: Tensor) -> int:
        """How many numbers are remembered, over all positions, layers and directions."""
        return self._count(x) * self._layer.remembered(self._sequence(x))

    def rest(self, x: Tensor) -> Rest:
        return Rest(self._layer.operations * self.remembered(x), self._layer.rule)

    def window(self, x: Tensor) -> Window:
        """All positions of the row or column; in one direction, those before it alone are seen."""
        ones = (1,) * len(x.spatial)
        size = tuple(n if dim == self.dim else 1 for dim, n in enumerate(x.spatial, 2))
        tiles = Windows(size, (0,) * len(size))
        return Tiles(size, ones, ones, ((0, 0),) * len(size), tiles=tiles, lengths=x.spatial)

    def layout(self) -> Layout:
        return "last"

    def scratch(self, x: Tensor) -> Store:
        """At most what the layer holds for each sequence, and the input as it is read, unless it lies so."""
        one = self._layer.scratch(self._sequence(x)).numbers
        return Store(self._count(x) * one + (x.size if self.dim > 2 else 0))

    def keeps(self, x: Tensor) -> Kept:
        sequence = self._sequence(x)
        kept = self._layer.keeps(sequence)
        return Kept(further=Store(self._count(x) * (kept.further.numbers + len(kept.inputs) * sequence.size)))

    def torch(self, x: Tensor) -> Module:
        return Module.of(
            self.support.name,
            x.channels,
            self.width,
            self.dim - 1,
            support=self.support,
            num_layers=(self.layers, 1),
            dropout=(self.dropout, 0.0),
            bidirectional=(self.bidirectional, False),
        )

    def onnx(self, to: Nodes, x: Tensor) -> str:
        own = self.dim - 1
        order = (own, *(axis for axis in range(x.rank) if axis != own), x.rank)
        others = [n for dim, n in enumerate(x.spatial, 2) if dim != self.dim]
        sequences = to.reshape(to.transpose(to[0], *order), 0, -1, x.channels)
        read, _ = self._layer.read(to, sequences)
        apart = to.reshape(read, 0, -1, *others, self.shape(x).channels)
        return to.transpose(apart, *sorted(range(len(order)), key=order.__getitem__))

    @classmethod
    def examples(cls) -> Iterator[Example]:
        yield Example(cls(width=6, dim=3, bidirectional=True), (Tensor(8, 4, 5),), Tensor(12, 4, 5))
        yield Example(cls(width=6, dim=2, layers=2, dropout=0.5), (Tensor(8, 4, 5),), Tensor(6, 4, 5))
        yield Example(cls(width=3, dim=2), (Tensor(2, 4, 3, 5),), Tensor(3, 4, 3, 5))


@register
class LstmAlong(Along):
    """An LSTM that reads each row, or each column, of a map by itself (Tatsunami and Taki 2022, Sequencer)."""

    name = "lstm_along"
    short = "LSTM"
    reader = Lstm
    support = Support("LSTMAlong", ALONG.replace("{name}", "LSTM"))


@register
class GruAlong(Along):
    """A GRU that reads each row, or each column, of a map by itself."""

    name = "gru_along"
    short = "GRU"
    reader = Gru
    support = Support("GRUAlong", ALONG.replace("{name}", "GRU"))
