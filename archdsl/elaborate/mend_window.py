"""Where a window does not fit its input: one step of shrinking less, a larger input of the network, or padding."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import takewhile

from archdsl.elaborate.refusal import Refusal, instead, on_one_line, shape_of_input
from archdsl.ir.builder import Builder, Made, Ref
from archdsl.ops.base import Family, Mismatch, Window

Lengths = tuple[int, ...]

LARGEST = 2_000
"""Nodes of a network in which other uses of a text are looked for."""

DEEPEST = 10
"""Strides before the window that are looked at: with more, every map is a single pixel."""


def enlarged(refusal: Refusal) -> str | None:
    """Up to three edits, each of which is enough for the window."""
    window = refusal.op.window(*refusal.tensors)
    if window is None or window.everything:
        return None
    least = tuple(map(_least, window.extents, window.padding))
    edits = (*_one_less(refusal, least), *_larger_input(refusal, least), *_padded(refusal))
    return ", or ".join(edits) or None


def _least(extent: int, borders: tuple[int, int]) -> int:
    """The shortest length that a window fits."""
    return max(extent - sum(borders), 1)


def _window(builder: Builder, made: Made) -> Window | None:
    """The window of a step that has one, where lengths follow from it alone."""
    window = made.op.window(*map(builder.tensor, made.inputs))
    return None if window is None or window.everything or window.stretch else window


# --- a larger input ----------------------------------------------------------------------------


def _larger_input(refusal: Refusal, least: Lengths) -> Iterator[str]:
    """`3 x 48 x 48` for `3 x 32 x 32`: the smallest input for which the window fits."""
    builder, lengths = refusal.builder, refusal.tensors[0].spatial
    for made in refusal.line():
        if not made.inputs:
            shape, dims = shape_of_input(made), dict(made.op)["dims"]
            if shape is not None and len(dims) == len(least) + 1:
                wanted = (dims[0], *map(max, dims[1:], least))
                yield instead(shape, made.span.line, " x ".join(map(str, wanted)))
            return
        window, before = _window(builder, made), builder.tensor(made.inputs[0]).spatial
        if window is not None and len(window.stride) == len(least):
            least = tuple(map(_before, least, window.stride, window.extents, window.padding))
        elif lengths != before:
            return
        lengths = before


def _before(after: int, stride: int, extent: int, borders: tuple[int, int]) -> int:
    """The shortest length from which a window makes so many positions."""
    return max((after - 1) * stride + extent - sum(borders), 1)


# --- one step of shrinking less ----------------------------------------------------------------


def _one_less(refusal: Refusal, least: Lengths) -> Iterator[str]:
    """The last pooling or stride without which enough is left, as an edit of its text."""
    strided = 0
    for made in takewhile(lambda made: made.inputs, refusal.line()):
        window = _window(refusal.builder, made)
        if window is None or max(window.stride) == 1:
            continue
        strided += 1
        if strided > DEEPEST:
            return
        edit = _without(refusal.builder, made)
        if edit is not None and _is_enough(refusal, made, least):
            yield edit
            return


def _is_enough(refusal: Refusal, skipped: Made, least: Lengths) -> bool:
    """Whether the window fits if one step before it did not shrink what it took."""
    builder = refusal.builder
    after = list(takewhile(lambda made: made != skipped, refusal.line()))
    lengths = builder.tensor(skipped.inputs[0]).spatial
    for made in reversed(after):
        window = _window(builder, made)
        if window is not None and len(window.stride) == len(lengths):
            lengths = tuple(map(_after, lengths, window.stride, window.extents, window.padding))
        elif window is not None or not made.inputs:
            return False
    return len(lengths) == len(least) and all(ours >= wanted for ours, wanted in zip(lengths, least, strict=True))


def _after(length: int, stride: int, extent: int, borders: tuple[int, int]) -> int:
    return (length + sum(borders) - extent) // stride + 1


def _without(builder: Builder, made: Made) -> str | None:
    """The edit that takes one step of shrinking out, where its text stands for that step alone."""
    text, line = on_one_line(made.span), made.span.line
    times = re.compile(r"\s*\*\s*(\d+)\b(?!\s*(?:first|last)\b)").match(made.span.source.text, made.span.end)
    uses = _uses(builder, made)
    if made.op.family is Family.POOL and times and int(times[1]) == uses > 1:
        fewer = f"{text} * {uses - 1}" if uses > 2 else text
        return instead(f"{text}{' '.join(times[0].split()).join((' ', ''))}", line, fewer)
    if uses != 1:
        return None
    if made.op.family is Family.POOL:
        return f"leave out `{text}` (line {line})"
    slower = re.sub(r"\bstride=\d+", "stride=1", text)
    return instead(text, line, slower) if slower != text else None


def _uses(builder: Builder, made: Made) -> int:
    """How many nodes the text of a step has made; 0 in a network too large to look."""
    if len(builder) > LARGEST:
        return 0
    return sum(builder.made(Ref(number)).span == made.span for number in range(len(builder)))


# --- padding -----------------------------------------------------------------------------------


def _padded(refusal: Refusal) -> Iterator[str]:
    """`padding=same`, where another padding is written and this one would do."""
    written = re.search(r"\bpadding=\w+", refusal.span.text)
    if written is None or "padding" not in type(refusal.op).model_fields:
        return
    try:
        refusal.op.model_copy(update={"padding": "same"}).outputs(*refusal.tensors)
    except Mismatch:
        return
    yield f"instead of `{written[0]}` write `padding=same`"
