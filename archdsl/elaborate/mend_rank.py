"""Where a value has other dimensions than a step takes: a clip, a vector, a text without its kind."""

from __future__ import annotations

from math import prod

from archdsl.elaborate.refusal import Refusal, instead, on_one_line, shape_of_input
from archdsl.ir.builder import Made
from archdsl.ops.base import Mismatch
from archdsl.tensor import Tensor


def reshaped(refusal: Refusal) -> str | None:
    """The edit by which the step gets what it takes; none where a number of its arguments is at fault."""
    if refusal.argument is not None:
        return None
    made, tensor = refusal.builder.made(refusal.refs[0]), refusal.tensors[0]
    if refusal.op.takes == "int":
        return _tokens(made) if tensor.rank == 1 else None
    if tensor.rank == 4:
        return _frames(refusal, made)
    return _turned_around(refusal, made) if tensor.rank == 1 else None


def _tokens(made: Made) -> str | None:
    """`input tokens: 50 of int`."""
    text = on_one_line(made.span)
    return instead(text, made.span.line, f"{text} of int") if shape_of_input(made) else None


def _frames(refusal: Refusal, made: Made) -> str | None:
    """A clip as an image with more channels, or one of its frames, for a step that takes images."""
    shape, (channels, _, *sides) = shape_of_input(made), refusal.tensors[0].dims
    shapes = [(prod(refusal.tensors[0].dims[:2]), *sides), (channels, *sides)]
    fitting = [" x ".join(map(str, dims)) for dims in shapes if _takes(refusal, Tensor(*dims))]
    if shape is None or not fitting:
        return None
    why = "this step takes no clips, so frames are further channels, or come one by one"
    return f"{instead(shape, made.span.line, '` or `'.join(fitting))}: {why}"


def _takes(refusal: Refusal, x: Tensor) -> bool:
    try:
        refusal.op.outputs(x, *refusal.tensors[1:])
    except Mismatch:
        return False
    return True


def _turned_around(refusal: Refusal, made: Made) -> str | None:
    """`max_pool(2) -> flatten` for `flatten -> max_pool(2)`."""
    if made.op.name != "flatten" or refusal.joined_to(made) is None or refusal.op.name == "linear":
        return None
    vector, step = on_one_line(made.span), refusal.text
    return f"instead of `{vector} -> {step}` write `{step} -> {vector}`: a vector has no positions any more"
