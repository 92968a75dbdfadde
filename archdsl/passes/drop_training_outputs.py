"""Removes the outputs that a network has in training alone, and the steps that only they need."""

from __future__ import annotations

from archdsl.ir.graph import Graph
from archdsl.ir.rewrite import pruned


def drop_training_outputs(graph: Graph) -> Graph:
    """A graph with fewer outputs and fewer nodes, and exactly the same outputs at inference."""
    if not any(output.training for output in graph.outputs):
        return graph
    lasting = [output for output in graph.outputs if not output.training]
    nodes = ((node, graph.inputs_of(node.id)) for node in graph)
    return pruned(Graph(graph.header, graph.scopes.values(), nodes, lasting), graph.training_only)
