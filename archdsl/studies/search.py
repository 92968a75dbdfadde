"""The search for a budget: compiles the network with values of one setting and compares costs."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import pairwise
from math import ceil, floor
from typing import Any

from archdsl.diagnostics import CompileError, Diagnostic, Note
from archdsl.studies.budgets import Budget
from archdsl.studies.subject import Subject
from archdsl.studies.trial import Trial, Trier

DOUBLINGS = 10
"""Without a range, the setting's own value is doubled or halved at most this many times: up to 1024-fold."""

NEIGHBOURS = 64
"""If the network does not accept a whole number, at most this many on each side of it are tried instead."""

DIGITS = 6
"""The number of decimals to which fractions are searched."""


@dataclass(frozen=True, slots=True)
class SearchStep:
    """One value of the setting that the network accepts, and the network's costs by name of measure."""

    value: int | float
    costs: Mapping[str, float]


Ends = tuple[SearchStep, SearchStep]
"""Two steps, the cheaper one first."""


@dataclass
class Search:
    """A search over one setting; each value is compiled once.

    `start` is the setting's own value, None if it has none; `whole` says whether only whole numbers are allowed.
    """

    subject: Subject
    name: str
    budgets: tuple[Budget, ...]
    precision: str
    start: int | float | None
    whole: bool
    trials: dict[float, Trial] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.trier = Trier(self.subject, tuple(budget.measure.name for budget in self.budgets), (), self.precision)

    def step(self, value: float) -> SearchStep | None:
        """Compiles the network with a value. Returns None if the network does not accept it."""
        if value not in self.trials:
            self.trials[value] = self.trier({self.name: value})
        trial = self.trials[value]
        return None if trial.problem else SearchStep(value, trial.values)

    def near(self, value: float, low: float, high: float) -> SearchStep | None:
        """The step at this value or, if the network does not accept it and numbers are whole, at the nearest one."""
        beside = range(NEIGHBOURS + 1) if self.whole else range(1)
        values = (value + sign * distance for distance in beside for sign in (-1, 1))
        return self._first(value for value in dict.fromkeys(values) if low <= value <= high)

    def _first(self, values: Iterable[float]) -> SearchStep | None:
        return next((step for value in values if (step := self.step(value))), None)

    @property
    def steps(self) -> list[SearchStep]:
        """All steps so far, in the order of their values."""
        return [step for value in sorted(self.trials) if (step := self.step(value))]

    def meets(self, step: SearchStep) -> bool:
        """Whether a step is within all budgets."""
        return all(step.costs[budget.measure.name] <= budget.limit for budget in self.budgets)

    # --- where to search -------------------------------------------------------------------

    def between(self, low: float, high: float) -> Ends:
        """The steps at the ends of a given range, the cheaper one first. Raises `CompileError`."""
        if self.whole:
            given = f"from {low:g} to {high:g}"
            low, high = ceil(low), floor(high)
            if low > high:
                raise CompileError([Diagnostic("bad-range", f"--range: there is no whole number {given}")])
        first, last = self.near(low, low, high), self.near(high, low, high)
        if first is None or last is None:
            raise self._failure(low if first is None else high)
        return in_order(first, last)

    def around(self) -> Ends:
        """The ends of a range that is found from the setting's own value, by going outwards until a budget is exceeded.

        Raises `CompileError`.
        """
        if self.start is None:
            message = f"--over: `{self.name}` has no default from which the search could start"
            raise CompileError([Diagnostic("missing-setting", message, help="give the range to search: --range 1:64")])
        start = self.step(self.start)
        if start is None:
            raise self._failure(self.start)
        up, down = list(self._away(1)), list(self._away(-1))
        for side, other in ((up, down), (down, up)):
            probe = self._other_costs(start, side[:3])
            if probe is not None:
                dear, cheap = (side, other) if in_order(start, probe)[0] is start else (other, side)
                return self._walk(start, dear if self.meets(start) else cheap)
        return start, start

    def _other_costs(self, start: SearchStep, values: Sequence[float]) -> SearchStep | None:
        steps = (self._beyond(value) for value in values)
        return next((step for step in steps if step and step.costs != start.costs), None)

    def _walk(self, start: SearchStep, values: Sequence[float]) -> Ends:
        """The last step on the side of `start` with respect to the budgets, and the first on the other side."""
        before, wanted = start, not self.meets(start)
        for value in values:
            step = self._beyond(value)
            if step is None:
                break
            if self.meets(step) == wanted:
                return in_order(before, step)
            before = step
        return in_order(start, before)

    def _beyond(self, value: float) -> SearchStep | None:
        """The step at a value, or near it if the network does not accept it."""
        return self.near(value, value - NEIGHBOURS, value + NEIGHBOURS)

    def _away(self, sign: int) -> Iterator[float]:
        """Values at growing distance from the start: upwards they are doubled, downwards halved."""
        assert self.start is not None
        for power in range(1, DOUBLINGS + 1):
            if not self.start:
                yield sign * (2**power - 1)
            elif (self.start > 0) == (sign > 0):
                yield self.start * 2**power
            elif not self.whole:
                yield self.start / 2**power
            elif abs(self.start) >= 2**power:
                yield int(self.start / 2**power)

    def _failure(self, value: float) -> CompileError:
        """The error for a value that the network does not accept."""
        problem = self.trials[value].problem
        assert problem is not None
        return CompileError([replace(problem, notes=(*problem.notes, Note(f"with {self.name} = {value:g}")))])

    # --- the search ------------------------------------------------------------------------

    def bisect(self, cheap: SearchStep, dear: SearchStep) -> tuple[SearchStep | None, SearchStep | None]:
        """The last step that meets the budgets and the first that does not, between a cheap and a costly end."""
        if not self.meets(cheap):
            return None, cheap
        if self.meets(dear):
            return dear, None
        while (middle := self._middle(cheap.value, dear.value)) is not None:
            if self.meets(middle):
                cheap = middle
            else:
                dear = middle
        return self._shortened(cheap, dear.value), self._shortened(dear, cheap.value)

    def _middle(self, one: float, other: float) -> SearchStep | None:
        """A step between two values, near the middle; None if none is left."""
        if self.whole:
            low, high = sorted((one, other))
            return self.near((low + high) // 2, low + 1, high - 1)
        return self.step((one + other) / 2) if abs(one - other) > 10**-DIGITS else None

    def _shortened(self, step: SearchStep, away_from: float) -> SearchStep:
        """A step with the same costs whose value has fewer digits; it is not nearer to the value `away_from`."""
        if self.whole:
            return step
        cut = floor if away_from > step.value else ceil
        for digits in range(DIGITS):
            value = cut(step.value * 10**digits) / 10**digits
            shorter = self.step(int(value) if value.is_integer() else value)
            if shorter is not None and shorter.costs == step.costs:
                return shorter
        return step

    def sample(self, ends: Ends, parts: int) -> None:
        """Tries values at equal distances between the ends, to see whether costs only rise or only fall."""
        low, high = sorted(end.value for end in ends)
        for part in range(1, parts):
            value = low + (high - low) * part / parts
            self.near(round(value) if self.whole else value, low, high)

    def turn(self) -> Ends | None:
        """Two neighbouring steps between which a cost changes in the direction opposite to that of the whole range."""
        steps = self.steps
        for budget in self.budgets:
            name = budget.measure.name
            sign = 1 if steps[-1].costs[name] >= steps[0].costs[name] else -1
            for one, other in pairwise(steps):
                if sign * (other.costs[name] - one.costs[name]) < 0:
                    return one, other
        return None

    def scan(self, ends: Ends, most: int) -> tuple[SearchStep | None, SearchStep | None]:
        """The most costly step that meets the budgets, and the next one. Tries every whole number if at most `most`."""
        low, high = sorted(end.value for end in ends)
        if self.whole and high - low <= most:
            for value in range(int(low), int(high) + 1):
                self.step(value)
        first = self.budgets[0].measure.name
        steps = sorted(self.steps, key=lambda step: step.costs[first])
        good = [step for step in steps if self.meets(step)]
        return (good[-1], None) if good else (None, steps[0])


def in_order(one: SearchStep, other: SearchStep) -> Ends:
    """Two steps in order of their costs, by the first measure in which they differ."""
    for name, cost in one.costs.items():
        if cost != other.costs[name]:
            return (one, other) if cost < other.costs[name] else (other, one)
    return one, other


def own_value(subject: Subject, name: str) -> tuple[Any, bool]:
    """The value of a setting, None if it has none, and whether it takes whole numbers only.

    Raises `CompileError` if the setting is not a number.
    """
    kind = next((p.type for p in subject.network.parameters if p.name == name), None)
    try:
        settings = subject.compile().graph.header.settings
    except CompileError as error:
        if kind not in ("int", "float") or any(d.code != "missing-setting" for d in error.diagnostics):
            raise
        return None, kind == "int"
    value = next(setting.value for setting in settings if setting.name == name)
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise _no_number(subject, name, kind or type(value).__name__)
    return value, kind == "int" or (kind is None and isinstance(value, int))


def _no_number(subject: Subject, name: str, kind: str) -> CompileError:
    network = subject.network
    numbers = [p.name for p in network.parameters if p.type in ("int", "float")]
    numbers += [formula.name.name for formula in network.scaling]
    help = f"settings of {network.name} that are numbers: {', '.join(numbers)}" if numbers else None
    article = "an" if kind[0] in "aeiou" else "a"
    return CompileError([Diagnostic("no-number", f"--over: `{name}` is {article} {kind} and not a number", help=help)])
