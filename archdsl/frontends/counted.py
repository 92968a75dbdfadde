"""Counts what a call of PyTorch costs, by running it without numbers."""

from __future__ import annotations

from typing import Any

import torch
from torch import fx
from torch.utils.flop_counter import FlopCounterMode

from archdsl.frontends.aten.step import TraceNode


def multiply_adds(node: TraceNode) -> int:
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
