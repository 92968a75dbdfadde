"""What enters a network."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated

from pydantic import BeforeValidator, Field

from archdsl.ops.arguments import Count
from archdsl.ops.base import Example, Expression, Family, Rearrangement, register
from archdsl.tensor import Kind, Tensor


def _as_tuple(value: object) -> object:
    return tuple(value) if isinstance(value, list) else value


@register
class Input(Rearrangement):
    """A value from outside. Specs declare inputs; they do not call this."""

    name = "input"
    family = Family.INPUT
    internal = True

    dims: Annotated[tuple[Count, ...], Field(min_length=1), BeforeValidator(_as_tuple)] = Field(
        description="channels first: 3x224x224; a length for tokens"
    )
    kind: Kind = Field(default="float", description="numbers, or tokens (int)")

    def shape(self) -> Tensor:
        return Tensor(*self.dims, kind=self.kind)

    def torch(self) -> Expression:
        raise AssertionError("an input is an argument of `forward` and is not emitted as an op")

    @classmethod
    def examples(cls) -> Iterator[Example]:
        yield Example(cls(dims=(3, 224, 224)), (), Tensor(3, 224, 224))
        yield Example(cls(dims=(128,), kind="int"), (), Tensor(128, kind="int"))
