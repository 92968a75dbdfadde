"""The nodes that stand for an If whose condition is a fixed number: those of the branch that it takes."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import zip_longest
from pathlib import Path

from archdsl.frontends.onnx.model import OnnxNode, Weight, not_onnx, plain_node, weights_of


def branch(node: OnnxNode, condition: bool, name: str, folder: Path) -> tuple[list[OnnxNode], Mapping[str, Weight]]:
    """The nodes, in the module of the If and with its results, and the weights of a branch in the file `name`, which
    lies in `folder`.

    Raises `CompileError` if the node has no such branch, or it gives other results.
    """
    from onnx import helper

    graph = node.get("then_branch" if condition else "else_branch")
    try:
        rows = zip_longest((value.name for value in graph.output), node.outputs)
        named = [helper.make_node("Identity", [inner], [outer]) for inner, outer in rows]
        return [plain_node(node.index, proto) for proto in (*graph.node, *named)], weights_of(graph, name, folder)
    except (AttributeError, TypeError, ValueError):
        raise not_onnx(name, f"a branch of the node {node.name or node.index + 1} cannot be read") from None
