"""All that is done to a network that will only be used, and not trained any more."""

from __future__ import annotations

from dataclasses import dataclass

from archdsl.ir.graph import Graph
from archdsl.passes.drop_identities import drop_identities
from archdsl.passes.drop_training_arguments import drop_training_arguments
from archdsl.passes.drop_training_outputs import drop_training_outputs
from archdsl.passes.fold_batchnorm import Fold, fold_batchnorm, folds
from archdsl.passes.fold_leading_batchnorm import fold_leading_batchnorm, leading_folds
from archdsl.passes.pipeline import Run, run, state_keys


@dataclass(frozen=True, slots=True)
class Inference:
    """A network for inference: the passes that made it, the normalizations that were folded into layers, and the names
    of the weights that it has no place for."""

    run: Run
    folds: tuple[Fold, ...]
    unused: tuple[str, ...]


def for_inference(graph: Graph) -> Inference:
    """The network without what only training needs, with its batch normalizations folded where that is exact."""
    lasting = run(graph, [drop_training_outputs, drop_identities, drop_training_arguments])
    trailing = run(lasting.graph, [fold_batchnorm])
    leading = run(trailing.graph, [fold_leading_batchnorm])
    kept = set(state_keys(lasting.graph))
    return Inference(
        Run(leading.graph, (*lasting.steps, *trailing.steps, *leading.steps)),
        (*folds(lasting.graph), *leading_folds(trailing.graph)),
        tuple(key for key in state_keys(graph) if key not in kept),
    )
