"""Divides a network whose blocks are found into stages, by the sizes of its maps and by its far connections."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from heapq import heappop, heappush
from math import inf, prod

from archdsl.frontends.regions import Region, Regions
from archdsl.ops.base import Family

ENLARGING = frozenset({"upsample", "resize"})
"""Ops that only reshape a value, but before which a stage may begin."""


class Stages:
    """The stage of each node by name; "" for inputs, and for all nodes if there would be only one stage.

    A stage begins where the size of maps changes, and where a single value leaves the stage before it, if several steps
    take this value or that stage began with several values. A pooling that changes the size begins a stage in networks
    with blocks, and ends one in networks without.
    """

    def __init__(self, regions: Regions) -> None:
        self.flow = regions
        self.has_blocks = any(regions.holders)
        self.stage = 0
        self.head: int | None = None
        self.first: int | None = None
        """The first node of the stage."""
        self.pooled = False
        """Whether the stage ends with the last node, a pooling."""
        self.begins: dict[Region, int] = {}
        """The first node of each outermost block."""
        for number, holders in enumerate(regions.holders):
            if holders:
                self.begins.setdefault(holders[0], number)
        self.taken: set[tuple[int, int]] = set()
        """The values that the stage takes from others."""
        self.leaving: list[tuple[float, int]] = []
        """The values of the stage that are taken later, each with the last place where it is; a heap."""
        self.numbers = [*self._numbers()]
        self.names = self._named()

    def _named(self) -> list[str]:
        """The names of stages; "" for one that takes or gives several values, which is written without a name."""
        takes: dict[int, set[tuple[int, int]]] = defaultdict(set)
        gives: dict[int, set[tuple[int, int]]] = defaultdict(set)
        for number, node in enumerate(self.flow.made):
            for value in node.inputs:
                here, there = self.numbers[number], self.numbers[value[0]]
                if here != there and not self.flow.fixed[value[0]]:
                    takes[here].add(value)
                    gives[there].add(value)
        for value in self.flow.results:
            gives[self.numbers[value[0]]].add(value)
        whole = [n for n in range(self.stage + 1) if len(takes[n]) == len(gives[n]) == 1]
        first = 0 if 0 in whole else 1
        names = {number: f"stage{place}" if number else "stem" for place, number in enumerate(whole, start=first)}
        if self.head is not None and self.head in names:
            names[self.head] = "head"
        return [names.get(number, "") if len(whole) > 1 else "" for number in self.numbers]

    def _numbers(self) -> Iterator[int]:
        """The number of the stage of each node; -1 for inputs."""
        found: dict[Region, int] = {}
        for number, node in enumerate(self.flow.made):
            holders = self.flow.holders[number]
            if node.op.name == "input" or self.flow.fixed[number]:
                yield -1 if node.op.name == "input" else self.stage
                continue
            if not holders or holders[0] not in found:
                self._advance(number, holders[0] if holders else None)
            if holders:
                found.setdefault(holders[0], self.stage)
            self._take(number)
            if not holders or holders[0].last == number:
                heappush(self.leaving, (max(self._uses(number), default=-1), number))
            yield found[holders[0]] if holders else self.stage

    def _uses(self, number: int) -> set[float]:
        """The first nodes of the blocks that take a value, and the nodes outside of blocks that do."""
        holders = ((user, self.flow.holders[user]) for user in self.flow.users[number])
        uses: set[float] = {self.begins[blocks[0]] if blocks else user for user, blocks in holders}
        return uses | {inf} if number in self.flow.ends else uses

    def _advance(self, number: int, block: Region | None) -> None:
        """Begins a new stage before a node, or the block that it begins, if one begins there."""
        while self.leaving and self.leaving[0][0] < number:
            heappop(self.leaving)
        old, new = self._sizes(number, block)
        op = self.flow.made[number].op
        if op.family is Family.RESHAPE and op.name not in ENLARGING and prod(new) > 1:
            old = new
        is_pool = op.family is Family.POOL and not self.has_blocks
        is_head = prod(old) > 1 and prod(new) == 1
        begins = self.pooled or is_head or self._is_passed() or (old != new and not is_pool)
        if self.first is None or self.head is not None:
            begins = False
        if begins:
            self.stage += 1
            self.leaving.clear()
            self.taken.clear()
        if is_head and begins:
            self.head = self.stage
        if begins or self.first is None:
            self.first = number
        self.pooled = is_pool and old != new and self.first != number

    def _take(self, number: int) -> None:
        """Notes the values that a node takes from other stages."""
        for value in self.flow.made[number].inputs:
            if not self.flow.fixed[value[0]] and (self.first is None or value[0] < self.first):
                self.taken.add(value)

    def _is_passed(self) -> bool:
        """Whether a single value leaves the stage here, and several steps take it, or the stage took several."""
        if len(self.leaving) != 1:
            return False
        return len(self.taken) > 1 or len(self._uses(self.leaving[0][1])) > 1

    def _sizes(self, number: int, block: Region | None) -> tuple[tuple[int, ...], tuple[int, ...]]:
        """Height and width before and after a node, or a block."""
        made = self.flow.made
        before = [block.before] if block else self.flow.flowing(number)
        new = made[block.last if block else number].outputs[0].spatial
        return (made[before[0]].outputs[0].spatial if before else new), new
