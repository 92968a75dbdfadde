"""Reports the nodes whose ops have no form in ONNX."""

from __future__ import annotations

from collections.abc import Iterator

from archdsl.diagnostics import CompileError, Diagnostic
from archdsl.ir.graph import Graph
from archdsl.ops.base import Op


def refuse_without_onnx(graph: Graph) -> Graph:
    """The same graph. Raises `CompileError` for ops that cannot say themselves in ONNX, if they serve inference."""
    problems = list(_problems(graph))
    if problems:
        raise CompileError(problems)
    return graph


def _problems(graph: Graph) -> Iterator[Diagnostic]:
    for node in graph:
        op = node.op
        has_form = type(op).onnx is not Op.onnx or op.identity_at_inference or op.name == "input"
        if not has_form and node.id not in graph.training_only:
            reason = op.without_onnx or "it has no method `onnx`"
            yield Diagnostic("not-in-onnx", f"`{op.name}` cannot be written in ONNX: {reason}", node.span)
