"""Zeros are added after what makes 0 of 0: beside the window that they are for."""

from __future__ import annotations

from archdsl.prove.form import Form, Part, Wire, each_of, only_user
from archdsl.prove.rules.borders import KEEP_ZERO, adds


def sink_pads(form: Form) -> bool:
    """`pad(1) -> relu` is `relu -> pad(1)`."""
    uses = form.uses()
    for part in each_of(form.parts(), *KEEP_ZERO):
        border = part.inputs[0].part
        if border.op != "border" or not adds(border.arguments["sides"]) or only_user(uses, border) is not part:
            continue
        outer = Part("border", border.arguments, [], part.dims, border.node, border.rank)
        form.replace({part.wire: outer.wire})
        part.inputs, part.dims = border.inputs, (border.inputs[0].dims,)
        outer.inputs = [Wire(part)]
        return True
    return False
