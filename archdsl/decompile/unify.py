"""Says the texts of several uses of one block as one: numbers become vectors, and what some uses lack becomes optional.

Steps are aligned as lines of text are in a diff. Two texts in which different steps stand at one place are no uses of
one block; the same for a join with another number of branches.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from difflib import SequenceMatcher
from typing import Any

from archdsl.decompile.body import (
    ACTIVATION,
    COUNT,
    FIRST,
    UNIT,
    Body,
    Chain,
    Formula,
    Step,
    Vector,
    chains,
    weight,
)
from archdsl.ops.base import Family
from archdsl.ops.registry import REGISTRY

ALIKE = 0.75
"""How much of the shorter of two chains must stand in the other, too."""

Default = Callable[[Step, str], Any]
"""The value that an argument of a step has where it is not written."""


class Unlike(Exception):
    """Two texts that no block says both."""


def unified(one: Body, other: Body, default: Default) -> Body:
    """The text of the uses of both. Raises `Unlike` if there is none."""
    if [line.is_path for line in one.lines] != [line.is_path for line in other.lines]:
        raise Unlike
    rename(other, renaming(one, other))
    lines = [replace(a, chain=_chains(a.chain, b.chain, default)) for a, b in zip(one.lines, other.lines, strict=True)]
    learned, shared, fixed = (
        tuple((name, _steps(a, b, default)) for (name, a), (_, b) in zip(mine, its, strict=True))
        for mine, its in ((one.learned, other.learned), (one.shared, other.shared), (one.fixed, other.fixed))
    )
    return Body(lines, one.returns, learned, shared, fixed)


def renaming(one: Body, other: Body) -> Mapping[str, str]:
    """The names of the first text, by those of the second. Raises `Unlike` if they name other values."""
    counts = [
        ([len(step.holes) for _, step in body.learned], len(body.shared), len(body.fixed)) for body in (one, other)
    ]
    if counts[0] != counts[1]:
        raise Unlike
    pairs = zip((*one.learned, *one.shared, *one.fixed), (*other.learned, *other.shared, *other.fixed), strict=True)
    found = {b: a for (a, _), (b, _) in pairs}
    for a, b in zip(one.lines, other.lines, strict=False):
        if len(a.names) != len(b.names):
            raise Unlike
        found.update(zip(b.names, a.names, strict=True))
    return found


def rename(body: Body, names: Mapping[str, str]) -> None:
    for chain in chains(body.lines):
        chain.start = tuple(names.get(name, name) for name in chain.start)
        for step in chain.steps:
            step.name = names.get(step.name, step.name)
            step.values = tuple(names.get(name, name) for name in step.values)


def _chains(one: Chain, other: Chain, default: Default) -> Chain:
    if one.start != other.start:
        raise Unlike
    mine, its = _with_join(one.steps, other.steps), _with_join(other.steps, one.steps)
    found: list[Step] = []
    matcher = SequenceMatcher(None, [_sign(s) for s in mine], [_sign(s) for s in its], autojunk=False)
    if sum(match.size for match in matcher.get_matching_blocks()) < ALIKE * min(len(mine), len(its)):
        raise Unlike
    for tag, start, end, first, last in matcher.get_opcodes():
        if tag == "replace":
            raise Unlike
        if tag == "equal":
            found += (_steps(a, b, default) for a, b in zip(mine[start:end], its[first:last], strict=True))
        else:
            found += [*mine[start:end], *its[first:last]]
    return Chain(one.start, found, one.uses | other.uses)


def _sign(step: Step) -> tuple[object, ...]:
    """What two steps must have in common to be one."""
    return _kind(step), len(step.branches), step.is_call, step.values


def _kind(step: Step) -> str:
    op = REGISTRY.get(step.name)
    if UNIT in step.holes:
        return UNIT
    plain = op is not None and op.family is Family.ACTIVATION and not step.holes.keys() - {ACTIVATION}
    return ACTIVATION if plain else step.name


def _steps(one: Step, other: Step, default: Default) -> Step:
    if _kind(one) != _kind(other):
        raise Unlike
    holes: dict[str, dict[int, Any]] = {}
    mine, its = _as_copies(one, other, default), _as_copies(other, one, default)
    if (UNIT not in mine and one.name != other.name) or ACTIVATION in {*mine, *its}:
        mine.setdefault(ACTIVATION, dict.fromkeys(one.uses, Formula(one.name)))
        its.setdefault(ACTIVATION, dict.fromkeys(other.uses, Formula(other.name)))
    for hole in {**mine, **its}:
        holes[hole] = {}
        for step, known in ((one, mine), (other, its)):
            holes[hole].update(known[hole] if hole in known else _unwritten(step, hole, default))
        if None in holes[hole].values() and set(holes[hole].values()) != {None}:
            raise Unlike  # no text sets an argument to what it is when it is not set
    branches = [_branches(a, b, default) for a, b in zip(one.branches, other.branches, strict=True)]
    return Step(one.name, holes, branches, one.uses | other.uses, one.is_call, one.values)


def _as_copies(step: Step, other: Step, default: Default) -> dict[str, Vector]:
    """The holes of a step. One that stands alone is the first of its copies, where the other is several."""
    first = [hole for hole in other.holes if hole.startswith(FIRST) and hole not in step.holes]
    if not first or COUNT in step.holes or COUNT not in other.holes:
        return dict(step.holes)
    holes: dict[str, Vector] = {**step.holes, COUNT: dict.fromkeys(step.uses, 1)}
    for hole in first:
        plain = hole.removeprefix(FIRST)
        holes[hole] = step.holes.get(plain) or dict.fromkeys(step.uses, default(step, plain))
        holes[plain] = {}
    return {hole: vector for hole, vector in holes.items() if vector or hole in other.holes}


def _unwritten(step: Step, hole: str, default: Default) -> Vector:
    """The values of an argument that a step does not write: the first of several copies is as the others are."""
    plain = hole.removeprefix(FIRST)
    if plain != hole and plain in step.holes:
        return step.holes[plain]
    return dict.fromkeys(step.uses, default(step, hole))


def _branches(one: Chain, other: Chain, default: Default) -> Chain:
    """A branch that neither use has in full is as the other has it."""
    if not one.uses or not other.uses:
        return one if one.uses else other
    return _chains(one, other, default)


def _with_join(steps: Sequence[Step], others: Sequence[Step]) -> list[Step]:
    """The steps with a join of one branch around the first of them, where the others begin with a join.

    A block that adds its input in some uses only has in the others what the long branch has in those.
    """
    join = others[0] if others else None
    if join is None or not join.branches or any(step.branches and step.name == join.name for step in steps):
        return list(steps)
    tail = [_sign(step) for step in others[1:]]
    inside = len(steps) - len(tail)
    if [_sign(step) for step in steps[inside:]] != tail:
        return list(steps)
    longest = max(range(len(join.branches)), key=lambda place: weight(join.branches[place]))
    theirs = [_sign(step) for step in join.branches[longest].steps]
    if SequenceMatcher(None, theirs, [_sign(step) for step in steps[:inside]], autojunk=False).ratio() < 0.5:
        return list(steps)
    uses = set().union(*(step.uses for step in steps))
    branches = [
        Chain((), list(steps[:inside]), uses) if place == longest else Chain(branch.start, [], set())
        for place, branch in enumerate(join.branches)
    ]
    return [Step(join.name, {}, branches, uses), *steps[inside:]]
