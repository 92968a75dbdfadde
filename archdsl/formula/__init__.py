"""Formulas: what the spec and the ops compute, as expressions of Python that a constructor can write.

`values` says what a formula is called, which variables it has and what it comes to. `algebra` makes formulas of others.
`numbers` are numbers that remember their formula, so that what an op computes with them can be written.
"""

from archdsl.formula.algebra import (
    combined,
    decided,
    enumerated,
    listed,
    logic,
    negated,
    part,
    shared,
    substituted,
    takes_away,
)
from archdsl.formula.numbers import exactly, formula_of, is_named, named, plain, same
from archdsl.formula.values import (
    UNKNOWN,
    UNKNOWN_NUMBER,
    evaluated,
    is_known,
    name,
    names,
    round_to,
    text,
    unknown,
    whole_number,
)

__all__ = [
    "UNKNOWN",
    "UNKNOWN_NUMBER",
    "combined",
    "decided",
    "enumerated",
    "evaluated",
    "exactly",
    "formula_of",
    "is_known",
    "is_named",
    "listed",
    "logic",
    "name",
    "named",
    "names",
    "negated",
    "part",
    "plain",
    "round_to",
    "same",
    "shared",
    "substituted",
    "takes_away",
    "text",
    "unknown",
    "whole_number",
]
