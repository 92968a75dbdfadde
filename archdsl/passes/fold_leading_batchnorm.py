"""Folds batch normalization into the layer after it: a convolution without padding, or a linear layer.

The result is for inference only. The layer sees factor * y + (shift - factor * mean) for each channel (see
`fold_batchnorm`), so its weights are multiplied by the factors of their inputs, and what the layer makes of the shifts
is added to its bias. With padding this would not be exact: the border is filled with zeros after the normalization, and
has no shift. Layers with groups are left as they are.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import Any

from archdsl.ir.graph import Graph, Node
from archdsl.ops.conv import Conv
from archdsl.ops.linear import Linear
from archdsl.passes.fold_batchnorm import Fold, factor, is_tracked, lone_pairs, names, without_norms
from archdsl.passes.pipeline import Rewritten, Weight


def fold_leading_batchnorm(graph: Graph) -> Graph | Rewritten:
    """A graph with the same outputs at inference, up to rounding, and how its weights follow from the old ones."""
    found = list(leading_folds(graph))
    if not found:
        return graph
    weights = {key: weight for fold in found for key, weight in _folded(graph, fold)}
    return Rewritten(without_norms(graph, found), weights)


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


def _folded(graph: Graph, fold: Fold) -> Iterator[tuple[str, Weight]]:
    """How the layer's new weight and bias follow from both nodes' weights."""
    layer, eps = fold.layer, fold.eps
    slots = layer.op.state(*graph.tensors_into(layer.id))
    shape = (-1, *(1,) * (len(slots["weight"]) - 2))

    def weight(weight: Any, variance: Any, scale: Any = 1.0) -> Any:
        return weight * factor(eps, variance, scale).reshape(shape)

    def bias(bias: Any, weight: Any, variance: Any, mean: Any, scale: Any = 1.0, shift: Any = 0.0) -> Any:
        shifts = (shift - factor(eps, variance, scale) * mean).reshape(shape)
        return bias + (weight * shifts).reshape(len(weight), -1).sum(1)

    variance, mean, learned = names(fold.norm)
    yield layer.key("weight"), Weight((layer.key("weight"), variance, *learned[:1]), weight)
    sources = (layer.key("weight"), variance, mean, *learned)
    if "bias" in slots:
        yield layer.key("bias"), Weight((layer.key("bias"), *sources), bias)
    else:
        yield layer.key("bias"), Weight(sources, partial(bias, 0.0))
