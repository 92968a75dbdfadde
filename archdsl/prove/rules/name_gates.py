"""Activations that are written as products: x * sigmoid(x) is silu."""

from __future__ import annotations

from archdsl.ops.activation import Activation
from archdsl.ops.base import REGISTRY
from archdsl.prove.form import Form, each_of


def name_gates(form: Form) -> bool:
    """x * sigmoid(x) and x * hard_sigmoid(x), and what else an activation says of its `gate`."""
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
