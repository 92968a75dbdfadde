"""Finds the ops that may overwrite their input (`inplace=True`): neither another op nor the backward pass needs it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Iterable, Mapping

from archdsl.ir.graph import Graph, Node, Output, Scope, Value


def overwriting(graph: Graph, outputs: Iterable[Output]) -> frozenset[str]:
    """The ids of the nodes whose modules are made with `inplace=True`. `outputs` are the outputs of the graph.

    The input must be made in the node's own scope. A step of a block overwrites its input only if it may do so in
    every use of the block, because one line of the emitted class makes the module for all uses.
    """
    uses, texts = _count_uses(graph, outputs), _Texts(graph)
    groups: dict[Hashable, list[Node]] = {}
    for node in graph:
        if node.op.in_place:
            groups.setdefault((texts.of(node.scope), node.name, node.span.start), []).append(node)
    alike = (group for group in groups.values() if all(_may_overwrite(graph, node, uses) for node in group))
    return frozenset(node.id for group in alike for node in group)


def _count_uses(graph: Graph, outputs: Iterable[Output]) -> Mapping[Value, int]:
    """How often each value is used, by nodes and as an output."""
    uses = Counter(value for node in graph for value in graph.inputs_of(node.id))
    uses.update(value for output in outputs for value in output.values)
    return uses


def _may_overwrite(graph: Graph, node: Node, uses: Mapping[Value, int]) -> bool:
    inputs = graph.inputs_of(node.id)
    if len(inputs) != 1 or uses[inputs[0]] != 1:
        return False
    producer = graph.node(inputs[0].node)
    if producer.scope != node.scope or producer.op.backward_needs_output:
        return False
    # The output of a view shares its memory with another value.
    return not producer.op.is_view(*graph.tensors_into(producer.id))


class _Texts:
    """Gives for a scope a key of the text it was built from: the same for all uses of a block and turns of a loop.

    An imported scope has no text, and so a key of its own.
    """

    def __init__(self, graph: Graph) -> None:
        self.graph = graph
        self._known: dict[str, Hashable] = {}

    def of(self, path: str) -> Hashable:
        if path not in self._known:
            self._known[path] = self._text(self.graph.scopes[path])
        return self._known[path]

    def _text(self, scope: Scope) -> Hashable:
        if not scope.steps:
            return scope.path
        if scope.block is not None:
            return scope.block, scope.defined
        if scope.parent is None:
            return ""
        return self.of(scope.parent), "*" if scope.kind == "copy" else scope.name
