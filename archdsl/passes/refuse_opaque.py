"""The graph as it is, where every node is an op of the language; else an error that lists those that are not."""

from __future__ import annotations

from archdsl.diagnostics import CompileError, Diagnostic
from archdsl.ir.graph import Graph
from archdsl.ops.internal import Opaque


def refuse_opaque(graph: Graph) -> Graph:
    """The same graph. Raises `CompileError` for nodes that an import kept by PyTorch's name alone."""
    problems = [
        Diagnostic("opaque-op", f"{node.id} is {node.op.target}, which no op of the language expresses", node.span)
        for node in graph
        if isinstance(node.op, Opaque)
    ]
    if problems:
        raise CompileError(problems)
    return graph
