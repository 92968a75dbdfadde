"""Translates a trace of PyTorch's operations, however it was made: of a module, or as a file keeps it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import torch

from archdsl.frontends.aten import translations as all_translations
from archdsl.frontends.aten.call import Trace, Translation
from archdsl.frontends.aten.computed import ComputedTables
from archdsl.frontends.aten.divided import divided
from archdsl.frontends.aten.step import TraceNode
from archdsl.frontends.aten.traced import recognized
from archdsl.frontends.counted import for_one_sample
from archdsl.frontends.nodes import NewNode
from archdsl.frontends.steps import Translator


def translated(
    graph: Any,
    keys: Mapping[str, str],
    parameters: frozenset[str],
    numbers: Mapping[str, torch.Tensor],
    inputs: Sequence[TraceNode],
    outputs: Sequence[TraceNode],
    larger: Callable[[], Mapping[str, TraceNode]] = dict,
) -> Translator:
    """The ops of a trace of PyTorch.

    `keys` has the state_dict's names by placeholder, `parameters` are those that are learned, and `numbers` are what
    other placeholders hold. The batch is the first dimension of the first input. `larger` gives the calls, by name, of
    a trace with one sample more, and none where there is no such trace.
    """
    parts = divided(graph, {node: key for node, key in keys.items() if key in parameters})
    keys, parameters = {**keys, **parts}, parameters | frozenset(parts.values())
    shape = inputs[0].meta["val"].shape if inputs else ()
    tables = ComputedTables(numbers, lambda node: keys.get(node.name) in parameters)
    trace = Trace(graph, keys, parameters, int(shape[0]) if shape else 0, tables)
    return Translator(trace, tuple(inputs), tuple(outputs), translations, for_one_sample(larger))


def translations(name: str) -> tuple[Translation, ...]:
    """The translations to try for a call of PyTorch's operation of this name."""
    return all_translations(name, recognized(name))


def with_counter(made: NewNode, keys: frozenset[str]) -> NewNode:
    """The node; that of a batch normalization which counts its batches has the counter among its weights.

    `keys` are the names in the state_dict.
    """
    counter = made.weights.get("running_mean", "").removesuffix("running_mean") + "num_batches_tracked"
    if "running_mean" not in made.weights or counter not in keys:
        return made
    return replace(made, weights={**made.weights, "num_batches_tracked": counter})
