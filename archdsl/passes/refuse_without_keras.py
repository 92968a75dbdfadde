"""Reports the nodes that cannot be written in Keras."""

from __future__ import annotations

from collections.abc import Iterator

from archdsl.diagnostics import CompileError, Diagnostic
from archdsl.ir.graph import Graph, Node
from archdsl.ops.arguments import Mismatch
from archdsl.ops.keras_layers import layer


def refuse_without_keras(graph: Graph) -> Graph:
    """The same graph. Raises `CompileError` for ops that Keras has no layers for, and for steps that share weights."""
    problems = list(_problems(graph))
    if problems:
        raise CompileError(problems)
    return graph


def _problems(graph: Graph) -> Iterator[Diagnostic]:
    """One for each op that cannot be written, at the first of its nodes: a transformer has hundreds of them."""
    found: dict[str, list[tuple[Node, str]]] = {}
    for node in graph:
        reason = _reason(graph, node)
        if reason:
            found.setdefault(node.op.name, []).append((node, reason))
    for name, nodes in found.items():
        node, reason = nodes[0]
        others = len(nodes) - 1
        place = f"node `{node.id}`" + (f" and {others} more" if others else "")
        text = f"`{name}` ({place}) cannot be written in Keras: {reason}"
        yield Diagnostic("not-in-keras", text, node.span, help="`--emit torch` and `--emit onnx` write more ops")


def _reason(graph: Graph, node: Node) -> str:
    """Why a node cannot be written; empty if it can."""
    if node.op.name == "input":
        return ""
    if node.weights != node.id:
        return f"it shares the weights of `{node.weights}`, and each layer of the file has its own"
    try:
        layer(node.op, graph.tensors_into(node.id))
    except Mismatch as error:
        return str(error)
    return ""
