"""The base class of ops. An op is one class that says everything the compiler needs to know about it.

Ops know nothing about source positions, graphs or backends. Their methods return small values and raise `Mismatch`;
the caller adds the position in the spec.
"""

from __future__ import annotations

import inspect
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from typing import Any, ClassVar

from pydantic import BaseModel, ConfigDict

from archdsl.ops.arguments import LIMIT, Count, Like, Mismatch, Sides, Size, spread
from archdsl.ops.costs import NOTHING, Kept, Rest, Store, Weight, Working, working
from archdsl.ops.emission import Expression, Module, Support
from archdsl.ops.nodes import Nodes
from archdsl.tensor import Kind, Layout, Tensor

__all__ = [
    "LARGEST",
    "LIMIT",
    "NOTHING",
    "WEIGHTED",
    "Count",
    "Example",
    "Expression",
    "Family",
    "Kept",
    "Like",
    "Mismatch",
    "Module",
    "Nodes",
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
    "spread",
]

LARGEST = 2**40
"""The most elements of a value, and the most parameters of an op. More than a trillion is taken for a mistake."""


class Family(StrEnum):
    """The kind of an op. It decides a node's style in figures and its place in tables and in the reference."""

    INPUT = "input"
    CONV = "convolution"
    LINEAR = "linear"
    ATTENTION = "attention"
    RECURRENT = "recurrence"
    EMBED = "embedding"
    NORM = "normalization"
    ACTIVATION = "activation"
    POOL = "pooling"
    MERGE = "merge"
    RESHAPE = "reshape"
    REGULARIZE = "regularization"
    OPAQUE = "opaque"


WEIGHTED = frozenset({Family.CONV, Family.LINEAR, Family.RECURRENT})
"""Families that papers count as layers. GoogLeNet's `22 layers` are those on a path."""


@dataclass(frozen=True, slots=True)
class Example:
    """An example for tests and for the reference: `op` applied to `inputs` gives `outputs`."""

    op: Op
    inputs: tuple[Tensor, ...]
    outputs: Tensor | tuple[Tensor, ...]


