"""Folds batch normalization into the convolution or linear layer before it. The result is for inference only.

After training a batch normalization is a fixed factor and shift for each channel,

    bn(y) = factor * y + (shift - factor * mean),   factor = scale / sqrt(variance + eps),

so it can be made a part of the layer that computes y: the layer's weights are multiplied by the factor, and its bias
becomes factor * bias + (shift - factor * mean). Nothing is folded if y is used elsewhere too, or if another node shares
the weights of the layer or of the normalization.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from functools import partial
from typing import Any

from archdsl.ir.graph import Graph, Node
from archdsl.ir.rewrite import bypassed, replaced
from archdsl.ops.conv import Conv, Depthwise
from archdsl.ops.linear import Linear
from archdsl.ops.norm import Bn
from archdsl.passes.pipeline import Rewritten, Weight


def fold_batchnorm(graph: Graph) -> Graph | Rewritten:
    """A graph with the same outputs at inference, up to rounding, and how its weights follow from the old ones."""
    pairs = dict(_pairs(graph))
    if not pairs:
        return graph
    ops = {layer.id: layer.op.model_copy(update={"bias": True}) for layer in pairs.values()}
    weights = {key: weight for norm, layer in pairs.items() for key, weight in _folded(graph, layer, graph.node(norm))}
    return Rewritten(bypassed(replaced(graph, ops), pairs.keys()), weights)


def _pairs(graph: Graph) -> Iterator[tuple[str, Node]]:
    """The id of each normalization that can be folded, and the layer before it."""
    uses = Counter(node.weights for node in graph)
    returned = {value.node for output in graph.outputs for value in output.values}
    for node in graph:
        if isinstance(node.op, Bn) and node.op.track:
            layer = graph.node(graph.inputs_of(node.id)[0].node)
            alone = uses[node.weights] == uses[layer.weights] == 1 and layer.id not in returned
            if isinstance(layer.op, Conv | Depthwise | Linear) and alone and graph.users(layer.id) == (node,):
                yield node.id, layer


def _folded(graph: Graph, layer: Node, norm: Node) -> Iterator[tuple[str, Weight]]:
    """How the layer's new weight and bias follow from both nodes' weights. Their first dimension is output channels."""
    assert isinstance(norm.op, Bn)
    slots = layer.op.state(*graph.tensors_into(layer.id))
    shape = (-1, *(1,) * (len(slots["weight"]) - 1))
    eps = norm.op.eps

    def factor(variance: Any, scale: Any) -> Any:
        return scale * (variance + eps) ** -0.5

    def weight(weight: Any, variance: Any, scale: Any = 1.0) -> Any:
        return weight * factor(variance, scale).reshape(shape)

    def bias(bias: Any, variance: Any, mean: Any, scale: Any = 1.0, shift: Any = 0.0) -> Any:
        return (bias - mean) * factor(variance, scale) + shift

    variance, mean = f"{norm.weights}.running_var", f"{norm.weights}.running_mean"
    learned = (f"{norm.weights}.weight", f"{norm.weights}.bias") if norm.op.affine else ()
    old_weight, old_bias = f"{layer.weights}.weight", f"{layer.weights}.bias"
    yield old_weight, Weight((old_weight, variance, *learned[:1]), weight)
    if "bias" in slots:
        yield old_bias, Weight((old_bias, variance, mean, *learned), bias)
    else:
        yield old_bias, Weight((variance, mean, *learned), partial(bias, 0.0))
