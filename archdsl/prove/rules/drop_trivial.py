"""Leaves out what does nothing: a factor of 1, a window of one pixel at stride 1, an empty border, a merge of one."""

from __future__ import annotations

from archdsl.prove.form import Form, Part


def drop_trivial(form: Form) -> bool:
    """`scale(1)`, `pad(0)`, `avg_pool(1)`, `concat{x}` are x."""
    dropped = [part for part in form.parts() if _does_nothing(part)]
    form.replace({part.wire: part.inputs[0] for part in dropped})
    return bool(dropped)


def _does_nothing(part: Part) -> bool:
    match part.op:
        case "scale":
            return bool(part.arguments["factor"] == 1)
        case "border":
            return not any(map(any, part.arguments["sides"]))
        case "subsample":
            ones = all(stride == 1 for stride in part.arguments["stride"])
            return ones and not any(part.arguments["padding"]) and part.dims[0] == part.inputs[0].dims
    return part.kind.associative and len(part.inputs) == 1
