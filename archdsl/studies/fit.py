"""The value of one setting at which a network costs as much as a budget allows.

Costs are steps, since channels and sizes are rounded. They are taken to rise or to fall with the setting; whether they
did, over all that was tried, is said of every answer.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from archdsl.diagnostics import Diagnostic
from archdsl.studies.budgets import Budget
from archdsl.studies.search import Ends, Search, Step, own_value
from archdsl.studies.subject import Subject
from archdsl.studies.trial import unused_settings

SAMPLES = 8
"""Stretches of the range whose borders are tried, to see whether costs rise all the way."""

ALL = 256
"""Whole numbers that are tried one by one, where costs do not rise all the way."""


@dataclass(frozen=True)
class Fit:
    """What was found. `best` meets every budget, and `beyond`, the next one, does not, where there are such.

    `ends` is the stretch that was searched; `turn` are two neighbours between which costs go the other way. `constant`:
    the setting changes nothing that there is a budget for.
    """

    name: str
    budgets: tuple[Budget, ...]
    ends: Ends
    best: Step | None
    beyond: Step | None
    tried: int
    turn: Ends | None
    constant: bool
    warnings: tuple[Diagnostic, ...]

    def over(self, step: Step) -> list[Budget]:
        """The budgets that a step exceeds."""
        return [budget for budget in self.budgets if step.costs[budget.measure.name] > budget.limit]


def fit(
    subject: Subject,
    name: str,
    budgets: Sequence[Budget],
    bounds: tuple[float, float] | None = None,
    precision: str = "fp32",
) -> Fit:
    """The most costly network that meets every budget, over the values of the setting `name`.

    `bounds` are the ends of the search; unless given, it goes from the setting's own value. `precision` is that of
    all numbers. Raises `CompileError` for what is no number, and where there is no network at all.
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
