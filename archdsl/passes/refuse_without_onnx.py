"""Reports the nodes whose ops have no form in ONNX."""

from __future__ import annotations

from archdsl.diagnostics import CompileError, Diagnostic
from archdsl.ir.graph import Graph


def refuse_without_onnx(graph: Graph) -> Graph:
    """The same graph. Raises `CompileError` for ops that say why they have no form in ONNX, if they serve inference."""
    problems = [
        Diagnostic("not-in-onnx", f"`{node.op.name}` cannot be written in ONNX: {node.op.without_onnx}", node.span)
        for node in graph
        if node.op.without_onnx and node.op.name != "input" and node.id not in graph.training_only
    ]
    if problems:
        raise CompileError(problems)
    return graph
