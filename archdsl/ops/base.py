"""What an op is: one class that says everything the compiler needs to know of it.

Ops know nothing of spans, graphs or backends. They return small values and raise `Mismatch`;
whoever called them adds the position.
"""

from __future__ import annotations

import inspect
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from typing import Any, ClassVar, TypeVar

from pydantic import BaseModel, ConfigDict

from archdsl.ops.arguments import LIMIT, Count, Like, Mismatch, Sides, Size, spread
from archdsl.ops.costs import NOTHING, Kept, Rest, Store, Working
from archdsl.ops.emission import Expression, Module, Support
from archdsl.tensor import Kind, Tensor

__all__ = [
    "LARGEST",
    "LIMIT",
    "NOTHING",
    "REGISTRY",
    "Count",
    "Example",
    "Expression",
    "Family",
    "Kept",
    "Like",
    "Mismatch",
    "Module",
    "Op",
    "Rearrangement",
    "Rest",
    "Sides",
    "Size",
    "Stateless",
    "Store",
    "Support",
    "View",
    "Window",
    "Working",
    "dump",
    "load_op",
    "register",
    "spread",
]

LARGEST = 2**40
"""Elements of a value, or learned numbers of an op: beyond a trillion something was mistyped."""


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


@dataclass(frozen=True, slots=True)
class Example:
    """`op` applied to `inputs` gives `outputs`: used by tests and by the reference."""

    op: Op
    inputs: tuple[Tensor, ...]
    outputs: Tensor | tuple[Tensor, ...]


class Op(BaseModel, ABC):
    """One operation with its arguments. Frozen: equal arguments make equal ops.

    Fields are the arguments in the order in which they may be written without a name. A field whose
    type admits `Like` may be given a value of the network: it is then passed to `shape`, `params`,
    `macs` and `torch` as a further input.

    The methods below take the inputs' tensors; an op writes the parameters it really has, and the
    signature of its `shape` is its arity (`*inputs: Any, **_: Any` is what lets it do so under mypy).
    `takes` is the kind of value it works on; `internal` marks what no spec may call. `short` is what papers'
    figures write, where that is not the name: BN, ReLU, nothing for a convolution, a sign for a sum. `by_place` says
    that arguments follow from the place in the network, so that two of the op are alike whatever they are.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False, defer_build=True)

    name: ClassVar[str]
    family: ClassVar[Family]
    takes: ClassVar[Kind] = "float"
    internal: ClassVar[bool] = False
    by_place: ClassVar[bool] = False
    short: ClassVar[str | None] = None

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
    def rest(self, *inputs: Any, **_: Any) -> Rest:
        """Operations at inference beside `macs`, for one sample, and their rule.

        An elementary function (exp, tanh, a power, a division, a comparison) counts as one.
        """

    @abstractmethod
    def torch(self, *inputs: Any, **_: Any) -> Module | Expression:
        """How PyTorch says it."""

    @classmethod
    @abstractmethod
    def examples(cls) -> Iterator[Example]:
        """At least two, which together use every argument."""

    def outputs(self, *inputs: Tensor) -> tuple[Tensor, ...]:
        """`shape` for whoever builds a graph: always a tuple, after the checks that hold for every op.

        Raises `Mismatch` also for a wrong number or kind of inputs and for absurd sizes.
        """
        self._check_inputs(inputs)
        shape = self.shape(*inputs)
        outputs = shape if isinstance(shape, tuple) else (shape,)
        for what, count in (("elements", max(o.size for o in outputs)), ("parameters", self.params(*inputs))):
            if count > LARGEST:
                raise Mismatch(
                    f"`{self.name}` would have {count:,} {what}, more than the limit of {LARGEST:,}", code="too-large"
                )
        return outputs

    def arity(self) -> tuple[int, int | None]:
        """Fewest and most inputs, values given as arguments included; None: any number."""
        required, unlimited = _required(type(self))
        count = required + sum(value == "like" for value in self.__dict__.values())
        return count, None if unlimited else count

    def _check_inputs(self, inputs: tuple[Tensor, ...]) -> None:
        fewest, most = self.arity()
        if len(inputs) < fewest or (most is not None and len(inputs) > most):
            count = f"{'at least ' if most is None else ''}{fewest} value{'s' if fewest != 1 else ''}"
            raise Mismatch(f"`{self.name}` takes {count}, got {len(inputs)}", code="wrong-number-of-values")
        for tensor in inputs:
            if tensor.kind != self.takes:
                wanted = "numbers" if self.takes == "float" else "tokens (whole numbers)"
                help = "put `embedding` before it" if self.takes == "float" else None
                raise Mismatch(f"`{self.name}` takes {wanted}, got {tensor}", code="wrong-kind", help=help)

    def buffers(self, *inputs: Any, **_: Any) -> int:
        """Numbers that are kept but not learned (running statistics)."""
        return 0

    def state(self, *inputs: Any, **_: Any) -> Mapping[str, tuple[int, ...]]:
        """Names and shapes of what a checkpoint holds of it: `params` and `buffers`, as torch's classes call them."""
        return {}

    def working(self, *inputs: Any, **_: Any) -> Working:
        """`params` and `macs` as arithmetic."""
        return Working()

    def is_view(self, *inputs: Any, **_: Any) -> bool:
        """Whether the outputs lie in the first input's memory, and take none of their own.

        It is asked with `training=True` where that is what the network does.
        """
        return False

    def scratch(self, *inputs: Any, **_: Any) -> Store:
        """What the op holds at inference while it runs, beside inputs and outputs, as PyTorch computes it."""
        return Store()

    def keeps(self, *inputs: Any, **_: Any) -> Kept:
        """What the backward pass needs."""
        return Kept()

    def window(self, *inputs: Any, **_: Any) -> Window | None:
        """What one output position sees of the first input, for receptive fields; None: that very position."""
        return None

    def dropped(self, *inputs: Any, **_: Any) -> tuple[int, ...]:
        """Rows and columns at the end that no window reaches, one number a dimension; () where nothing slides."""
        return ()

    def initialize(self, target: str) -> tuple[str, ...]:
        """Statements that set the weights of the module written as `target`, such as `self.conv1`."""
        return ()


