"""Rules for borders: zeros that are added around a map or, if negative, pixels that are cut off.

A border becomes part of the padding of a window next to it. Zeros before a convolution are padding; pixels that are cut
off after it are outputs that need not be computed.
"""

from __future__ import annotations

from archdsl.prove.form import Dims, Form, Part, Wire, each_of, only_user

Pairs = tuple[tuple[int, int], ...]


def cuts(pairs: Pairs) -> bool:
    """Whether a border adds no zeros at any side."""
    return all(side <= 0 for pair in pairs for side in pair)


def adds(pairs: Pairs) -> bool:
    """Whether a border cuts no pixels at any side."""
    return all(side >= 0 for pair in pairs for side in pair)


def bordered(dims: Dims, pairs: Pairs, sign: int = 1) -> Dims:
    """The size of a map with a border; with `sign` -1, the size before the border was added."""
    spatial = dims[1:] or (1,) * len(pairs)
    changed = tuple(n + sign * sum(pair) for n, pair in zip(spatial, pairs, strict=True))
    return (dims[0],) if all(n == 1 for n in changed) else (dims[0], *changed)


# --- moving them beside each other, and beside windows -------------------------------------


def raise_trims(form: Form) -> bool:
    """`conv(64, 1) -> trim(1)` becomes `trim(1) -> conv(64, 1)`; not with bn, whose statistics include cut pixels."""
    uses = form.uses()
    raised = {}
    for part in each_of(form.parts(), "border"):
        source = part.inputs[0].part
        pairs = part.arguments["sides"]
        if not cuts(pairs) or only_user(uses, source) is not part or not is_pixelwise(source):
            continue
        inner = source.inputs[0]
        trim = Part("border", {"sides": pairs}, [inner], (bordered(inner.dims, pairs),), part.node, part.rank)
        source.inputs, source.dims = [Wire(trim)], part.dims
        raised[part.wire] = source.wire
    form.replace(raised)
    return bool(raised)


def is_pixelwise(part: Part) -> bool:
    """Whether each output pixel depends only on the input pixel at its place."""
    if part.op == "conv":
        arguments = part.arguments
        alone = {*arguments["kernel"], *arguments["stride"]} == {1} and not any(arguments["padding"])
        return alone and part.inputs[0].dims[1:] == part.dims[0][1:]
    return part.kind.pointwise and len(part.inputs) == 1


def sink_pads(form: Form) -> bool:
    """`pad(1) -> relu` becomes `relu -> pad(1)`."""
    uses = form.uses()
    sunk: dict[Wire, Wire] = {}
    moved: list[tuple[Part, Part, Part]] = []
    for part in form.parts():
        if not (part.kind.pointwise and part.kind.keeps_zero and len(part.inputs) == 1):
            continue
        border = part.inputs[0].part
        if border.op == "border" and adds(border.arguments["sides"]) and only_user(uses, border) is part:
            outer = Part("border", border.arguments, [], part.dims, border.node, border.rank)
            sunk[part.wire] = outer.wire
            moved.append((part, border, outer))
    form.replace(sunk)
    for part, border, outer in moved:
        channels, (_, *spatial) = part.dims[0][0], border.inputs[0].dims
        part.inputs, part.dims = list(border.inputs), ((channels, *spatial),)
        outer.inputs = [part.wire]
    return bool(moved)


# --- joining them --------------------------------------------------------------------------


def join_borders(form: Form) -> bool:
    """Two borders in a row become one, unless pixels are cut off first and zeros put in their place."""
    changed = False
    for part in each_of(form.parts(), "border"):
        inner = part.inputs[0].part
        if inner.op != "border":
            continue
        pairs = list(zip(inner.arguments["sides"], part.arguments["sides"], strict=True))
        if any(first < 0 < second for one, other in pairs for first, second in zip(one, other, strict=True)):
            continue
        joined = tuple((a + c, b + d) for (a, b), (c, d) in pairs)
        part.arguments, part.inputs, changed = {"sides": joined}, list(inner.inputs), True
    return changed


# --- putting them into windows -------------------------------------------------------------


WINDOWS = frozenset({"conv", "max_pool", "avg_pool", "subsample"})


def absorb_borders(form: Form) -> bool:
    """A border becomes padding of the window before or after it, if that window then sees the same numbers."""
    return _into_the_next(form) or _into_the_one_before(form)


