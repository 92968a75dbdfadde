"""Floating-point operations: 2 x MACs and the rest, itemised.

Each op states its own rule (`Op.rest`); an elementary function (exp, tanh, a power, a division, a comparison) counts
as one, a window at a border as a whole one, and batch normalization is the one of inference. `rules` lists them all.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from archdsl.ir.graph import Graph, Node
from archdsl.ops.base import REGISTRY, Family

ITEMS: Mapping[Family, str] = {
    Family.CONV: "bias",
    Family.LINEAR: "bias",
    Family.NORM: "normalization",
    Family.ACTIVATION: "activation",
    Family.POOL: "pooling",
    Family.MERGE: "merges",
    Family.RESHAPE: "resampling",
}
"""Names of the further operations, by family; other families have none."""


@dataclass(frozen=True, slots=True)
class Flops:
    """FLOPs as 2 x `macs` and `rest`, which has the items that are not 0 in the order of `ITEMS`."""

    macs: int
    rest: Mapping[str, int]

    @property
    def total(self) -> int:
        return 2 * self.macs + sum(self.rest.values())


def flops(graph: Graph, nodes: Iterable[Node]) -> Flops:
    """Operations of these nodes, for one sample at inference."""
    macs = 0
    rest: Counter[str] = Counter()
    for node in nodes:
        tensors = graph.tensors_into(node.id)
        macs += node.op.macs(*tensors)
        count = node.op.rest(*tensors).count
        if count:
            rest[ITEMS[node.op.family]] += count
    return Flops(macs, {item: rest[item] for item in dict.fromkeys(ITEMS.values()) if rest[item]})


def rules() -> dict[Family, dict[str, str]]:
    """The rule of every op, by family and name."""
    found: dict[Family, dict[str, str]] = {family: {} for family in Family}
    for name, op in sorted(REGISTRY.items()):
        example = next(op.examples())
        found[op.family][name] = example.op.rest(*example.inputs).rule
    return found