@cache
def _required(op: type[Op]) -> tuple[int, bool]:
    """Inputs without a default in `shape`, and whether any number may follow."""
    parameters = list(inspect.signature(op.shape).parameters.values())[1:]
    required = sum(p.kind is p.POSITIONAL_OR_KEYWORD and p.default is p.empty for p in parameters)
    return required, any(p.kind is p.VAR_POSITIONAL for p in parameters)


@dataclass(frozen=True, slots=True)
class Window:
    """Sliding window, one entry a spatial dimension, in pixels. `everything` for global ops: each output sees all.

    `stretch` is for what enlarges: the input's positions first move that far apart, with gaps that hold
    nothing (a transposed convolution, a resize); empty means 1. Negative padding is a crop.
    """

    kernel: tuple[int, ...]
    stride: tuple[int, ...]
    dilation: tuple[int, ...]
    padding: tuple[tuple[int, int], ...]
    everything: bool = False
    stretch: tuple[int, ...] = ()

    def reach(self, dimension: int, first: int, last: int) -> tuple[int, int]:
        """First and last input position that the output positions `first` to `last` see; may lie outside the input."""
        stretch = self.stretch[dimension] if self.stretch else 1
        start = first * self.stride[dimension] - self.padding[dimension][0]
        end = last * self.stride[dimension] - self.padding[dimension][0]
        end += self.dilation[dimension] * (self.kernel[dimension] - 1)
        return -(-start // stretch), end // stretch


class Stateless(Op):
    """States that an op learns nothing and multiplies nothing."""

    def params(self, *inputs: Any, **_: Any) -> int:
        return 0

    def macs(self, *inputs: Any, **_: Any) -> int:
        return 0


class Rearrangement(Stateless):
    """States that an op computes nothing: it moves, copies or leaves out numbers that come in."""

    def rest(self, *inputs: Any, **_: Any) -> Rest:
        return NOTHING


class View(Rearrangement):
    """States that an op's outputs are its first input, or parts of it, seen in another way."""

    def is_view(self, *inputs: Any, **_: Any) -> bool:
        return True


OpClass = TypeVar("OpClass", bound=type[Op])

REGISTRY: dict[str, type[Op]] = {}


def register(op: OpClass) -> OpClass:
    """Class decorator. A name that is taken raises, naming both modules."""
    known = REGISTRY.get(op.name)
    if known is not None:
        raise ValueError(f"op {op.name!r} is registered twice: in {known.__module__} and in {op.__module__}")
    REGISTRY[op.name] = op
    return op


def dump(op: Op) -> dict[str, Any]:
    """An op as plain JSON data; `load_op` turns it back into an equal op."""
    return {"op": op.name, "arguments": op.model_dump(mode="json")}


def load_op(data: Mapping[str, Any]) -> Op:
    """The op that `dump` wrote. Raises ValueError for an unknown op or arguments that it does not take."""
    op = REGISTRY.get(data["op"])
    if op is None:
        raise ValueError(f"no op is called {data['op']!r}")
    return op.model_validate(data["arguments"])
