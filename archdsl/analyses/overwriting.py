"""Which ops write into their input's memory: where nothing else needs that value, not even the backward pass."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

from archdsl.ir.graph import Graph, Node, Value
from archdsl.ops.base import Family, Module

FORGETFUL = frozenset((Family.CONV, Family.LINEAR, Family.NORM))
"""Ops whose backward pass needs their input, never their output. Sums of several values are alike."""

ABLE = frozenset((Family.ACTIVATION, Family.REGULARIZE))
"""Families with members that PyTorch can compute in place."""


def count_uses(graph: Graph) -> Mapping[Value, int]:
    """How often each value is taken, by nodes and as an output."""
    uses = Counter(value for node in graph for value in graph.inputs_of(node.id))
    uses.update(value for output in graph.outputs for value in output.values)
    return uses


def overwrites(graph: Graph, node: Node, uses: Mapping[Value, int]) -> bool:
    """Whether the node's module takes `inplace=True`: by what is said in its own block, so alike in every use."""
    inputs = graph.inputs_of(node.id)
    if node.op.family not in ABLE or len(inputs) != 1 or uses[inputs[0]] != 1:
        return False
    producer = graph.node(inputs[0].node)
    if producer.scope != node.scope or not _forgets(graph, producer):
        return False
    emission = node.op.torch(*graph.tensors_into(node.id))
    return isinstance(emission, Module) and emission.inplace


def _forgets(graph: Graph, producer: Node) -> bool:
    if producer.op.name == "add":
        return len(set(graph.inputs_of(producer.id))) > 1
    return producer.op.family in FORGETFUL
