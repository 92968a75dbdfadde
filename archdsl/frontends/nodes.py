"""The nodes that a reader of networks makes, before they have names."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from archdsl.frontends.naming import ModuleCall
from archdsl.ops.base import Op
from archdsl.source import Span
from archdsl.tensor import Tensor


@dataclass(frozen=True, slots=True)
class NewNode:
    """A node of the future graph. `inputs` are pairs: the number of an earlier node, and which of its outputs.

    `weights` are the module's names of its parameters and buffers, by the op's own names of them. `span` is the text
    that the node was read from; where there is none, a line of a list of all nodes stands for it.
    """

    op: Op
    inputs: tuple[tuple[int, int], ...]
    outputs: tuple[Tensor, ...]
    weights: Mapping[str, str]
    place: ModuleCall
    span: Span | None = None
