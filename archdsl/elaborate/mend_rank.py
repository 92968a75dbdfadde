"""Where a value has other dimensions than a step takes: a video, a vector, a text without its kind."""

from __future__ import annotations

from math import prod

from archdsl.elaborate.refusal import Refusal, instead, on_one_line, shape_of_input
from archdsl.ir.builder import Made


def reshaped(refusal: Refusal) -> str | None:
    """The edit by which the step gets what it takes."""
    made, tensor = refusal.builder.made(refusal.refs[0]), refusal.tensors[0]
    if refusal.op.takes == "int":
        return _tokens(made) if tensor.rank == 1 else None
    if tensor.rank == 4:
        return _frames(made, tensor.dims)
    return _turned_around(refusal, made) if tensor.rank == 1 else None


def _tokens(made: Made) -> str | None:
    """`input tokens: 50 of int`."""
    text = on_one_line(made.span)
    return instead(text, made.span.line, f"{text} of int") if shape_of_input(made) else None


def _frames(made: Made, dims: tuple[int, ...]) -> str | None:
    """A video as an image with more channels, or one of its frames."""
    shape = shape_of_input(made)
    if shape is None:
        return None
    channels, _, *sides = dims
    all_frames, one = (" x ".join(map(str, (count, *sides))) for count in (prod(dims[:2]), channels))
    why = "a map has two dimensions besides its channels, so frames or slices are further channels, or come one by one"
    return f"{instead(shape, made.span.line, all_frames)} or `{one}`: {why}"


def _turned_around(refusal: Refusal, made: Made) -> str | None:
    """`max_pool(2) -> flatten` for `flatten -> max_pool(2)`."""
    if made.op.name != "flatten" or refusal.joined_to(made) is None or refusal.op.name == "linear":
        return None
    vector, step = on_one_line(made.span), refusal.text
    return f"instead of `{vector} -> {step}` write `{step} -> {vector}`: a vector has no positions any more"
