"""Counts what a call of PyTorch costs, by running it without numbers."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from math import log
from typing import Any

import torch
from torch import fx
from torch.utils.flop_counter import FlopCounterMode

from archdsl.frontends.aten.call import Trace
from archdsl.frontends.aten.step import TraceNode
from archdsl.frontends.opaque import Counter


def for_one_sample(larger: Callable[[], Mapping[str, TraceNode]]) -> Counter:
    """What counts the multiply-adds of a call for a batch of one.

    A dimension as large as the batch need not be the batch. So a call is counted in a trace with one sample more, too,
    whose calls `larger` gives by name: it is made once for all samples, for each, or (where code multiplies samples by
    samples) for each pair.
    """

    def count(trace: Trace, node: TraceNode) -> int:
        found, batch = _multiply_adds(node), trace.batch
        again = larger().get(node.name) if found and batch else None
        if again is None or again.target != node.target:
            return found // (max(batch, 1) if trace.is_batched(node) else 1)
        power = round(log(_multiply_adds(again) / found) / log((batch + 1) / batch))
        return int(found // batch**power)

    return count


def _multiply_adds(node: TraceNode) -> int:
    """Multiply-adds of the matrix products in a call, counted by running it on `meta` tensors."""

    def stand_in(source: fx.Node) -> Any:
        return torch.utils._pytree.tree_map_only(torch.Tensor, _without_numbers, source.meta["val"])

    args, kwargs = fx.map_arg((node.args, node.kwargs), stand_in)
    try:
        with FlopCounterMode(display=False) as counter, torch.no_grad():
            node.target(*args, **kwargs)
    except Exception:
        # Some operations do not run on `meta`; none of them is a matrix product.
        return 0
    return int(counter.get_total_flops()) // 2


def _without_numbers(value: torch.Tensor) -> torch.Tensor:
    return torch.empty(value.shape, dtype=value.dtype, device="meta")
