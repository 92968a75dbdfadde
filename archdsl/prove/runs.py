"""Joins differences: successive steps that are additional or missing are one, and so is a step that was moved."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import takewhile

import networkx as nx

from archdsl.prove.differences import Divergence, Divergences, named
from archdsl.prove.form import Part

MOST = 4
"""The most ops of a run that are named."""

NEAR = 12
"""How far a step may have been moved, in steps, to be reported as moved."""


@dataclass(frozen=True, slots=True)
class Run:
    """Connected parts that only one network has. `at` is the place of the first of them in the list of differences.

    `after` and `before` are the parts of ours before and behind the run.
    """

    parts: tuple[Part, ...]
    at: int
    after: Part | None
    before: Part | None

    @property
    def ops(self) -> tuple[str, ...]:
        """The ops of the parts in words."""
        return tuple(named(part) for part in self.parts)


def joined(all: Divergences) -> list[Divergence]:
    """The differences with successive parts joined, in the order of their first parts."""
    told = dict(_of_pairs(all.found))
    missing = list(_runs(all, False))
    for run in _runs(all, True):
        other, what = _in_its_place(run, missing)
        if other is not None:
            missing.remove(other)
        told[run.at] = Divergence(what, run.parts[0], other.parts[0] if other else None)
    for run in missing:
        what = f"{_text(run.ops)} only there"
        told[run.at] = Divergence(what, None, run.parts[0], after=run.after, before=run.before)
    return [told[place] for place in sorted(told)]


def _in_its_place(run: Run, missing: Sequence[Run]) -> tuple[Run | None, str]:
    """The run that is missing where this one is additional, if there is one, and the words for both."""
    for other in missing:
        if other.after is run.after:
            return other, f"{_text(run.ops)} here, {_text(other.ops)} there"
    for other in missing:
        if moved := _moved(run, other):
            return other, moved
    return None, f"{_text(run.ops)} only here"


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
    order = {part: rank for rank, part in enumerate(all.parts[0 if is_ours else 1])}
    for group in _connected(places):
        parts = _from_its_beginning(sorted(group, key=order.__getitem__), list(order), order)
        source = _source(parts[0])
        user = next((part for part in list(order)[order[parts[-1]] :] if _reads(part, parts[-1])), None)
        if not is_ours:
            # After a run that was moved to the front comes the counterpart of its first part.
            user = (user and all.partners.get(user)) or all.partners.get(parts[0])
            source = source and all.partners.get(source)
        yield Run(tuple(parts), min(places[part] for part in group), source, user)


def _connected(parts: Iterable[Part]) -> Iterator[list[Part]]:
    """Groups of parts that are connected by their inputs."""
    graph: nx.Graph[Part] = nx.Graph()
    graph.add_nodes_from(parts)
    graph.add_edges_from((part, wire.part) for part in list(graph) for wire in part.inputs if wire.part in graph)
    for group in nx.connected_components(graph):
        yield list(group)


def _from_its_beginning(run: list[Part], parts: list[Part], order: Mapping[Part, int]) -> list[Part]:
    """Moves a run so that it begins where a block begins.

    If one of several equal copies is missing, several runs are equally right: `a b a b` without `b a` is also `a b a b`
    without its first `a b`. So a run is moved to the front, over equal steps, as long as it then lies in fewer blocks.
    """
    start, stop = order[run[0]], order[run[-1]] + 1
    if stop - start != len(run):
        return run
    best = run
    for back in range(1, min(len(run), start) + 1):
        one, other = parts[start - back], parts[stop - back]
        if (one.op, one.arguments) != (other.op, other.arguments):
            break
        moved = parts[start - back : stop - back]
        best = max(best, moved, key=_depth)
    return best


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


def _moved(run: Run, other: Run) -> str | None:
    """`relu -> bn here, bn -> relu there`; None unless the same steps are missing nearby, before or after."""
    if run.ops != other.ops or other.after is None:
        return None
    between = _between(run.parts[-1], other.after)
    if between:
        names = [named(part) for part in between]
        return f"{_text([*run.ops, *names])} here, {_text([*names, *run.ops])} there"
    between = _between(other.after, run.parts[0])
    if between:
        names = [named(part) for part in between[:-1]]
        return f"{_text([*names, *run.ops])} here, {_text([*run.ops, *names])} there"
    return None


def _between(first: Part, last: Part) -> list[Part]:
    """The steps after `first` up to and including `last`, along first inputs; empty if they are too far apart."""
    way: list[Part] = []
    part: Part | None = last
    while part is not None and part is not first and len(way) < NEAR:
        way.insert(0, part)
        part = _source(part)
    return way if part is first else []
