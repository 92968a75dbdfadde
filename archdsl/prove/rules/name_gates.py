"""Activations that are written as products: x * sigmoid(x) is silu."""

from __future__ import annotations

from archdsl.prove.form import Form, each_of

GATES = {"sigmoid": "silu", "hard_sigmoid": "hard_swish"}


def name_gates(form: Form) -> bool:
    """x * sigmoid(x) and x * hard_sigmoid(x)."""
    changed = False
    for part in each_of(form.parts(), "mul"):
        if len(part.inputs) != 2:
            continue
        for value, gate in (part.inputs, part.inputs[::-1]):
            if gate.part.op in GATES and gate.part.inputs == [value]:
                part.op, part.arguments, part.inputs, changed = GATES[gate.part.op], {}, [value], True
                break
    return changed
