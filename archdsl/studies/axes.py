"""Finds the sizes of a network's inputs that can be varied, and compiles the network with other sizes."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from archdsl.diagnostics import CompileError
from archdsl.driver import Compiled
from archdsl.elaborate.budget import Budget
from archdsl.elaborate.environment import Environment
from archdsl.elaborate.evaluate import evaluate
from archdsl.elaborate.outside import given_outside
from archdsl.elaborate.settings import setting_names, settle
from archdsl.elaborate.values import Problem
from archdsl.ir.builder import Builder
from archdsl.studies.subject import Subject
from archdsl.syntax import tree
from archdsl.tensor import Tensor


@dataclass(frozen=True, slots=True)
class Dimension:
    """One dimension of one input: `index` and name of the input, number of the `dimension` and its name (`height`)."""

    index: int
    input: str
    dimension: int
    side: str


@dataclass(frozen=True, slots=True)
class Axis:
    """Dimensions that are varied together: all those that one setting decides or, if `setting` is None, one side.

    `start` is their size as declared, in pixels or tokens; `inputs` are all inputs of the network as declared.
    """

    setting: str | None
    places: tuple[Dimension, ...]
    start: int
    inputs: tuple[Tensor, ...]

    @property
    def name(self) -> str:
        """The name of the setting, else that of the side: `resolution`, `height`; `size` for several sides."""
        sides = {place.side for place in self.places}
        return self.setting or (sides.pop() if len(sides) == 1 else "size")

    @property
    def meaning(self) -> str:
        """The dimensions in words: `height and width of image`."""
        sides: dict[str, list[str]] = {}
        for place in self.places:
            sides.setdefault(place.input, []).append("number of frames" if place.side == "frames" else place.side)
        return ", ".join(f"{' and '.join(of)} of {name}" for name, of in sides.items())

    @property
    def spatial(self) -> tuple[int, ...]:
        """The numbers of the spatial dimensions that are varied."""
        first = (0 if self.inputs[place.index].kind == "int" else 1 for place in self.places)
        return tuple(dict.fromkeys(p.dimension - skipped for p, skipped in zip(self.places, first, strict=True)))

    def compile(self, subject: Subject, size: int) -> Compiled:
        """Compiles the network with another size, in pixels or tokens. Raises `CompileError`."""
        if self.setting is not None:
            return subject.compile({self.setting: size})
        pairs = zip(subject.network.inputs, self.tensors(size), strict=True)
        return subject.with_network(inputs=tuple(_declared(*pair) for pair in pairs)).compile()

    def tensors(self, size: int) -> tuple[Tensor, ...]:
        """The inputs of the network with this size, in pixels or tokens."""
        dims = [list(tensor.dims) for tensor in self.inputs]
        for place in self.places:
            dims[place.index][place.dimension] = size
        return tuple(Tensor(*of, kind=tensor.kind) for of, tensor in zip(dims, self.inputs, strict=True))


def axes(subject: Subject, *, together: bool = False) -> tuple[Axis, ...]:
    """The axes of a network's inputs; an input that is a vector has none.

    With `together`, sizes that are declared equal form one axis. Raises `CompileError` if sizes cannot be computed.
    """
    settings = setting_names(subject.network)
    inputs = _inputs(subject)
    found: dict[tuple[str | None, str, int], list[Dimension]] = {}
    for index, declared in enumerate(subject.network.inputs):
        for place, written in _places(index, declared, inputs[index]):
            named = written.name if isinstance(written, tree.Name) and written.name in settings else None
            side = "" if named or together else place.side
            found.setdefault((named, side, inputs[index].dims[place.dimension]), []).append(place)
    return tuple(Axis(setting, tuple(places), size, inputs) for (setting, _, size), places in found.items())


def _inputs(subject: Subject) -> tuple[Tensor, ...]:
    """The inputs as declared, even if the network fails with them."""
    network = replace(subject.network, requires=())
    chosen = {name: given_outside(name, value, network) for name, value in subject.settings.items()}
    try:
        environment, _ = settle(network, subject.variant, chosen, Builder(network.span), Budget())
        return tuple(_tensor(declared, environment) for declared in network.inputs)
    except Problem as problem:
        raise CompileError([problem.diagnostic]) from None


def _tensor(declared: tree.Input, environment: Environment) -> Tensor:
    dims = evaluate(declared.shape, environment)
    return Tensor(*(dims if isinstance(dims, tuple) else (dims,)), kind=declared.kind)


def _places(index: int, declared: tree.Input, tensor: Tensor) -> Iterator[tuple[Dimension, tree.Expression | None]]:
    """Each spatial dimension of an input, with its expression in the spec."""
    first = 0 if tensor.kind == "int" else 1
    dims = declared.shape.dims if isinstance(declared.shape, tree.Shape) else (declared.shape,)
    named = ("length",) if tensor.kind == "int" and tensor.rank == 1 else tensor.sides
    sides = named or ("size",) * tensor.rank
    for dimension in range(first, tensor.rank):
        written = dims[dimension] if len(dims) == tensor.rank else None
        yield Dimension(index, declared.name.name, dimension, sides[dimension - first]), written


def _declared(declared: tree.Input, tensor: Tensor) -> tree.Input:
    """An input's declaration with the sizes of `tensor` written as numbers."""
    numbers = tuple(tree.Number(str(size), size, declared.span) for size in tensor.dims)
    return replace(declared, shape=numbers[0] if len(numbers) == 1 else tree.Shape(numbers, declared.span))
