"""Entries: single differences between two networks. Equal differences in several copies are joined."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from functools import reduce
from operator import add
from typing import Literal, TypeAlias

from archdsl.studies.periodic import runs

Kind: TypeAlias = Literal["added", "removed", "changed", "resized", "renamed"]


@dataclass(frozen=True, slots=True)
class Cost:
    """A difference in costs: parameters and multiply-adds (MACs), negative if there are fewer."""

    params: int = 0
    macs: int = 0

    def __add__(self, other: Cost) -> Cost:
        return Cost(self.params + other.params, self.macs + other.macs)

    def __neg__(self) -> Cost:
        return Cost(-self.params, -self.macs)


@dataclass(frozen=True, slots=True)
class Entry:
    """One difference, with its `path` in the second network or, if it was removed, in the first.

    `what` describes it: `conv 3×3, 64`, `stride 1 → 2`, `56×56 → 64×64`, a new path. It stands for that many `copies`
    that differ in the same way.
    """

    kind: Kind
    path: str
    what: str
    cost: Cost
    copies: int = 1


def joined(entries: Iterable[Entry]) -> list[Entry]:
    """Joins entries of copies that differ in the same way: `conv3.{0–3}.conv1`. Their shapes may differ."""
    groups: dict[tuple[str, ...], list[Entry]] = {}
    for entry in entries:
        groups.setdefault((entry.kind, _template(entry.path), _kept(entry)), []).append(entry)
    return [_one(group) for group in groups.values()]


def _kept(entry: Entry) -> str:
    """The part of an entry that must be equal for entries of copies to be joined."""
    match entry.kind:
        case "renamed":
            return _template(entry.what)
        case "resized":
            return ""
        case "added" | "removed":
            return entry.what.partition(", ")[0]
        case _:
            return entry.what


def _template(text: str) -> str:
    return ".".join("*" if part.isdigit() else part for part in text.split("."))


def _one(group: list[Entry]) -> Entry:
    if len(group) == 1:
        return group[0]
    first, last = group[0], group[-1]
    what = first.what
    if first.kind == "renamed":
        what = _path_of_all([entry.what for entry in group])
    elif what != last.what:
        what += f" to {last.what.removeprefix(_kept(last)).removeprefix(', ')}"
    cost = reduce(add, (entry.cost for entry in group))
    return replace(first, path=_path_of_all([e.path for e in group]), what=what, cost=cost, copies=len(group))


def _path_of_all(paths: list[str]) -> str:
    """One path for the paths of several copies: `conv4.6–22`, `conv3.{0–3}.conv1`."""
    columns = list(zip(*(text.split(".") for text in paths), strict=True))
    parts = []
    for index, column in enumerate(columns):
        if len(set(column)) == 1:
            parts.append(column[0])
            continue
        stretches = runs({int(number) for number in column})
        text = ",".join(str(first) if first == last else f"{first}–{last}" for first, last in stretches)
        parts.append(text if index == len(columns) - 1 else f"{{{text}}}")
    return ".".join(parts)
