"""Graph -> its layers one after the other, as they stand in a row: with the blocks they form and what skips them.

The row is the longest way from the input to the main output. What runs beside it is a skip where it does little (an
identity, a projection, a gate); where it does more, both are one layer: the Inception module.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from math import log2

from archdsl.analyses.notation import times
from archdsl.analyses.totals import nodes_in
from archdsl.backends.figures.items import data_inputs
from archdsl.backends.figures.label import block_arguments, listed, notation, scope_name, short
from archdsl.ir.graph import Graph, Node, Scope
from archdsl.ops.base import WEIGHTED, Family
from archdsl.tensor import Tensor

LONGEST_BLOCK = 6
"""Layers of a block that is drawn as one; of a longer one, the blocks in it are."""
SOLID = frozenset(
    {Family.CONV, Family.LINEAR, Family.ATTENTION, Family.RECURRENT, Family.POOL, Family.EMBED, Family.OPAQUE}
)
"""Families of which each op is a layer."""
VECTOR = 99
"""The level of what has no height and width."""


@dataclass(frozen=True, slots=True)
class Layer:
    """One bar. `mark` is equal for equal layers; `level` is how often the image was halved; `nodes` are their ids."""

    path: str
    text: str
    family: Family | None
    mark: tuple[object, ...]
    level: int
    size: str
    stage: str
    nodes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Skip:
    """A way around the layers from number `start` to before number `end`. `text`: what it does; "" is the identity."""

    start: int
    end: int
    sign: str
    text: str
    path: str
    value: str


@dataclass(frozen=True, slots=True)
class Unit:
    """Layers of one block, or one that belongs to none: from number `start` to before number `end`."""

    path: str
    name: str
    start: int
    end: int
    skips: tuple[Skip, ...] = ()


@dataclass(frozen=True, slots=True)
class Track:
    """One network as a row. `skips` are those that lie in no unit; `signs` all of them."""

    graph: Graph
    layers: tuple[Layer, ...]
    units: tuple[Unit, ...]
    skips: tuple[Skip, ...]
    homes: dict[str, int]
    """Of each node's id: the number of the layer that its costs belong to."""

    @property
    def all_skips(self) -> tuple[Skip, ...]:
        return (*(skip for unit in self.units for skip in unit.skips), *self.skips)


def track(graph: Graph, *, closed: bool = False, gates: bool = False) -> Track:
    """The layers in a row; if `closed`, a block is one layer. With `gates`, a layer that has one says so."""
    return _Tracker(graph).track(closed, gates)


def gate(graph: Graph, node: Node) -> list[Node]:
    """The ops that compute by what a product multiplies channels, from where positions are pooled away, in order."""
    pending = [value.node for value in graph.inputs_of(node.id) if graph.tensor(value) != node.output]
    seen: dict[str, Node] = {}
    while pending:
        one = graph.node(pending.pop())
        if one.id not in seen and one.op.family is not Family.POOL and max(one.output.spatial, default=1) == 1:
            seen[one.id] = one
            pending += [value.node for value in graph.inputs_of(one.id)]
    return sorted(seen.values(), key=lambda inner: graph.places[inner.id])


def size(tensor: Tensor) -> str:
    """`56×56`; of a vector, how long it is."""
    return times(tensor.spatial) if max(tensor.spatial, default=1) > 1 else str(tensor.channels)


