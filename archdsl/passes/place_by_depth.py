"""Gives drop paths with a schedule their probability, which depends on their place in the whole network.

These are the places, in the order of the network:

- each use of a block of which any use holds such a drop path, even if this use holds none: in published code, blocks
  that halve the image are counted although they have no shortcut to drop;
- each turn of a loop, or copy of a group of steps, if any turn of the loop holds one directly;
- a drop path that is in neither, by itself.

If blocks are nested, the innermost one counts. All uses of one `shared` module are one place. With `group="encoder"`,
only the places that hold a drop path of that group count. A use that holds none belongs to the group that one of its
arguments names, or, if no argument does, to every group that its block has elsewhere.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Sequence
from dataclasses import dataclass, field, replace

from archdsl.ir.graph import Graph, Node, Scope
from archdsl.ir.rewrite import Texts, replaced
from archdsl.ops.regularize import DropPath


def place_by_depth(graph: Graph) -> Graph:
    """A graph in which every drop path has its own probability and no schedule."""
    scheduled = {node.id: node.op for node in graph if isinstance(node.op, DropPath) and node.op.schedule != "constant"}
    if not scheduled:
        return graph
    holding = {id: _holding(graph, graph.node(id)) for id in scheduled}
    places = {place.key: place for place in _places(graph, list(holding.values()))}
    for id, op in scheduled.items():
        places[holding[id].weights].groups.add(op.group)
    numbers = {group: _numbered(list(places.values()), group) for group in {op.group for op in scheduled.values()}}
    ops, texts = {}, {}
    for id, op in scheduled.items():
        indices = numbers[op.group]
        place = indices[holding[id].weights], len(indices)
        ops[id], texts[id] = op.placed(*place), _shared(graph.node(id).written, op.share(*place))
    return replaced(graph, ops, texts)


def _shared(written: Texts, share: tuple[int, int]) -> Texts:
    """The written forms of a drop path's arguments, with the fraction of the written probability that applies."""
    return tuple((name, replace(text, share=share) if name == "p" else text) for name, text in written)


@dataclass(slots=True)
class _Place:
    """A place. Each has its own `key`; places with the same `kin` are uses of one block, or turns of one loop."""

    key: str
    kin: Hashable
    names: frozenset[str]
    """The texts among the arguments of this use."""
    groups: set[str | None] = field(default_factory=set)
    """The groups of the drop paths that this place holds."""


def _holding(graph: Graph, node: Node) -> Scope | Node:
    """The member that is the place of a drop path: the innermost block or turn around it, or else the node itself."""
    return next(filter(_may_be_place, graph.ancestry(node.scope)), node)


def _may_be_place(scope: Scope) -> bool:
    return scope.block is not None or scope.kind == "copy"


def _kin(holder: Scope | Node) -> Hashable:
    if isinstance(holder, Node):
        return holder.id
    return (holder.block, holder.defined) if holder.block is not None else holder.span


def _places(graph: Graph, holders: Sequence[Scope | Node]) -> Iterator[_Place]:
    """All places, in the order of the network."""
    kin = {_kin(holder) for holder in holders}
    loose = [holder for holder in holders if isinstance(holder, Node)]
    counted: list[Scope | Node] = [s for s in graph.scopes.values() if _may_be_place(s) and _kin(s) in kin]
    depth = _depths(graph)
    seen: set[str] = set()
    for holder in sorted([*counted, *loose], key=lambda h: depth[h.id if isinstance(h, Node) else h.path]):
        if holder.weights not in seen:
            seen.add(holder.weights)
            arguments = holder.arguments if isinstance(holder, Scope) else ()
            words = frozenset(value for _, value in arguments if isinstance(value, str))
            yield _Place(holder.weights, _kin(holder), words)


def _depths(graph: Graph) -> dict[str, int]:
    """A number for each scope and node that grows along the network: that of its first node.

    An empty scope has the number of the scope before it.
    """
    depth: dict[str, int] = {}
    for index, node in enumerate(graph):
        depth[node.id] = index
        for scope in graph.ancestry(node.scope):
            depth.setdefault(scope.path, index)
    deepest = 0
    for path in graph.scopes:
        deepest = max(deepest, depth.setdefault(path, deepest))
    return depth


def _numbered(places: Sequence[_Place], group: str | None) -> dict[str, int]:
    """The numbers, from 0, of the places that count for a group, by their keys."""
    of_kin: dict[Hashable, set[str | None]] = {}
    for place in places:
        of_kin.setdefault(place.kin, set()).update(place.groups)
    counted = [place for place in places if group is None or group in _groups(place, of_kin[place.kin])]
    return {place.key: index for index, place in enumerate(counted)}


def _groups(place: _Place, of_kin: set[str | None]) -> set[str | None]:
    return place.groups or of_kin & place.names or of_kin
