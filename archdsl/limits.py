"""The limits on the size of specs and networks. What exceeds them is taken for a mistake rather than computed."""

from __future__ import annotations

BYTES = 4 * 2**20
"""Bytes of a file that is read."""

WORDS = 150_000
"""Words, signs and lines in a spec together with its imports: ten times as many as the whole library has."""


SHOWN = 20
"""Diagnostics of one file that are shown. The others are only counted."""

STEPS = 100_000
"""Steps that building a graph may take unless `--max-steps` says otherwise. Published networks take a few thousand."""

DEPTH = 64
"""How deeply blocks may be nested unless `--max-depth` says otherwise."""

EVALUATIONS = 20
"""How many evaluations of expressions or elements of lists count as one step. A node or a turn of a loop is one."""

ELEMENTS = 100_000
"""Elements of a list, including those of the lists inside it."""

TEXT = 2_000
"""Characters of a message, a note or a help. Longer texts are cut."""

MODEL = 64 * 2**20
"""Bytes of a model of another tool that are read, without the numbers of its weights."""

NUMBERS = 2**20
"""Bytes of one tensor of such a model whose numbers are read. Of larger ones, only the shape counts."""

MESSAGES = 500_000
"""Nodes, tensors, attributes and the like of such a model."""

YAML_BYTES = 64 * 2**10
"""Characters of a YAML file that is read. The largest published ones have 6,000."""

YAML_DEPTH = 32
"""How deeply lists and tables of a YAML file may be nested."""

PT2_BYTES = 64 * 2**20
"""Bytes of the program in a `.pt2` archive, which has a stack trace for each call."""

PT2_CALLS = 20_000
"""Calls of a program in a `.pt2` archive."""
