"""Finds how the numbers of a block are written: as a constant, a parameter, or a formula of parameters and channels.

A number has a value in each use. What has one value everywhere is a constant. What varies is looked for among the
arguments that the author's code was made with, and among simple formulas of these and of the channels that flow in.
What is found nowhere becomes a parameter of its own. The same is done for the conditions of steps that some uses lack.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain, combinations
from math import floor, isnan, nan
from operator import add, floordiv, mul, sub
from typing import Any

from archdsl.decompile.body import ABSENT, ACTIVATION, COUNT, FIRST, Body, Formula, Step, Vector, chains
from archdsl.decompile.words import free_name
from archdsl.formula import round_to, same

Row = list[Any]
"""A value in each use of a block; `ABSENT` where nothing asks for it."""

SMALL = re.compile(r"stride|kernel|dilation|padding|groups|heads")
"""Arguments that count pixels or parts, not channels."""
CHANNELS = frozenset({"out", "width", "channels"})
"""Arguments of ops that count channels."""
DIVISORS = (2, 3, 4, 8, 16)
SIGNS: tuple[tuple[str, Callable[[Any, Any], Any]], ...] = (("*", mul), ("+", add), ("-", sub))


@dataclass(frozen=True, slots=True)
class Use:
    """One use of a block: the arguments of the author's class, and the channels that flow in and out."""

    arguments: Mapping[str, Any]
    before: int
    after: int


