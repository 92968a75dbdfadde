"""What training keeps, and what it computes twice, where some steps run again in the backward pass.

A segment is a part of a network that PyTorch's `checkpoint` runs: what flows into it is kept, and all else that its
steps keep is computed again when it is needed. That ends with the last step that keeps something, and before this step
if it keeps only what flows into it. So where a segment ends with a convolution, that one does not run again, and
`bn -> relu -> conv` costs no multiply-adds.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property

from archdsl.analyses.memory import NOTHING_KEPT, Keeping
from archdsl.ir.graph import Graph, Value


@dataclass(frozen=True, slots=True)
class Segment:
    """Steps that run again: their nodes in order, and the values that flow in.

    A concatenation that flows in may be kept as its parts, which stand in its place in `takes`; it is computed again.
    Those that the concatenation has from another one, which is likely to be kept so too, are `shared`.
    """

    nodes: tuple[str, ...]
    takes: tuple[Value, ...]
    shared: frozenset[Value] = frozenset()


@dataclass(frozen=True, slots=True)
class Gain:
    """The bytes that a segment saves, and the multiply-adds that it costs, for a whole batch.

    `hidden` are the bytes that it computes again, all of which it holds for a moment.
    """

    saved: int
    macs: int
    hidden: int


class Recomputation:
    """What segments save and cost in one network.

    A value is kept once, however many steps keep it. So what a segment saves hardly depends on the other segments: if a
    value is kept by steps of two of them, it flows into one of them at least, and stays. The exception is a value that
    only steps of one segment keep, and that flows into another one: see `shared`.
    """

    def __init__(self, graph: Graph, width: int = 4, batch: int = 1) -> None:
        self.graph, self.batch = graph, batch
        self.keeping = Keeping(graph, width, batch)
        self.keepers: dict[Value, set[str]] = {}
        for id, keeps in self.keeping.by_node.items():
            for place in keeps.places:
                self.keepers.setdefault(place, set()).add(id)
        self.overwritten = {self._place(graph.inputs_of(id)[0]) for id in self.keeping.overwriting}

    @cached_property
    def macs(self) -> int:
        """The multiply-adds of the forward pass."""
        return sum(map(self._macs, (node.id for node in self.graph)))

    def is_possible(self, segment: Segment) -> bool:
        """Whether what flows in is still the same in the backward pass, and is no value that the module holds."""
        own = {self._place(value) for value in segment.takes}
        ops = [self.graph.node(place.node).op for place in own]
        return not any(map(self.is_overwritten, own)) and not any(op.is_held and op.name != "input" for op in ops)

    def is_overwritten(self, value: Value) -> bool:
        """Whether an activation overwrites a value."""
        return self._place(value) in self.overwritten

    def gain(self, segment: Segment) -> Gain:
        """What a segment saves and costs."""
        inside = set(segment.nodes)
        own = [self.keeping.by_node[id] for id in segment.nodes if id in self.keeping.by_node]
        places = {place for keeps in own for place in keeps.places if self.keepers[place] <= inside}
        taken = {self._place(value) for value in segment.takes}
        hidden = sum(keeps.further for keeps in own) + sum(map(self.keeping.size, places - taken))
        shared = set(map(self._place, segment.shared))
        added = sum(self.keeping.size(place) for place in taken - shared if not self.keepers.get(place))
        return Gain(hidden - added, self.extra(segment), hidden)

    def shared(self, one: Segment, other: Segment) -> int:
        """The bytes that the first segment saves by itself, and that are kept since they flow into the other one."""
        inside = set(one.nodes)
        taken = {self._place(value) for value in other.takes}
        return sum(self.keeping.size(place) for place in taken if inside >= self.keepers.get(place, {""}))

    def extra(self, segment: Segment) -> int:
        """The multiply-adds that run again."""
        keeping = [place for place, id in enumerate(segment.nodes) if id in self.keeping.by_node]
        if not keeping:
            return 0
        last = keeping[-1] + self.keeping.by_node[segment.nodes[keeping[-1]]].after
        return sum(map(self._macs, segment.nodes[:last]))

    def kept(self, segments: Iterable[Segment] = ()) -> int:
        """Bytes that training keeps if these segments run again."""
        places: set[Value] = set()
        total = 0
        inside: set[str] = set()
        for segment in segments:
            inside.update(segment.nodes)
            places.update(map(self._place, segment.takes))
        for node in self.graph:
            keeps = self.keeping.by_node.get(node.id, NOTHING_KEPT) if node.id not in inside else NOTHING_KEPT
            total += keeps.further
            places.update(keeps.places)
        return total + sum(map(self.keeping.size, places))

    def _macs(self, id: str) -> int:
        return self.graph.node(id).op.macs(*self.graph.tensors_into(id)) * self.batch

    def _place(self, value: Value) -> Value:
        return self.keeping.places[value]
