"""Keeps a module that several others use in the nearest one around them all.

In PyTorch, two modules can hold the same third one, which an import finds in one of them. In emitted source each class
makes its own parts, so such a module is a part of what contains all of its users, and is passed to them. A graph that
was compiled from a spec keeps shared modules there already and is returned as it is.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from archdsl.ir.builder import join
from archdsl.ir.graph import Graph, Node
from archdsl.passes.pipeline import Rewritten, Weight
from archdsl.passes.refuse_far_weights import is_kept


def keep_shared_weights(graph: Graph) -> Graph | Rewritten:
    """A graph in which a scope around all uses of a module holds it, under a name that nothing else there has."""
    homes = dict(_moved(graph))
    if not homes:
        return graph
    nodes = [(replace(n, weights=homes.get(n.weights, n.weights)), graph.inputs_of(n.id)) for n in graph]
    after = Graph(graph.header, graph.scopes.values(), nodes, graph.outputs)
    return Rewritten(after, dict(_weights(graph, homes)))


def _moved(graph: Graph) -> Iterator[tuple[str, str]]:
    """The places of the weights that no scope around their users holds, each with its new place."""
    users: dict[str, list[Node]] = {}
    for node in graph:
        users.setdefault(node.weights, []).append(node)
    taken = {*users, *(node.id for node in graph), *graph.scopes}
    for weights, nodes in users.items():
        if not all(is_kept(graph, node) for node in nodes):
            home = _free(join(_around(graph, nodes), weights.rpartition(".")[2]), taken)
            taken.add(home)
            yield weights, home


def _around(graph: Graph, nodes: Sequence[Node]) -> str:
    """The innermost scope around some nodes that may have members of any name: it is a class, and no container."""
    common = [scope.path for scope in graph.ancestry(nodes[0].scope)]
    for node in nodes[1:]:
        others = {scope.path for scope in graph.ancestry(node.scope)}
        common = [path for path in common if path in others]
    return next(path for path in common if not path or graph.scopes[path].block is not None)


def _free(path: str, taken: set[str]) -> str:
    while path in taken:
        path += "_"
    return path


def _weights(graph: Graph, homes: Mapping[str, str]) -> Iterator[tuple[str, Weight]]:
    for node in graph:
        if node.weights in homes:
            for slot in node.op.state(*graph.tensors_into(node.id)):
                key = node.key(slot)
                yield homes[node.weights] + key[len(node.weights) :], Weight((key,))
