"""Finds the value of one setting at which a network costs as much as a budget allows.

Channels and sizes are rounded, so costs rise in steps. The search assumes that they only rise or only fall with the
setting; every result says whether that was true for all values that were tried.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from archdsl.diagnostics import Diagnostic
from archdsl.studies.budgets import Budget
from archdsl.studies.search import Ends, Search, SearchStep, own_value
from archdsl.studies.subject import Subject
from archdsl.studies.trial import unused_settings

SAMPLES = 8
"""The number of intervals at whose ends the range is sampled, to see whether costs only rise or only fall."""

ALL = 256
"""If costs do not only rise or fall, a range of at most this many whole numbers is tried one by one."""


@dataclass(frozen=True)
class Fit:
    """The result of a search: `best` is the most costly value within all budgets, `beyond` the next one above.

    Either is None if there is none. `ends` are the ends of the range that was searched, `tried` the number of values.
    `turn` are two neighbouring values between which costs change in the opposite direction. `constant` says that the
    setting changes no measure that has a budget.
    """

    name: str
    budgets: tuple[Budget, ...]
    ends: Ends
    best: SearchStep | None
    beyond: SearchStep | None
    tried: int
    turn: Ends | None
    constant: bool
    warnings: tuple[Diagnostic, ...]

    def over(self, step: SearchStep) -> list[Budget]:
        """The budgets that a step exceeds."""
        return [budget for budget in self.budgets if step.costs[budget.measure.name] > budget.limit]


def fit(
    subject: Subject,
    name: str,
    budgets: Sequence[Budget],
    bounds: tuple[float, float] | None = None,
    precision: str = "fp32",
) -> Fit:
    """Finds the most costly network that meets every budget, over the values of the setting `name`.

    `bounds` are the ends of the range to search; without them, the search starts from the setting's own value.
    `precision` (`fp32`) is that of weights and values. Raises `CompileError` if the setting is not a number, or if no
    network can be compiled.
    """
    subject.expect_setting(name, "--over")
    search = Search(subject, name, tuple(budgets), precision, *own_value(subject, name))
    ends = search.between(*bounds) if bounds else search.around()
    best, beyond = search.bisect(*ends)
    search.sample(ends, SAMPLES)
    turn = search.turn()
    if turn is not None:
        best, beyond = search.scan(ends, ALL)
    return Fit(
        name,
        tuple(budgets),
        ends,
        best,
        beyond,
        len(search.trials),
        turn,
        len({tuple(step.costs.items()) for step in search.steps}) == 1,
        unused_settings(search.trials.values()),
    )
