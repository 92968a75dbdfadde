"""Compares a network with the one that is written of it for inference."""

from __future__ import annotations

from dataclasses import asdict, dataclass

import torch

from archdsl.backends.torch.extras import NONE
from archdsl.backends.torch.load import load, module
from archdsl.ir.graph import Graph
from archdsl.outputs import inference_written, prepared
from archdsl.passes.inference import for_inference
from archdsl.prove.numbers import difference, inputs_of, randomize, sizes, tensors

TOLERANCE = 1e-12
"""The largest relative difference in float64 that rounding may make: weights are folded in another order of steps."""


@dataclass(frozen=True, slots=True)
class InferenceProof:
    """What the network for inference is without, and the largest relative difference of its outputs in float64.

    `nodes` are the numbers of nodes in training and at inference, `folded` how many batch normalizations became a part
    of a layer, and `input` the shape of the input.
    """

    network: str
    nodes: tuple[int, int]
    folded: int
    input: str
    outputs: float

    @property
    def ok(self) -> bool:
        return self.outputs <= TOLERANCE

    def to_json(self) -> dict[str, object]:
        return {**asdict(self), "ok": self.ok}

    def __str__(self) -> str:
        before, after = self.nodes
        norms = f"{self.folded} batch normalization{'s' if self.folded != 1 else ''} folded"
        said = "the same" if self.ok else "NOT the same"
        return (
            f"{self.network} for inference: {said} outputs\n"
            f"  nodes    {before} in training, {after} at inference; {norms}\n"
            f"  outputs  differ by {self.outputs:.1e} of the largest at most, in float64 on {self.input}; "
            f"allowed are {TOLERANCE:g}"
        )


def prove_inference(graph: Graph) -> InferenceProof:
    """Runs both modules in float64, with random weights and statistics, and compares what they give at inference.

    Images and clips have a quarter or half of their height and width, if the network takes that.
    """
    graph = prepared(graph, "torch")
    found = for_inference(graph)
    written = inference_written(graph, NONE)
    trained = module(graph)
    randomize(trained)
    trained.double().eval()
    used = getattr(load(written.text), written.name)().double().load(trained.state_dict())
    for shapes in sizes([node.output for node in graph.inputs]):
        inputs = inputs_of(graph, shapes)
        with torch.no_grad():
            try:
                pairs = zip(tensors(used(*inputs)), tensors(trained(*inputs)), strict=True)
            except RuntimeError:  # a size that the network cannot take; the last one is its own
                continue
        shape = ", ".join("x".join(map(str, value.shape)) for value in inputs)
        nodes = len(graph), len(found.run.graph)
        return InferenceProof(
            graph.header.name, nodes, len(found.folds), shape, max(difference(*pair) for pair in pairs)
        )
    raise AssertionError("the network does not run at its own size")
