"""The types of arguments that ops take. Validation is strict: `3.0` and `true` are not accepted as a count."""

from __future__ import annotations

from typing import Annotated, Any, Literal, NamedTuple

from pydantic import BeforeValidator, Field

from archdsl.tensor import Tensor


class Mismatch(Exception):
    """The exception for inputs that an op cannot take.

    `argument` is the name of the argument at fault, and `help` says what to change, each if it is known.
    """

    def __init__(
        self, message: str, *, argument: str | None = None, code: str = "shape-mismatch", help: str | None = None
    ) -> None:
        super().__init__(message)
        self.argument = argument
        self.code = code
        self.help = help


def _as_size(value: Any) -> Any:
    """Turns lists and shapes of the language into tuples. A single number stays as it is."""
    return tuple(value) if isinstance(value, list) else value


# No network needs a larger number. A slip such as conv(10_000_000_000) is reported as an error.
LIMIT = 2**31 - 1

Count = Annotated[int, Field(ge=1, le=LIMIT)]
"""A number of channels, groups or features: at least 1."""

Distance = Annotated[int, Field(ge=0, le=LIMIT)]
"""A number of pixels or channels that may be 0."""

Size = Annotated[Count | Annotated[tuple[Count, ...], Field(min_length=1)], BeforeValidator(_as_size)]
"""One number for every spatial dimension, or one for each: `3`, `1x7`, `3x1x1`, `[1, 7]`."""

Dims = Annotated[
    tuple[Count, ...],
    Field(min_length=1),
    BeforeValidator(lambda value: (value,) if isinstance(value, int) else _as_size(value)),
]
"""A shape, channels first: `32 x 7 x 7`, `[32, 7, 7]`; `1568` is a vector."""

Sides = Annotated[Distance | Annotated[tuple[Distance, ...], Field(min_length=1)], BeforeValidator(_as_size)]
"""Pixels added (or cut off) at the borders: one number for all, one for each dimension (frames, height, width), or one
for each side (left, right, top, bottom, front, back)."""

Pixels = Annotated[
    Distance | Annotated[tuple[Distance, ...], Field(min_length=1, max_length=3)], BeforeValidator(_as_size)
]
"""Pixels at both ends of a dimension: one number for all spatial dimensions, or one for each."""

Padding = Literal["same", "tf_same", "valid"] | Sides
"""How to pad: the name of a rule, or a number of pixels."""

Like = Literal["like"]
"""A placeholder in an argument for a value of the network, which becomes a further input of the op."""

SharedStep = Annotated[str, Field(min_length=1)]
"""The name of a `shared` step."""

Probability = Annotated[float, Field(ge=0, le=1)]
"""A probability."""


class Unusual(NamedTuple):
    """A bound for an argument: a number of at least `least` was probably meant as something else.

    `means` says what such a number does, and `instead` what was probably meant. In both texts, `{value}`, `{rest}`
    (1 - value) and `{inverse}` (1 / value) are replaced by numbers.
    """

    least: float
    means: str
    instead: str

    def meaning(self, value: float) -> str:
        return self._filled(self.means, value)

    def other(self, value: float) -> str:
        return self._filled(self.instead, value)

    def _filled(self, text: str, value: float) -> str:
        return text.format(value=f"{value:g}", rest=f"{1 - value:.4g}", inverse=f"{1 / value:.4g}")


UNUSUAL_DROP = Unusual(
    0.8,
    "only a fraction of {rest} is kept",
    "TensorFlow's keep_prob of {value} is {rest} here",
)
"""The bound for a probability of dropping."""


def times(size: tuple[int, ...]) -> str:
    """A size as text: `3x3`."""
    return "x".join(map(str, size))


