"""Joins differences: successive steps that are additional or missing are one, and so is a step that was moved."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import takewhile
from operator import itemgetter

import networkx as nx

from archdsl.prove.colors import Parts
from archdsl.prove.differences import Divergence, Divergences
from archdsl.prove.form import Part
from archdsl.prove.words import named

MOST = 4
"""The most ops of a run that are named."""

NEAR = 12
"""How far a step may have been moved, in steps, to be reported as moved."""


@dataclass(frozen=True, slots=True)
class Run:
    """Connected parts that only one network has. `at` is the place of the first of them in the list of differences.

    `after` and `before` are the parts of ours around the run. `alike` are the runs that it may as well be, itself
    among them: of two equal steps in a row, either may be the one too many.
    """

    parts: tuple[Part, ...]
    at: int
    after: Part | None
    before: Part | None
    alike: tuple[Run, ...] = ()

    @property
    def ops(self) -> tuple[str, ...]:
        """The ops of the parts in words."""
        return tuple(named(part) for part in self.parts)


def joined(all: Divergences) -> list[Divergence]:
    """The differences with successive parts joined, in the order of their first parts."""
    told = dict(_of_pairs(all.found))
    missing = list(_runs(all, False))
    for run in _runs(all, True):
        told[run.at] = _in_its_place(run, missing)
    for run in missing:
        what = f"{_text(run.ops)} only there"
        told[run.at] = Divergence(what, None, run.parts[0], after=run.after, before=run.before)
    return [told[place] for place in sorted(told)]


def _in_its_place(run: Run, missing: list[Run]) -> Divergence:
    """The difference that a run is too many; what is missing in its place, or was moved there, is no longer missing."""
    for other in missing:
        if other.after is run.after:
            missing.remove(other)
            return Divergence(f"{_text(run.ops)} here, {_text(other.ops)} there", run.parts[0], other.parts[0])
    for other in missing:
        if moved := _moved(run, other):
            missing.remove(other)
            return moved
    return Divergence(f"{_text(run.ops)} only here", run.parts[0], None)


def _is_alone(divergence: Divergence) -> bool:
    part = divergence.ours or divergence.theirs
    return (divergence.ours is None or divergence.theirs is None) and part is not None and part.op != "output"


def _runs(all: Divergences, is_ours: bool) -> Iterator[Run]:
    """The runs of parts that only ours has, or only theirs."""
    places = {
        part: place
        for place, found in enumerate(all.found)
        if _is_alone(found) and (part := found.ours if is_ours else found.theirs)
    }
    mine, its = all.parts if is_ours else all.parts[::-1]
    order, known = {part: rank for rank, part in enumerate(mine)}, {part.node for part in its}
    for group in _connected(places):
        at = min(places[part] for part in group)
        runs = [_run(parts, at, all, is_ours) for parts in _alike(sorted(group, key=order.__getitem__), mine, order)]
        # Of one copy too few it cannot be said which: `a b | a b` less `b a` is less `a b`, which begins a block.
        best = max(runs, key=lambda run: (_depth(run.parts), -len(known & {part.node for part in run.parts})))
        yield replace(best, alike=tuple(runs))


def _run(run: Sequence[Part], at: int, all: Divergences, is_ours: bool) -> Run:
    """A run as it is told, with what is around it."""
    parts = all.parts[0 if is_ours else 1]
    source = _source(run[0])
    user = next((part for part in parts[parts.index(run[-1]) :] if _reads(part, run[-1])), None)
    if not is_ours:
        # A run that was moved is followed by what its first part was a counterpart of.
        user = (user and all.partners.get(user)) or all.partners.get(run[0])
        source = source and all.partners.get(source)
    return Run(tuple(run), at, source, user)


def _connected(parts: Iterable[Part]) -> Iterator[list[Part]]:
    """Groups of parts that are connected by their inputs."""
    graph: nx.Graph[Part] = nx.Graph()
    graph.add_nodes_from(parts)
    graph.add_edges_from((part, wire.part) for part in list(graph) for wire in part.inputs if wire.part in graph)
    for group in nx.connected_components(graph):
        yield list(group)


def _alike(run: Sequence[Part], parts: Parts, order: Mapping[Part, int]) -> list[Sequence[Part]]:
    """The run, and those that are found if it is moved to the front, step by step equal ones."""
    start, stop = order[run[0]], order[run[-1]] + 1
    found = [run]
    for back in range(1, min(len(run), start) + 1) if stop - start == len(run) else ():
        one, other = parts[start - back], parts[stop - back]
        is_read = any(_reads(part, one) for part in parts[start - back + 1 : stop])
        if (one.op, one.arguments) != (other.op, other.arguments) or not is_read:
            break
        found.append(parts[start - back : stop - back])
    return found


def _depth(run: Sequence[Part]) -> int:
    """The depth of the innermost scope that contains all parts."""
    first, last = (max(run, key=lambda part: part.node.split(".")), min(run, key=lambda part: part.node.split(".")))
    pairs = zip(first.node.split(".")[:-1], last.node.split(".")[:-1], strict=False)
    return sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], pairs))


def _reads(part: Part, source: Part) -> bool:
    return any(wire.part is source for wire in part.inputs)


def _source(part: Part) -> Part | None:
    return part.inputs[0].part if part.inputs else None


def _text(ops: Sequence[str]) -> str:
    """The ops of a run in words: `conv -> bn -> relu`."""
    if len(ops) <= MOST:
        return " -> ".join(ops)
    return f"{' -> '.join(ops[: MOST - 1])} -> ... ({len(ops)} ops)"


def _of_pairs(found: Sequence[Divergence]) -> Iterator[tuple[int, Divergence]]:
    """The differences between counterparts. Of two that are each other's reverse only the first, which mentions it."""
    waiting: list[tuple[int, Divergence]] = []
    for place, divergence in enumerate(found):
        if _is_alone(divergence):
            continue
        first = next((pair for pair in waiting if _is_reverse(pair[1], divergence)), None)
        if first is None:
            waiting.append((place, divergence))
        else:
            waiting.remove(first)
            yield (
                first[0],
                replace(first[1], what=f"{first[1].what}; and the next {_name_of(divergence)} in reverse"),
            )
    yield from waiting


