"""The measures of a network in a study: a number for each name, computed when it is asked for."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from math import inf

from archdsl.analyses import memory, totals
from archdsl.analyses.flops import flops
from archdsl.analyses.receptive_field import receptive_fields
from archdsl.ir.graph import Graph, Node


@dataclass(frozen=True, slots=True)
class Measure:
    """`unit` is "B" for bytes, "px" for pixels, else nothing. `find` takes the graph and the bytes of a number."""

    name: str
    title: str
    about: str
    find: Callable[[Graph, int], float]
    unit: str = ""


def _flops(graph: Graph, width: int) -> int:
    return flops(graph, totals.nodes_in(graph)).total


def receptive_field(graph: Graph, width: int = 4) -> float:
    """The receptive field in pixels of the last map before global pooling or flattening; inf: the whole input.

    The longer side, where the two differ.
    """
    fields = receptive_fields(graph).fields
    pooled: set[str] = set()
    last = None
    for node in graph:
        if _is_pooled(graph, node, pooled):
            pooled.add(node.id)
        elif graph.inputs_of(node.id) and node.id not in graph.training_only:
            last = node
    if last is None:
        return inf
    return max(field.size if field.jump else inf for field in fields[last.id].largest)


def _is_pooled(graph: Graph, node: Node, pooled: set[str]) -> bool:
    """Whether the positions of a node's output are pooled or flattened away, by itself or before it."""
    if not node.output.spatial:
        return node.output.kind == "float"
    sources = {value.node for value in graph.inputs_of(node.id)}
    window = node.op.window(*graph.tensors_into(node.id)) if sources else None
    return (window is not None and window.everything) or bool(sources and sources <= pooled)


MEASURES: Mapping[str, Measure] = {
    measure.name: measure
    for measure in (
        Measure(
            "params",
            "params",
            "learned numbers, shared ones once",
            lambda graph, _: totals.parameters(graph, totals.nodes_in(graph)),
        ),
        Measure(
            "buffers",
            "buffers",
            "numbers that are kept but not learned",
            lambda graph, _: totals.buffers(graph, totals.nodes_in(graph)),
        ),
        Measure(
            "macs",
            "MACs",
            "multiply-adds of convolutions and matrix products",
            lambda graph, _: totals.macs(graph, totals.nodes_in(graph)),
        ),
        Measure("flops", "FLOPs", "2 × MACs and all other operations", _flops),
        Measure(
            "live",
            "live",
            "activations that inference holds at once",
            lambda graph, width: memory.inference(graph, width).peak,
            "B",
        ),
        Measure(
            "kept",
            "kept",
            "activations that training keeps, a sample",
            lambda graph, width: memory.training(graph, width).total,
            "B",
        ),
        Measure("field", "field", "receptive field of the last map", receptive_field, "px"),
        Measure(
            "layers",
            "layers",
            "convolutions and linear layers in depth",
            lambda graph, _: totals.layers(graph, totals.nodes_in(graph)),
        ),
    )
}
"""In the order in which they are shown."""


def measure(graph: Graph, names: Iterable[str], width: int = 4) -> dict[str, float]:
    """These measures by name, for one sample; `width` is the bytes of a number."""
    return {name: MEASURES[name].find(graph, width) for name in names}
