"""Runs a graph in numpy, in double precision and in evaluation mode, op by op.

Every op is written anew from docs/ops.md and from the source named beside it: a paper, or PyTorch's documentation.
Nothing here uses torch, nor any method of the ops' classes: an op is its name and the values of its arguments. So a
fault in an op, in its documentation or in the emitter shows as a difference. It is written to be read, not to be fast.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import SimpleNamespace

from archdsl.ir.graph import Graph, Node, Value
from interpreter import activations, attention, merges, norms, places, pools, recurrent, resampling, weighted  # noqa: F401
from interpreter.table import DEFINITIONS, Array

__all__ = ["DEFINITIONS", "Array", "interpreted"]


def interpreted(graph: Graph, weights: Mapping[str, Array], inputs: Sequence[Array]) -> dict[Value, Array]:
    """Every value of a graph, with the batch as first dimension.

    `weights` is the state dict of a module of this graph, `inputs` are in the order of the graph's inputs.
    """
    values = {Value(node.id): x for node, x in zip(graph.inputs, inputs, strict=True)}
    for node in graph:
        if node.op.name != "input":
            results = computed(node, weights, [values[value] for value in graph.inputs_of(node.id)])
            values.update({Value(node.id, port): result for port, result in enumerate(results)})
    return values


def computed(node: Node, weights: Mapping[str, Array], taken: Sequence[Array]) -> tuple[Array, ...]:
    """The outputs of one node."""
    prefix = f"{node.weights}."
    own = {name.removeprefix(prefix): array for name, array in weights.items() if name.startswith(prefix)}
    arguments = SimpleNamespace(**node.op.model_dump())
    results = DEFINITIONS[node.op.name](arguments, own, *taken)
    return results if isinstance(results, tuple) else (results,)
