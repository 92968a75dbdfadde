"""Where a value has other dimensions than a step takes: a video, a vector, a text without its kind, a gate."""

from __future__ import annotations

import re
from math import prod

from archdsl.elaborate.refusal import Refusal, instead, on_one_line, shape_of_input
from archdsl.ir.builder import Made, Ref
from archdsl.source import Span


def reshaped(refusal: Refusal) -> str | None:
    """The edit by which the step gets what it takes."""
    made, tensor = refusal.builder.made(refusal.refs[0]), refusal.tensors[0]
    if refusal.op.name == "mul":
        return _gate(refusal)
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


# --- gates -------------------------------------------------------------------------------------


def _gate(refusal: Refusal) -> str | None:
    """A gate that was flattened for a `linear`: a 1x1 convolution does the same and keeps the dimensions."""
    vectors = [ref for ref, tensor in zip(refusal.refs, refusal.tensors, strict=True) if tensor.rank == 1]
    if len(vectors) != 1:
        return None
    steps = _since_flatten(refusal, vectors[0])
    if not steps or any(step.op.name == "linear" and _as_conv(step.span) is None for step in steps):
        return None
    whole = Span(steps[0].span.source, steps[0].span.start, steps[-1].span.end)
    if whole.text.count("->") != len(steps) - 1:
        lines = ", ".join(f"`{_as_conv(one.span)}` for `{on_one_line(one.span)}`" for one in steps[1:] if _linear(one))
        return f"a gate keeps its dimensions: leave out the `flatten` of line {whole.line}, and take {lines}"
    new = " -> ".join(_as_conv(one.span) or "" if _linear(one) else on_one_line(one.span) for one in steps[1:])
    return f"instead of `{on_one_line(whole)}` write `{new}`: a gate keeps its dimensions"


def _since_flatten(refusal: Refusal, ref: Ref) -> list[Made]:
    """The steps that made a vector, from a `flatten` to the last `linear`; none where there are others between."""
    steps: list[Made] = []
    while True:
        made = refusal.builder.made(ref)
        steps.append(made)
        if made.op.name == "flatten":
            break
        if len(made.inputs) != 1 or refusal.builder.tensor(ref).rank != 1:
            return []
        ref = made.inputs[0]
    while steps and not _linear(steps[0]):
        steps.pop(0)
    return steps[::-1]


def _linear(made: Made) -> bool:
    return made.op.name == "linear"


def _as_conv(span: Span) -> str | None:
    """`conv(16, 1)` for `linear(16)`."""
    first = re.fullmatch(r"linear\(([^,()=]+(?:\([^()]*\))?)((?:,.*)?)\)", on_one_line(span))
    return f"conv({first[1].strip()}, 1{first[2]})" if first else None
