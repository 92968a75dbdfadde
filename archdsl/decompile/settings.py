"""Finds what a network's text is set by: the numbers that differ between its variants, as parameters of the network."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from archdsl.decompile.body import ABSENT, ACTIVATION, COUNT, UNIT, Body, Formula, Vector
from archdsl.decompile.numbers import SMALL, Numbers, Row, Use
from archdsl.decompile.scaling import DEPTHS, SHARE, WIDTHS, Rounding, Scale, scale_of
from archdsl.decompile.words import free_name, value_name
from archdsl.decompile.write import written_value
from archdsl.ops.registry import REGISTRY

ELEMENT = re.compile(r"(\w+)\[(\d+)\]")
"""A parameter that is an element of a list."""
COUNT_OF, CHANNELS_OF = "layer", "width"
"""The names of a number of copies and of a number of channels for which the code has none."""
FUNCTIONS = {"width": ("C", "c"), "depth": ("L", "n")}
"""The functions that scale numbers, and their arguments, as papers call them."""
SAID = {"layers": "blocks in each stage"}
"""What is said of parameters that the code has no name for."""
CALLED = {ACTIVATION: "activation", UNIT: UNIT}


class Settings(Numbers):
    """The parameters of a network: of one, none; of several, what differs between them.

    `arguments` are those that each network was made with. Names in `taken` are those of values; `stages` has the name
    of each step's stage, by the step's `id`. Numbers that differ and have no name are elements of lists.
    """

    optional = "extra"

    def __init__(
        self,
        arguments: Sequence[Mapping[str, Any]],
        body: Body,
        taken: Collection[str],
        stages: Mapping[int, str],
    ) -> None:
        self.taken, self.stages, self.networks = frozenset(taken), stages, len(arguments)
        rows = _common([_named(row, self.taken) for row in arguments]) if self.networks > 1 else [{}]
        self._find(rows, body)
        while partly := self._used_in_part():
            self._find([_without(row, partly) for row in rows], body)
        self._single()

    def _find(self, rows: Sequence[Mapping[str, Any]], body: Body) -> None:
        """Finds what is written for each number, with the arguments of each network."""
        self.body = body
        self.scales: dict[str, Scale] = {}
        self.functions: dict[str, str] = {}
        """The text of each function that scales numbers, by its head."""
        self.counts = [vector for step in body.steps for hole, vector in step.holes.items() if hole == COUNT]
        self.list = ""
        """The list of the code that has the numbers of copies, in order."""
        self.sure: dict[str, Row] = {}
        """Arguments of the code by whose names some numbers are called."""
        self.lists: dict[str, str] = {}
        """Lists that the code does not have, and what one element is called."""
        if self.networks > 1:
            self._look_ahead({name: [row[name] for row in rows] for name in rows[0]})
        super().__init__([Use(row, 0, 0) for row in rows], body, "input.channels")

    def _used_in_part(self) -> set[str]:
        """The lists of the code of which the text needs some elements only; the others would do nothing."""
        known, own = _lists(self.known), _lists(self.parameters)
        return {name for name, rows in own.items() if len(rows) < len(known.get(name, ()))}

    def _look_ahead(self, known: Mapping[str, Row]) -> None:
        """Finds what many numbers have in common, before each is written."""
        varied = {name: row for name, row in known.items() if _varies(row)}
        holes = [(step, hole, vector) for step in self.body.steps for hole, vector in step.holes.items()]
        plain = [(hole, vector) for _, hole, vector in holes if hole in varied and not SMALL.search(hole)]
        self.sure = {hole: varied[hole] for hole, vector in plain if _row(vector) == varied[hole]}
        counts = list(map(_row, self.counts))
        lists = (name for name, rows in _lists(known).items() if rows == counts and any(map(_varies, rows)))
        self.list = next(lists, "")
        if not self.list:
            self._scale("depth", self.counts, DEPTHS, varied, share=1)
        widths = [v for step, hole, v in holes if hole != COUNT and self._is_channels(step, hole, list(v.values()))]
        self._scale("width", [v for v in widths if _row(v) not in varied.values()], WIDTHS, varied)

    def _scale(
        self,
        name: str,
        vectors: Sequence[Vector],
        roundings: Sequence[Rounding],
        known: Mapping[str, Row],
        share: float = SHARE,
    ) -> None:
        """Finds by which factor numbers are scaled; not those that are all multiples of the smallest."""
        whole = [row for row in map(_row, vectors) if len(row) == self.networks and min(row) > 0]
        rows = [row for row in _distinct(whole) if _varies(row)]
        floats = {name: row for name, row in known.items() if all(isinstance(value, float) for value in row)}
        if rows and not all(_is_multiple(row, min(rows)) for row in rows):
            scale = scale_of(rows, roundings, floats, share)
            if scale:
                free = scale.name or free_name(name, {*self.taken, *known})
                self.scales[name] = replace(scale, name=free)

    # --- numbers -----------------------------------------------------------------------------

    def _count(self, vector: Vector) -> Any:
        place = next((place for place, other in enumerate(self.counts) if other is vector), 0)
        if self.list:
            return self._chosen(f"{self.list}[{place}]", self.known[f"{self.list}[{place}]"])
        found = self._scaled("depth", vector)
        if found or "depth" in self.scales or not any(map(_varies, map(_row, self.counts))):
            return found or super()._count(vector)
        return self._element(COUNT_OF, {use: vector.get(use, 0) for use in range(len(self.uses))})

    def _channels(self, vector: Vector) -> Formula | None:
        if self.networks == 1:
            return super()._channels(vector)
        return (
            self._first(vector, self._multiples(vector, self.sure))
            or self._scaled("width", vector)
            or super()._channels(vector)
            or self._element(CHANNELS_OF, vector)
        )

    def _pairs(self, vector: Vector, rows: Mapping[str, Row]) -> Iterator[tuple[str, Row]]:
        """None: what two settings come to together is chance, more often than not."""
        yield from super()._pairs(vector, {} if self.networks > 1 else rows)

    def _scaled(self, name: str, vector: Vector) -> Formula | None:
        """The formula of a scaled number: `C(64)`, where C is a function of the network."""
        scale, row = self.scales.get(name), _row(vector)
        if scale is None or len(row) < len(self.uses) or not _varies(row):
            return None
        base = scale.base(row)
        if base is not None:
            return Formula(self._function(name, base))
        least = min(row)
        raised = [max(least, scale.rounding.rule(least, factor)) for factor in scale.factors]
        return Formula(f"max({least}, {self._function(name, least)})") if raised == row else None

    def _function(self, name: str, base: int) -> str:
        """The text of a number that is scaled. What is no product alone has a function, which is defined once."""
        scale = self.scales[name]
        factor = self._chosen(scale.name, list(scale.factors))
        if "(" not in scale.rounding.text:
            return scale.rounding.text.format(base=base, factor=factor)
        called, argument = FUNCTIONS[name]
        called = free_name(called, self.taken)
        self.functions[f"{called}({argument})"] = scale.rounding.text.format(base=argument, factor=factor)
        return f"{called}({base})"

    def _called(self, hole: str) -> str:
        return CALLED.get(hole) or super()._called(hole)

    def _new(self, name: str, vector: Vector) -> Formula:
        if self.networks == 1:
            return super()._new(name, vector)
        if all(isinstance(value, int | float) and not isinstance(value, bool) for value in vector.values()):
            return self._element(name, vector)
        return self._chosen(self._free(name), self._whole(vector))

    def _element(self, name: str, vector: Vector) -> Formula:
        """An element of a list of what is called so."""
        whole = self._free(name if name.endswith("s") else f"{name}s")
        self.lists[whole] = name
        place = sum(other.startswith(f"{whole}[") for other in self.parameters)
        return self._chosen(f"{whole}[{place}]", self._whole(vector))

    def _out(self) -> str | None:
        """None: channels do not flow out of a network as they do out of a block."""
        return None

    def _whole(self, vector: Vector) -> Row:
        return [vector.get(use, ABSENT) for use in range(len(self.uses))]

    def _free(self, name: str) -> str:
        """A name that no value, no argument of the code and no parameter has."""
        scaled = (scale.name for scale in self.scales.values())
        return free_name(name, {*self.taken, *self.known, *_lists(self.known), *self.parameters, *scaled})

    # --- parameters ----------------------------------------------------------------------------

    def _single(self) -> None:
        """Numbers that are alone in their list have no list."""
        for whole, name in self.lists.items():
            element = f"{whole}[0]"
            if f"{whole}[1]" in self.parameters:
                continue
            place = next((id for (id, _), text in self.written.items() if text == element), 0)
            stage = self.stages.get(place)
            plain = name if self._free(name) == name or not stage else f"{stage}_{name}"
            plain = self._free(plain)
            self.parameters = {plain if n == element else n: row for n, row in self.parameters.items()}
            for key, text in self.written.items():
                if isinstance(text, Formula):
                    self.written[key] = Formula(text.replace(element, plain))
            self.conditions = {uses: Formula(text.replace(element, plain)) for uses, text in self.conditions.items()}

    def settings(self) -> dict[str, Row]:
        """All parameters with their values in each variant; lists are whole, with 0 for what a variant lacks."""
        found: dict[str, Row] = {}
        known, own = _lists(self.known), _lists(self.parameters)
        for name, row in self.parameters.items():
            element = ELEMENT.fullmatch(name)
            if element is None:
                found[name] = row
            elif element[1] not in found:
                columns = zip(*(known.get(element[1]) or own[element[1]]), strict=True)
                found[element[1]] = [[0 if value is ABSENT else value for value in column] for column in columns]
        return found


def _named(arguments: Mapping[str, Any], taken: Collection[str]) -> dict[str, Any]:
    """The arguments under names that a spec may have and that no value has."""
    found = {}
    for key, value in arguments.items():
        element = ELEMENT.fullmatch(key)
        name = value_name(element[1] if element else key)
        if name not in taken:
            found[f"{name}[{element[2]}]" if element else name] = value
    return found


def _common(rows: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """The arguments that all networks have; of lists, those that are as long in all."""
    lengths = [
        {name: len(elements) for name, elements in _lists({n: [v] for n, v in row.items()}).items()} for row in rows
    ]
    names = [name for name in rows[0] if all(name in row for row in rows)]
    kept = [n for n in names if not (found := ELEMENT.fullmatch(n)) or len({row[found[1]] for row in lengths}) == 1]
    return [{name: row[name] for name in kept} for row in rows]


def _without(row: Mapping[str, Any], lists: Collection[str]) -> dict[str, Any]:
    """The arguments without the elements of some lists."""
    return {name: value for name, value in row.items() if name.partition("[")[0] not in lists}


def _lists(rows: Mapping[str, Row]) -> dict[str, list[Row]]:
    """The elements of lists, by the names of these."""
    found: dict[str, list[Row]] = defaultdict(list)
    for name, row in rows.items():
        element = ELEMENT.fullmatch(name)
        if element:
            found[element[1]].append(row)
    return found


def _row(vector: Vector) -> Row:
    """The values of a number, in the order of the networks that have it."""
    return [vector[use] for use in sorted(vector)]


def _distinct(rows: Iterable[Row]) -> list[Row]:
    found = {repr(row): row for row in rows}
    return list(found.values())


def _is_multiple(row: Row, of: Row) -> bool:
    return all(value % part == 0 and value // part == row[0] // of[0] for value, part in zip(row, of, strict=True))


def _varies(row: Row) -> bool:
    return len({repr(value) for value in row}) > 1


# --- texts ---------------------------------------------------------------------------------------


def declared(name: str, row: Row) -> str:
    """The declaration of a parameter, with the value of the first variant that has one as its default."""
    value = next(value for value in row if value is not ABSENT)
    said = f' "{SAID[name]}"' if name in SAID else ""
    return f"param {name}{_kind(row)} = {_value(value)}{said}"


def assigned(parameters: Mapping[str, Row], use: int) -> str:
    """What a variant sets, of the parameters that differ between variants."""
    varied = {name: row for name, row in parameters.items() if _varies(row)}
    given = ((name, row[use]) for name, row in varied.items() if not _is_left_out(row, use))
    return ", ".join(f"{name} = {_value(value)}" for name, value in given)


def _is_left_out(row: Row, use: int) -> bool:
    """Whether a variant does not set a parameter: it needs none, or has the number that most variants have."""
    usual = not isinstance(row[0], Formula) and 2 * sum(value == row[0] for value in row) > len(row)
    return row[use] is ABSENT or (usual and row[use] == row[0])


def _kind(row: Row) -> str:
    """The type of a parameter; shapes have none."""
    value = next(value for value in row if value is not ABSENT)
    kinds = {type(value) for value in row if value is not ABSENT}
    if isinstance(value, Formula):
        return ": op" if value in REGISTRY else ": block"
    return "" if tuple in kinds or len(kinds) > 1 else f": {type(value).__name__}"


def _value(value: Any) -> str:
    """A value as a variant sets it: `1.0`, where others have fractions."""
    whole = isinstance(value, float) and value.is_integer()
    if isinstance(value, str):
        return value if isinstance(value, Formula) else f'"{value}"'
    return f"{value:.1f}" if whole else written_value(value, "")
