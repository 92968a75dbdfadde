"""A learned value, which no input makes: a class token, a table of positions, the queries of a detector."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from pydantic import Field

from archdsl.ops.arguments import Dims
from archdsl.ops.base import NOTHING, Example, Family, Module, Nodes, Op, Rest, Weight
from archdsl.ops.initialize import Normal, Ones, Weights, Zeros
from archdsl.ops.registry import register
from archdsl.tensor import Layout, Tensor


@register
class Learned(Op):
    """A learned value of a given shape, the same for every sample. Specs declare one by `learned`.

    Its name in the state dict is the name that the spec gives it. The first axis is the batch, of size 1.
    """

    name = "learned"
    family = Family.EMBED
    internal = True
    is_held = True
    backward_needs_output = True

    dims: Dims = Field(description="channels first: 768x197")
    init: Weights = Field(default=None, description="initial values; unset: 0")

    def shape(self) -> Tensor:
        return Tensor(*self.dims)

    def weights(self) -> Mapping[str, Weight]:
        return {"": Weight(self._stored(), factors=self.dims)}

    def _stored(self) -> tuple[int, ...]:
        """The shape of the parameter: channels x length is held with the channels last, as transformers do."""
        channels, *spatial = self.dims
        return (1, *spatial, channels) if self.layout() == "last" else (1, channels, *spatial)

    def rest(self) -> Rest:
        return NOTHING

    def layout(self) -> Layout:
        return "last" if len(self.dims) == 2 else "first"

    def torch(self) -> Module:
        match self.init:
            case None | Zeros():
                return Module("torch.zeros", self._stored(), around="nn.Parameter({})")
            case Ones():
                return Module("torch.ones", self._stored(), around="nn.Parameter({})")
            case rule:
                return Module("torch.empty", self._stored(), around=f"nn.Parameter({rule.statement('{}')})")

    def onnx(self, to: Nodes) -> str:
        return to.weight("")

    @classmethod
    def examples(cls) -> Iterator[Example]:
        yield Example(cls(dims=(768, 197), init=Normal(std=0.02)), (), Tensor(768, 197))
        yield Example(cls(dims=(128, 1, 50)), (), Tensor(128, 1, 50))
        yield Example(cls(dims=(64,), init=Ones()), (), Tensor(64))
