"""Ops between maps and sequences: channels x length, whose positions are called tokens."""

from __future__ import annotations

from collections.abc import Iterator

from pydantic import Field

from archdsl.ops.arguments import LIMIT, Mismatch
from archdsl.ops.base import Example, Expression, Family, Nodes, View, Window
from archdsl.ops.registry import register
from archdsl.tensor import Layout, Tensor


@register
class Tokens(View):
    """The pixels of a map as a sequence, row by row: C x H x W becomes C x H·W (Dosovitskiy et al. 2021).

    The pixels of a clip, C x T x H x W, follow each other frame by frame.
    """

    name = "tokens"
    family = Family.RESHAPE
    keeps_order = True

    def shape(self, x: Tensor) -> Tensor:
        if x.rank not in (3, 4):
            help = "leave it out: channels x length is a sequence already" if x.rank == 2 else None
            found = f"the vector {x}" if x.rank == 1 else str(x)
            raise Mismatch(f"`tokens` takes channels x height x width, got {found}", code="wrong-rank", help=help)
        return Tensor(x.channels, x.size // x.channels)

    def layout(self) -> Layout:
        return "either"

    def torch(self, x: Tensor) -> Expression:
        return Expression("{0}.flatten(1, -2)" if x.last else "{0}.flatten(2)")

    def onnx(self, to: Nodes, x: Tensor) -> str:
        return to.reshape(to[0], 0, -1, x.channels) if x.last else to.reshape(to[0], 0, x.channels, -1)

    @classmethod
    def examples(cls) -> Iterator[Example]:
        yield Example(cls(), (Tensor(768, 14, 14),), Tensor(768, 196))
        yield Example(cls(), (Tensor(8, 4, 3, 5),), Tensor(8, 60))


@register
class Token(View):
    """One position of a sequence: C x L becomes the vector C."""

    name = "token"
    family = Family.RESHAPE

    index: int = Field(ge=-LIMIT, le=LIMIT, description="which position, counted from 0; -1 is the last one")

    def shape(self, x: Tensor) -> Tensor:
        if x.rank != 2:
            help = f"put `tokens` before it: `tokens -> token({self.index})`"
            if x.rank == 1:
                help = "leave it out: a vector is one position already"
            found = f"the vector {x}" if x.rank == 1 else str(x)
            raise Mismatch(f"`token` takes channels x length, got {found}", code="wrong-rank", help=help)
        if not -x.spatial[0] <= self.index < x.spatial[0]:
            raise Mismatch(
                f"there is no token {self.index} in {x}: its {x.spatial[0]} tokens are counted from 0",
                argument="index",
                code="out-of-bounds",
                help="write `token(-1)` for the last one",
            )
        return Tensor(x.channels)

    def window(self, x: Tensor) -> Window:
        return Window((1,), (1,), (1,), ((-(self.index % x.spatial[0]), 0),))

    def layout(self) -> Layout:
        return "either"

    def torch(self, x: Tensor) -> Expression:
        return Expression("{0}[:, {index}]" if x.last else "{0}[:, :, {index}]", values=(("index", self.index),))

    def onnx(self, to: Nodes, x: Tensor) -> str:
        return to("Gather", to[0], to.places([self.index]), axis=1 if x.last else 2)

    @classmethod
    def examples(cls) -> Iterator[Example]:
        yield Example(cls(index=0), (Tensor(768, 197),), Tensor(768))
        yield Example(cls(index=-1), (Tensor(300, 16),), Tensor(300))
