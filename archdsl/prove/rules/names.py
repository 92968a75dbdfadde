"""Rules that give an op its more special name: a pool over the whole map is a global pool, x * sigmoid(x) is silu."""

from __future__ import annotations

from math import prod

from archdsl.ops.activation import Activation
from archdsl.ops.registry import REGISTRY
from archdsl.prove.form import Form, Part, Wire, each_of

GLOBAL = {"avg_pool": "global_avg_pool", "max_pool": "global_max_pool"}


def name_pools(form: Form) -> bool:
    """A pool over the whole map becomes a global pool; one with a kernel of 1, which only skips pixels, `subsample`."""
    changed = False
    for part in each_of(form.parts(), *GLOBAL):
        kernel, padding = part.arguments["kernel"], part.arguments["padding"]
        spatial = part.inputs[0].dims[1:]
        if any(padding) or any(part.arguments.get("counted", ())):
            continue
        if kernel == spatial and len(part.dims[0]) == 1:
            part.op, part.arguments, changed = GLOBAL[part.op], {}, True
        elif set(kernel) == {1}:
            arguments = {"stride": part.arguments["stride"], "padding": padding}
            part.op, part.arguments, changed = "subsample", arguments, True
    pixels = [part for part in form.parts() if _is_of_one_pixel(part)]
    form.replace({part.wire: part.inputs[0] for part in pixels})
    return changed or bool(pixels)


def _is_of_one_pixel(part: Part) -> bool:
    return part.op in GLOBAL.values() and part.inputs[0].dims == part.dims[0]


def name_linear(form: Form) -> bool:
    """A convolution whose kernel covers its whole input (5x5 of 5x5 pixels) becomes a linear layer with its weights."""
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


def name_gates(form: Form) -> bool:
    """x * g(x) becomes the activation whose `gate` is g: x * sigmoid(x) becomes silu."""
    gates = {kind.gate: name for name, kind in REGISTRY.items() if issubclass(kind, Activation) and kind.gate}
    changed = False
    for part in each_of(form.parts(), "mul"):
        if len(part.inputs) != 2:
            continue
        for value, gate in (part.inputs, part.inputs[::-1]):
            if gate.part.op in gates and gate.part.inputs == [value]:
                part.op, part.arguments, part.inputs, changed = gates[gate.part.op], {}, [value], True
                break
    return changed
