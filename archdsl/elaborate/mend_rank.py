"""Where a value has other dimensions than a step takes: a clip, a vector, a text without its kind, a gate."""

from __future__ import annotations

import re
from math import prod

from archdsl.elaborate.refusal import Refusal, instead, on_one_line, shape_of_input
from archdsl.ir.builder import Made, Ref
from archdsl.ops.base import Mismatch
from archdsl.source import Span
from archdsl.tensor import Tensor


def reshaped(refusal: Refusal) -> str | None:
    """The edit by which the step gets what it takes; none where a number of its arguments is at fault."""
    if refusal.argument is not None:
        return None
    made, tensor = refusal.builder.made(refusal.refs[0]), refusal.tensors[0]
    if refusal.op.name == "mul":
        return _gate(refusal)
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
