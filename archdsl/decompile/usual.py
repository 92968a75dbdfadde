"""Arguments that are the same for all ops of a kind, which a spec says once."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from archdsl.decompile.body import ABSENT, LIKE, Body, Formula
from archdsl.decompile.draft import Draft
from archdsl.decompile.numbers import Numbers, Row
from archdsl.ops.registry import REGISTRY

SHARED_ARGUMENTS = ("bias", "eps", "momentum", "slope", "include_padding")
"""Arguments that a network sets for all ops of a kind."""


def usual(texts: Iterable[tuple[Numbers, Body]]) -> dict[str, dict[str, Any]]:
    """What ops of a kind say in most places of the text, where it is not their default."""
    said: Counter[tuple[str, str, str]] = Counter()
    places: Counter[str] = Counter()
    uses: Counter[str] = Counter()
    values: dict[tuple[str, str, str], Any] = {}
    for numbers, body in texts:
        for step in body.steps:
            if step.name not in REGISTRY:
                continue
            places[step.name] += 1
            uses[step.name] += len(step.uses)
            for name in SHARED_ARGUMENTS:
                value = numbers.written.get((id(step), name))
                if value not in (None, LIKE) and not isinstance(value, Formula):
                    said[step.name, name, repr(value)] += 1
                    values[step.name, name, repr(value)] = value
    found: dict[str, dict[str, Any]] = {}
    for key, times in said.items():
        if 2 * times > places[key[0]] and uses[key[0]] > 1:
            found.setdefault(key[0], {})[key[1]] = values[key]
    return found


def take_out_settings(drafts: Sequence[Draft]) -> dict[tuple[str, str], Row]:
    """The arguments that all ops of a kind have alike in each network, and networks not alike: op, argument, values.

    The ops of the drafts have the default instead.
    """
    values = [_values(draft) for draft in drafts]
    found: dict[tuple[str, str], Row] = {}
    for key in dict.fromkeys(key for row in values for key in row):
        sets = [row.get(key, {ABSENT}) for row in values]
        if all(len(one) == 1 for one in sets) and len(set.union(*sets) - {ABSENT}) > 1:
            found[key] = [next(iter(one)) for one in sets]
    for draft in drafts:
        for part in draft.parts.values():
            update = {name: _default(op, name) for op, name in found if op == part.op.name}
            part.op = part.op.model_copy(update=update) if update else part.op
    return found


def _values(draft: Draft) -> Mapping[tuple[str, str], set[Any]]:
    values: dict[tuple[str, str], set[Any]] = defaultdict(set)
    for part in draft.parts.values():
        for name in SHARED_ARGUMENTS:
            if name in type(part.op).model_fields and name != "bias":
                values[part.op.name, name].add(getattr(part.op, name))
    return values


def _default(op: str, name: str) -> Any:
    return REGISTRY[op].model_fields[name].default
