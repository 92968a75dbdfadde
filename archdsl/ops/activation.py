"""Elementwise non-linearities."""

from __future__ import annotations

from collections.abc import Iterator
from typing import ClassVar

from archdsl.ops.base import Example, Family, Module, Stateless, register
from archdsl.tensor import Tensor


class Activation(Stateless):
    """Keeps the shape, learns nothing; what differs is the PyTorch module."""

    family: ClassVar[Family] = Family.ACTIVATION

    def shape(self, x: Tensor) -> Tensor:
        return x


@register
class Relu(Activation):
    """max(x, 0)."""

    name = "relu"

    def torch(self, x: Tensor) -> Module:
        return Module("nn.ReLU", inplace=True)

    @classmethod
    def examples(cls) -> Iterator[Example]:
        yield Example(cls(), (Tensor(64, 56, 56),), Tensor(64, 56, 56))
        yield Example(cls(), (Tensor(10),), Tensor(10))