class _Tracker:
    def __init__(self, graph: Graph) -> None:
        self.graph = graph
        self.trunk = self._longest()
        self.place = {id: i for i, id in enumerate(self.trunk)}
        self.beside = {id: self._beside(id) for id in self.trunk if len(data_inputs(graph, graph.node(id))) > 1}
        self.levels = self._halvings()
        self.names: dict[str, str] = {}

    def track(self, closed: bool, gates: bool) -> Track:
        modules = self._modules()
        layers: list[Layer] = []
        ends: list[int] = []
        """Of each layer, the place of its last op in the trunk."""
        i = 0
        while i < len(self.trunk):
            if i in modules:
                end, scope = modules[i]
                layers.append(self._module(i, end, scope))
                ends.append(end - 1)
                i = end
            else:
                node = self.graph.node(self.trunk[i])
                if self._heavy(node):
                    layers.append(self._layer(node))
                    ends.append(i)
                i += 1
        if not layers:
            layers, ends = [self._layer(self.graph.node(self.trunk[-1]))], [len(self.trunk) - 1]
        skips = list(self._skips(ends))
        units = self._units(layers, skips)
        inside = {id(skip) for unit in units for skip in unit.skips}
        rest = tuple(skip for skip in skips if id(skip) not in inside)
        found = Track(self.graph, tuple(layers), tuple(units), rest, self._homes(ends))
        found = self._gated(found) if gates else found
        return self._closed(found) if closed else found

    def _gated(self, found: Track) -> Track:
        """The same, where a layer whose channels a gate weighs is unlike one without, and says so."""
        layers = list(found.layers)
        for node in self.graph:
            weights = [notation(self.graph, one) for one in gate(self.graph, node)] if node.op.name == "mul" else []
            number = found.homes[node.id]
            if weights and layers[number].family is not None:
                layer = layers[number]
                layers[number] = replace(layer, text=f"{layer.text} + gate", mark=(*layer.mark, *weights))
        return replace(found, layers=tuple(layers))

    def _heavy(self, node: Node) -> bool:
        """Whether an op is a layer: it has weights, pools, or changes the size of the image."""
        if node.op.family in SOLID:
            return True
        resized = self.graph.tensors_into(node.id)[:1] and node.op.family is Family.RESHAPE
        before = self.graph.tensors_into(node.id)[0].spatial if resized else ()
        after = node.output.spatial
        return bool(before and after and not 2 / 3 < max(after) / max(before) < 3 / 2)

    def _longest(self) -> list[str]:
        """The way with the most weighted layers; the way through a gate does not count."""
        graph, rank = self.graph, dict[str, tuple[int, int]]()
        before: dict[str, str] = {}
        for node in graph:
            values = data_inputs(graph, node)
            if node.op.name == "mul":
                values = tuple(v for v in values if graph.tensor(v) == node.output) or values
            best = max(values, key=lambda value: rank[value.node], default=None)
            weighted, heavy = rank[best.node] if best else (0, 0)
            rank[node.id] = weighted + (node.op.family in WEIGHTED), heavy + self._heavy(node)
            if best:
                before[node.id] = best.node
        way = [graph.outputs[0].values[0].node]
        while way[-1] in before:
            way.append(before[way[-1]])
        return way[::-1]

    def _beside(self, id: str) -> list[tuple[int, list[Node]]]:
        """For each further input of an op of the trunk: where in it that comes from, and the ops on the way."""
        node = self.graph.node(id)
        others = [v.node for v in data_inputs(self.graph, node)]
        if self.place[id]:
            others.remove(self.trunk[self.place[id] - 1])
        return [self._way(other) for other in others]

    def _way(self, id: str) -> tuple[int, list[Node]]:
        seen: dict[str, None] = {}
        pending, source = [id], -1
        while pending:
            one = pending.pop()
            if one in self.place:
                source = max(source, self.place[one])
            elif one not in seen and len(seen) < 400:
                seen[one] = None
                pending += [value.node for value in data_inputs(self.graph, self.graph.node(one))]
        return source, [self.graph.node(one) for one in seen]

    def _modules(self) -> dict[int, tuple[int, Scope | None]]:
        """What is one layer, by the place where it begins: the place behind it, and its block if it is one."""
        found: list[tuple[int, int, Scope | None]] = []
        for id, ways in self.beside.items():
            gate = self.graph.node(id).op.name == "mul"
            rich = [(source, way) for source, way in ways if sum(map(self._heavy, way)) > (3 if gate else 1)]
            if rich:
                found.append(self._module_range(id, rich))
        merged: list[tuple[int, int, Scope | None]] = []
        for start, end, scope in sorted(found, key=lambda entry: (entry[0], -entry[1])):
            if merged and start < merged[-1][1]:
                first, last, around = merged[-1]
                merged[-1] = first, max(last, end), around if end <= last else None
            else:
                merged.append((start, end, scope))
        return {start: (end, scope) for start, end, scope in merged}

    def _module_range(self, id: str, rich: Sequence[tuple[int, list[Node]]]) -> tuple[int, int, Scope | None]:
        nodes = [node for _, way in rich for node in way]
        for scope in self.graph.ancestry(self.graph.node(id).scope):
            around = f"{scope.path}."
            if scope.block and any(node.id.startswith(around) for node in nodes if self._heavy(node)):
                inside = [self.place[one] for one in self.trunk if one.startswith(around)]
                return min(inside), max(inside) + 1, scope
        start = max(min(source for source, _ in rich), 0) + 1
        return start, self.place[id] + 1, None

    def _layer(self, node: Node) -> Layer:
        text = notation(self.graph, node)
        level, made = self.levels[self.place[node.id]], size(node.output)
        return Layer(
            node.id, text, node.op.family, (node.op.name, text), level, made, self._stage(node.scope), (node.id,)
        )

    def _module(self, start: int, end: int, scope: Scope | None) -> Layer:
        last = self.graph.node(self.trunk[end - 1])
        made = last.output
        if scope is not None:
            inside = nodes_in(self.graph, scope.path)
            name, path = scope.block or scope_name(scope), scope.path
        else:
            inside = [self.graph.node(id) for id in self.trunk[start:end]]
            inside += [n for id in self.trunk[start:end] for _, way in self.beside.get(id, ()) for n in way]
            name, path = f"{len(self.beside.get(last.id, ())) + 1} branches", last.id
        mark = (name, made.channels, tuple(sorted(notation(self.graph, node) for node in inside)))
        stage = self._stage(scope.path if scope else last.scope)
        text, ids = f"{name}, {made.channels}", tuple(node.id for node in inside)
        return Layer(path, text, None, mark, self.levels[end - 1], size(made), stage, ids)

    def _halvings(self) -> list[int]:
        """For each op of the trunk, how often the image was halved. What a convolution cuts off its edges is none."""
        levels: list[int] = []
        level, last = 0, 0
        for id in self.trunk:
            side = max(self.graph.node(id).output.spatial, default=1)
            if side > 1:
                level += round(log2(last / side)) if last else 0
                last = side
            levels.append(level if side > 1 else VECTOR)
        return levels

    def _stage(self, path: str) -> str:
        return next((s.name for s in self.graph.ancestry(path) if s.kind == "stage"), "")

    def _skips(self, ends: Sequence[int]) -> Iterator[Skip]:
        """At most two into one op: of a concat of many, the first."""
        count = [0] * (len(self.trunk) + 1)
        for end in ends:
            count[end + 1] += 1
        for i in range(1, len(count)):
            count[i] += count[i - 1]
        for id, ways in self.beside.items():
            node = self.graph.node(id)
            end = count[self.place[id]]
            chosen = ways if len(ways) <= 2 else ways[:1]
            for source, way in chosen:
                start = count[source + 1] if source >= 0 else end
                if start < end:
                    heavy = [notation(self.graph, one) for one in way if one.op.family in SOLID]
                    value = way[-1].id if way else self.trunk[source]
                    yield Skip(start, end, short(node.op), ", ".join(heavy), id, value)

    def _units(self, layers: Sequence[Layer], skips: Sequence[Skip]) -> list[Unit]:
        chains = [self._blocks(layer) for layer in layers]
        sizes = Counter(scope.path for chain in chains for scope in chain)
        chosen = [next((s for s in reversed(chain) if sizes[s.path] <= LONGEST_BLOCK), None) for chain in chains]
        starts = [0]
        for i in range(1, len(layers)):
            if chosen[i] is None or chosen[i - 1] is None or chosen[i] is not chosen[i - 1]:
                starts.append(i)
        inner: dict[int, list[Skip]] = {}
        home = [0] * len(layers)
        for number, (start, end) in enumerate(zip(starts, [*starts[1:], len(layers)], strict=True)):
            home[start:end] = [number] * (end - start)
        for skip in skips:
            if home[skip.start] == home[skip.end - 1]:
                inner.setdefault(home[skip.start], []).append(skip)
        units = []
        for number, (start, end) in enumerate(zip(starts, [*starts[1:], len(layers)], strict=True)):
            scope = chosen[start]
            path, name = (scope.path, self._name(scope)) if scope else (layers[start].path, layers[start].text)
            units.append(Unit(path, name, start, end, tuple(inner.get(number, ()))))
        return units

    def _blocks(self, layer: Layer) -> list[Scope]:
        """The blocks that a layer lies in, from the inside out."""
        scope = self.graph.scopes.get(layer.path)
        path = (scope.parent or "") if scope else self.graph.node(layer.path).scope
        return [s for s in self.graph.ancestry(path) if s.block and s.kind in ("block", "copy", "stage")]

    def _name(self, scope: Scope) -> str:
        """What stands on a block's bar. Arguments are compared over the whole graph, so once for all equal uses."""
        key = f"{scope.block} {scope.arguments}"
        if key not in self.names:
            told = listed(block_arguments(self.graph, scope))
            self.names[key] = f"{scope.block} {told}".strip()
        return self.names[key]

    def _homes(self, ends: Sequence[int]) -> dict[str, int]:
        """Costs of an op belong to the layer that it is of, or that the values come from that it takes."""
        homes: dict[str, int] = {}
        layer = 0
        places: dict[str, int] = {}
        for i, id in enumerate(self.trunk):
            while layer < len(ends) - 1 and ends[layer] < i and self._begins(layer, ends, i):
                layer += 1
            places[id] = layer
        for node in self.graph:
            before = max((homes[v.node] for v in self.graph.inputs_of(node.id)), default=0)
            homes[node.id] = places.get(node.id, before)
        return homes

    def _begins(self, layer: int, ends: Sequence[int], place: int) -> bool:
        """Whether the next layer has begun at a place of the trunk."""
        return ends[layer + 1] <= place or not self._light(place)

    def _light(self, place: int) -> bool:
        return not self._heavy(self.graph.node(self.trunk[place]))

    def _closed(self, found: Track) -> Track:
        """The same with a layer for each unit."""
        number = [i for i, unit in enumerate(found.units) for _ in range(unit.start, unit.end)]
        layers = tuple(self._whole(found, unit) for unit in found.units)
        units = tuple(Unit(unit.path, unit.name, i, i + 1) for i, unit in enumerate(found.units))
        skips = tuple(
            Skip(number[s.start], number[s.end - 1] + 1, s.sign, s.text, s.path, s.value) for s in found.skips
        )
        homes = {id: number[home] for id, home in found.homes.items()}
        return Track(found.graph, layers, units, skips, homes)

    def _whole(self, found: Track, unit: Unit) -> Layer:
        inside = found.layers[unit.start : unit.end]
        last = inside[-1]
        if len(inside) == 1:
            return last
        skips = tuple((s.start - unit.start, s.end - unit.start, s.sign, s.text) for s in unit.skips)
        mark = (unit.name.partition(" ")[0], tuple(layer.mark for layer in inside), skips)
        nodes = tuple(id for layer in inside for id in layer.nodes)
        return Layer(unit.path, unit.name, None, mark, last.level, last.size, last.stage, nodes)
