"""Formulas: Python expressions for the numbers that a spec computes, to be written into the emitted constructors.

A formula is an `ast.expr`. `values` gives its text, its variables and its value. `algebra` builds formulas from others
and simplifies them. `numbers` has numbers that carry their formula: when an op computes with them, the result has one
too.
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
