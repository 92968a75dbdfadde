"""What an op is: one class that says everything the compiler needs to know of it.

Ops know nothing of spans, graphs or backends. They return small values and raise `Mismatch`;
whoever called them adds the position.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated, Any, ClassVar, Literal, TypeVar

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from archdsl.tensor import Tensor


class Family(StrEnum):
    """Decides a node's style in figures and its place in tables and in the reference."""

    INPUT = "input"
    CONV = "convolution"
    LINEAR = "linear"
    EMBED = "embedding"
    NORM = "normalization"
    ACTIVATION = "activation"
    POOL = "pooling"
    MERGE = "merge"
    RESHAPE = "reshape"
    REGULARIZE = "regularization"
    OPAQUE = "opaque"


class Mismatch(Exception):
    """An op cannot take these inputs. `argument` names the argument at fault, `help` an edit that mends it."""

    def __init__(
        self, message: str, *, argument: str | None = None, code: str = "shape-mismatch", help: str | None = None
    ) -> None:
        super().__init__(message)
        self.argument = argument
        self.code = code
        self.help = help


@dataclass(frozen=True, slots=True)
class Support:
    """A small class that torch lacks, written once into each module that uses it."""

    name: str
    source: str


@dataclass(frozen=True, slots=True)
class Module:
    """Emission with a place in `__init__`: `nn.Conv2d(3, 64, 7, stride=2)`. Values are data, not text.

    `inplace` says that the module takes `inplace=True` (the writer decides where that is safe).
    """

    target: str
    args: tuple[Any, ...] = ()
    kwargs: tuple[tuple[str, Any], ...] = ()
    support: Support | None = None
    inplace: bool = False


@dataclass(frozen=True, slots=True)
class Expression:
    """Emission in `forward` only: `torch.cat([{all}], dim=1)`, `{0} + {1}`.

    `{0}`, `{1}` ... are the inputs, `{all}` all of them with commas. `atomic` is false where the text
    needs parentheses inside a larger expression.
    """

    text: str
    atomic: bool = True


@dataclass(frozen=True, slots=True)
class Example:
    """`op` applied to `inputs` gives `outputs`: used by tests and by the reference."""

    op: Op
    inputs: tuple[Tensor, ...]
    outputs: Tensor | tuple[Tensor, ...]


def _as_size(value: Any) -> Any:
    """Lists and shapes of the language become tuples; single numbers stay single."""
    return tuple(value) if isinstance(value, list) else value


# Nothing a network needs is larger; it keeps a slip like conv(10_000_000_000) from becoming a shape.
LIMIT = 2**31 - 1

Count = Annotated[int, Field(ge=1, le=LIMIT)]
"""A number of channels, groups or features: at least 1."""

Size = Annotated[
    Annotated[int, Field(ge=1, le=LIMIT)] | tuple[Annotated[int, Field(ge=1, le=LIMIT)], ...],
    BeforeValidator(_as_size),
]
"""One number for every spatial dimension, or one for each: `3`, `1x7`, `[1, 7]`."""

Sides = Annotated[
    Annotated[int, Field(ge=0, le=LIMIT)] | tuple[Annotated[int, Field(ge=0, le=LIMIT)], ...],
    BeforeValidator(_as_size),
]
"""Pixels added (or cut) at the borders: one for all, one a dimension, or one a side (left, right, top, bottom)."""

Like = Literal["like"]
"""Stands in an argument for a value of the network, which becomes a further input of the op."""


def spread(size: int | tuple[int, ...], tensor: Tensor, argument: str) -> tuple[int, ...]:
    """`size` with one number for each spatial dimension of `tensor`; `Mismatch` where the counts differ."""
    count = len(tensor.spatial)
    if isinstance(size, int):
        return (size,) * count
    if len(size) != count:
        text = "x".join(map(str, size))
        raise Mismatch(
            f"{argument} {text} is for {len(size)} spatial dimensions, the value {tensor} has {count}",
            argument=argument,
        )
    return size


class Op(BaseModel, ABC):
    """One operation with its arguments. Frozen: equal arguments make equal ops.

    Fields are the arguments in the order in which they may be written without a name. A field whose
    type admits `Like` may be given a value of the network: it is then passed to `shape`, `params`,
    `macs` and `torch` as a further input.

    The methods below take the inputs' tensors; an op writes the parameters it really has, and the
    signature of its `shape` is its arity (`*inputs: Any, **_: Any` is what lets it do so under mypy).
    """

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    name: ClassVar[str]
    family: ClassVar[Family]

    @abstractmethod
    def shape(self, *inputs: Any, **_: Any) -> Tensor | tuple[Tensor, ...]:
        """The output's shape, a tuple where there are several outputs. Raises `Mismatch`."""

    @abstractmethod
    def params(self, *inputs: Any, **_: Any) -> int:
        """Learned numbers."""

    @abstractmethod
    def macs(self, *inputs: Any, **_: Any) -> int:
        """Multiply-adds of convolutions and matrix products, for a batch of one."""

    @abstractmethod
    def torch(self, *inputs: Any, **_: Any) -> Module | Expression:
        """How PyTorch says it."""

    @classmethod
    @abstractmethod
    def examples(cls) -> Iterator[Example]:
        """At least two, which together use every argument."""

    def buffers(self, *inputs: Any, **_: Any) -> int:
        """Numbers that are kept but not learned (running statistics)."""
        return 0

    def window(self, *inputs: Any, **_: Any) -> Window | None:
        """What one output position sees of the first input, for receptive fields; None: that very position."""
        return None


@dataclass(frozen=True, slots=True)
class Window:
    """Sliding window, one entry a spatial dimension, in pixels. `everything` for global ops: each output sees all."""

    kernel: tuple[int, ...]
    stride: tuple[int, ...]
    dilation: tuple[int, ...]
    padding: tuple[tuple[int, int], ...]
    everything: bool = False


class Stateless(Op):
    """States that an op learns nothing and multiplies nothing."""

    def params(self, *inputs: Any, **_: Any) -> int:
        return 0

    def macs(self, *inputs: Any, **_: Any) -> int:
        return 0


OpClass = TypeVar("OpClass", bound=type[Op])

REGISTRY: dict[str, type[Op]] = {}


def register(op: OpClass) -> OpClass:
    """Class decorator. A name that is taken raises, naming both modules."""
    known = REGISTRY.get(op.name)
    if known is not None:
        raise ValueError(f"op {op.name!r} is registered twice: in {known.__module__} and in {op.__module__}")
    REGISTRY[op.name] = op
    return op
