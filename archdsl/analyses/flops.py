"""Floating-point operations: 2 x MACs, and all other operations by kind.

Each op states its own rule for the others (`Op.rest`). An elementary function (exp, tanh, a power, a division, a
comparison) counts as one operation, a window that overlaps the border counts as a full window, and batch
normalization is counted as at inference. `rules` lists all rules.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from archdsl.ir.graph import Graph, Node
from archdsl.ops.base import Family
from archdsl.ops.registry import REGISTRY

ITEMS: Mapping[Family, str] = {
    Family.CONV: "bias",
    Family.LINEAR: "bias",
    Family.RECURRENT: "recurrence",
    Family.ATTENTION: "attention",
    Family.EMBED: "positions",
    Family.NORM: "normalization",
    Family.ACTIVATION: "activation",
    Family.POOL: "pooling",
    Family.MERGE: "merges",
    Family.RESHAPE: "resampling",
}
"""What the operations besides multiply-adds are called, by family. Families that are not listed have none."""


@dataclass(frozen=True, slots=True)
class Flops:
    """FLOPs: 2 x `macs`, plus the operations in `rest`, which has the items of `ITEMS` that are not 0."""

    macs: int
    rest: Mapping[str, int]

    @property
    def total(self) -> int:
        return 2 * self.macs + sum(self.rest.values())


def flops(graph: Graph, nodes: Iterable[Node]) -> Flops:
    """The floating-point operations of these nodes for one sample, at inference."""
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
