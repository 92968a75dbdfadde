"""A pool over the whole map is a global pool; one of single pixels takes every so many of them."""

from __future__ import annotations

from archdsl.prove.form import Form, Part, each_of

GLOBAL = {"avg_pool": "global_avg_pool", "max_pool": "global_max_pool"}


def name_pools(form: Form) -> bool:
    """`avg_pool(7)` of 7x7 pixels, and pools with a kernel of 1. Of one pixel a global pool makes that pixel."""
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
