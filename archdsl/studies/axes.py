"""Which sizes a network's inputs have, and the same network with others."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from archdsl.diagnostics import CompileError
from archdsl.driver import Compiled
from archdsl.elaborate.environment import Environment
from archdsl.elaborate.evaluate import evaluate
from archdsl.elaborate.outside import given_outside
from archdsl.elaborate.settings import setting_names, settle
from archdsl.elaborate.values import Problem
from archdsl.studies.subject import Subject
from archdsl.syntax import tree
from archdsl.tensor import Tensor

SIDES = {1: ("length",), 2: ("length",), 3: ("height", "width")}
"""What the sizes of a value are called, by its rank."""


@dataclass(frozen=True, slots=True)
class Place:
    """One dimension of one input: the input's number and name, the dimension's number and what it is called."""

    index: int
    input: str
    dimension: int
    side: str


@dataclass(frozen=True, slots=True)
class Axis:
    """What is varied at once: the dimensions that one setting gives, or, if `setting` is None, one side.

    `start` is its size as declared, in pixels or tokens; `inputs` are all inputs as declared.
    """

    setting: str | None
    places: tuple[Place, ...]
    start: int
    inputs: tuple[Tensor, ...]

    @property
    def name(self) -> str:
        sides = {place.side for place in self.places}
        return self.setting or (sides.pop() if len(sides) == 1 else "size")

    @property
    def meaning(self) -> str:
        """`height and width of image`."""
        sides: dict[str, list[str]] = {}
        for place in self.places:
            sides.setdefault(place.input, []).append(place.side)
        return ", ".join(f"{' and '.join(of)} of {name}" for name, of in sides.items())

    @property
    def spatial(self) -> tuple[int, ...]:
        """Which of a value's spatial dimensions are varied."""
        first = (0 if self.inputs[place.index].kind == "int" else 1 for place in self.places)
        return tuple(dict.fromkeys(p.dimension - skipped for p, skipped in zip(self.places, first, strict=True)))

    def compile(self, subject: Subject, size: int) -> Compiled:
        """The network with another size. Raises `CompileError`."""
        if self.setting is not None:
            return subject.compile({self.setting: size})
        pairs = zip(subject.network.inputs, self.tensors(size), strict=True)
        return subject.with_network(inputs=tuple(_declared(*pair) for pair in pairs)).compile()

    def tensors(self, size: int) -> tuple[Tensor, ...]:
        """The inputs of that network."""
        dims = [list(tensor.dims) for tensor in self.inputs]
        for place in self.places:
            dims[place.index][place.dimension] = size
        return tuple(Tensor(*of, kind=tensor.kind) for of, tensor in zip(dims, self.inputs, strict=True))


def axes(subject: Subject, *, together: bool = False) -> tuple[Axis, ...]:
    """The sizes that a network's inputs have, those that vary together once; vectors have none.

    `together`: declared sizes that are equal vary at once, too. Raises `CompileError` where they cannot be told.
    """
    settings = setting_names(subject.network)
    inputs = _inputs(subject)
    found: dict[tuple[str | None, str, int], list[Place]] = {}
    for index, declared in enumerate(subject.network.inputs):
        for place, written in _places(index, declared, inputs[index]):
            named = written.name if isinstance(written, tree.Name) and written.name in settings else None
            side = "" if named or together else place.side
            found.setdefault((named, side, inputs[index].dims[place.dimension]), []).append(place)
    return tuple(Axis(setting, tuple(places), size, inputs) for (setting, _, size), places in found.items())


def _inputs(subject: Subject) -> tuple[Tensor, ...]:
    """What the inputs are declared to be, whether or not the network takes them."""
    network = replace(subject.network, requires=())
    chosen = {name: given_outside(name, value, network) for name, value in subject.settings.items()}
    try:
        environment, _ = settle(network, subject.variant, chosen)
        return tuple(_tensor(declared, environment) for declared in network.inputs)
    except Problem as problem:
        raise CompileError([problem.diagnostic]) from None


def _tensor(declared: tree.Input, environment: Environment) -> Tensor:
    dims = evaluate(declared.shape, environment)
    return Tensor(*(dims if isinstance(dims, tuple) else (dims,)), kind=declared.kind)


def _places(index: int, declared: tree.Input, tensor: Tensor) -> Iterator[tuple[Place, tree.Expression | None]]:
    """Each dimension that is a size, and what the spec says there."""
    first = 0 if tensor.kind == "int" else 1
    dims = declared.shape.dims if isinstance(declared.shape, tree.Shape) else (declared.shape,)
    sides = SIDES.get(tensor.rank, ("size",) * tensor.rank)
    for dimension in range(first, tensor.rank):
        written = dims[dimension] if len(dims) == tensor.rank else None
        yield Place(index, declared.name.name, dimension, sides[dimension - first]), written


def _declared(declared: tree.Input, tensor: Tensor) -> tree.Input:
    """The declaration with numbers in place of what it says."""
    numbers = tuple(tree.Number(str(size), size, declared.span) for size in tensor.dims)
    return replace(declared, shape=numbers[0] if len(numbers) == 1 else tree.Shape(numbers, declared.span))
