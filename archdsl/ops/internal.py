"""Ops that nobody writes: a network's inputs, and operations of imported networks that the language lacks."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Annotated

from pydantic import BeforeValidator, Field

from archdsl.ops.arguments import LIMIT, Dims
from archdsl.ops.base import Example, Expression, Family, Mismatch, Op, Rearrangement, Rest, Weight, Working
from archdsl.ops.registry import register
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


def _as_shapes(value: object) -> object:
    """A list of shapes. A number is a vector, in the list or alone."""
    if type(value) is int:
        return ((value,),) if value else ()
    tuples = _as_tuples(value)
    return tuple((one,) if type(one) is int else one for one in tuples) if isinstance(tuples, tuple) else tuples


Dimensions = tuple[Annotated[int, Field(ge=0, le=LIMIT)], ...]
Shapes = Annotated[tuple[Dimensions, ...], BeforeValidator(_as_shapes)]
"""Shapes without the batch: `[64x7x7, 64]`."""

RESHAPES = frozenset({"view", "reshape", "_unsafe_view", "flatten", "unflatten", "squeeze", "unsqueeze"})
"""PyTorch's operations that give the same numbers in the same order, but in another shape."""


@register
class Opaque(Op):
    """An operation of PyTorch that the language lacks: its name, and what was measured when it was imported.

    What it gives is known for inputs of the recorded shapes alone.
    """

    name = "opaque"
    family = Family.OPAQUE
    takes = None
    without_onnx = "the language has no op for it, so nothing is known of what it computes"
    internal = True
    imported = True

    target: str = Field(description="PyTorch's name: aten.flip")
    inputs: Shapes | None = Field(default=None, description="the shape of each input; unset: any inputs")
    results: Shapes = Field(description="the shape of each output")
    kinds: Annotated[tuple[Kind, ...], BeforeValidator(_as_tuples)] = Field(
        default=(), description="kind of each output; empty: all are numbers"
    )
    arguments: str = Field(default="", description="its arguments besides the inputs: dims=[2]")
    parameters: Shapes = Field(default=(), description="the shapes of its learned weights")
    kept: Shapes = Field(default=(), description="the shapes of numbers that are kept but not learned")
    multiply_adds: int = Field(default=0, ge=0, description="for a batch of one")

    def shape(self, *inputs: Tensor) -> tuple[Tensor, ...]:
        kinds: tuple[Kind, ...] = self.kinds or tuple("float" for _ in self.results)
        if len(kinds) != len(self.results) or not self.results:
            raise Mismatch(f"{len(self.results)} results have {len(kinds)} kinds", argument="kinds")
        found = tuple(tensor.dims for tensor in inputs)
        if self.inputs is not None and found != self.inputs:
            got, known = (", ".join("x".join(map(str, dims)) for dims in each) for each in (found, self.inputs))
            raise Mismatch(
                f"`{self.target}` was imported with {known}, got {got}: what it gives then is not known",
                help="import the network anew, with --input for the size that is wanted",
            )
        return tuple(Tensor(*dims, kind=kind) for dims, kind in zip(self.results, kinds, strict=True))

    def arity(self) -> tuple[int, int | None]:
        return (0, None) if self.inputs is None else (len(self.inputs), len(self.inputs))

    def macs(self, *inputs: Tensor) -> int:
        return self.multiply_adds

    def weights(self, *inputs: Tensor) -> Mapping[str, Weight]:
        """Its weights. The names are made up, because those in PyTorch are not known."""
        learned = {f"learned{number}": Weight(dims) for number, dims in enumerate(self.parameters)}
        kept = {f"kept{number}": Weight(dims, learned=False) for number, dims in enumerate(self.kept)}
        return learned | kept

    def working(self, *inputs: Tensor) -> Working:
        """Empty: what the operation does with its weights is not known, so there is no arithmetic to show."""
        return Working()

    def rest(self, *inputs: Tensor) -> Rest:
        return Rest(0, "not counted")

    def torch(self, *inputs: Tensor) -> Expression:
        raise Mismatch(f"`{self.target}` has no op in the language, so it cannot be written as a module")

    @classmethod
    def examples(cls) -> Iterator[Example]:
        yield Example(
            cls(target="aten.flip", inputs=((64, 28, 28),), results=((64, 28, 28),), arguments="dims=[2]"),
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
            cls(
                target="aten.linear", results=((20, 16),), parameters=((16, 16), (16,)), kept=((3,),), multiply_adds=512
            ),
            (Tensor(20, 16),),
            (Tensor(20, 16),),
        )
