"""Borders of borders are one, where that says the same."""

from __future__ import annotations

from archdsl.prove.form import Form, each_of


def join_borders(form: Form) -> bool:
    """Zeros that are added and cut off again; not pixels that are cut off and replaced by zeros."""
    changed = False
    for part in each_of(form.parts(), "border"):
        inner = part.inputs[0].part
        if inner.op != "border":
            continue
        pairs = list(zip(inner.arguments["sides"], part.arguments["sides"], strict=True))
        if any(first < 0 < second for one, other in pairs for first, second in zip(one, other, strict=True)):
            continue
        joined = tuple((a + c, b + d) for (a, b), (c, d) in pairs)
        part.arguments, part.inputs, changed = {"sides": joined}, list(inner.inputs), True
    return changed
