"""Reports the nodes of an imported graph for which the language has no op."""

from __future__ import annotations

from collections import defaultdict

from archdsl.diagnostics import CompileError, Diagnostic
from archdsl.ir.graph import Graph, Node
from archdsl.ops.internal import Opaque


def refuse_opaque(graph: Graph) -> Graph:
    """The same graph. Raises `CompileError` for operations that were imported only with PyTorch's name."""
    nodes: dict[str, list[Node]] = defaultdict(list)
    for node in graph:
        if isinstance(node.op, Opaque):
            nodes[node.op.target].append(node)
    if nodes:
        raise CompileError([_problem(target, same) for target, same in nodes.items()])
    return graph


def _problem(target: str, nodes: list[Node]) -> Diagnostic:
    """One error for all nodes of an operation, at the first."""
    first, *others = nodes
    more = others[0].id if len(others) == 1 else f"{len(others):,} more"
    said = f"{first.id} and {more} are {target}" if others else f"{first.id} is {target}"
    return Diagnostic("opaque-op", f"{said}, which no op of the language expresses", first.span)
