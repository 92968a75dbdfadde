"""Orders the nodes of imported graphs so that all of a module comes before what is called after it.

Imported code may begin one module, run other code whose results a later part of the module needs, and end the module
then. If no circle is in that, the module is called once, after that code. A graph that was compiled from a spec is in
this order already and is returned as it is.
"""

from __future__ import annotations

from collections.abc import Iterator

from archdsl.ir.graph import Graph, Node, Scope


def order_calls(graph: Graph) -> Graph:
    """The same graph with its nodes in an order in which each scope is one stretch."""
    ordered = list(_in_order(graph, "", _needs(graph)))
    if ordered == [node.id for node in graph]:
        return graph
    nodes = ((graph.node(id), graph.inputs_of(id)) for id in ordered)
    return Graph(graph.header, graph.scopes.values(), nodes, graph.outputs)


def _needs(graph: Graph) -> dict[str, dict[str, None]]:
    """The members beside it that each node and scope takes values of."""
    needs: dict[str, dict[str, None]] = {}
    ways = {node.id: [*(scope.path for scope in reversed(graph.ancestry(node.scope))), node.id] for node in graph}
    for node in graph:
        for value in graph.inputs_of(node.id):
            for one, other in zip(ways[value.node], ways[node.id], strict=False):
                if one != other:
                    needs.setdefault(other, {})[one] = None
                    break
    return needs


def _in_order(graph: Graph, scope: str, needs: dict[str, dict[str, None]]) -> Iterator[str]:
    """The nodes of a scope: its members in the order of their first appearance, but after those that they need."""
    members = {_path(member): member for member in graph.children[scope]}
    begun: set[str] = set()
    for start in members:
        pending = [] if start in begun else [(start, iter(needs.get(start, ())))]
        begun.add(start)
        while pending:
            path, needed = pending[-1]
            missing = next((other for other in needed if other not in begun), None)
            if missing is not None:
                begun.add(missing)
                pending.append((missing, iter(needs.get(missing, ()))))
                continue
            pending.pop()
            yield from _in_order(graph, path, needs) if isinstance(members[path], Scope) else (path,)


def _path(member: Node | Scope) -> str:
    return member.path if isinstance(member, Scope) else member.id
