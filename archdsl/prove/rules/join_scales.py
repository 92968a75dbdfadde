"""One factor for several in a row; a mean of values is their sum, scaled."""

from __future__ import annotations

from archdsl.prove.form import Form, Part, Wire, each_of


def join_scales(form: Form) -> bool:
    """`scale(0.5) -> scale(0.5)` is `scale(0.25)`; `mean{a | b}` is `add{a | b} -> scale(0.5)`."""
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
