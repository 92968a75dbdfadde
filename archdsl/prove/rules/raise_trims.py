"""Pixels that are cut off are cut off before what works on each pixel alone."""

from __future__ import annotations

from archdsl.prove.form import Form, Part, Wire, each_of, only_user
from archdsl.prove.rules.borders import bordered, cuts


def raise_trims(form: Form) -> bool:
    """`conv(64, 1) -> trim(1)` is `trim(1) -> conv(64, 1)`; not so for bn, which learns from what is cut off."""
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
    """Whether an output pixel depends on the input pixel at its place, and on no other."""
    if part.op == "conv":
        arguments = part.arguments
        alone = {*arguments["kernel"], *arguments["stride"]} == {1} and not any(arguments["padding"])
        return alone and part.inputs[0].dims[1:] == part.dims[0][1:]
    return part.kind.pointwise and len(part.inputs) == 1
