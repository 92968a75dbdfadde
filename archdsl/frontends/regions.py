"""Finds the parts of a network that are taken for its blocks, from the flow of its values alone.

A block is what lies between a join (a sum, a product, a concatenation) and the value that all of its branches come
from, with the activation after the join: a residual unit, an inception module, a gate. Nodes are known by
their numbers.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass

from archdsl.frontends.dominators import Dominators
from archdsl.frontends.nodes import NewNode
from archdsl.ops.base import Family

LARGEST = 200
"""The most nodes of a block."""
SMALLEST = 3
"""The fewest nodes of a block."""
DEEPEST = 2
"""How many blocks may lie inside one another."""
AFTER = frozenset({"channel_shuffle"})
"""Ops besides activations that belong to the block whose join they follow."""


@dataclass(frozen=True, slots=True, eq=False)
class Region:
    """A block: its nodes, the node before it, and its last node. `kind` is the name of its class."""

    nodes: frozenset[int]
    before: int
    last: int
    kind: str


class Regions:
    """The regions of a network that are taken for blocks. `results` are its outputs."""

    def __init__(self, made: Sequence[NewNode], results: Collection[tuple[int, int]]) -> None:
        self.made = made
        self.results = frozenset(results)
        self.ends = {node for node, _ in results}
        self.users: list[dict[int, None]] = [{} for _ in made]
        for number, node in enumerate(made):
            for source, _ in node.inputs:
                self.users[source][number] = None
        self.fixed = self._fixed()
        self.closing = self._closing()
        self.dominators = Dominators([self.flowing(number) for number in range(len(made))])
        self.holders: list[list[Region]] = [[] for _ in made]
        """The blocks around each node, the outermost first."""
        self._choose()

    def _fixed(self) -> list[bool]:
        """Whether each node is computed from no input: learned values, and what is made of them alone."""
        fixed: list[bool] = []
        for node in self.made:
            fixed.append(node.op.name != "input" and all(fixed[source] for source, _ in node.inputs))
        return fixed

    def flowing(self, number: int) -> list[int]:
        """The nodes whose values flow into this one, each once."""
        return list(dict.fromkeys(source for source, _ in self.made[number].inputs if not self.fixed[source]))

    def _closing(self) -> frozenset[Family]:
        """The families of ops that close a block: activations, and normalizations if most joins are followed by one."""
        joins = [n for n, node in enumerate(self.made) if node.op.name == "add" and len(self.flowing(n)) > 1]
        followed = [n for n in joins if [self.made[user].op.family for user in self.users[n]] == [Family.NORM]]
        return frozenset({Family.ACTIVATION, *([Family.NORM] if 2 * len(followed) > len(joins) else [])})

    def _regions(self) -> Iterator[Region]:
        """The parts of the network that could be blocks."""
        for number, node in enumerate(self.made):
            before = self.dominators.parents[number]
            if node.op.family is not Family.MERGE or before is None or len(self.flowing(number)) < 2:
                continue
            found = self._region(number, before)
            if found is not None:
                yield found

    def _region(self, join: int, before: int) -> Region | None:
        """What lies between a node and a join, if values enter and leave it there alone."""
        nodes = {join}
        pending = [join]
        while pending:
            for source, _ in self.made[pending.pop()].inputs:
                if source != before and source not in nodes:
                    nodes.add(source)
                    pending.append(source)
            if len(nodes) > LARGEST:
                return None
        kind = self._kind(join, before)
        if len(self.made[before].outputs) > 1:
            # What splits a value belongs to the block that joins its parts.
            nodes.add(before)
            split_from = self.dominators.parents[before]
            if split_from is None:
                return None
            before = split_from
        last = self._after(join)
        nodes.add(last)
        closed = all(self.users[n].keys() <= nodes and n not in self.ends for n in nodes - {last})
        return Region(frozenset(nodes), before, last, kind) if closed and len(nodes) >= SMALLEST else None

    def _kind(self, join: int, before: int) -> str:
        """A name for a block, by what joins its branches, and whether one of these is the value before it."""
        skips = any(source == before for source, _ in self.made[join].inputs)
        name = self.made[join].op.name
        if name == "add":
            return "Residual"
        if name == "concat":
            return "Dense" if skips else "Branches"
        return "Gate" if name == "mul" and skips else "Joined"

    def _after(self, join: int) -> int:
        """The op that closes the block of a join, or the join."""
        if len(self.users[join]) == 1 and join not in self.ends:
            (user,) = self.users[join]
            op = self.made[user].op
            if op.name in AFTER or (op.family in self.closing and len(self.made[user].inputs) == 1):
                return user
        return join

    def _choose(self) -> None:
        """Keeps regions that lie apart or inside one another, larger ones first, if there are more of their kind."""
        chosen: list[Region] = []
        for region in sorted(self._regions(), key=lambda region: -len(region.nodes)):
            around = {tuple(self.holders[number]) for number in region.nodes}
            if len(around) == 1 and len(next(iter(around))) < DEEPEST:
                chosen.append(region)
                for number in region.nodes:
                    self.holders[number].append(region)
        counts = Counter(region.kind for region in chosen)
        for region in chosen:
            if counts[region.kind] == 1:
                for number in region.nodes:
                    self.holders[number].remove(region)
