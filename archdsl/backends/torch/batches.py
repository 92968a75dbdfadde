"""Gives learned values, whose batch is 1, the batch of the values that they meet.

A sum or a product broadcasts them. Where one is joined or goes on by itself, a step is added that expands it (without
copying), before the first step that reads it where it is declared.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from archdsl.backends.torch.moves import Expanded
from archdsl.ir.builder import join
from archdsl.ir.graph import Graph, Node, Value
from archdsl.ir.rewrite import Added, extended

BROADCASTS = ("add", "arithmetic", "matrix_product", "scaled_attention", "sub", "mul", "mean", "maximum")


CONSTANTS = ("learned", "fixed")
"""Ops whose values are the same for all samples."""


def expanded(graph: Graph) -> Graph:
    """The graph with a step for each learned value that needs a batch; the same graph if none does."""
    learned = [node for node in graph if node.op.name in CONSTANTS]
    if not learned:
        return graph
    return _Batches(graph).expanded(learned)


class _Batches:
    def __init__(self, graph: Graph) -> None:
        self.graph = graph
        self.constant: set[str] = set()
        """Nodes that depend on no input of the network."""
        for node in graph:
            if node.op.name != "input" and all(value.node in self.constant for value in graph.inputs_of(node.id)):
                self.constant.add(node.id)
        self.added: list[Added] = []
        self.inside: dict[str, dict[Value, Value]] = {}
        """By step: what stands for a learned value in it."""

    def expanded(self, learned: list[Node]) -> Graph:
        for node in learned:
            for user in self.graph.users(node.id):
                if not self._broadcasts(user, Value(node.id)):
                    self._expand(node, user)
        outputs = [replace(output, values=tuple(map(self._returned, output.values))) for output in self.graph.outputs]
        return extended(self.graph, self.added, self._taken, self._named, outputs) if self.added else self.graph

    def _broadcasts(self, node: Node, value: Value) -> bool:
        """Whether a node takes a value with a batch of 1 beside one with a whole batch."""
        inputs = self.graph.inputs_of(node.id)
        if node.op.name == "attend":
            return value not in inputs[:3]  # the bias is added to the scores
        return node.op.name in BROADCASTS and any(other.node not in self.constant for other in inputs)

    def _expand(self, node: Node, user: Node) -> None:
        """Expands a learned value before the step, of those beside it, that a reader of it is or is part of."""
        value, beside = Value(node.id), self._beside(node, user)
        known = self.inside.setdefault(beside, {})
        if value not in known:
            known[value] = self._add(node, beside, True, self._batched(node, beside))

    def _add(self, node: Node, beside: str, before: bool, batched: Value) -> Value:
        outer, _, name = beside.rpartition(".")
        scope = outer if beside else node.scope
        id = join(scope, f"{node.name}_for_{name or 'result'}")
        made = Node(id, Expanded(), node.outputs, scope, node.span, id)
        self.added.append(Added(made, (Value(node.id), batched), beside, before))
        return Value(id)

    def _beside(self, node: Node, user: Node) -> str:
        """The step that a reader is or is part of, in the innermost scope around both it and the value."""
        around = {scope.path for scope in self.graph.ancestry(node.scope)}
        beside, scope = user.id, user.scope
        while scope not in around:
            beside, scope = scope, self.graph.scopes[scope].parent or ""
        return beside

    def _batched(self, node: Node, beside: str) -> Value:
        """A value with a whole batch that is there before a step: one that the step reads, else one that flows in."""
        for value in self._read_by(beside):
            if value.node not in self.constant:
                return value
        inputs = next((scope.inputs for scope in self.graph.ancestry(node.scope) if scope.inputs), ())
        return inputs[0] if inputs else Value(self.graph.inputs[0].id)

    def _read_by(self, step: str) -> Iterator[Value]:
        """The values from outside that a step reads."""
        if step in self.graph:
            yield from self.graph.inputs_of(step)
            return
        for node in self.graph:
            if node.id.startswith(f"{step}."):
                yield from (v for v in self.graph.inputs_of(node.id) if not v.node.startswith(f"{step}."))

    # --- the new graph ---------------------------------------------------------------------

    def _taken(self, node: Node) -> tuple[Value, ...]:
        own = self.inside.get(node.id, {})
        return tuple(own.get(value) or self._named(value, node.scope) for value in self.graph.inputs_of(node.id))

    def _named(self, value: Value, scope: str) -> Value:
        """What a value is in the text of a scope."""
        for outer in self.graph.ancestry(scope):
            if value in self.inside.get(outer.path, ()):
                return self.inside[outer.path][value]
        return value

    def _returned(self, value: Value) -> Value:
        node = self.graph.node(value.node)
        if node.op.name not in CONSTANTS:
            return value
        return self._add(node, "", False, Value(self.graph.inputs[0].id))
