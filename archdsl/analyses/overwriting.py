"""Which ops may overwrite their input (`inplace=True`): nothing else needs that value, nor does the backward pass."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

from archdsl.ir.graph import Graph, Node, Value


def count_uses(graph: Graph) -> Mapping[Value, int]:
    """How often each value is used, as an input of nodes and as an output of the network."""
    uses = Counter(value for node in graph for value in graph.inputs_of(node.id))
    uses.update(value for output in graph.outputs for value in output.values)
    return uses


def overwrites(graph: Graph, node: Node, uses: Mapping[Value, int]) -> bool:
    """Whether the node's module is made with `inplace=True`.

    Only its own block is looked at, so that every use of the block has the same answer.
    """
    inputs = graph.inputs_of(node.id)
    if not node.op.in_place or len(inputs) != 1 or uses[inputs[0]] != 1:
        return False
    producer = graph.node(inputs[0].node)
    if producer.scope != node.scope or producer.op.backward_needs_output:
        return False
    # The output of a view shares its memory with another value.
    return not producer.op.is_view(*graph.tensors_into(producer.id))
