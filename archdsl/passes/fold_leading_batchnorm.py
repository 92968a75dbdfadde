"""Folds batch normalization into the layer after it: a convolution without padding, or a linear layer.

The result is for inference only. The layer sees factor * y + (shift - factor * mean) for each channel (see
`fold_batchnorm`), so its weights are multiplied by the factors of their inputs, and what the layer makes of the shifts
is added to its bias. With padding this would not be exact: the border is filled with zeros after the normalization, and
has no shift. Layers with groups are left as they are.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from archdsl.ir.graph import Graph, Node
from archdsl.ops.conv import Conv
from archdsl.ops.linear import Linear
from archdsl.passes.fold_batchnorm import Fold, Formulas, factor, folded, is_tracked, lone_pairs
from archdsl.passes.pipeline import Rewritten


def fold_leading_batchnorm(graph: Graph) -> Graph | Rewritten:
    """A graph with the same outputs at inference, up to rounding, and how its weights follow from the old ones."""
    return folded(graph, list(leading_folds(graph)), _formulas)


def leading_folds(graph: Graph) -> Iterator[Fold]:
    """The normalizations that can be folded into the layers after them, each layer once."""
    for norm, layer in lone_pairs(graph):
        if is_tracked(norm) and _sees_no_border(graph, layer):
            yield Fold(norm, layer, 1, leads=True)


def _sees_no_border(graph: Graph, layer: Node) -> bool:
    if isinstance(layer.op, Conv):
        window = layer.op.window(*graph.tensors_into(layer.id))
        return layer.op.groups == 1 and all(pads == (0, 0) for pads in window.padding)
    return isinstance(layer.op, Linear) and layer.op.over != "positions"


def _formulas(graph: Graph, fold: Fold) -> Formulas:
    dims = len(fold.layer.op.state(*graph.tensors_into(fold.layer.id))["weight"])
    shape, eps = (-1, *(1,) * (dims - 2)), fold.eps

    def weight(weight: Any, variance: Any, scale: Any = 1.0) -> Any:
        return weight * factor(eps, variance, scale).reshape(shape)

    def bias(bias: Any, weight: Any, variance: Any, mean: Any, scale: Any = 1.0, shift: Any = 0.0) -> Any:
        shifts = (shift - factor(eps, variance, scale) * mean).reshape(shape)
        return bias + (weight * shifts).reshape(len(weight), -1).sum(1)

    return Formulas(weight, bias, (fold.layer.key("weight"),))
