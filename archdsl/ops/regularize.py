"""Regularization: ops that change their input at random during training, and not at all at inference."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator
from typing import Annotated, ClassVar, Literal

from pydantic import Field

from archdsl.ops.arguments import UNUSUAL_DROP, Mismatch, Probability
from archdsl.ops.base import Example, Family, Kept, Module, Rearrangement, Store, Support
from archdsl.ops.registry import register
from archdsl.ops.spatial import dimensions, expect_map
from archdsl.tensor import Layout, Tensor


class Regularization(Rearrangement):
    """An op that keeps the shape, and does nothing at inference."""

    family: ClassVar[Family] = Family.REGULARIZE
    pointwise: ClassVar[bool] = True
    keeps_zero: ClassVar[bool] = True
    identity_at_inference: ClassVar[bool] = True
    p: float

    def shape(self, x: Tensor) -> Tensor:
        return x

    def layout(self) -> Layout:
        return "either"

    def is_view(self, x: Tensor, training: bool = False) -> bool:
        return not training or self.p == 0

    def keeps(self, x: Tensor) -> Kept:
        return Kept(further=Store(self._lots(x) if self.p else 0))

    @abstractmethod
    def _lots(self, x: Tensor) -> int:
        """How many random numbers are drawn for one sample."""


@register
class Dropout(Regularization):
    """In training, each number is set to 0 with probability p, and the others are multiplied by 1 / (1 - p).

    Srivastava et al. 2014.
    """

    name = "dropout"
    in_place = True

    p: Annotated[Probability, UNUSUAL_DROP] = Field(default=0.5, description="probability that a number is dropped")

    def _lots(self, x: Tensor) -> int:
        return x.size

    def torch(self, x: Tensor) -> Module:
        return Module("nn.Dropout", (self.p,), inplace=self.in_place)

    @classmethod
    def examples(cls) -> Iterator[Example]:
        yield Example(cls(), (Tensor(4096),), Tensor(4096))
        yield Example(cls(p=0.2), (Tensor(64, 7, 7),), Tensor(64, 7, 7))
        yield Example(cls(p=0.2), (Tensor(8, 4, 6, 6),), Tensor(8, 4, 6, 6))


@register
class ChannelDropout(Regularization):
    """Dropout of whole channels (Tompson et al. 2015)."""

    name = "channel_dropout"
    in_place = True

    p: Annotated[Probability, UNUSUAL_DROP] = Field(default=0.5, description="probability that a channel is dropped")

    def shape(self, x: Tensor) -> Tensor:
        expect_map(self.name, x)
        return x

    def layout(self) -> Layout:
        return "first"

    def _lots(self, x: Tensor) -> int:
        return x.channels

    def torch(self, x: Tensor) -> Module:
        return Module(f"nn.Dropout{dimensions(x)}", (self.p,), inplace=self.in_place)

    @classmethod
    def examples(cls) -> Iterator[Example]:
        yield Example(cls(), (Tensor(64, 28, 28),), Tensor(64, 28, 28))
        yield Example(cls(p=0.2), (Tensor(64, 30),), Tensor(64, 30))
        yield Example(cls(p=0.2), (Tensor(8, 4, 6, 6),), Tensor(8, 4, 6, 6))


DROP_PATH = Support(
    "DropPath",
    '''\
class DropPath(nn.Module):
    """Stochastic depth: while training, drops the whole value of a sample with probability p."""

    def __init__(self, p):
        super().__init__()
        self.p = p

    def forward(self, x):
        if not self.training or self.p == 0:
            return x
        kept = x.new_empty([x.shape[0]] + [1] * (x.dim() - 1)).bernoulli_(1 - self.p)
        return x * kept / (1 - self.p)
''',
)


@register
class DropPath(Regularization):
    """Stochastic depth: in training, a sample's whole value is set to 0 with probability p (Huang et al. 2016).

    Values that stay are multiplied by 1 / (1 - p). With a schedule, the probability grows with depth. If the network
    has n places, place i (counted from 0) has p * i / n with schedule=linear, as in EfficientNet's published code, and
    p * i / (n - 1) with schedule=linspace, as in torchvision's and timm's ConvNeXt and Swin, so that the last has p. A
    place is a use of a block that drops a path in any of its uses, or a turn of a loop that does. With group="encoder"
    only the places of that group count, and n is their number.
    """

    name = "drop_path"
    by_place = True

    p: Annotated[float, UNUSUAL_DROP, Field(ge=0, lt=1)] = Field(description="probability that a sample is dropped")
    schedule: Literal["constant", "linear", "linspace"] = Field(
        default="constant", description="the same everywhere, or growing with depth: p * i / n, p * i / (n - 1)"
    )
    group: str | None = Field(default=None, description="the schedule counts only the places of this group")

    def shape(self, x: Tensor) -> Tensor:
        if self.group is not None and self.schedule == "constant":
            message = "`group` says which places a schedule counts, but this drop path has no schedule"
            raise Mismatch(message, argument="group", code="bad-choice", help="add schedule=linear, or linspace")
        return x

    def share(self, index: int, total: int) -> tuple[int, int]:
        """The fraction of `p` at place `index` (from 0) of `total`: numerator and denominator. 0 for a single place."""
        return index, total if self.schedule == "linear" else max(total - 1, 1)

    def placed(self, index: int, total: int) -> DropPath:
        """The op without a schedule, with the probability for place `index` (from 0) of `total`."""
        if self.schedule == "constant":
            return self
        index, steps = self.share(index, total)
        return DropPath(p=self.p * index / steps)

    def _lots(self, x: Tensor) -> int:
        return 1

    def torch(self, x: Tensor) -> Module:
        return Module("DropPath", (self.p,), support=DROP_PATH)

    @classmethod
    def examples(cls) -> Iterator[Example]:
        yield Example(cls(p=0.2), (Tensor(64, 28, 28),), Tensor(64, 28, 28))
        yield Example(cls(p=0.5, schedule="linear"), (Tensor(64, 30),), Tensor(64, 30))
        yield Example(cls(p=0.1, schedule="linspace", group="encoder"), (Tensor(96, 56, 56),), Tensor(96, 56, 56))
        yield Example(cls(p=0.2), (Tensor(8, 4, 6, 6),), Tensor(8, 4, 6, 6))