class Numbers:
    """The parameters, formulas and conditions of one block. `flow` is the text for the channels that flow in.

    With `bounds`, a condition may be that a number is less than another, as in a block that calls itself until then.
    """

    optional = "variant"
    """The name of a condition that nothing else says."""

    def __init__(
        self, uses: Sequence[Use], body: Body, flow: str, classes: str | None = None, bounds: bool = False
    ) -> None:
        self.uses, self.body, self.flow, self.bounds = uses, body, flow, bounds
        self.before: Row = [use.before for use in uses]
        self.after: Row = [use.after for use in uses]
        names = [name for name in uses[0].arguments if all(name in use.arguments for use in uses)]
        self.known: dict[str, Row] = {name: [use.arguments[name] for use in uses] for name in names}
        self.classes = classes
        self.parameters: dict[str, Row] = {}
        self.written: dict[tuple[int, str], Any] = {}
        """What is written for each hole of a step, by the step's `id`."""
        self.conditions: dict[frozenset[int], Formula] = {}
        for step in body.steps:
            for hole, vector in step.holes.items():
                self.written[id(step), hole] = self._number(step, hole, vector)
        for row in chains(body.lines):
            for step in row.steps:
                self._enter_condition(step.uses, row.uses)
                for branch in step.branches:
                    self._enter_condition(branch.uses, step.uses)

    def defaults(self) -> dict[str, Any]:
        """The parameters that most uses leave at one value, with that value."""
        found = {}
        for name, row in self.parameters.items():
            values = [value for value in row if value is not ABSENT]
            often, count = Counter(map(repr, values)).most_common(1)[0]
            value = next(value for value in values if repr(value) == often)
            usual = SMALL.search(name) or name.startswith(("act", "expand"))
            if isinstance(value, bool) or len(values) < len(row) or (usual and 2 * count >= len(values)):
                found[name] = value
        return found

    # --- numbers ---------------------------------------------------------------------------

    def _number(self, step: Step, hole: str, vector: Vector) -> Any:
        """A constant, or the formula that has these values."""
        values = list(vector.values())
        if hole == COUNT:
            return self._count(vector)
        if len(vector) < len(self.uses) and self._is_channels(step, hole, values):
            found = self._ratio(vector)
            if found:
                return found
        own = {name: row for name, row in {**self.known, **self.parameters}.items() if name == hole}
        found = self._as_parameter(vector, own)
        if found:
            return found
        if all(same(value, values[0]) for value in values):
            return self._constant(hole, values[0])
        found = self._as_parameter(vector, self.parameters)
        if found is None and self._is_channels(step, hole, values):
            found = self._channels(vector)
        if found is None:
            found = self._as_parameter(vector, self.known)
        return found or self._new(self._called(hole), vector)

    def _constant(self, hole: str, value: Any) -> Any:
        """A constant; but the number of classes is the network's, not the block's."""
        is_classes = (
            self.classes and hole == "out" and value in (row[0] for row in (self.known.get(self.classes),) if row)
        )
        return self._chosen("classes", [value] * len(self.uses)) if is_classes else value

    def _count(self, vector: Vector) -> Any:
        values = list(vector.values())
        if all(value == values[0] for value in values):
            return values[0]
        for less in (0, 1):
            for name, row in {**self.parameters, **self._varying(vector)}.items():
                if all(isinstance(row[u], int) and row[u] - less == value for u, value in vector.items()):
                    self._chosen(name, row)
                    return Formula(f"{name} - {less}" if less else name)
        return self._new("count", vector)

    def _is_channels(self, step: Step, hole: str, values: Sequence[Any]) -> bool:
        whole = all(isinstance(value, int) and not isinstance(value, bool) for value in values)
        if not whole or hole.startswith(FIRST):
            return False
        return hole in CHANNELS if not step.is_call else max(values) >= 8 and not SMALL.search(hole)

    def _called(self, hole: str) -> str:
        return "activation" if hole == ACTIVATION else hole.removeprefix(FIRST)

    def _as_parameter(self, vector: Vector, rows: Mapping[str, Row]) -> Formula | None:
        """The first of these names that has the values, wherever a use has one."""
        for name, row in rows.items():
            fits = all(row[u] is ABSENT or same(row[u], value) for u, value in vector.items())
            if fits and any(row[u] is not ABSENT for u in vector) and _varies(row):
                filled = [vector.get(u, ABSENT) if value is ABSENT else value for u, value in enumerate(row)]
                return self._chosen(name, filled)
        return None

    def _ratio(self, vector: Vector) -> Formula | None:
        """`input.channels * expand`, where the step is there for some values of `expand` alone."""
        for name, row in self.known.items():
            if SMALL.search(name) or not _varies(row) or not _are_numbers(row):
                continue
            if all(self.before[u] * row[u] == value and row[u] != 1 for u, value in vector.items()):
                self._chosen(name, row)
                return Formula(f"{self.flow} * {name}")
        return None

    def _channels(self, vector: Vector) -> Formula | None:
        """A formula for channels, the simplest first."""
        chosen = {self.flow: self.before, **self.parameters}
        others = {name: row for name, row in self._varying(vector).items() if name not in self.parameters}
        return (
            self._first(vector, self._multiples(vector, chosen))
            or self._as_parameter(vector, others)
            or self._first(vector, self._pairs(vector, chosen))
            or self._first(vector, self._multiples(vector, others))
            or self._first(vector, self._pairs(vector, {self.flow: self.before, **others}))
            or self._first(vector, self._switched(vector, others))
        )

    def _varying(self, vector: Vector) -> dict[str, Row]:
        """The author's arguments that are numbers and differ between these uses."""
        return {n: r for n, r in self.known.items() if _varies([r[u] for u in vector]) or len(self.uses) == 1}

    def _first(self, vector: Vector, candidates: Iterator[tuple[str, Row]]) -> Formula | None:
        """The first formula that has the values; the arguments in it become parameters."""
        for text, row in candidates:
            if all(row[u] == wanted for u, wanted in vector.items()):
                for name in self.known:
                    if _names(text, name):
                        self._chosen(name, self.known[name])
                return Formula(text)
        return None

    def _multiples(self, vector: Vector, rows: Mapping[str, Row]) -> Iterator[tuple[str, Row]]:
        some = next(iter(vector))
        for name, row in rows.items():
            if _are_counts([row[u] for u in vector]) and _varies([row[u] for u in vector]):
                factor = vector[some] // row[some]
                yield name, row
                if factor > 1:
                    yield f"{name} * {factor}", _with(row, mul, factor)
                for divisor in DIVISORS:
                    yield f"{name} // {divisor}", _with(row, floordiv, divisor)
                yield f"round_to({name} / 4, 8)", _with(row, _quarter, 8)

    def _pairs(self, vector: Vector, rows: Mapping[str, Row]) -> Iterator[tuple[str, Row]]:
        usable = {n: r for n, r in rows.items() if not SMALL.search(n)}
        whole = {n: r for n, r in usable.items() if _are_counts([r[u] for u in vector])}
        for (one, a), (other, b) in combinations(whole.items(), 2):
            for sign, operation in SIGNS:
                yield f"{one} {sign} {other}", _of_two(a, b, operation)
            yield f"{other} - {one}", _of_two(b, a, sub)
        for name, row in usable.items():
            if name not in whole and _are_numbers([row[u] for u in vector]):
                yield f"floor({self.flow} * {name})", [_floor(v) for v in _of_two(self.before, row, mul)]

    def _switched(self, vector: Vector, rows: Mapping[str, Row]) -> Iterator[tuple[str, Row]]:
        """The channels that flow in times one of two numbers, of which an argument of the code says which."""
        for name, row in rows.items():
            if not all(isinstance(value, bool) for value in row):
                continue
            yes, no = (next(self._ratios(vector, row, answer), 0) for answer in (True, False))
            if yes and no:
                factors = [yes if value else no for value in row]
                yield f"{self.flow} * (if {name} then {yes} else {no})", _of_two(self.before, factors, mul)

    def _ratios(self, vector: Vector, row: Row, answer: bool) -> Iterator[int]:
        """How many times the channels that flow in a number is, in the uses in which an argument is so."""
        yield from (vector[u] // self.before[u] for u in vector if row[u] is answer and self.before[u])

    def _new(self, name: str, vector: Vector) -> Formula:
        """A parameter that the author's code does not have."""
        row = [vector.get(u, ABSENT) for u in range(len(self.uses))]
        if self.parameters.get(name) != row:
            name = free_name(name, {*self.parameters, *self.known})
        return self._chosen(name, row)

    def _chosen(self, name: str, row: Row) -> Formula:
        self.parameters[name] = list(row)
        return Formula(name)

    # --- conditions ------------------------------------------------------------------------

    def _enter_condition(self, uses: set[int], around: set[int]) -> None:
        if uses != around and frozenset(uses) not in self.conditions:
            self.conditions[frozenset(uses)] = self._condition(uses, around)

    def _condition(self, uses: set[int], around: set[int]) -> Formula:
        """What holds in these uses, and in no other of those around."""
        for text, row in chain(self._limits(uses, around) if self.bounds else (), self._questions()):
            if all(bool(row[u]) == (u in uses) for u in around):
                for name in {*self.known, *self.parameters}:
                    if _names(text, name):
                        self._chosen(name, self.known.get(name) or self.parameters[name])
                return Formula(text)
        return self._new(self.optional, {u: u in uses for u in range(len(self.uses))})

    def _limits(self, uses: set[int], around: set[int]) -> Iterator[tuple[str, Row]]:
        """Whether a number is less than what it is in the uses in which something is not so."""
        for name, row in {self.flow: self.before, **self.parameters, **self.known}.items():
            if uses < around and _are_counts(row):
                limit = min(row[use] for use in around - uses)
                yield f"{name} < {limit}", [value < limit for value in row]

    def _questions(self) -> Iterator[tuple[str, Row]]:
        """Conditions in the order of how well they read, with their answers."""
        rows = {**self.known, **self.parameters}
        rows = {name: row for name, row in rows.items() if all(isinstance(v, bool | int | float) for v in row)}
        out = self._out()
        fits = [a == b for a, b in zip(self.before, self.after, strict=True)]
        for name, row in rows.items():
            if "stride" in name and out:
                yield f"{name} != 1 or {self.flow} != {out}", [v != 1 or not f for v, f in zip(row, fits, strict=True)]
                yield f"{name} == 1 and {self.flow} == {out}", [v == 1 and f for v, f in zip(row, fits, strict=True)]
        for name, row in rows.items():
            if all(isinstance(value, bool) for value in row):
                yield name, row
                yield f"not {name}", [not value for value in row]
        if out:
            yield f"{self.flow} != {out}", [not f for f in fits]
            yield f"{self.flow} == {out}", fits
        for name, row in rows.items():
            if not _varies(row) or any(isinstance(value, bool) for value in row):
                continue
            for bound in (1, 0):
                yield f"{name} != {bound}", [value != bound for value in row]
                yield f"{name} == {bound}", [value == bound for value in row]
            yield f"{name} != {self.flow}", [a != b for a, b in zip(row, self.before, strict=True)]
            yield f"{name} == {self.flow}", [a == b for a, b in zip(row, self.before, strict=True)]

    def _out(self) -> str | None:
        """The text for the channels that flow out."""
        for step in reversed(list(self.body.steps)):
            for hole, vector in step.holes.items():
                counts = hole in CHANNELS or (step.is_call and not SMALL.search(hole))
                if counts and all(vector.get(u) == channels for u, channels in enumerate(self.after)):
                    return str(self.written[id(step), hole])
        return None


def _names(text: str, name: str) -> bool:
    """Whether a formula names a parameter."""
    return re.search(rf"(?<!\w){re.escape(name)}(?!\w)", text) is not None


def _with(row: Row, operation: Callable[[Any, int], Any], number: int) -> Row:
    return [operation(value, number) if _are_counts([value]) else ABSENT for value in row]


def _quarter(value: int, divisor: int) -> int:
    return round_to(value / 4, divisor)


def _of_two(one: Row, other: Row, operation: Callable[[Any, Any], Any]) -> Row:
    """The results of an operation, NaN where one of the two is no number."""
    return [operation(a, b) if _are_numbers([a, b]) else nan for a, b in zip(one, other, strict=True)]


def _floor(value: float) -> float:
    return value if isnan(value) else floor(value)


def _varies(row: Sequence[Any]) -> bool:
    return len({repr(value) for value in row}) > 1


def _are_numbers(row: Sequence[Any]) -> bool:
    return all(isinstance(value, int | float) and not isinstance(value, bool) for value in row)


def _are_counts(row: Sequence[Any]) -> bool:
    return all(isinstance(value, int) and not isinstance(value, bool) and value > 0 for value in row)
