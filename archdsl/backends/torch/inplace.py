"""Where an activation may overwrite its input: nothing else needs that value, not even the backward pass."""

from __future__ import annotations

from archdsl.analyses.overwriting import overwrites
from archdsl.backends.torch.outline import Outline
from archdsl.ir.graph import Node


def is_inplace(outline: Outline, node: Node) -> bool:
    """Whether the node's module takes `inplace=True`: by what is said in its own block, so alike in every use."""
    return overwrites(outline.graph, node, outline.uses)
