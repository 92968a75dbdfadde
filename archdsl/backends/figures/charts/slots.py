"""A network as slots along its depth, for figures that say what each part costs: layers, blocks or stages."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Literal, NamedTuple

from archdsl.analyses import memory, totals
from archdsl.analyses.receptive_field import receptive_fields
from archdsl.backends.figures.label import scope_name, short
from archdsl.ir.graph import Graph, Node, Scope
from archdsl.ops.base import WEIGHTED, Family

Fineness = Literal["layer", "inner block", "block", "stage"]
FINENESS: tuple[Fineness, ...] = ("layer", "inner block", "block", "stage")
"""From the finest on. Inner blocks are those in a block that holds itself, and else blocks."""

HEADS = frozenset(
    {Family.CONV, Family.LINEAR, Family.ATTENTION, Family.RECURRENT, Family.EMBED, Family.POOL, Family.OPAQUE}
)
"""What has a slot of its own; every other op is counted in the slot of the layer before it."""

MOST_BANDS = 30
"""Stages that the page is wide enough for, one bar each."""

EVERYTHING = 0
"""A receptive field without end: every position sees the whole input."""

NOTHING = -1
"""No receptive field: no input on which the value depends has positions."""


@dataclass(frozen=True, slots=True)
class Slot:
    """One bar of each lane: its nodes, what they cost, and what their output sees of the input.

    `params` are learned numbers (shared ones count in the first slot that uses them), `macs` multiply-adds, `memory`
    the bytes of its outputs at fp32 (none for a `learned` value, which is a weight), `field` the side of its receptive
    field in input pixels, `EVERYTHING` or `NOTHING`. `label` is the layer's number of outputs, or "pool".
    """

    path: str
    nodes: tuple[Node, ...]
    params: int
    macs: int
    memory: int
    field: int
    label: str = ""


@dataclass(frozen=True, slots=True)
class Band:
    """Slots that belong together: a stage, or ops between two stages, which have no `title`."""

    title: str
    path: str
    slots: tuple[Slot, ...]


def bands(graph: Graph, finenesses: Sequence[Fineness]) -> dict[Fineness, list[Band]]:
    """The stages of a network with their slots, in order; inputs and what serves training alone is left out."""
    measured = _Measured(graph)
    return {fineness: _bands(measured, fineness) for fineness in finenesses}


def _bands(measured: _Measured, fineness: Fineness) -> list[Band]:
    parts, counted = divided(measured.graph, fineness), set[str]()
    return [
        Band(part.title, part.path, tuple(measured.slot(group, counted) for group in part.groups))
        for part in (_fewer(parts) if fineness == "stage" else parts)
    ]


class Division(NamedTuple):
    """A band before anything is measured: the nodes of each slot."""

    title: str
    path: str
    groups: tuple[list[Node], ...]


def divided(graph: Graph, fineness: Fineness) -> list[Division]:
    """The nodes of each slot of `bands`, of all stages."""
    counted = {node.id for node in totals.nodes_in(graph) if node.op.family is not Family.INPUT}
    return [
        Division(title, path, tuple(_groups(graph, members, counted, fineness)))
        for title, path, members in _stages(graph, counted)
    ]


def _fewer(found: list[Division]) -> list[Division]:
    """Of more stages than a page holds, those in the middle as one."""
    if len(found) <= MOST_BANDS:
        return found
    first, last = found[: MOST_BANDS // 2], found[len(found) - (MOST_BANDS - 1 - MOST_BANDS // 2) :]
    inner = found[len(first) : len(found) - len(last)]
    nodes = [node for part in inner for group in part.groups for node in group]
    return [*first, Division(f"… {len(inner):,} more", "", (nodes,)), *last]


def _stages(graph: Graph, counted: set[str]) -> Iterator[tuple[str, str, list[Node | Scope]]]:
    """Title, path and members of each band. Light ops between two stages belong to the one before."""
    found: list[tuple[str, str, list[Node | Scope]]] = []
    members = _members(graph, _outermost(graph, counted), counted)
    for loose, run in groupby(members, key=lambda member: isinstance(member, Node)):
        if not loose:
            found += ((scope_name(scope), scope.path, [scope]) for scope in run if isinstance(scope, Scope))
            continue
        nodes = list(run)
        if found and not any(isinstance(node, Node) and node.op.family in HEADS for node in nodes):
            found[-1][2].extend(nodes)
        else:
            found.append(("", "", nodes))
    yield from found


def _outermost(graph: Graph, counted: set[str]) -> str:
    """The network, or the one stage that is all of it."""
    path = ""
    while True:
        members = list(_members(graph, path, counted))
        if len(members) != 1 or isinstance(members[0], Node):
            return path
        path = members[0].path


def _members(graph: Graph, path: str, counted: set[str]) -> Iterator[Node | Scope]:
    """What a scope holds and is counted, each copy by itself."""
    for member in graph.children[path]:
        if isinstance(member, Node):
            if member.id in counted:
                yield member
        elif member.kind == "copies":
            yield from _members(graph, member.path, counted)
        elif any(node.id in counted for node in _inside(graph, member)):
            yield member


def _inside(graph: Graph, member: Node | Scope) -> Iterator[Node]:
    if isinstance(member, Node):
        yield member
        return
    for inner in graph.children[member.path]:
        yield from _inside(graph, inner)


def _groups(
    graph: Graph, members: Iterable[Node | Scope], counted: set[str], fineness: Fineness
) -> Iterator[list[Node]]:
    """The nodes of each slot of a band."""
    units: list[list[Node]] = []
    for member in members:
        opened = isinstance(member, Scope) and "block" in fineness and member.block is None
        parts = _members(graph, member.path, counted) if isinstance(member, Scope) and opened else [member]
        if fineness == "inner block":
            parts = _unrolled(graph, parts, counted, holding_themselves(graph))
        units += ([node for node in _inside(graph, part) if node.id in counted] for part in parts)
    nodes = sorted((node for unit in units for node in unit), key=lambda node: graph.places[node.id])
    if fineness == "layer":
        yield from _by_head(graph, [[node] for node in nodes])
    elif "block" in fineness:
        yield from _by_head(graph, units)
    else:
        yield nodes


def holding_themselves(graph: Graph) -> frozenset[str]:
    """The blocks that are used inside themselves."""
    found = set[str]()
    for scope in graph.scopes.values():
        if scope.block and any(around.block == scope.block for around in graph.ancestry(scope.path)[1:]):
            found.add(scope.block)
    return frozenset(found)


def _unrolled(
    graph: Graph, members: Iterable[Node | Scope], counted: set[str], blocks: frozenset[str]
) -> Iterator[Node | Scope]:
    """Members, but of some blocks what is in them, in order."""
    for member in members:
        if isinstance(member, Scope) and member.block in blocks:
            inner = sorted(_members(graph, member.path, counted), key=lambda part: _first(graph, part))
            yield from _unrolled(graph, inner, counted, blocks)
        else:
            yield member


def _first(graph: Graph, member: Node | Scope) -> int:
    return min(graph.places[node.id] for node in _inside(graph, member))


def _by_head(graph: Graph, units: Sequence[list[Node]]) -> Iterator[list[Node]]:
    """Units with those light ones that follow them; light ones before the first are counted in it.

    An op is counted where its last input is made, so that what joins two branches belongs to the one that ends last.
    """
    slots: list[list[Node]] = []
    first: list[Node] = []
    place: dict[str, int] = {}
    for unit in units:
        sources = [place[value.node] for node in unit for value in graph.inputs_of(node.id) if value.node in place]
        if any(node.op.family in HEADS for node in unit):
            unit, first = [*first, *unit], []
            slots.append(list(unit))
            at = len(slots) - 1
        elif slots:
            at = max(sources, default=len(slots) - 1)
            slots[at] += unit
        else:
            first += unit
            continue
        place.update((node.id, at) for node in unit)
    yield from slots or [first]


class _Measured:
    """What is known of each node, found once."""

    def __init__(self, graph: Graph) -> None:
        self.graph = graph
        self.fields = receptive_fields(graph, gates=False).fields
        self.memory = memory.outputs(graph)

    def slot(self, nodes: Sequence[Node], counted: set[str]) -> Slot:
        """What the ops of a slot cost; of weights that are `counted` already, in slots before it, nothing."""
        new = [node for node in nodes if node.weights not in counted]
        counted.update(node.weights for node in nodes)
        head = next((node for node in nodes if node.op.family in HEADS), nodes[0])
        last = max(nodes, key=lambda node: self.graph.places[node.id])
        return Slot(
            head.id,
            tuple(nodes),
            totals.parameters(self.graph, new),
            totals.macs(self.graph, nodes),
            sum(self.memory.get(node.id, 0) for node in nodes),
            self._field(last),
            _label(head),
        )

    def _field(self, node: Node) -> int:
        """The longer side; `EVERYTHING` where each position sees the whole, `NOTHING` where none sees a pixel."""
        fields = self.fields[node.id].largest
        if not any(field.moves for field in fields):
            return EVERYTHING if fields else NOTHING
        return max(field.size for field in fields)


def _label(node: Node) -> str:
    if node.op.family is Family.POOL:
        return "pool"
    return str(node.output.channels) if node.op.family in WEIGHTED else short(node.op)
