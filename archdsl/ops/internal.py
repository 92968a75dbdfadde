"""Ops that a spec cannot call: a network's inputs, and operations of imported networks that the language lacks."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Annotated

from pydantic import BeforeValidator, Field

from archdsl.ops.arguments import Dims
from archdsl.ops.base import Example, Expression, Family, Mismatch, Op, Rearrangement, Rest, Weight, Working, register
from archdsl.tensor import Kind, Tensor


@register
class Input(Rearrangement):
    """An input of the network. Specs declare inputs by `input`."""

    name = "input"
    family = Family.INPUT
    without_onnx = "it is an input of the file, and no node"
    internal = True
    is_held = True

    dims: Dims = Field(description="channels first: 3x224x224; a length for tokens")
    kind: Kind = Field(default="float", description="numbers, or tokens (int)")

    def shape(self) -> Tensor:
        return Tensor(*self.dims, kind=self.kind)

    def torch(self) -> Expression:
        raise AssertionError("an input is an argument of `forward` and is not emitted as an op")

    @classmethod
    def examples(cls) -> Iterator[Example]:
        yield Example(cls(dims=(3, 224, 224)), (), Tensor(3, 224, 224))
        yield Example(cls(dims=(128,), kind="int"), (), Tensor(128, kind="int"))


def _as_tuples(value: object) -> object:
    return tuple(map(_as_tuples, value)) if isinstance(value, list | tuple) else value


RESHAPES = frozenset({"view", "reshape", "_unsafe_view", "flatten", "unflatten", "squeeze", "unsqueeze"})
"""PyTorch's operations that give the same numbers in the same order, but in another shape."""


@register
class Opaque(Op):
    """An operation of PyTorch that the language lacks: its name, and what was measured when it was imported."""

    name = "opaque"
    family = Family.OPAQUE
    without_onnx = "the language has no op for it, so nothing is known of what it computes"
    internal = True

    target: str = Field(description="PyTorch's name: aten.flip")
    results: Annotated[tuple[tuple[int, ...], ...], BeforeValidator(_as_tuples)] = Field(
        description="dimensions of each output, without the batch"
    )
    kinds: Annotated[tuple[Kind, ...], BeforeValidator(_as_tuples)] = Field(
        default=(), description="kind of each output; empty: all are numbers"
    )
    arguments: str = Field(default="", description="its arguments besides the inputs: dims=[2]")
    parameters: int = Field(default=0, ge=0, description="learned numbers")
    kept: int = Field(default=0, ge=0, description="numbers that are kept but not learned")
    multiply_adds: int = Field(default=0, ge=0, description="for a batch of one")

    def shape(self, *inputs: Tensor) -> tuple[Tensor, ...]:
        kinds: tuple[Kind, ...] = self.kinds or tuple("float" for _ in self.results)
        return tuple(Tensor(*dims, kind=kind) for dims, kind in zip(self.results, kinds, strict=True))

    def macs(self, *inputs: Tensor) -> int:
        return self.multiply_adds

    def weights(self, *inputs: Tensor) -> Mapping[str, Weight]:
        """Its weights. The names are made up, because those in PyTorch are not known."""
        found = {"learned": Weight((self.parameters,)), "kept": Weight((self.kept,), learned=False)}
        return {name: weight for name, weight in found.items() if weight.size}

    def working(self, *inputs: Tensor) -> Working:
        """Empty: the weights were only counted when the network was imported, so there is no arithmetic to show."""
        return Working()

    def rest(self, *inputs: Tensor) -> Rest:
        return Rest(0, "not counted")

    def torch(self, *inputs: Tensor) -> Expression:
        raise Mismatch(f"`{self.target}` has no op in the language, so it cannot be written as a module")

    def _check_inputs(self, inputs: tuple[Tensor, ...]) -> None:
        """Accepts every number and kind of inputs, because they were recorded together with the operation."""

    @classmethod
    def examples(cls) -> Iterator[Example]:
        yield Example(
            cls(target="aten.flip", results=((64, 28, 28),), arguments="dims=[2]"),
            (Tensor(64, 28, 28),),
            (Tensor(64, 28, 28),),
        )
        ids = Tensor(5, kind="int")
        yield Example(
            cls(target="aten.topk", results=((5,), (5,)), kinds=("float", "int"), multiply_adds=0),
            (Tensor(10),),
            (Tensor(5), ids),
        )
        yield Example(
            cls(target="aten.linear", results=((20, 16),), parameters=272, kept=0, multiply_adds=5120),
            (Tensor(20, 16),),
            (Tensor(20, 16),),
        )
