"""A slice of a slice is one slice; a slice of joined channels is of those it takes."""

from __future__ import annotations

from itertools import accumulate

from archdsl.prove.form import Form, Part, Wire, each_of


def join_slices(form: Form) -> bool:
    """Halves of quarters, all channels, and the second of two values that were concatenated."""
    changed, whole = False, {}
    for part in each_of(form.parts(), "channel_slice"):
        source = part.inputs[0]
        start, stop = part.arguments["start"], part.arguments["stop"]
        if (start, stop) == (0, source.dims[0]):
            whole[part.wire] = source
        elif source.part.op == "channel_slice":
            offset = source.part.arguments["start"]
            part.arguments = {"start": start + offset, "stop": stop + offset}
            part.inputs, changed = list(source.part.inputs), True
        elif source.part.op == "concat" and (taken := _taken(source.part, start, stop)):
            whole[part.wire] = taken[0]
            if len(taken) > 1:
                whole[part.wire] = Wire(Part("concat", {}, taken, part.dims, part.node, part.rank))
    form.replace(whole)
    return changed or bool(whole)


def _taken(concat: Part, start: int, stop: int) -> list[Wire]:
    """The values that make up these channels exactly; none where the slice cuts one of them."""
    ends = list(accumulate(wire.dims[0] for wire in concat.inputs))
    starts = [0, *ends[:-1]]
    if start not in starts or stop not in ends:
        return []
    return concat.inputs[starts.index(start) : ends.index(stop) + 1]
