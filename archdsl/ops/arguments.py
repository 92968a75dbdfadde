"""The types of arguments that ops take. Validation is strict: `3.0` and `true` are not accepted as a count."""

from __future__ import annotations

from typing import Annotated, Any, Literal, NamedTuple

from pydantic import BeforeValidator, Field

from archdsl.tensor import Tensor


class Mismatch(Exception):
    """An op cannot take these inputs. `argument` names the argument at fault, `help` an edit that mends it."""

    def __init__(
        self, message: str, *, argument: str | None = None, code: str = "shape-mismatch", help: str | None = None
    ) -> None:
        super().__init__(message)
        self.argument = argument
        self.code = code
        self.help = help


def _as_size(value: Any) -> Any:
    """Lists and shapes of the language become tuples; single numbers stay single."""
    return tuple(value) if isinstance(value, list) else value


# No network needs a larger number; a slip like conv(10_000_000_000) is reported instead of becoming a shape.
LIMIT = 2**31 - 1

Count = Annotated[int, Field(ge=1, le=LIMIT)]
"""A number of channels, groups or features: at least 1."""

Distance = Annotated[int, Field(ge=0, le=LIMIT)]
"""A number of pixels or channels that may be 0."""

Size = Annotated[Count | Annotated[tuple[Count, ...], Field(min_length=1)], BeforeValidator(_as_size)]
"""One number for every spatial dimension, or one for each: `3`, `1x7`, `[1, 7]`."""

Sides = Annotated[Distance | Annotated[tuple[Distance, ...], Field(min_length=1)], BeforeValidator(_as_size)]
"""Pixels added (or cut) at the borders: one for all, one a dimension, or one a side (left, right, top, bottom)."""

Pixels = Annotated[
    Distance | Annotated[tuple[Distance, ...], Field(min_length=1, max_length=2)], BeforeValidator(_as_size)
]
"""One number of pixels for every spatial dimension, or one for each; both ends of a dimension have the same."""

Padding = Literal["same", "tf_same", "valid"] | Sides
"""How to pad: by a rule, or by so many pixels."""

Like = Literal["like"]
"""Stands in an argument for a value of the network, which becomes a further input of the op."""

Probability = Annotated[float, Field(ge=0, le=1)]
"""A probability."""


class Unusual(NamedTuple):
    """Says of a number that from `least` on it most likely stands for something else.

    `means` says what it does, `instead` what was meant; `{value}`, `{rest}` (1 - value) and `{inverse}` (1 / value) are
    filled in.
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
    "only {rest} of all is left",
    "TensorFlow's keep_prob of {value} is {rest} here",
)
"""Of a probability of dropping."""


def times(size: tuple[int, ...]) -> str:
    """A size as text: `3x3`."""
    return "x".join(map(str, size))


def spread(size: int | tuple[int, ...], tensor: Tensor, argument: str) -> tuple[int, ...]:
    """A size, or pixels, with one number for each spatial dimension of `tensor`; `Mismatch` where the counts differ."""
    count = len(tensor.spatial)
    if isinstance(size, int):
        return (size,) * count
    if len(size) != count:
        raise Mismatch(
            f"{argument} {times(size)} is for {_dimensions(len(size))}, the value {tensor} has {count}",
            argument=argument,
            code="wrong-rank",
        )
    return size


def sides(value: int | tuple[int, ...], tensor: Tensor, argument: str) -> tuple[tuple[int, int], ...]:
    """Pixels before and after, for each spatial dimension of `tensor`; `Mismatch` where the counts differ."""
    count = len(tensor.spatial)
    if isinstance(value, int):
        return ((value, value),) * count
    if len(value) == count:
        return tuple((pixels, pixels) for pixels in value)
    if len(value) == 2 * count:
        pairs = tuple(zip(value[::2], value[1::2], strict=True))
        return pairs[::-1]  # written left, right, top, bottom; dimensions are height, width
    several = "2 (left, right)" if count == 1 else "2 (height, width) or 4 (left, right, top, bottom)"
    raise Mismatch(
        f"{argument} has {len(value)} numbers; for the value {tensor} it takes 1, {several}",
        argument=argument,
        code="wrong-rank",
    )


def divisors(argument: str, channels: int, wanted: int) -> str:
    """Which numbers would do: the divisors of `channels` on both sides of what was wanted."""
    fitting = [number for number in range(1, min(channels, 4 * wanted) + 1) if channels % number == 0]
    below = [number for number in fitting if number < wanted][-2:]
    above = [number for number in fitting if number > wanted][:2]
    return f"write {' or '.join(f'`{argument}={number}`' for number in (*below, *above))}"


def compact(size: tuple[Any, ...]) -> Any:
    """The single number where all are equal, as a person writes it: (3, 3) -> 3."""
    return size[0] if all(entry == size[0] for entry in size) else size


def _dimensions(count: int) -> str:
    return f"{count} spatial dimension{'s' if count > 1 else ''}"
