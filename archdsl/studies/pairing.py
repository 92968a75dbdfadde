"""Pairs the nodes of two graphs by path, or by structure where copies were renumbered.

Members of a scope are paired in groups of one base name (`conv1`, `conv2`; the copies 0, 1, 2). If both groups have
the same size, members of equal name are pairs. Otherwise some were added or removed and the later ones renumbered: then
members are paired by name or by aligning equal structures, whichever leaves more of them unchanged.
"""

from __future__ import annotations

import re
from collections import defaultdict, deque
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from difflib import SequenceMatcher
from typing import TypeAlias

from archdsl.analyses.structure import identity, structures
from archdsl.ir.graph import Graph, Node, Scope, Value

Member: TypeAlias = Node | Scope

Pair: TypeAlias = tuple[Member | None, Member | None]

LONGEST = 1000
"""The largest group whose members are aligned. In a larger one, those between the equal ends are paired by name."""


@dataclass(frozen=True)
class Pairing:
    """Which nodes and scopes of two graphs correspond.

    `members` has the pairs of members for each pair of scopes, by the path of the first scope; None stands for a
    missing counterpart. `nodes` and `scopes` map paths of the first graph to the second, `origins` maps nodes back.
    `structures` has a number for each scope of each graph; equal numbers mean equal structure.
    """

    before: Graph
    after: Graph
    structures: tuple[dict[str, int], dict[str, int]]
    members: dict[str, list[Pair]] = field(default_factory=dict)
    nodes: dict[str, str] = field(default_factory=dict)
    origins: dict[str, str] = field(default_factory=dict)
    scopes: dict[str, str] = field(default_factory=dict)

    def join(self, one: Node, other: Node) -> None:
        """Notes that two nodes correspond."""
        self.nodes[one.id] = other.id
        self.origins[other.id] = one.id

    def alike(self, one: Member, other: Member) -> bool:
        """Whether two members have the same structure, whatever their names and shapes."""
        return _signature(one, self.structures[0]) == _signature(other, self.structures[1])


def pair(before: Graph, after: Graph) -> Pairing:
    """Pairs two graphs, in time that grows linearly with their sizes."""
    known: dict[object, int] = {}
    pairing = Pairing(before, after, (structures(before, known=known), structures(after, known=known)))
    _pair_scopes(pairing, before.scopes[""], after.scopes[""])
    _pair_replaced(pairing)
    return pairing


def _pair_scopes(pairing: Pairing, one: Scope, other: Scope) -> None:
    pending = [(one, other)]
    while pending:
        one, other = pending.pop()
        pairing.scopes[one.path] = other.path
        pairs = list(_matched(pairing, pairing.before.children[one.path], pairing.after.children[other.path]))
        pairing.members[one.path] = pairs
        for ours, theirs in pairs:
            if isinstance(ours, Node) and isinstance(theirs, Node):
                pairing.join(ours, theirs)
            elif isinstance(ours, Scope) and isinstance(theirs, Scope):
                pending.append((ours, theirs))


def _matched(pairing: Pairing, ours: Sequence[Member], theirs: Sequence[Member]) -> Iterator[Pair]:
    """The pairs of members of two scopes, in the order of the second; removed members stay at their old places."""
    partners: dict[str, Member] = {}
    groups = (_groups(ours), _groups(theirs))
    for key, members in groups[0].items():
        partners.update(_in_group(pairing, members, groups[1].get(key, [])))
    _pair_renamed(pairing, ours, theirs, partners)
    return _in_order(ours, theirs, partners)


def _groups(members: Iterable[Member]) -> dict[tuple[type, str], list[Member]]:
    found: dict[tuple[type, str], list[Member]] = defaultdict(list)
    for member in members:
        found[type(member), re.sub(r"\d+$", "", member.name)].append(member)
    return found


def _in_group(pairing: Pairing, ours: Sequence[Member], theirs: Sequence[Member]) -> dict[str, Member]:
    """The counterpart of each member of the first group, by its path."""
    named = {other.name: other for other in theirs}
    by_name = {path(one): named[one.name] for one in ours if one.name in named}
    if len(ours) == len(theirs):
        return by_name
    aligned = _aligned(pairing, ours, theirs)
    kept = sum(pairing.alike(one, by_name[path(one)]) for one in ours if path(one) in by_name)
    if kept >= len(aligned):
        return by_name
    taken = {path(other) for other in aligned.values()}
    free = {key: other for key, other in by_name.items() if path(other) not in taken and key not in aligned}
    return {**free, **aligned}


