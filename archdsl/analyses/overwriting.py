"""Which ops may overwrite their input (`inplace=True`): nothing else needs that value, nor does the backward pass."""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Iterable, Mapping

from archdsl.ir.graph import Graph, Node, Output, Scope, Value


def overwriting(graph: Graph, outputs: Iterable[Output]) -> frozenset[str]:
    """The ids of the nodes whose modules are made with `inplace=True`; `outputs` are those of the networks in a graph.

    Only its own block is looked at, and a step of a block does so only if it may in every use, whichever arms of an
    `if` they built: all uses are made by the same line.
    """
    uses, texts = _count_uses(graph, outputs), _Texts(graph)
    groups: dict[Hashable, list[Node]] = {}
    for node in graph:
        if node.op.in_place:
            groups.setdefault((texts.of(node.scope), node.name, node.span.start), []).append(node)
    alike = (group for group in groups.values() if all(_may_overwrite(graph, node, uses) for node in group))
    return frozenset(node.id for group in alike for node in group)


def _count_uses(graph: Graph, outputs: Iterable[Output]) -> Mapping[Value, int]:
    """How often each value is taken, by nodes and as an output."""
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
    """Says of which text a scope is: alike for all uses of a block and for all turns of a loop.

    An imported scope has no text, and is alone.
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
