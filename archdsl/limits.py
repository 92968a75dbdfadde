"""How much of anything there may be before it is taken for a slip. A leaf: numbers alone, each with its reason."""

from __future__ import annotations

BYTES = 4 * 2**20
"""In a file."""

WORDS = 150_000
"""Words, signs and lines in a spec and all that it imports: ten times as long as the whole library."""


SHOWN = 20
"""Diagnostics of one file that are shown; of the rest only the number is."""

STEPS = 100_000
"""Steps that an elaboration may take, unless the user says otherwise. Published networks take some thousand."""

DEPTH = 64
"""Blocks inside of each other, unless the user says otherwise."""

EVALUATIONS = 20
"""Evaluations of expressions, or elements of lists, that cost as much as a step: a node or a turn of a loop."""

ELEMENTS = 100_000
"""Elements of a list, those of inner lists among them."""

TEXT = 2_000
"""Letters of a message, a note or a help; more of them say less."""
