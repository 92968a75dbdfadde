"""Rules for merges, factors and slices: those without effect are dropped, several in a row become one."""

from __future__ import annotations

from itertools import accumulate

from archdsl.prove.form import Form, Part, Wire, each_of, only_user


def drop_trivial(form: Form) -> bool:
    """Drops what has no effect: a factor of 1, an empty border, the same shape, a shuffle or a merge of one."""
    dropped = [part for part in form.parts() if _does_nothing(part)]
    form.replace({part.wire: part.inputs[0] for part in dropped})
    return bool(dropped)


def _does_nothing(part: Part) -> bool:
    match part.op:
        case "scale":
            return bool(part.arguments["factor"] == 1)
        case "flatten" | "reshape":
            return part.dims[0] == part.inputs[0].dims
        case "channel_shuffle":
            return part.arguments["groups"] in (1, part.dims[0][0])
        case "border":
            return not any(map(any, part.arguments["sides"]))
        case "subsample":
            ones = all(stride == 1 for stride in part.arguments["stride"])
            return ones and not any(part.arguments["padding"]) and part.dims[0] == part.inputs[0].dims
    return part.kind.associative and len(part.inputs) == 1


def join_merges(form: Form) -> bool:
    """A sum that only another sum uses, and once, is joined with it; so are products, maxima and concatenations."""
    changed = False
    uses = form.uses()
    for part in form.parts():
        if not part.kind.associative:
            continue
        inputs: list[tuple[Wire, tuple[Part, ...]]] = []
        for wire, through in _inputs(part):
            inner = wire.part
            is_same = inner.op == part.op and inner.arguments == part.arguments
            joins = is_same and (part.op == "concat" or only_user(uses, inner) is part)
            if joins and (part.op != "mul" or inner.dims == part.dims):
                inputs.extend((own, (*through, inner, *further)) for own, further in _inputs(inner))
                changed = True
            else:
                inputs.append((wire, through))
        _set_inputs(part, inputs)
    return changed


def _inputs(part: Part) -> list[tuple[Wire, tuple[Part, ...]]]:
    """Each input of a merge, with the merges that were joined with it on the way."""
    return list(zip(part.inputs, part.through or ((),) * len(part.inputs), strict=True))


def _set_inputs(part: Part, inputs: list[tuple[Wire, tuple[Part, ...]]]) -> None:
    part.inputs = [wire for wire, _ in inputs]
    part.through = tuple(through for _, through in inputs)


def joined_with(part: Part) -> dict[Part, list[Wire]]:
    """The merges that were joined with this one, and the inputs that it has from each."""
    found: dict[Part, list[Wire]] = {}
    for wire, through in _inputs(part) if part.kind.associative else ():
        for inner in through:
            found.setdefault(inner, []).append(wire)
    return found


def part_from(part: Part, inner: Part) -> None:
    """Undoes that `inner` was joined with a merge: it is an input again, and has its own inputs back."""
    inside: list[tuple[Wire, tuple[Part, ...]]] = []
    outside: list[tuple[Wire, tuple[Part, ...]]] = []
    for wire, through in _inputs(part):
        if inner not in through:
            outside.append((wire, through))
            continue
        depth = through.index(inner)
        if not inside:
            outside.append((inner.wire, through[:depth]))
        inside.append((wire, through[depth + 1 :]))
    _set_inputs(part, outside)
    _set_inputs(inner, inside)


def join_scales(form: Form) -> bool:
    """`scale(0.5) -> scale(0.5)` becomes `scale(0.25)`; `mean{a | b}` becomes `add{a | b} -> scale(0.5)`."""
    changed = False
    for part in each_of(form.parts(), "mean"):
        total = Part("add", {}, part.inputs, part.dims, part.node, part.rank)
        factor = float(f"{1 / len(part.inputs):.12g}")
        part.op, part.arguments, part.inputs, changed = "scale", {"factor": factor}, [Wire(total)], True
    for part in each_of(form.parts(), "scale"):
        source = part.inputs[0].part
        if source.op == "scale":
            factor = float(f"{part.arguments['factor'] * source.arguments['factor']:.12g}")
            part.arguments, part.inputs, changed = {"factor": factor}, list(source.inputs), True
    return changed


def join_reshapes(form: Form) -> bool:
    """Of several reshapes in a row only the last one counts."""
    changed = False
    for part in each_of(form.parts(), "flatten", "reshape"):
        source = part.inputs[0].part
        if source.op in ("flatten", "reshape"):
            part.inputs, changed = list(source.inputs), True
    return changed


def join_slices(form: Form) -> bool:
    """A slice of a slice becomes one slice. A slice of all channels, or of whole concatenated values, is dropped."""
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
        elif joins_channels(source.part) and (taken := _taken(source.part, start, stop)):
            whole[part.wire] = taken[0]
            if len(taken) > 1:
                whole[part.wire] = Wire(Part("concat", source.part.arguments, taken, part.dims, part.node, part.rank))
    form.replace(whole)
    return changed or bool(whole)


def joins_channels(part: Part) -> bool:
    """Whether a part puts the channels of its inputs one after the other."""
    return part.op == "concat" and part.arguments["over"] == "channels"


def _taken(concat: Part, start: int, stop: int) -> list[Wire]:
    """The concatenated values that make up these channels; empty if the slice cuts through one of them."""
    ends = list(accumulate(wire.dims[0] for wire in concat.inputs))
    starts = [0, *ends[:-1]]
    if start not in starts or stop not in ends:
        return []
    return concat.inputs[starts.index(start) : ends.index(stop) + 1]
