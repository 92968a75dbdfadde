"""Ops of emitted code alone, which rearrange a value without computing anything."""

from __future__ import annotations

from collections.abc import Iterator

from archdsl.ops.base import Example, Expression, Family, View
from archdsl.tensor import Layout, Tensor


class Expanded(View):
    """A learned value, whose batch is 1, for a whole batch. The second input lends the size of its batch."""

    name = "expanded"
    family = Family.RESHAPE
    internal = True

    def shape(self, x: Tensor, batched: Tensor) -> Tensor:
        return x

    def layout(self) -> Layout:
        return "either"

    def layout_of(self, place: int, x: Tensor, batched: Tensor) -> Layout | None:
        return "either" if place == 0 else None

    def torch(self, x: Tensor, batched: Tensor) -> Expression:
        return Expression(f"{{0}}.expand({{1}}.shape[0]{', -1' * x.rank})")

    @classmethod
    def examples(cls) -> Iterator[Example]:
        yield Example(cls(), (Tensor(768, 1), Tensor(768, 196)), Tensor(768, 1))
        yield Example(cls(), (Tensor(10), Tensor(3, 32, 32)), Tensor(10))


class Moved(View):
    """A value with its channels moved behind its positions, or back in front of them."""

    name = "moved"
    family = Family.RESHAPE
    internal = True

    to_last: bool

    def shape(self, x: Tensor) -> Tensor:
        return Tensor(*x.dims, last=self.to_last)

    def layout(self) -> Layout:
        return "either"

    def torch(self, x: Tensor) -> Expression:
        if x.rank == 2:
            return Expression("{0}.transpose(1, 2)")
        return Expression("{0}.movedim(1, -1)" if self.to_last else "{0}.movedim(-1, 1)")

    @classmethod
    def examples(cls) -> Iterator[Example]:
        yield Example(cls(to_last=True), (Tensor(768, 197),), Tensor(768, 197, last=True))
        yield Example(cls(to_last=False), (Tensor(96, 7, 7, last=True),), Tensor(96, 7, 7))
