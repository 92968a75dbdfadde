"""Compares two networks at inference, where one of them is for that alone.

Exporters make a batch normalization part of the layer before it, and leave out biases that are zero. So the
normalizations of the other network are folded too (`archdsl.passes.fold_batchnorm` says how the weights follow), and
biases are left out where the one has none.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

from archdsl.ir.graph import Graph, Node
from archdsl.ir.rewrite import replaced
from archdsl.ops.conv import Conv, Depthwise
from archdsl.ops.linear import Linear
from archdsl.ops.transposed import UpConv
from archdsl.passes.fold_batchnorm import fold_batchnorm
from archdsl.passes.pipeline import Rewritten
from archdsl.prove.report import ProofReport
from archdsl.prove.sides import Side, of_graph
from archdsl.prove.weights import WeightMap


@dataclass(frozen=True, slots=True)
class Compared:
    """Two sides to compare, and sentences that say what was done to them. `biased` are the sides with their biases."""

    sides: tuple[Side, Side]
    notes: tuple[str, ...]
    folded: int
    biased: tuple[Side, Side] | None = None


def at_inference(
    report: ProofReport, ours: Side, theirs: Side, compare: Callable[[Side, Side], ProofReport]
) -> ProofReport:
    """The report of the two as they are at inference, if they are equal then; else the one with fewest differences."""
    best = report
    for place, (side, other) in enumerate(((ours, theirs), (theirs, ours))):
        for found in _candidates(side, other) if other.inference else ():
            pair = found.sides if place == 0 else found.sides[::-1]
            again = compare(*pair)
            again = replace(again, notes=(*again.notes, *found.notes), folded=found.folded, inference=True)
            if again.weights and not (found.biased and _lacks_biases(again.weights, place, *found.biased)):
                return again
            if not found.biased and 0 < len(again.differences) < len(best.differences):
                best = again
    return best


def _candidates(side: Side, other: Side) -> Iterator[Compared]:
    """The side and the other one, which is for inference: with normalizations folded, and also without biases."""
    folded = fold_batchnorm(side.graph)
    count, changed = 0, side
    notes: tuple[str, ...] = ()
    if isinstance(folded, Rewritten) and not isinstance(fold_batchnorm(other.graph), Rewritten):
        count = len(side.graph) - len(folded.graph)
        changed = replace(of_graph(folded.graph), title=side.title)
        notes = (f"{_counted(count)} of {side.title} folded into the layers before, as in {other.title}",)
        yield Compared((changed, other), notes, count)
    missing = sum(map(_has_bias, changed.graph)) - sum(map(_has_bias, other.graph))
    if missing > 0:
        said = f"{missing} biases of {side.title} are not in {other.title}: exporters leave out those that are 0"
        plain = tuple(replace(of_graph(_without_biases(one.graph)), title=one.title) for one in (changed, other))
        yield Compared((plain[0], plain[1]), (*notes, said), count, (changed, other))


def _counted(count: int) -> str:
    return "1 batch normalization" if count == 1 else f"{count} batch normalizations"


LAYERS = Conv | Depthwise | Linear | UpConv
"""Layers that may have a bias."""


def _has_bias(node: Node) -> bool:
    return isinstance(node.op, LAYERS) and node.op.bias


def _without_biases(graph: Graph) -> Graph:
    return replaced(graph, {node.id: node.op.model_copy(update={"bias": False}) for node in graph if _has_bias(node)})


def _lacks_biases(weights: WeightMap, place: int, side: Side, other: Side) -> bool:
    """Whether a layer of the other network has a bias that the side lacks, which no exporter adds."""
    own, its = ({node.weights for node in one.graph if _has_bias(node)} for one in (side, other))
    pairs = [(ours, theirs) if place == 0 else (theirs, ours) for theirs, ours in weights.pairs]
    homes = [(mine.rpartition(".")[0], there.rpartition(".")[0]) for mine, there in pairs]
    return any(there in its and mine not in own for mine, there in homes)
