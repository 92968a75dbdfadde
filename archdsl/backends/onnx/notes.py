"""What a node of an ONNX file says of its place in the network: the modules around it, and their classes.

These are the two notes that PyTorch's exporter writes (`torch.onnx.export(dynamo=True)`, torch 2.13), in its form, so
that programs which show or read the modules of its files do so with ours. Runtimes pay no attention to them.
"""

from __future__ import annotations

from archdsl.ir.graph import Graph, Node
from archdsl.ops.base import Module

SCOPES, CLASSES = "pkg.torch.onnx.name_scopes", "pkg.torch.onnx.class_hierarchy"
CONTAINER = "torch.nn.modules.container.ModuleList"
"""The class of a scope that is no block, such as a stage: a list of what it holds."""


def notes(graph: Graph, node: Node) -> dict[str, str]:
    """The notes of a node: paths from the network to the op, and the class of the network, block or layer at each."""
    around = graph.ancestry(node.scope)[::-1]
    paths = [scope.path for scope in around]
    classes = [scope.block or (graph.header.name if not scope.path else CONTAINER) for scope in around]
    emission = node.op.torch(*graph.tensors_into(node.id))
    if isinstance(emission, Module) and not emission.around:
        paths.append(node.id)
        classes.append(f"torch.{emission.target}" if emission.target.startswith("nn.") else emission.target)
    return {SCOPES: repr([*paths, node.name]), CLASSES: repr([*classes, node.op.name])}
