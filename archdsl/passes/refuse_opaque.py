"""Reports the nodes of an imported graph for which the language has no op."""

from __future__ import annotations

from archdsl.diagnostics import CompileError, Diagnostic
from archdsl.ir.graph import Graph
from archdsl.ops.internal import Opaque


def refuse_opaque(graph: Graph) -> Graph:
    """The same graph. Raises `CompileError` for nodes that were imported only with PyTorch's name."""
    problems = [
        Diagnostic("opaque-op", f"{node.id} is {node.op.target}, which no op of the language expresses", node.span)
        for node in graph
        if isinstance(node.op, Opaque)
    ]
    if problems:
        raise CompileError(problems)
    return graph
