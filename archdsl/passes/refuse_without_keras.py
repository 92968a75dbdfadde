"""Reports the nodes that cannot be written in Keras."""

from __future__ import annotations

from collections.abc import Iterator

from archdsl.diagnostics import CompileError, Diagnostic
from archdsl.ir.graph import Graph
from archdsl.ops.arguments import Mismatch
from archdsl.ops.keras_layers import layer


def refuse_without_keras(graph: Graph) -> Graph:
    """The same graph. Raises `CompileError` for ops that Keras has no layers for, and for steps that share weights."""
    problems = list(_problems(graph))
    if problems:
        raise CompileError(problems)
    return graph


def _problems(graph: Graph) -> Iterator[Diagnostic]:
    for node in graph:
        if node.op.name == "input":
            continue
        if node.weights != node.id:
            reason = f"it shares the weights of `{node.weights}`, and each layer of the file has its own"
            yield Diagnostic("not-in-keras", f"`{node.id}` cannot be written in Keras: {reason}", node.span)
            continue
        try:
            layer(node.op, graph.tensors_into(node.id))
        except Mismatch as error:
            text = f"`{node.op.name}` (node `{node.id}`) cannot be written in Keras: {error}"
            yield Diagnostic("not-in-keras", text, node.span)
