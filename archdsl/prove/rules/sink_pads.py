"""Zeros are added after what makes 0 of 0: beside the window that they are for."""

from __future__ import annotations

from archdsl.prove.form import Form, Part, Wire, only_user
from archdsl.prove.rules.borders import adds


def sink_pads(form: Form) -> bool:
    """`pad(1) -> relu` is `relu -> pad(1)`."""
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
        part.inputs, part.dims = list(border.inputs), (border.inputs[0].dims,)
        outer.inputs = [part.wire]
    return bool(moved)
