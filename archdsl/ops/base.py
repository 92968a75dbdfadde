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
from archdsl.ops.costs import NOTHING, Kept, Rest, Store, Weight, Working, working
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
    "Store",
    "Support",
    "View",
    "Weight",
    "Window",
    "Working",
    "dump",
    "load_op",
    "register",
    "spread",
]

LARGEST = 2**40
"""Most elements of a value, and most parameters of an op: a number beyond a trillion was mistyped."""


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
    type admits `Like` may be given a value of the network: it is then passed to `shape`, `weights`,
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

    # What holds of an op whatever its arguments. tests/test_traits.py compares each with torch.

    commutative: ClassVar[bool] = False
    """The order of the inputs does not matter."""
    associative: ClassVar[bool] = False
    """`op{op{a | b} | c}` is `op{a | b | c}`, and `op{a}` is `a`."""
    pointwise: ClassVar[bool] = False
    """A position of the output depends on the same position of the inputs, in all their channels, and on no other."""
    keeps_zero: ClassVar[bool] = False
    """Where an op is pointwise: it gives 0 where its inputs are 0, whatever its weights."""
    identity_at_inference: ClassVar[bool] = False
    """The output is the input, but for what chance does while training."""
    in_place: ClassVar[bool] = False
    """PyTorch's module takes `inplace=True`, and then writes its output over its input."""
    backward_needs_output: ClassVar[bool] = True
    """The backward pass may read the output, so that nothing may be written over it."""
    training_arguments: ClassVar[frozenset[str]] = frozenset({"init"})
    """Arguments that change how training goes and, with the same weights, no output."""

    @abstractmethod
    def shape(self, *inputs: Any, **_: Any) -> Tensor | tuple[Tensor, ...]:
        """The output's shape, a tuple where there are several outputs. Raises `Mismatch`."""

    @abstractmethod
    def rest(self, *inputs: Any, **_: Any) -> Rest:
        """Operations at inference that `macs` does not count, for one sample, and the rule they are counted by.

        An elementary function (exp, tanh, a power, a division, a comparison) counts as one.
        """

    @abstractmethod
    def torch(self, *inputs: Any, **_: Any) -> Module | Expression:
        """The PyTorch code for this op: a module made in `__init__`, or an expression in `forward`."""

    @classmethod
    @abstractmethod
    def examples(cls) -> Iterator[Example]:
        """At least two applications of the op that together set every argument."""

    def outputs(self, *inputs: Tensor) -> tuple[Tensor, ...]:
        """The outputs as a graph needs them: `shape` as a tuple, after the checks that hold for every op.

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
        """The fewest and the most inputs, counting values given as arguments; None where there is no upper limit."""
        required, unlimited = required_inputs(type(self))
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

    def weights(self, *inputs: Any, **_: Any) -> Mapping[str, Weight]:
        """What a checkpoint holds of the op, in the order and under the names that torch's class has it."""
        return {}

    def macs(self, *inputs: Any, **_: Any) -> int:
        """Multiply-adds of convolutions and matrix products, for a batch of one."""
        return 0

    def macs_working(self, *inputs: Any, **_: Any) -> str:
        """`macs` as a product: `5·5·3·8·28·28`."""
        return ""

    def params(self, *inputs: Tensor) -> int:
        """How many numbers are learned."""
        return sum([weight.size for weight in self.weights(*inputs).values() if weight.learned])

    def buffers(self, *inputs: Tensor) -> int:
        """How many numbers are kept but not learned (running statistics)."""
        return sum([weight.size for weight in self.weights(*inputs).values() if not weight.learned])

    def state(self, *inputs: Tensor) -> Mapping[str, tuple[int, ...]]:
        """Names and shapes of parameters and buffers."""
        return {name: weight.shape for name, weight in self.weights(*inputs).items()}

    def working(self, *inputs: Tensor) -> Working:
        """`params` and `macs` as arithmetic."""
        return Working(working(self.weights(*inputs).values()), self.macs_working(*inputs))

    def is_view(self, *inputs: Any, **_: Any) -> bool:
        """Whether the outputs share the first input's memory, so that they take none of their own.

        Called with `training=True` to ask about training, where a dropout for example makes a new value.
        """
        return False

    def scratch(self, *inputs: Any, **_: Any) -> Store:
        """Extra memory that PyTorch needs while the op runs at inference, beside inputs and outputs."""
        return Store()

    def keeps(self, *inputs: Any, **_: Any) -> Kept:
        """What PyTorch keeps for the backward pass."""
        return Kept()

    def window(self, *inputs: Any, **_: Any) -> Window | None:
        """The window of the first input that one output position is computed from; None: the same position alone."""
        return None

    def dropped(self, *inputs: Any, **_: Any) -> tuple[int, ...]:
        """How many rows and columns at the end no window reaches, by dimension; () for ops without windows."""
        return ()

    def doubt(self, *inputs: Any, **_: Any) -> str | None:
        """What makes no sense about the op with these inputs, though it can be computed; a sentence for a warning."""
        return None

    def initialize(self, target: str) -> tuple[str, ...]:
        """Statements that set the weights of the module written as `target`, such as `self.conv1`."""
        return ()


@cache
def required_inputs(op: type[Op]) -> tuple[int, bool]:
    """How many inputs `shape` requires, and whether it takes any number of further ones."""
    parameters = list(inspect.signature(op.shape).parameters.values())[1:]
    required = sum(p.kind is p.POSITIONAL_OR_KEYWORD and p.default is p.empty for p in parameters)
    return required, any(p.kind is p.VAR_POSITIONAL for p in parameters)


@dataclass(frozen=True, slots=True)
class Window:
    """A sliding window in pixels, with one entry for each spatial dimension. Negative padding is a crop.

    `everything` marks global ops, whose every output depends on the whole input. `stretch` describes ops that enlarge:
    before the window slides, input positions are moved so many pixels apart, with empty gaps between them (transposed
    convolution, resize). An empty `stretch` means 1.
    """

    kernel: tuple[int, ...]
    stride: tuple[int, ...]
    dilation: tuple[int, ...]
    padding: tuple[tuple[int, int], ...]
    everything: bool = False
    stretch: tuple[int, ...] = ()

    @property
    def extents(self) -> tuple[int, ...]:
        """How far the window reaches in each dimension: dilation * (kernel - 1) + 1."""
        return tuple(d * (k - 1) + 1 for k, d in zip(self.kernel, self.dilation, strict=True))

    def reach(self, dimension: int, first: int, last: int) -> tuple[int, int]:
        """First and last input position that outputs `first` to `last` depend on; they may lie in the padding."""
        stretch = self.stretch[dimension] if self.stretch else 1
        start = first * self.stride[dimension] - self.padding[dimension][0]
        end = last * self.stride[dimension] - self.padding[dimension][0]
        end += self.dilation[dimension] * (self.kernel[dimension] - 1)
        return -(-start // stretch), end // stretch


class Rearrangement(Op):
    """An op that computes nothing: it moves, copies or leaves out numbers that come in."""

    def rest(self, *inputs: Any, **_: Any) -> Rest:
        return NOTHING


class View(Rearrangement):
    """An op whose outputs lie in the memory of its first input: that input, or parts of it, under another shape."""

    def is_view(self, *inputs: Any, **_: Any) -> bool:
        return True


OpClass = TypeVar("OpClass", bound=type[Op])

REGISTRY: dict[str, type[Op]] = {}


def register(op: OpClass) -> OpClass:
    """Class decorator that enters an op under its name. Raises ValueError if the name is taken."""
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
