"""What may be written in two ways is written in one: each rule keeps what a network computes, and what it learns.

A rule takes a form and says whether it changed something.
"""

from __future__ import annotations

from collections.abc import Callable

from archdsl.prove.form import Form
from archdsl.prove.rules.absorb_borders import absorb_borders
from archdsl.prove.rules.drop_trivial import drop_trivial
from archdsl.prove.rules.join_borders import join_borders
from archdsl.prove.rules.join_merges import join_merges
from archdsl.prove.rules.join_scales import join_scales
from archdsl.prove.rules.join_slices import join_slices
from archdsl.prove.rules.name_gates import name_gates
from archdsl.prove.rules.name_linear import name_linear
from archdsl.prove.rules.name_pools import name_pools
from archdsl.prove.rules.raise_trims import raise_trims
from archdsl.prove.rules.sink_pads import sink_pads

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
