"""Finds the convolutions and poolings that made a branch of a join too small because they have no padding."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from archdsl.elaborate.refusal import instead, on_one_line
from archdsl.elaborate.values import Flow
from archdsl.ir.builder import Builder, Made, Ref


def kept(builder: Builder, values: Sequence[Flow]) -> str | None:
    """Advice to pad the windows of stride 1 that removed exactly the pixels that one of two branches lacks; or None."""
    if len(values) != 2 or {len(value.tensor.spatial) for value in values} not in ({2}, {3}):
        return None
    large, small = sorted(values, key=lambda value: -sum(value.tensor.spatial))
    if large.tensor.spatial == small.tensor.spatial:
        return None
    return _keep(builder, large, small)


def _keep(builder: Builder, large: Flow, small: Flow) -> str | None:
    whole, above = large.tensor.spatial, set(_line(builder, large.ref))
    common = next((ref for ref in _line(builder, small.ref) if ref in above), None)
    if common is None or builder.tensor(common).spatial != whole:
        return None
    losing: list[tuple[Made, tuple[int, ...]]] = []
    for ref in _line(builder, small.ref):
        if ref == common:
            break
        made = builder.made(ref)
        after, before = builder.tensor(ref).spatial, builder.tensor(made.inputs[0]).spatial
        if len(after) != len(before) or any(ours > theirs for ours, theirs in zip(after, before, strict=True)):
            return None
        if after != before:
            window = made.op.window(*map(builder.tensor, made.inputs))
            if window is None or window.everything or any(stride != 1 for stride in window.stride):
                return None
            losing.append((made, tuple(ours - theirs for ours, theirs in zip(before, after, strict=True))))
    return _kept(losing[::-1])


def _kept(losing: list[tuple[Made, tuple[int, ...]]]) -> str | None:
    if not losing or any("padding" not in type(made.op).model_fields for made, _ in losing):
        return None
    texts = list(dict.fromkeys(f"`{made.span.text}`" for made, _ in losing))
    lost = _told(tuple(map(sum, zip(*(lost for _, lost in losing), strict=True))))
    if len(texts) == 1:
        return f"{_padded(losing[0][0])}: as it is, it takes off {lost}"
    return f"{' and '.join(texts)} take off {lost}: with padding=same they keep them"


def _told(lost: tuple[int, ...]) -> str:
    """`4 rows and 4 columns`, with the frames that a clip loses before them."""
    names = ("frame", "row", "column")[-len(lost) :]
    *frames, rows, columns = (f"{n} {name}{'s' if n != 1 else ''}" for n, name in zip(lost, names, strict=True))
    return ", ".join([*(frames if lost[0] else ()), f"{rows} and {columns}"])


def _padded(made: Made) -> str:
    """`conv(16, 5, padding=same)` for `conv(16, 5, padding=1)`."""
    old = on_one_line(made.span)
    new, changed = re.subn(r"\bpadding=(?:\[[^\]]*\]|[^,()]+)", "padding=same", old)
    if not changed:
        new = f"{old[:-1]}, padding=same)" if old.endswith(")") else f"{old}(padding=same)"
    return instead(old, made.span.line, new)


def _line(builder: Builder, ref: Ref) -> Iterator[Ref]:
    """A value, the first input of the node that made it, the first input before that, and so on to the beginning."""
    while True:
        yield ref
        inputs = builder.made(ref).inputs
        if not inputs:
            return
        ref = inputs[0]