def _name_of(divergence: Divergence) -> str:
    return named(divergence.ours) if divergence.ours else ""


def _is_reverse(one: Divergence, two: Divergence) -> bool:
    """Whether two steps near each other would be right if they were exchanged."""
    if not (one.names and two.names and one.ours and one.theirs and two.ours and two.theirs):
        return False
    crossed = ((one.ours, two.theirs), (two.ours, one.theirs))
    alike = all((a.op, a.arguments) == (b.op, b.arguments) for a, b in crossed)
    return alike and bool(_between(one.ours, two.ours))


# --- steps that changed places ---------------------------------------------------------------


def _moved(run: Run, other: Run) -> Divergence | None:
    """`relu -> bn here, bn -> relu there`, if the same steps are missing a little before or after.

    Where equal steps are in a row, the shortest way is told.
    """
    if run.ops != other.ops:
        return None
    ways = [way for one in run.alike for two in other.alike if (way := _way(one, two))]
    return min(ways, key=itemgetter(0))[1] if ways else None


def _way(run: Run, other: Run) -> tuple[int, Divergence] | None:
    """How many steps a run was moved, and what is said of it."""
    if other.after is None:
        return None
    between = [named(part) for part in _between(run.parts[-1], other.after)]
    if between:
        words = f"{_text([*run.ops, *between])} here, {_text([*between, *run.ops])} there"
    else:
        between = [named(part) for part in _between(other.after, run.parts[0])[:-1]]
        words = f"{_text([*between, *run.ops])} here, {_text([*run.ops, *between])} there"
    return (len(between), Divergence(words, run.parts[0], other.parts[0])) if between else None


def _between(first: Part, last: Part) -> list[Part]:
    """The steps after `first` up to and including `last`, along first inputs; empty if they are too far apart."""
    way: list[Part] = []
    part: Part | None = last
    while part is not None and part is not first and len(way) < NEAR:
        way.insert(0, part)
        part = _source(part)
    return way if part is first else []
