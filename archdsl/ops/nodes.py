"""The ONNX form of an op as data: nodes, and the constants that they take.

Ops write themselves through `Nodes`, as they write themselves in PyTorch through `Module` and `Expression`. The ONNX
backend names the values and makes the file. Operators and attributes have ONNX's names, see
https://onnx.ai/onnx/operators/ (opset 20).
"""

from __future__ import annotations

from array import array
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from archdsl.tensor import Kind, Tensor

FLOAT = 1
"""ONNX's number for the type of single precision, as an attribute of `Cast`."""


@dataclass(slots=True)
class Made:
    """A node of ONNX: an operator, the names of the values that it takes and gives, and its attributes."""

    kind: str
    inputs: list[str]
    outputs: list[str]
    attributes: Mapping[str, Any]


class Constant(NamedTuple):
    """Numbers that are known when the file is written, in row-major order; `dims` is () for a single number.

    `data` are their bytes in the machine's order: four for a number, eight for a whole one.
    """

    kind: Kind
    dims: tuple[int, ...]
    data: bytes


@dataclass
class Constants:
    """The constants of one file, by name. Equal ones are kept once."""

    named: dict[str, Constant] = field(default_factory=dict)
    _names: dict[Constant, str] = field(default_factory=dict)

    def name(self, constant: Constant) -> str:
        """The name of a constant, which is entered if it is new."""
        if constant not in self._names:
            name = f"constant:{len(self.named) + 1}"  # no path has a colon
            self._names[constant] = name
            self.named[name] = constant
        return self._names[constant]


class Nodes:
    """The nodes that one op adds. `to[0]` is the name of the op's first input, and a call adds a node.

    `to("Relu", to[0])` adds a node with one output, and returns the name of that; the keyword arguments are the
    attributes. An input that an operator may lack, and has not, is "". All values have the batch as their first
    dimension, and the channels behind it or, if `last` of their tensor is set, at the end.
    """

    def __init__(
        self,
        id: str,
        inputs: Sequence[str],
        constants: Constants,
        weight: Callable[[str], str],
        with_batch: Callable[[str], str],
    ) -> None:
        self._id, self._inputs, self._constants = id, tuple(inputs), constants
        self._weight, self._with_batch = weight, with_batch
        self._counts: Counter[str] = Counter()
        self.made: list[Made] = []

    def __getitem__(self, place: int) -> str:
        return self._inputs[place]

    def __call__(self, kind: str, *inputs: str, **attributes: Any) -> str:
        return self.several(kind, 1, *inputs, **attributes)[0]

    def several(self, kind: str, count: int, *inputs: str, **attributes: Any) -> tuple[str, ...]:
        """Adds a node with `count` outputs."""
        self._counts[kind] += 1
        name = f"{self._id}.{kind}{self._counts[kind] if self._counts[kind] > 1 else ''}"
        outputs = [name] if count == 1 else [f"{name}:{port}" for port in range(count)]
        self.made.append(Made(kind, list(inputs), outputs, attributes))
        return tuple(outputs)

    # --- what nodes take -------------------------------------------------------------------

    def weight(self, slot: str = "weight") -> str:
        """The entry of the op's state dict with this name, in the shape that it has in PyTorch."""
        return self._weight(slot)

    def number(self, value: float) -> str:
        """A single number."""
        return self.numbers([value], ())

    def numbers(self, values: Sequence[float], dims: tuple[int, ...] | None = None) -> str:
        """Numbers in row-major order, with these dimensions or as a vector."""
        dims = (len(values),) if dims is None else dims
        return self._constants.name(Constant("float", dims, array("f", values).tobytes()))

    def ints(self, *values: int) -> str:
        """A vector of whole numbers: axes, sizes, a shape."""
        return self.places(values, (len(values),))

    def places(self, values: Sequence[int], dims: tuple[int, ...] = ()) -> str:
        """Whole numbers with these dimensions, such as the places from which `Gather` takes values."""
        return self._constants.name(Constant("int", dims, array("q", values).tobytes()))

    def with_batch(self, place: int) -> str:
        """An input, which is repeated for each sample if it is the same for all: a learned value, for example."""
        return self._with_batch(self[place])

    # --- nodes that many ops need ----------------------------------------------------------

    def reshape(self, x: str, *dims: int) -> str:
        """The same numbers in another shape. As in ONNX, 0 keeps the size at that place, and -1 is what is left."""
        return self("Reshape", x, self.ints(*dims))

    def transpose(self, x: str, *order: int) -> str:
        """The dimensions in another order."""
        return self("Transpose", x, perm=list(order))

    def unsqueeze(self, x: str, *axes: int) -> str:
        """New dimensions of size 1 at these places."""
        return self("Unsqueeze", x, self.ints(*axes))

    def cut(self, x: str, *ranges: tuple[int, int, int]) -> str:
        """Of each axis in `ranges` the part from a start to a stop: (axis, start, stop)."""
        axes, starts, stops = zip(*ranges, strict=True)
        return self("Slice", x, self.ints(*starts), self.ints(*stops), self.ints(*axes))

    def split(self, x: str, axis: int, sizes: Sequence[int]) -> tuple[str, ...]:
        """Parts of these sizes along an axis."""
        return self.several("Split", len(sizes), x, self.ints(*sizes), axis=axis)

    def by_channel(self, numbers: str, x: Tensor) -> str:
        """A vector of the channels, so that it meets the channels of `x` at every position."""
        axes = range(1, len(x.spatial) + 1)
        return self.unsqueeze(numbers, *axes) if x.spatial and not x.last else numbers

    def linear(self, x: str, weight: str, bias: str = "") -> str:
        """The product with a matrix of PyTorch's, outputs x inputs, along the last dimension of `x`; plus a bias."""
        product = self("MatMul", x, self.transpose(weight, 1, 0))
        return self("Add", product, bias) if bias else product


def axis_of(x: Tensor, dimension: int) -> int:
    """The axis of a spatial dimension, which is counted from 0."""
    return dimension + (1 if x.last else 2)
