"""What may be written in two ways is written in one: each rule keeps what a network computes, and what it learns.

A rule takes a form and says whether it changed something.
"""

from __future__ import annotations

from collections.abc import Callable

from archdsl.prove.form import Form
from archdsl.prove.rules.borders import absorb_borders, join_borders, raise_trims, sink_pads
from archdsl.prove.rules.merges import drop_trivial, join_merges, join_scales, join_slices
from archdsl.prove.rules.names import name_gates, name_linear, name_pools

RULES: tuple[Callable[[Form], bool], ...] = (
    name_pools,
    name_linear,
    drop_trivial,
    join_slices,
    join_scales,
    join_merges,
    name_gates,
    # Borders come to lie beside each other before they are joined, and beside windows before they go into them.
    raise_trims,
    sink_pads,
    join_borders,
    absorb_borders,
)


def normalize(form: Form) -> Form:
    """Applies the rules until none changes anything. The form is changed, and returned."""
    changed = True
    while changed:
        changed = False
        for rule in RULES:
            changed |= rule(form)
    return form
