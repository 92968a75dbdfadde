"""Borders go into the window beside them: zeros before a convolution are its padding, pixels cut off after it are
outputs that it need not make."""

from __future__ import annotations

from archdsl.prove.form import Form, Part, each_of, only_user
from archdsl.prove.rules.borders import cuts
from archdsl.prove.rules.raise_trims import is_pixelwise

WINDOWS = frozenset({"conv", "max_pool", "avg_pool", "subsample"})


def absorb_borders(form: Form) -> bool:
    """Where the window sees of the border what its own padding would show it."""
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
    """Whether along one dimension the border and the window's own padding are alike, as far as windows reach."""
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
    """`reach`: pixels that windows reach beyond the bordered map; `zeros`: whether they find zeros there."""
    if border > 0:
        return zeros or border + reach <= 0
    return border == 0 or reach <= 0


def _over(part: Part, axis: int) -> int:
    """Pixels that the last window reaches beyond the end of its input; negative where it leaves some out."""
    arguments = part.arguments
    kernel = arguments.get("kernel", (1,) * len(_padding(part)))[axis]
    dilation = arguments.get("dilation", (1,) * len(_padding(part)))[axis]
    spatial, out = (dims[1:] or (1,) * len(_padding(part)) for dims in (part.inputs[0].dims, part.dims[0]))
    last = (out[axis] - 1) * arguments["stride"][axis] - _padding(part)[axis]
    return int(last + dilation * (kernel - 1) + 1 - spatial[axis])


def _counted(part: Part, border: Part) -> dict[str, tuple[int, ...]]:
    """Of an average: how many pixels of the border after the input count."""
    if part.op != "avg_pool":
        return {}
    sides = border.arguments["sides"]
    reached = [max(_over(part, axis) + after, 0) for axis, (_, after) in enumerate(sides)]
    counted = zip(part.arguments["counted"], sides, reached, strict=True)
    return {"counted": tuple(min(own + max(after, 0), over) for own, (_, after), over in counted)}


def _into_the_one_before(form: Form) -> bool:
    """Cuts become windows that are not there, where nothing else takes what the window gives."""
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
    # What works pixel by pixel hands the cut on to what comes before it.
    return part.op in (*WINDOWS, "up_conv") and not is_pixelwise(part)


def _cut(source: Part, border: Part) -> None:
    pairs = border.arguments["sides"]
    # An output of a transposed convolution is cut as its own padding cuts.
    steps = (-1,) * len(pairs) if source.op == "up_conv" else source.arguments["stride"]
    padding = tuple(p + s * before for p, s, (before, _) in zip(_padding(source), steps, pairs, strict=True))
    source.arguments = source.arguments | {"padding": padding}
    if source.op == "avg_pool":
        source.arguments = source.arguments | {"counted": _still_counted(source, border)}
    source.dims = border.dims


def _still_counted(source: Part, border: Part) -> tuple[int, ...]:
    cut = Part(source.op, source.arguments, source.inputs, border.dims, source.node, source.rank)
    return tuple(min(count, max(_over(cut, axis), 0)) for axis, count in enumerate(source.arguments["counted"]))
