"""Finds the counterpart of each part of one network in the other, if the two are the same graph."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence

import networkx as nx
from networkx.algorithms.isomorphism import DiGraphMatcher

from archdsl.prove.colors import Colors, Parts, refine
from archdsl.prove.form import Part

Pairs = dict[Part, Part]


def match(ours: Parts, theirs: Parts) -> Pairs | None:
    """The counterpart of each part (an isomorphism of the two graphs); None if there is none.

    If only one part of each network has a color, the two are counterparts. Other parts, such as those of equal
    branches, are split into connected pieces, which are matched one by one.
    """
    colors = refine((ours, theirs))
    if Counter(colors[0].values()) != Counter(colors[1].values()):
        return None
    classes: dict[int, tuple[list[Part], list[Part]]] = defaultdict(lambda: ([], []))
    for side, of_one in enumerate(colors):
        for part, color in of_one.items():
            classes[color][side].append(part)
    pairs = {ours[0]: theirs[0] for ours, theirs in classes.values() if len(ours) == 1}
    ambiguous = [[part for two in classes.values() if len(two[0]) > 1 for part in two[side]] for side in (0, 1)]
    for piece, other in _alike(_pieces(ambiguous[0]), list(_pieces(ambiguous[1])), colors):
        pairs.update(zip(piece, other, strict=True))
    return pairs if len(pairs) == len(ours) and all(_agree(part, pairs) for part in ours) else None


def _agree(part: Part, pairs: Pairs) -> bool:
    """Whether the counterparts of a part's inputs are the inputs of its counterpart."""
    here = [(pairs[wire.part], wire.port) for wire in part.inputs]
    there = [(wire.part, wire.port) for wire in pairs[part].inputs]
    return Counter(here) == Counter(there) if part.kind.commutative else here == there


def _pieces(parts: Iterable[Part]) -> Iterator[list[Part]]:
    """Groups of parts that are connected by values or shared weights."""
    graph: nx.Graph[Part] = nx.Graph()
    graph.add_nodes_from(parts)
    homes: dict[str, Part] = {}
    for part in list(graph):
        graph.add_edges_from((part, wire.part) for wire in part.inputs if wire.part in graph)
        if part.home:
            graph.add_edge(part, homes.setdefault(part.home, part))
    for piece in nx.connected_components(graph):
        yield sorted(piece, key=lambda part: part.rank)


def _alike(
    ours: Iterable[list[Part]], theirs: Sequence[list[Part]], colors: Sequence[Colors]
) -> Iterator[tuple[list[Part], list[Part]]]:
    """Pairs of equal pieces, the second with its parts in the order of the first."""
    waiting: dict[tuple[int, ...], list[list[Part]]] = defaultdict(list)
    for piece in theirs:
        waiting[tuple(sorted(colors[1][part] for part in piece))].append(piece)
    for piece in ours:
        candidates = waiting[tuple(sorted(colors[0][part] for part in piece))]
        for index, candidate in enumerate(candidates):
            ordered = _ordered(piece, candidate, colors)
            if ordered is not None:
                del candidates[index]
                yield piece, ordered
                break


def _ordered(piece: list[Part], other: list[Part], colors: Sequence[Colors]) -> list[Part] | None:
    """The parts of `other` in the order of their counterparts in `piece`; None if the two differ."""
    by_color = {colors[1][part]: part for part in other}
    if len(by_color) == len(other):
        return [by_color[colors[0][part]] for part in piece]
    matcher = DiGraphMatcher(
        _digraph(piece, colors[0]),
        _digraph(other, colors[1]),
        node_match=lambda one, two: one["color"] == two["color"],
        edge_match=lambda one, two: one["slots"] == two["slots"],
    )
    return [matcher.mapping[part] for part in piece] if matcher.is_isomorphic() else None


def _digraph(piece: Iterable[Part], colors: Colors) -> nx.DiGraph[Part]:
    graph: nx.DiGraph[Part] = nx.DiGraph()
    for part in piece:
        graph.add_node(part, color=colors[part])
    homes: dict[str, Part] = {}
    for part in list(graph):
        slots: dict[Part, list[tuple[int, int]]] = defaultdict(list)
        for slot, wire in enumerate(part.inputs):
            if wire.part in graph:
                slots[wire.part].append((-1 if part.kind.commutative else slot, wire.port))
        if part.home and homes.setdefault(part.home, part) is not part:
            slots[homes[part.home]].append((-2, 0))
        for source, found in slots.items():
            graph.add_edge(source, part, slots=sorted(found))
    return graph
