"""Rules that rewrite computations which can be written in several ways into one form, with equal outputs and gradients.

A rule changes a form in place and returns whether it changed anything.
"""

from __future__ import annotations

from collections.abc import Callable

from archdsl.prove.form import Form
from archdsl.prove.rules.borders import absorb_borders, join_borders, raise_trims, sink_pads
from archdsl.prove.rules.merges import drop_trivial, join_merges, join_reshapes, join_scales, join_slices
from archdsl.prove.rules.names import name_gates, name_linear, name_pools
from archdsl.prove.rules.shapes import sink_reshapes, sink_reshapes_of_merges

RULES: tuple[Callable[[Form], bool], ...] = (
    name_pools,
    name_linear,
    drop_trivial,
    sink_reshapes,
    sink_reshapes_of_merges,
    join_reshapes,
    join_slices,
    join_scales,
    join_merges,
    name_gates,
    # Borders are moved next to each other before they are joined, and next to windows before they become padding.
    raise_trims,
    sink_pads,
    join_borders,
    absorb_borders,
)


def normalize(form: Form) -> Form:
    """Applies the rules until none changes anything. Changes the form in place and returns it."""
    changed = True
    while changed:
        changed = False
        for rule in RULES:
            changed |= rule(form)
    return form
