"""Borders go into the window beside them: zeros before a convolution are its padding, pixels cut off after it are
outputs that it need not make."""

from __future__ import annotations

from archdsl.prove.form import Form, Part, each_of, only_user
from archdsl.prove.rules.borders import cuts

WINDOWS = frozenset({"conv", "max_pool", "avg_pool", "subsample"})


def absorb_borders(form: Form) -> bool:
    """Where the window sees of the border what its own padding would show it."""
    return _into_the_next(form) or _into_the_one_before(form)


def _into_the_next(form: Form) -> bool:
    changed = False
    for part in each_of(form.parts(), *WINDOWS):
        border = part.inputs[0].part
        if border.op == "border" and all(_sees_the_same(part, border, axis) for axis in range(len(_padding(part)))):
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
    for part in each_of(form.parts(), "border"):
        source, pairs = part.inputs[0].part, part.arguments["sides"]
        if not cuts(pairs) or only_user(uses, source) is not part or source.op not in (*WINDOWS, "up_conv"):
            continue
        # An output of a transposed convolution is cut as its own padding cuts.
        steps = (-1,) * len(pairs) if source.op == "up_conv" else source.arguments["stride"]
        padding = tuple(p + s * pair[0] for p, s, pair in zip(_padding(source), steps, pairs, strict=True))
        source.arguments = source.arguments | {"padding": padding}
        if source.op == "avg_pool":
            source.arguments = source.arguments | {"counted": _still_counted(source, part)}
        source.dims = part.dims
        form.replace({part.wire: source.wire})
        return True
    return False


def _still_counted(source: Part, border: Part) -> tuple[int, ...]:
    cut = Part(source.op, source.arguments, source.inputs, border.dims, source.node, source.rank)
    return tuple(
        min(count, max(_over(cut, axis), 0)) for axis, count in enumerate(source.arguments["counted"])
    )
