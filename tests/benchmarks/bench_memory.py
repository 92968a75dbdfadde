"""What emitted modules hold at inference, beside running flat and torchvision's; MB, one image, fp32."""

from __future__ import annotations

import test_held as held
from variants import Variant

from archdsl.analyses import memory


def bench_memory() -> None:
    """Counted on the meta device: nothing is computed, and the numbers are exact."""
    for name, public in held.THEIRS.items():
        graph = Variant(name).graph
        ours, theirs = held.measured(graph), held.of_torchvision(graph, *public)
        flat = memory.inference(graph, memory.flat(graph)).peak
        print(f"{name:22} emitted {ours / 1e6:7.2f}  flat {flat / 1e6:7.2f}  torchvision {theirs / 1e6:7.2f}")
