"""Merges of merges are one: a + (b + c), and channels joined one after the other."""

from __future__ import annotations

from archdsl.prove.form import Form, Wire, only_user


def join_merges(form: Form) -> bool:
    """A sum goes into the sum that alone takes it; joined channels go into every value that they are joined into."""
    changed = False
    uses = form.uses()
    for part in form.parts():
        if not part.kind.associative:
            continue
        inputs: list[Wire] = []
        for wire in part.inputs:
            inner = wire.part
            joins = inner.op == part.op and (part.op == "concat" or only_user(uses, inner) is part)
            if joins and (part.op != "mul" or inner.dims == part.dims):
                inputs.extend(inner.inputs)
                changed = True
            else:
                inputs.append(wire)
        part.inputs = inputs
    return changed