class Op(BaseModel, ABC):
    """One operation with its arguments. Ops do not change, and are equal if their arguments are.

    The fields are the arguments, in the order in which they may be written without a name. If the type of a
    field includes `Like`, the argument may be a value of the network, which is then passed to `shape`, `weights`,
    `macs` and `torch` as a further input.

    The methods take the tensors of the inputs. Each op declares only the parameters that it has; the parameters of its
    `shape` decide how many inputs it takes. (Here they are `*inputs: Any, **_: Any` so that mypy accepts this.)

    `takes` is the kind of value that the op works on; None if it takes both. `internal` marks ops that nobody writes:
    they are no words of the language, and no advice names them. Of these, `imported` marks those that the written specs
    of imported networks call. `short` is the name in papers' figures if it is another one: BN, ReLU, the empty text for
    a convolution, a sign for a sum. `by_place` says that arguments are set by the op's place in the network, and so are
    ignored when structures are compared.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False, defer_build=True)

    name: ClassVar[str]
    family: ClassVar[Family]
    takes: ClassVar[Kind | None] = "float"
    internal: ClassVar[bool] = False
    imported: ClassVar[bool] = False
    by_place: ClassVar[bool] = False
    short: ClassVar[str | None] = None
    is_simpler_last: ClassVar[bool] = False
    """The op takes either layout, but torch has its layer only with the channels last."""
    is_held: ClassVar[bool] = False
    """The output takes no memory of its own: the caller holds it (an input), or the module (a learned value)."""
    roles: ClassVar[tuple[str, ...]] = ()
    """The names that formulas have for the inputs: q, k, v. Values in the emitted code are called so, and
    figures write them where the inputs enter."""

    operands: ClassVar[frozenset[str]] = frozenset()
    """Arguments that are values to compute with. Of other values that are arguments, the op reads the size alone."""

    # Facts that hold for every choice of arguments. tests/test_traits.py compares each of them with torch.

    commutative: ClassVar[bool] = False
    """The order of the inputs does not matter."""
    folds: ClassVar[bool] = False
    """`op{a | b | c}` is `op{op{a | b} | c}`, and `op{a}` is `a`."""
    associative: ClassVar[bool] = False
    """The op folds, and `op{a | b | c}` is `op{a | op{b | c}}`, too."""
    pointwise: ClassVar[bool] = False
    """Each position of the output depends on the same position of the inputs alone, but on all their channels; and at
    every position in the same way."""
    keeps_zero: ClassVar[bool] = False
    """The op is pointwise and gives 0 wherever its inputs are 0, whatever its weights are."""
    identity_at_inference: ClassVar[bool] = False
    """At inference the output is the input. In training it may be changed at random."""
    in_place: ClassVar[bool] = False
    """PyTorch's module has the option `inplace=True`, with which it writes its output over its input."""
    backward_needs_output: ClassVar[bool] = True
    """The backward pass may read the output, so the output must not be overwritten."""
    mixes: ClassVar[bool] = False
    """A number of the output may depend on any position of the inputs, although `window` is None."""
    reads_shape_alone: ClassVar[bool] = False
    """The output depends on the shape of the input and on none of its numbers."""
    without_onnx: ClassVar[str] = ""
    """Why the op has no form in ONNX; empty if it has one."""
    training_arguments: ClassVar[frozenset[str]] = frozenset({"init"})
    """Arguments that influence only training: with the same weights, they do not change the output."""

    @abstractmethod
    def shape(self, *inputs: Any, **_: Any) -> Tensor | tuple[Tensor, ...]:
        """The output's shape, or a tuple of shapes if there are several outputs.

        Raises `Mismatch` for inputs that the op cannot take.
        """

    @abstractmethod
    def rest(self, *inputs: Any, **_: Any) -> Rest:
        """The operations besides multiply-adds, at inference and for one sample, and the rule for counting them.

        An elementary function (exp, tanh, a power, a division, a comparison) counts as one operation.
        """

    @abstractmethod
    def torch(self, *inputs: Any, **_: Any) -> Module | Expression:
        """The PyTorch code of this op: a module that `__init__` makes, or an expression in `forward`."""

    def onnx(self, to: Nodes, *inputs: Any, **_: Any) -> str | tuple[str, ...]:
        """Adds the op's ONNX nodes at inference, and returns the name of the output, or the names of all outputs.

        Ops with `without_onnx`, or with `identity_at_inference`, are never asked.
        """
        raise NotImplementedError(f"`{self.name}` does not say how it is written in ONNX")

    @classmethod
    @abstractmethod
    def examples(cls) -> Iterator[Example]:
        """At least two applications of the op that together set every argument."""

    def outputs(self, *inputs: Tensor) -> tuple[Tensor, ...]:
        """The outputs as a tuple, from `shape`, after the checks that apply to every op.

        Raises `Mismatch` as `shape` does, and also for a wrong number or kind of inputs and for values or weights of
        more than `LARGEST` numbers.
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
        """The fewest and the most inputs, counting values given as arguments. The most is None if there is no limit."""
        required, unlimited = required_inputs(type(self))
        count = required + len(self.values_given())
        return count, None if unlimited else count

    def values_given(self) -> tuple[str, ...]:
        """The arguments that are values of the network. These values are the last inputs, in this order."""
        arguments = self.__dict__
        return (
            tuple(name for name, value in arguments.items() if value == "like") if "like" in arguments.values() else ()
        )

    def _check_inputs(self, inputs: tuple[Tensor, ...]) -> None:
        fewest, most = self.arity()
        if len(inputs) < fewest or (most is not None and len(inputs) > most):
            count = f"{'at least ' if most is None else ''}{fewest} value{'s' if fewest != 1 else ''}"
            raise Mismatch(f"`{self.name}` takes {count}, got {len(inputs)}", code="wrong-number-of-values")
        for tensor in inputs:
            if self.takes is not None and tensor.kind != self.takes:
                wanted = "numbers" if self.takes == "float" else "tokens (whole numbers)"
                help = "put `embedding` before it" if self.takes == "float" else None
                raise Mismatch(f"`{self.name}` takes {wanted}, got {tensor}", code="wrong-kind", help=help)

    def weights(self, *inputs: Any, **_: Any) -> Mapping[str, Weight]:
        """The entries of the op's state dict, with the names and in the order of torch's class."""
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
        """Names and shapes of the parameters and buffers that the state dict has."""
        return {name: weight.shape for name, weight in self.weights(*inputs).items() if weight.saved}

    def working(self, *inputs: Tensor) -> Working:
        """`params` and `macs` as arithmetic."""
        return Working(working(self.weights(*inputs).values()), self.macs_working(*inputs))

    def is_view(self, *inputs: Any, **_: Any) -> bool:
        """Whether the outputs share the memory of the first input, and need none of their own.

        The answer is about inference, or about training if `training=True` is passed: a dropout, for example, makes
        a new value only in training.
        """
        return False

    def scratch(self, *inputs: Any, **_: Any) -> Store:
        """The memory that PyTorch needs while the op runs at inference, besides inputs, outputs and weights."""
        return Store()

    def keeps(self, *inputs: Any, **_: Any) -> Kept:
        """The values that PyTorch keeps for the backward pass."""
        return Kept()

    def window(self, *inputs: Any, **_: Any) -> Window | None:
        """The window of the first input that an output position is computed from; None if it is only that position."""
        return None

    def dropped(self, *inputs: Any, **_: Any) -> tuple[int, ...]:
        """For each dimension, how many rows or columns at the end no window reaches; () for ops without windows."""
        return ()

    def cache(self, *inputs: Any, **_: Any) -> int:
        """How many numbers of a sample are kept from position to position where a text is generated word by word."""
        return 0

    def layout(self) -> Layout:
        """Where the emitted code of this op keeps the channels of its inputs and outputs, if they have positions.

        With "either", `torch` looks at `last` of its inputs. Vectors and tokens (whole numbers) have no layout.
        """
        return "first"

    def depth(self) -> int:
        """How many layers with weights, one on top of the other, the op stands for."""
        return int(self.family in WEIGHTED)

    def learns_by_position(self) -> bool:
        """Whether the weights depend on the number of positions, so that the module is made for one length alone."""
        return False

    def is_tied(self) -> bool:
        """Whether the op takes the weight of another step's module, and learns none of its own."""
        return False

    def layout_for(self, *inputs: Any, **_: Any) -> Layout:
        """The layout with these inputs, where that depends on them."""
        return self.layout()

    def layout_of(self, place: int, *inputs: Any, **_: Any) -> Layout | None:
        """The layout in which the op takes one of its inputs; None if that does not matter to it."""
        return self.layout_for(*inputs)

    def doubt(self, *inputs: Any, **_: Any) -> str | None:
        """A warning if the op makes no sense with these inputs, although it can be computed; else None."""
        return None

    def told(self, *inputs: Any, **_: Any) -> tuple[str, ...]:
        """What figures and tables say of the op besides its name, kernel, channels and stride: `12 heads`."""
        return ()

    def initialize(self, target: str) -> tuple[str, ...]:
        """Python statements that set the initial weights of the module `target`, such as `self.conv1`."""
        return ()


