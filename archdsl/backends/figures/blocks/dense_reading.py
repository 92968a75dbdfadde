"""Finds dense blocks by what is connected: every layer reads the concat of the block's input and all layers before it.

How the concats are nested does not matter: one that takes the concat before it, or one that takes all values anew.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from archdsl.analyses import totals
from archdsl.backends.figures.items import data_inputs
from archdsl.backends.figures.view import Viewer
from archdsl.ir.graph import Graph, Node, Scope, Value
from archdsl.ops.merge import Concat

LEAST = 3
"""Layers: fewer show nothing that a drawing of the ops does not."""


@dataclass(frozen=True, slots=True)
class Layer:
    """The ops between two concats: `reads` is what the layer takes, `makes` what it adds."""

    nodes: tuple[Node, ...]
    reads: Value
    makes: Value


@dataclass(frozen=True, slots=True)
class Dense:
    """The layers in order, and the nodes that concatenate: `made` is the value that leaves the block.

    `reads` of each layer but the first, and `made`, come from concats.
    """

    entering: Value
    layers: tuple[Layer, ...]
    concats: tuple[Node, ...]
    made: Value


def read(viewer: Viewer, scope: Scope) -> Dense | None:
    """None if the scope is no dense block."""
    border = viewer.borders[scope.path]
    outputs = tuple(value for value in border.outputs if value not in border.inputs)
    if len(border.inputs) != 1 or len(outputs) != 1:
        return None
    return _Reader(viewer.graph, totals.nodes_in(viewer.graph, scope.path, training=True)).dense(
        *border.inputs, *outputs
    )


def is_concat(node: Node) -> bool:
    """Whether a node puts the channels of its inputs one after the other."""
    return isinstance(node.op, Concat) and node.op.over == "channels"


class _Reader:
    def __init__(self, graph: Graph, nodes: Iterable[Node]) -> None:
        self.graph = graph
        self.nodes = {node.id: node for node in nodes}
        self.concats = {id: node for id, node in self.nodes.items() if is_concat(node)}
        self.joined: dict[Value, tuple[Value, ...]] = {}
        for id in self.concats:
            taken = data_inputs(graph, graph.node(id))
            self.joined[Value(id)] = tuple(dict.fromkeys(v for value in taken for v in self._parts(value)))

    def _parts(self, value: Value) -> tuple[Value, ...]:
        """What a value is the concat of; itself if it is none."""
        return self.joined.get(value, (value,))

    def dense(self, entering: Value, made: Value) -> Dense | None:
        places = self.graph.places
        parts = [value for value in self._parts(made) if value != entering]
        added = sorted(parts, key=lambda value: places[value.node])
        if len(added) < LEAST or entering not in self._parts(made) or made not in self.joined:
            return None
        layers, before = list[Layer](), {entering}
        for value in added:
            layer = self._layer(value, before)
            if layer is None:
                return None
            layers.append(layer)
            before.add(value)
        held = [node.id for layer in layers for node in layer.nodes]
        whole = len(held) == len(set(held)) and {*held, *self.concats} == self.nodes.keys()
        concats = tuple(self.graph.node(value.node) for value in (*(x.reads for x in layers[1:]), made))
        alone = {node.id for node in concats} == self.concats.keys()
        return Dense(entering, tuple(layers), concats, made) if whole and alone else None

    def _layer(self, made: Value, before: set[Value]) -> Layer | None:
        """The ops that lead to a value, if all that they read is the concat of all values before."""
        found: dict[str, Node] = {}
        read: set[Value] = set()
        pending = [made]
        while pending:
            value = pending.pop()
            if value in self.joined or value in before:
                read.add(value)
            elif value.node not in self.nodes:
                return None
            elif value.node not in found:
                found[value.node] = self.nodes[value.node]
                pending.extend(data_inputs(self.graph, self.nodes[value.node]))
        if len(read) != 1 or not found:
            return None
        (reads,) = read
        nodes = sorted(found.values(), key=lambda node: self.graph.places[node.id])
        return Layer(tuple(nodes), reads, made) if set(self._parts(reads)) == before else None