def _into_the_next(form: Form) -> bool:
    changed = False
    for part in each_of(form.parts(), *WINDOWS):
        border = part.inputs[0].part
        if border.op != "border" or (is_pixelwise(part) and cuts(border.arguments["sides"])):
            continue
        if all(_sees_the_same(part, border, axis) for axis in range(len(_padding(part)))):
            sides = border.arguments["sides"]
            padding = tuple(p + before for p, (before, _) in zip(_padding(part), sides, strict=True))
            part.arguments = part.arguments | {"padding": padding} | _counted(part, border)
            part.inputs, changed = list(border.inputs), True
    return changed


def _padding(part: Part) -> tuple[int, ...]:
    padding: tuple[int, ...] = part.arguments["padding"]
    return padding


def _sees_the_same(part: Part, border: Part, axis: int) -> bool:
    """Whether, along one dimension, windows see the same numbers if the border becomes their padding."""
    before, after = border.arguments["sides"][axis]
    first, over = _padding(part)[axis], _over(part, axis)
    if part.op in ("conv", "subsample"):
        zeros = (True, True)
    elif part.op == "avg_pool":
        zeros = (part.arguments["include_padding"],) * 2
    else:
        zeros = (False, False)
    sides = ((before, first, zeros[0]), (after, over, zeros[1]))
    return all(_side_is_the_same(border, reach, zero) for border, reach, zero in sides)


def _side_is_the_same(border: int, reach: int, zeros: bool) -> bool:
    """Whether, at one end, windows see the same numbers if the border becomes padding.

    `reach` is the number of pixels by which windows reach beyond the map with its border; `zeros` says whether they
    find zeros there.
    """
    if border > 0:
        return zeros or border + reach <= 0
    return border == 0 or reach <= 0


def _over(part: Part, axis: int) -> int:
    """The number of pixels by which the last window reaches beyond its input; negative if it does not reach the end."""
    arguments = part.arguments
    kernel = arguments.get("kernel", (1,) * len(_padding(part)))[axis]
    dilation = arguments.get("dilation", (1,) * len(_padding(part)))[axis]
    spatial, out = (dims[1:] or (1,) * len(_padding(part)) for dims in (part.inputs[0].dims, part.dims[0]))
    last = (out[axis] - 1) * arguments["stride"][axis] - _padding(part)[axis]
    return int(last + dilation * (kernel - 1) + 1 - spatial[axis])


def _counted(part: Part, border: Part) -> dict[str, tuple[int, ...]]:
    """The argument `counted` of an average pool: the pixels after the input that count as zeros, with the border."""
    if part.op != "avg_pool":
        return {}
    sides = border.arguments["sides"]
    reached = [max(_over(part, axis) + after, 0) for axis, (_, after) in enumerate(sides)]
    counted = zip(part.arguments["counted"], sides, reached, strict=True)
    return {"counted": tuple(min(own + max(after, 0), over) for own, (_, after), over in counted)}


def _into_the_one_before(form: Form) -> bool:
    """Pixels cut off become outputs that are not computed, if nothing else uses the window's output."""
    uses = form.uses()
    absorbed = {}
    for part in each_of(form.parts(), "border"):
        source = part.inputs[0].part
        if cuts(part.arguments["sides"]) and only_user(uses, source) is part and _can_make_less(source):
            _cut(source, part)
            absorbed[part.wire] = source.wire
    form.replace(absorbed)
    return bool(absorbed)


def _can_make_less(part: Part) -> bool:
    # For ops that work on each pixel alone, `raise_trims` moves the cut before them.
    return part.op in (*WINDOWS, "up_conv") and not is_pixelwise(part)


def _cut(source: Part, border: Part) -> None:
    pairs = border.arguments["sides"]
    # The padding of a transposed convolution cuts pixels off its output, so a cut is more padding.
    steps = (-1,) * len(pairs) if source.op == "up_conv" else source.arguments["stride"]
    padding = tuple(p + s * before for p, s, (before, _) in zip(_padding(source), steps, pairs, strict=True))
    source.arguments = source.arguments | {"padding": padding}
    if source.op == "avg_pool":
        source.arguments = source.arguments | {"counted": _still_counted(source, border)}
    source.dims = border.dims


def _still_counted(source: Part, border: Part) -> tuple[int, ...]:
    cut = Part(source.op, source.arguments, source.inputs, border.dims, source.node, source.rank)
    return tuple(min(count, max(_over(cut, axis), 0)) for axis, count in enumerate(source.arguments["counted"]))
