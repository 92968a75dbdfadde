"""What to change where two branches of a join have maps of different sizes."""

from __future__ import annotations

from collections.abc import Iterator

from archdsl.elaborate.values import Flow
from archdsl.ir.builder import Builder, Made, Ref
from archdsl.syntax import tree


def mend(builder: Builder, values: list[Flow], origins: list[tree.Chain]) -> str | None:
    """An edit of one of two branches that makes them fit, where there can be no other."""
    if len(values) != 2 or any(len(value.tensor.spatial) != 2 for value in values):
        return None
    large, small = sorted(zip(values, origins, strict=True), key=lambda pair: -pair[0].tensor.size)
    if large[0].tensor.spatial == small[0].tensor.spatial:
        return None
    return _keep(builder, large[0], small[0]) or _stride(large, small) or _crop(large, small)


def _stride(large: tuple[Flow, tree.Chain], small: tuple[Flow, tree.Chain]) -> str | None:
    """Where one branch is a plain multiple of the other."""
    text, sizes = large[1].span.text, list(zip(large[0].tensor.spatial, small[0].tensor.spatial, strict=True))
    factors = {-(-ours // theirs) for ours, theirs in sizes if theirs <= ours}
    if len(factors) != 1 or factors == {1} or len(large[1].steps) != 1:
        return None
    (factor,) = factors
    if any(ours != factor * theirs for ours, theirs in sizes):
        return None
    return f"`{text}` is {factor} times as high and wide as the other branch: give it a stride of {factor}"


def _crop(large: tuple[Flow, tree.Chain], small: tuple[Flow, tree.Chain]) -> str | None:
    """Where a named value is larger than what flows."""
    sizes = zip(large[0].tensor.spatial, small[0].tensor.spatial, strict=True)
    named = isinstance(large[1].steps[0].target, tree.Name) and len(large[1].steps) == 1
    if named and small[1].span.text == "it" and all(ours >= theirs for ours, theirs in sizes):
        return f"crop the larger one: {large[1].span.text} -> center_crop(it)"
    return None


# --- windows that take pixels off ---------------------------------------------------------------


def _keep(builder: Builder, large: Flow, small: Flow) -> str | None:
    """Where a window of stride 1 takes off all that is missing, it is the one to change."""
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
    rows, columns = (sum(lost[side] for _, lost in losing) for side in (0, 1))
    lost = f"{rows} row{'s' if rows != 1 else ''} and {columns} column{'s' if columns != 1 else ''}"
    take, them = ("takes", "it keeps") if len(texts) == 1 else ("take", "they keep")
    return f"{' and '.join(texts)} {take} off {lost}: with padding=same {them} them"


def _line(builder: Builder, ref: Ref) -> Iterator[Ref]:
    """A value, the first value that it was made of, and so on to an input."""
    while True:
        yield ref
        inputs = builder.made(ref).inputs
        if not inputs:
            return
        ref = inputs[0]
