"""The embedding, which turns tokens into channels."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from pydantic import Field

from archdsl.ops.arguments import Count, Distance, Mismatch
from archdsl.ops.base import NOTHING, Example, Family, Kept, Module, Nodes, Op, Rest, Weight
from archdsl.ops.conv import Start
from archdsl.ops.initialize import Normal, starts
from archdsl.ops.registry import register
from archdsl.tensor import Layout, Tensor


@register
class Embed(Op):
    """A learned vector for every token of a vocabulary: length L in, width x L out.

    The vector of the token `padding`, with which texts are filled up to one length, starts at 0 and learns nothing.
    """

    name = "embedding"
    family = Family.EMBED
    takes = "int"

    count: Count = Field(description="tokens in the vocabulary")
    width: Count = Field(description="numbers for each token: the output channels")
    padding: Distance | None = Field(default=None, description="the token whose vector is not trained")
    init: Start = None

    def shape(self, tokens: Tensor) -> Tensor:
        if tokens.kind != "int" or tokens.rank != 1:
            raise Mismatch(f"`embedding` takes a sequence of tokens, got {tokens}", code="wrong-kind")
        if self.padding is not None and self.padding >= self.count:
            raise Mismatch(
                f"there is no token {self.padding} among {self.count} tokens, which are counted from 0",
                argument="padding",
                code="out-of-bounds",
                help=f"write `padding={self.count - 1}` for the last one",
            )
        return Tensor(self.width, *tokens.dims)

    def weights(self, tokens: Tensor) -> Mapping[str, Weight]:
        return {"weight": Weight((self.count, self.width))}

    def rest(self, tokens: Tensor) -> Rest:
        return NOTHING

    def keeps(self, tokens: Tensor) -> Kept:
        return Kept((0,))

    def layout(self) -> Layout:
        return "last"

    def initialize(self, target: str) -> tuple[str, ...]:
        drawn = starts(target, self.init, bias=False)
        at_zero = (f"nn.init.zeros_({target}.weight[{self.padding}])",)
        return (*drawn, *at_zero) if drawn and self.padding is not None else drawn

    def torch(self, tokens: Tensor) -> Module:
        return Module.of("nn.Embedding", self.count, self.width, padding_idx=(self.padding, None))

    def onnx(self, to: Nodes, tokens: Tensor) -> str:
        return to("Gather", to.weight(), to[0], axis=0)

    @classmethod
    def examples(cls) -> Iterator[Example]:
        yield Example(cls(count=20_000, width=300), (Tensor(128, kind="int"),), Tensor(300, 128))
        yield Example(cls(count=50, width=8, init=Normal()), (Tensor(7, kind="int"),), Tensor(8, 7))
        yield Example(cls(count=30, width=4, padding=0, init=Normal()), (Tensor(9, kind="int"),), Tensor(4, 9))
