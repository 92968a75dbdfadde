"""The form of a graph, which is used to compare it with another: equal computations are written in the same way.

Its parts are the graph's nodes with canonical names and arguments. Rules rewrite them until nothing changes; then the
forms of two networks are compared.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from heapq import heappop, heappush
from typing import Any, NamedTuple

from archdsl.ops.base import Op
from archdsl.ops.registry import REGISTRY

Dims = tuple[int, ...]


class Wire(NamedTuple):
    """A value in a form: output number `port` of a part."""

    part: Part
    port: int = 0

    @property
    def dims(self) -> Dims:
        """The shape of the value without the batch."""
        return self.part.dims[self.port]


@dataclass(eq=False, slots=True)
class Part:
    """One operation. `dims` are the shapes of its outputs without the batch, with C x 1 x 1 written as C.

    `node` is the id of the graph's node that it comes from and `rank` that node's place in the graph.
    `home` is where its weights are kept, "" where it has none; `slots` are their names there.
    `through` says of each input which merges were joined with this one to make it an input: the outermost first.
    """

    op: str
    arguments: dict[str, Any]
    inputs: list[Wire]
    dims: tuple[Dims, ...]
    node: str
    rank: int
    home: str = ""
    slots: tuple[str, ...] = ()
    through: tuple[tuple[Part, ...], ...] = ()

    @property
    def wire(self) -> Wire:
        """The only output."""
        return Wire(self)

    @property
    def kind(self) -> type[Op]:
        """The class of ops with this name; `Op` itself, which has no traits, for names that only forms have."""
        return REGISTRY.get(self.op, Op)

    def __repr__(self) -> str:
        return f"<{self.op} {self.node}>"


@dataclass(slots=True)
class Form:
    """A network as its outputs. The parts that they depend on are found by following the inputs."""

    outputs: list[Part] = field(default_factory=list)
    """A part with the op `output` for each output of the graph; its input is the value that is returned."""

    def parts(self) -> list[Part]:
        """All parts: each after its inputs, otherwise in the order of the graph's nodes."""
        found = self._reachable()
        missing = {part: len({wire.part for wire in part.inputs}) for part in found}
        users: dict[Part, list[Part]] = defaultdict(list)
        for part in found:
            for source in {wire.part: None for wire in part.inputs}:
                users[source].append(part)
        ready = [(part.rank, index, part) for index, part in enumerate(found) if not missing[part]]
        ready.sort(key=lambda entry: entry[:2])
        order = {part: index for index, part in enumerate(found)}
        ordered = []
        while ready:
            _, _, part = heappop(ready)
            ordered.append(part)
            for user in users[part]:
                missing[user] -= 1
                if not missing[user]:
                    heappush(ready, (user.rank, order[user], user))
        assert len(ordered) == len(found), "a form has a cycle"
        return ordered

    def _reachable(self) -> list[Part]:
        seen: dict[Part, None] = dict.fromkeys(self.outputs)
        pending = list(self.outputs)
        while pending:
            for wire in pending.pop().inputs:
                if wire.part not in seen:
                    seen[wire.part] = None
                    pending.append(wire.part)
        return list(seen)

    def uses(self) -> Mapping[Wire, list[tuple[Part, int]]]:
        """The users of each value: each part that takes it, and the number of the input."""
        found: dict[Wire, list[tuple[Part, int]]] = defaultdict(list)
        for part in self._reachable():
            for slot, wire in enumerate(part.inputs):
                found[wire].append((part, slot))
        return found

    def replace(self, replacements: Mapping[Wire, Wire]) -> None:
        """Replaces values in all parts that use them. If a replacement is itself replaced, the last one is used."""
        if not replacements:
            return

        def newest(wire: Wire) -> Wire:
            while wire in replacements:
                wire = replacements[wire]
            return wire

        for part in self._reachable():
            part.inputs = [newest(wire) for wire in part.inputs]


def only_user(uses: Mapping[Wire, list[tuple[Part, int]]], part: Part) -> Part | None:
    """The part that uses this one, if there is only one and it uses it once."""
    takers = [taker for port in range(len(part.dims)) for taker, _ in uses.get(Wire(part, port), ())]
    return takers[0] if len(takers) == 1 else None


def squeezed(dims: Iterable[int]) -> Dims:
    """A shape without its spatial sizes if all of these are 1: C x 1 x 1 becomes the vector C."""
    channels, *spatial = dims
    return (channels,) if all(length == 1 for length in spatial) else (channels, *spatial)


def each_of(parts: Iterable[Part], *ops: str) -> Iterator[Part]:
    """The parts with one of these ops."""
    return (part for part in parts if part.op in ops)
