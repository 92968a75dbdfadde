"""Facts from the nodes of two graphs that help to judge differences between the parts of their forms."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from typing import Any

from archdsl.ir.graph import Choice, Graph, Step, Written, flat
from archdsl.ops.base import Op
from archdsl.prove.form import Part
from archdsl.prove.rules.merges import joined_with


class Origins:
    """The nodes behind the parts: `graphs` are ours and theirs, `parts` those of their forms."""

    def __init__(self, graphs: tuple[Graph, Graph], parts: tuple[Iterable[Part], Iterable[Part]]) -> None:
        self.graphs = graphs
        self.made = tuple({part.node: part for part in of_one} for of_one in parts)
        self.idle = [Counter(_dropped(graph, of_one)) for graph, of_one in zip(graphs, parts, strict=True)]

    def follows(self, mine: Part, its: Part) -> bool:
        """Whether two parts come from the same op with the same arguments, but with inputs of different sizes."""
        sizes = [graph.tensors_into(part.node) for graph, part in zip(self.graphs, (mine, its), strict=True)]
        return sizes[0] != sizes[1] and self._op(mine, True) == self._op(its, False)

    def arguments(self, mine: Part, its: Part) -> tuple[dict[str, Any], dict[str, Any]]:
        """The arguments of both nodes' ops if the ops are of one class; empty if they are not."""
        here, there = self._op(mine, True), self._op(its, False)
        return (dict(here), dict(there)) if type(here) is type(there) else ({}, {})

    def is_idle(self, part: Part, is_ours: bool) -> bool:
        """Whether the other network has this op too, with sizes at which it has no effect. Each such op counts once."""
        op, idle = self._op(part, is_ours), self.idle[1 if is_ours else 0]
        if not idle[op]:
            return False
        idle[op] -= 1
        return True

    def asked(self, part: Part) -> Iterator[Part]:
        """The parts of ours whose sizes decided that this one exists: `if it.channels != out` asks about `it`."""
        graph, made = self.graphs[0], self.made[0]
        for scope in graph.ancestry(graph.node(part.node).scope):
            for condition in conditions(scope.steps, part.node):
                for _, value in condition.values:
                    id = value.node
                    while id not in made and graph.inputs_of(id):
                        id = graph.inputs_of(id)[0].node
                    yield made[id]

    def _op(self, part: Part, is_ours: bool) -> Op:
        return self.graphs[0 if is_ours else 1].node(part.node).op


def conditions(steps: Iterable[Step], id: str) -> Iterator[Written]:
    """The conditions of the `if`s around a node."""
    for step in steps:
        if isinstance(step, Choice) and any(f"{id}.".startswith(f"{path}.") for path in flat(step.steps)):
            yield from step.conditions
            yield from conditions(step.steps, id)


def _dropped(graph: Graph, parts: Iterable[Part]) -> Iterable[Op]:
    """The ops of nodes that no part of the form comes from, alone or joined with others."""
    kept = {node for part in parts for node in (part.node, *(inner.node for inner in joined_with(part)))}
    return (node.op for node in graph if node.id not in kept and not node.op.identity_at_inference)
