"""A convolution whose kernel covers its whole input is a linear layer (and what is flattened before that one)."""

from __future__ import annotations

from math import prod

from archdsl.prove.form import Form, Part, Wire, each_of


def name_linear(form: Form) -> bool:
    """Of one pixel, a 1x1 convolution; of 5x5 pixels, one of 5x5 without padding. Weights keep their order."""
    changed = False
    for part in each_of(form.parts(), "conv"):
        if not _covers_all(part):
            continue
        arguments = part.arguments
        source = part.inputs[0]
        if len(source.dims) > 1:
            source = Wire(Part("flatten", {}, [source], ((prod(source.dims),),), part.node, part.rank))
        part.op, part.inputs, changed = "linear", [source], True
        part.arguments = {"out": arguments["out"], "bias": arguments["bias"]}
    return changed


def _covers_all(part: Part) -> bool:
    spatial = part.inputs[0].dims[1:] or (1,) * len(part.arguments["kernel"])
    plain = part.arguments["groups"] == 1 and not any(part.arguments["padding"])
    return plain and part.arguments["kernel"] == spatial and len(part.dims[0]) == 1
