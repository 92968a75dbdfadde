"""Where an activation may overwrite its input: nothing else needs that value, not even the backward pass."""

from __future__ import annotations

from archdsl.backends.torch.outline import Outline
from archdsl.ir.graph import Node, Value
from archdsl.ops.base import Family, Module

FORGETFUL = frozenset((Family.CONV, Family.LINEAR, Family.NORM))
"""Ops whose backward pass needs their input, never their output. Sums of several values are alike."""


def is_inplace(outline: Outline, node: Node) -> bool:
    """Whether the node's module takes `inplace=True`: by what is said in its own block, so alike in every use."""
    emission = outline.emission(node)
    if not isinstance(emission, Module) or not emission.inplace:
        return False
    (value,) = outline.graph.inputs_of(node.id)
    producer = outline.graph.node(value.node)
    return producer.scope == node.scope and outline.uses[value] == 1 and _forgets(outline, producer, value)


def _forgets(outline: Outline, producer: Node, value: Value) -> bool:
    if producer.op.name == "add":
        return len(set(outline.graph.inputs_of(value.node))) > 1
    return producer.op.family in FORGETFUL