def spread(size: int | tuple[int, ...], tensor: Tensor, argument: str) -> tuple[int, ...]:
    """A size with one number for each spatial dimension of `tensor`; a single number is repeated.

    Raises `Mismatch` if it has another number of dimensions.
    """
    count = len(tensor.spatial)
    if isinstance(size, int):
        return (size,) * count
    if len(size) != count:
        raise Mismatch(
            f"{argument} {times(size)} is for {form(len(size) + 1)}, but {tensor} is {form(tensor.rank)}",
            argument=argument,
            code="wrong-rank",
            help=_fitted(size, tensor, argument),
        )
    return size


def _fitted(size: tuple[int, ...], tensor: Tensor, argument: str) -> str:
    """The help that names a size with as many numbers as `tensor` has dimensions after the channels."""
    count = len(tensor.spatial)
    if len(size) == 1:
        return f"write `{argument}={size[0]}`"
    if len(size) > count:
        return f"write `{argument}={times(size[-count:])}`"
    alone = tensor.spatial if argument == "size" else (int(argument in STEPS),) * count
    return f"write `{argument}={times((*alone[: count - len(size)], *size))}`: the first number is for frames"


STEPS = ("kernel", "stride", "dilation", "factor")
"""Arguments that leave a dimension as it is where they are 1; others do where they are 0."""


FORMS = ("a vector", "channels x length", "channels x height x width", "channels x frames x height x width")


def form(rank: int) -> str:
    """What the dimensions of a value are, from how many there are: `channels x length`."""
    return FORMS[rank - 1] if rank <= len(FORMS) else f"a value of {rank} dimensions"


def sides(value: int | tuple[int, ...], tensor: Tensor, argument: str) -> tuple[tuple[int, int], ...]:
    """Pixels before and after, for each spatial dimension of `tensor`. Raises `Mismatch` if the counts do not match."""
    count = len(tensor.spatial)
    if isinstance(value, int):
        return ((value, value),) * count
    if len(value) == count:
        return tuple((pixels, pixels) for pixels in value)
    if len(value) == 2 * count:
        pairs = tuple(zip(value[::2], value[1::2], strict=True))
        return pairs[::-1]  # written left, right, top, bottom, front, back; dimensions are frames, height, width
    each = f"{count} ({', '.join(tensor.sides)}) or " if count > 1 else ""
    raise Mismatch(
        f"{argument} has {len(value)} numbers; for the value {tensor} it takes 1, {each}"
        f"{2 * count} ({', '.join(BORDERS[: 2 * count])})",
        argument=argument,
        code="wrong-rank",
        help=_fitted_sides(value, count, argument),
    )


def _fitted_sides(value: tuple[int, ...], count: int, argument: str) -> str | None:
    """The help that names borders without those of frames, or with none at frames; None where that is unsure."""
    given = len(value)
    if given == 2 * count + 2:
        return f"write `{argument}=[{', '.join(map(str, value[: 2 * count]))}]`"
    if given == 3 and count == 2:
        return f"write `{argument}={times(value[1:])}`"
    if count != 3 or given not in (2, 4):
        return None
    new = times((0, *value)) if given == 2 else f"[{', '.join(map(str, (*value, 0, 0)))}]"
    return f"write `{argument}={new}`: frames get no border"


BORDERS = ("left", "right", "top", "bottom", "front", "back")
"""The sides of a value in the order in which they are written. Front and back are the first and the last frames."""


def divisors(argument: str, channels: int, wanted: int) -> str:
    """The help that names numbers which divide `channels`: the next smaller and the next larger than `wanted`."""
    fitting = [number for number in range(1, min(channels, 4 * wanted) + 1) if channels % number == 0]
    below = [number for number in fitting if number < wanted][-2:]
    above = [number for number in fitting if number > wanted][:2]
    return f"write {' or '.join(f'`{argument}={number}`' for number in (*below, *above))}"


def compact(size: tuple[Any, ...]) -> Any:
    """The size as a single number if all its numbers are equal, as it is usually written: (3, 3) -> 3."""
    return size[0] if all(entry == size[0] for entry in size) else size