def _aligned(pairing: Pairing, ours: Sequence[Member], theirs: Sequence[Member]) -> dict[str, Member]:
    """Pairs of members with equal structure, in the order of both."""
    first = [_signature(one, pairing.structures[0]) for one in ours]
    second = [_signature(other, pairing.structures[1]) for other in theirs]
    shortest = min(len(first), len(second))
    start = next((i for i in range(shortest) if first[i] != second[i]), shortest)
    room = shortest - start
    end = next((i for i in range(room) if first[-1 - i] != second[-1 - i]), room)
    found = {path(one): other for one, other in zip(ours[:start], theirs[:start], strict=True)}
    found |= {path(one): other for one, other in zip(ours[len(ours) - end :], theirs[len(theirs) - end :], strict=True)}
    middle = (first[start : len(first) - end], second[start : len(second) - end])
    if max(map(len, middle)) <= LONGEST:
        for i, j, size in SequenceMatcher(None, *middle, autojunk=False).get_matching_blocks():
            for k in range(size):
                found[path(ours[start + i + k])] = theirs[start + j + k]
    return found


def _pair_renamed(
    pairing: Pairing, ours: Sequence[Member], theirs: Sequence[Member], partners: dict[str, Member]
) -> None:
    """Pairs remaining scopes of equal structure, whatever their names."""
    taken = {path(other) for other in partners.values()}
    left: dict[object, deque[Member]] = defaultdict(deque)
    for other in theirs:
        if isinstance(other, Scope) and path(other) not in taken:
            left[_signature(other, pairing.structures[1])].append(other)
    for one in ours:
        alike = left.get(_signature(one, pairing.structures[0]))
        if isinstance(one, Scope) and path(one) not in partners and alike:
            partners[path(one)] = alike.popleft()


def _in_order(ours: Sequence[Member], theirs: Sequence[Member], partners: dict[str, Member]) -> Iterator[Pair]:
    origins = {path(other): one for one in ours if (other := partners.get(path(one)))}
    gone = iter(ours)
    for other in theirs:
        one = origins.get(path(other))
        if one is not None:
            for earlier in gone:
                if earlier is one:
                    break
                if path(earlier) not in partners:
                    yield earlier, None
        yield one, other
    yield from ((one, None) for one in gone if path(one) not in partners)


def _pair_replaced(pairing: Pairing) -> None:
    """Pairs remaining members with replacements: in the same scope and with the same input (`relu` became `silu`)."""
    pending = list(pairing.members)
    for scope in pending:
        pairs = pairing.members[scope]
        gone = [one for one, other in pairs if one is not None and other is None]
        come = [other for one, other in pairs if other is not None and one is None]
        heirs: dict[str, Member] = {}
        for one in gone if len(gone) * len(come) <= LONGEST**2 else []:
            heir = next((other for other in come if _replaces(pairing, one, other)), None)
            if heir is None:
                continue
            come.remove(heir)
            heirs[path(one)] = heir
            if isinstance(one, Node) and isinstance(heir, Node):
                pairing.join(one, heir)
            elif isinstance(one, Scope) and isinstance(heir, Scope):
                known = set(pairing.members)
                _pair_scopes(pairing, one, heir)
                pending += [inner for inner in pairing.members if inner not in known]
        new = {path(heir) for heir in heirs.values()}
        kept = ((a, heirs.get(path(a), b) if a else b) for a, b in pairs if a or not b or path(b) not in new)
        pairing.members[scope] = list(kept)


def _replaces(pairing: Pairing, one: Member, other: Member) -> bool:
    if isinstance(one, Node) and isinstance(other, Node):
        if one.op.family is not other.op.family:
            return False
        ours, theirs = pairing.before.inputs_of(one.id)[:1], pairing.after.inputs_of(other.id)[:1]
    elif isinstance(one, Scope) and isinstance(other, Scope):
        ours, theirs = (tuple(value for name, value in scope.names if name == "input") for scope in (one, other))
    else:
        return False
    return bool(ours and theirs) and counterpart(pairing, ours[0]) == source(pairing, theirs[0]) is not None


def counterpart(pairing: Pairing, value: Value) -> Value | None:
    """The value of the second graph that corresponds to one of the first. A removed node stands for its input."""
    while value.node not in pairing.nodes:
        inputs = pairing.before.inputs_of(value.node)
        if not inputs:
            return None
        value = inputs[0]
    return Value(pairing.nodes[value.node], value.port)


def source(pairing: Pairing, value: Value) -> Value | None:
    """A value of the second graph itself or, if an added node computes it, the value before the added nodes."""
    while value.node not in pairing.origins:
        inputs = pairing.after.inputs_of(value.node)
        if not inputs:
            return None
        value = inputs[0]
    return value


def path(member: Member) -> str:
    """The id of a node, or the path of a scope."""
    return member.id if isinstance(member, Node) else member.path


def _signature(member: Member, numbers: dict[str, int]) -> object:
    return identity(member.op) if isinstance(member, Node) else (numbers[member.path], "scope")
