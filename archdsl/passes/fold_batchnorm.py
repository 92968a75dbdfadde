"""Folds batch normalization into the layer before it: a convolution, transposed or not, or a linear layer.

The result is for inference only. After training a batch normalization is a fixed factor and shift for each channel,

    bn(y) = factor * y + (shift - factor * mean),   factor = scale / sqrt(variance + eps),

so it can be made a part of the layer that computes y: the layer's weights are multiplied by the factor, and its bias
becomes factor * bias + (shift - factor * mean). Nothing is folded if y is used elsewhere too, or if another node shares
the weights of the layer or of the normalization.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, NamedTuple

from archdsl.ir.graph import Graph, Node
from archdsl.ir.rewrite import bypassed, replaced
from archdsl.ops.conv import Conv, Depthwise
from archdsl.ops.linear import Linear
from archdsl.ops.norm import Bn
from archdsl.ops.transposed import UpConv
from archdsl.passes.pipeline import Rewritten, Weight


@dataclass(frozen=True, slots=True)
class Fold:
    """A normalization that can be folded into a layer. `dim` is the dimension of the layer's weight that has the
    channels which are normalized; `leads` says that the normalization comes before the layer."""

    norm: Node
    layer: Node
    dim: int
    leads: bool = False

    @property
    def eps(self) -> float:
        """What the normalization adds to the variance."""
        assert isinstance(self.norm.op, Bn)
        return self.norm.op.eps


def fold_batchnorm(graph: Graph) -> Graph | Rewritten:
    """A graph with the same outputs at inference, up to rounding, and how its weights follow from the old ones."""
    return folded(graph, list(folds(graph)), _formulas)


def folds(graph: Graph) -> Iterator[Fold]:
    """The normalizations that can be folded into the layers before them."""
    for layer, norm in lone_pairs(graph):
        transposed = isinstance(layer.op, UpConv) and layer.op.groups == 1
        if is_tracked(norm) and (isinstance(layer.op, Conv | Depthwise | Linear) or transposed):
            yield Fold(norm, layer, 1 if transposed else 0)


def is_tracked(node: Node) -> bool:
    """Whether a node is a batch normalization with statistics from the training."""
    return isinstance(node.op, Bn) and node.op.track


def lone_pairs(graph: Graph) -> Iterator[tuple[Node, Node]]:
    """Pairs of nodes of which the second takes the value of the first, which goes nowhere else. No other node shares
    the weights of either."""
    uses = Counter(node.weights for node in graph)
    returned = {value.node for output in graph.outputs for value in output.values}
    for second in graph:
        for value in graph.inputs_of(second.id)[:1]:
            first = graph.node(value.node)
            alone = uses[first.weights] == uses[second.weights] == 1 and first.id not in returned
            if alone and graph.users(first.id) == (second,):
                yield first, second


class Formulas(NamedTuple):
    """How a layer's weight follows from its old one, the variance and the scale; and its bias from the old one, the
    entries `sources`, the variance, the mean, the scale and the shift."""

    weight: Callable[..., Any]
    bias: Callable[..., Any]
    sources: tuple[str, ...] = ()


def folded(graph: Graph, found: Sequence[Fold], formulas: Callable[[Graph, Fold], Formulas]) -> Graph | Rewritten:
    """The graph without these normalizations, with biases in the layers that they are folded into."""
    if not found:
        return graph
    ops = {fold.layer.id: fold.layer.op.model_copy(update={"bias": True}) for fold in found}
    weights = {key: weight for fold in found for key, weight in _entries(graph, fold, formulas(graph, fold))}
    return Rewritten(bypassed(replaced(graph, ops), [fold.norm.id for fold in found]), weights)


def factor(eps: float, variance: Any, scale: Any = 1.0) -> Any:
    """What a normalization multiplies each channel by."""
    return scale * (variance + eps) ** -0.5


def _entries(graph: Graph, fold: Fold, formulas: Formulas) -> Iterator[tuple[str, Weight]]:
    """The entries of the new state_dict: the layer's weight and its bias, which may be new."""
    layer, norm = fold.layer, fold.norm
    assert isinstance(norm.op, Bn)
    learned = (norm.key("weight"), norm.key("bias")) if norm.op.affine else ()
    variance, mean = norm.key("running_var"), norm.key("running_mean")
    yield layer.key("weight"), Weight((layer.key("weight"), variance, *learned[:1]), formulas.weight)
    sources = (*formulas.sources, variance, mean, *learned)
    if "bias" in layer.op.state(*graph.tensors_into(layer.id)):
        yield layer.key("bias"), Weight((layer.key("bias"), *sources), formulas.bias)
    else:
        yield layer.key("bias"), Weight(sources, partial(formulas.bias, 0.0))


def _formulas(graph: Graph, fold: Fold) -> Formulas:
    dims = len(fold.layer.op.state(*graph.tensors_into(fold.layer.id))["weight"])
    shape = tuple(-1 if dim == fold.dim else 1 for dim in range(dims))
    eps = fold.eps

    def weight(weight: Any, variance: Any, scale: Any = 1.0) -> Any:
        return weight * factor(eps, variance, scale).reshape(shape)

    def bias(bias: Any, variance: Any, mean: Any, scale: Any = 1.0, shift: Any = 0.0) -> Any:
        return (bias - mean) * factor(eps, variance, scale) + shift

    return Formulas(weight, bias)
