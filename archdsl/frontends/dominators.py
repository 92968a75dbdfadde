"""Finds, for each node of a graph, the last node that all ways to it pass through (its immediate dominator)."""

from __future__ import annotations

from collections.abc import Sequence


class Dominators:
    """The tree of dominators. `inputs` has, for each node, the earlier nodes that it takes values of.

    `parents` has the dominator of each node, or None if no single node lies on all ways to it. Takes O(n log n) steps:
    each node also knows one that is further up (Myers 1983, An applicative random-access stack).
    """

    def __init__(self, inputs: Sequence[Sequence[int]]) -> None:
        self.parents: list[int | None] = []
        self._depths: list[int] = []
        self._jumps: list[int | None] = []
        for sources in inputs:
            self.add(sources)

    def add(self, sources: Sequence[int]) -> None:
        """Adds the next node, which takes values of these."""
        parent = sources[0] if sources else None
        for other in sources[1:]:
            parent = self._common(parent, other)
        jump = parent
        if parent is not None:
            far = self._jumps[parent]
            further = None if far is None else self._jumps[far]
            if self._depth(parent) - self._depth(far) == self._depth(far) - self._depth(further):
                jump = further
        self.parents.append(parent)
        self._depths.append(self._depth(parent) + 1)
        self._jumps.append(jump)

    def _depth(self, node: int | None) -> int:
        return 0 if node is None else self._depths[node]

    def _common(self, one: int | None, other: int | None) -> int | None:
        """The last node that all ways to two nodes pass through."""
        depth = min(self._depth(one), self._depth(other))
        one, other = self._up(one, depth), self._up(other, depth)
        while one != other:
            assert one is not None
            assert other is not None
            far, further = self._jumps[one], self._jumps[other]
            one, other = (far, further) if far != further else (self.parents[one], self.parents[other])
        return one

    def _up(self, node: int | None, depth: int) -> int | None:
        """The node of this depth on the way up from another one."""
        while node is not None and self._depths[node] > depth:
            jump = self._jumps[node]
            node = jump if self._depth(jump) >= depth else self.parents[node]
        return node