# For each subclass, pydantic compiles and evaluates the annotations of its bases anew, which takes most of the time of
# importing the ops. Of an attribute that is no field, it needs only the name, which it has noted by now.
for _name in Op.__class_vars__:
    Op.__annotations__.pop(_name, None)


@cache
def required_inputs(op: type[Op]) -> tuple[int, bool]:
    """How many inputs an op requires, and whether it takes any number of further ones."""
    parameters = list(inspect.signature(op.shape).parameters.values())[1:]
    required = sum(p.kind is p.POSITIONAL_OR_KEYWORD and p.default is p.empty for p in parameters)
    return required, any(p.kind is p.VAR_POSITIONAL for p in parameters)


@dataclass(frozen=True, slots=True)
class Window:
    """A sliding window in pixels, with one entry for each spatial dimension. Negative padding cuts pixels off.

    `everything` marks global ops: each output depends on the whole input. `stretch` describes ops that enlarge
    (transposed convolution, resize): before the window slides, input positions are moved that many pixels apart, with
    empty gaps between them. An empty `stretch` means 1. `so_far` marks ops that read a sequence in order: each output
    depends on its own position and all before it, and the window is as long as the input.
    """

    kernel: tuple[int, ...]
    stride: tuple[int, ...]
    dilation: tuple[int, ...]
    padding: tuple[tuple[int, int], ...]
    everything: bool = False
    stretch: tuple[int, ...] = ()
    so_far: bool = False

    @property
    def extents(self) -> tuple[int, ...]:
        """How far the window reaches in each dimension: dilation * (kernel - 1) + 1."""
        return tuple(d * (k - 1) + 1 for k, d in zip(self.kernel, self.dilation, strict=True))

    def reach(self, dimension: int, first: int, last: int) -> tuple[int, int]:
        """The first and the last input position on which outputs `first` to `last` depend. Either may be padding."""
        stretch = self.stretch[dimension] if self.stretch else 1
        start = first * self.stride[dimension] - self.padding[dimension][0]
        end = last * self.stride[dimension] - self.padding[dimension][0]
        end += self.dilation[dimension] * (self.kernel[dimension] - 1)
        return -(-start // stretch), end // stretch


class Rearrangement(Op):
    """An op that computes nothing: it moves, copies or leaves out numbers of its input."""

    def rest(self, *inputs: Any, **_: Any) -> Rest:
        return NOTHING


class View(Rearrangement):
    """An op whose outputs are the first input, or parts of it, in another shape. They share that input's memory."""

    keeps_order: ClassVar[bool] = False
    """The output has all numbers of the input, in the same order."""

    def is_view(self, *inputs: Any, **_: Any) -> bool:
        return True
