"""Which paths a module drops by chance while it trains: nothing that a trace in evaluation would show."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from torch import nn
from torch.nn.modules.module import register_module_forward_pre_hook

CLASSES = frozenset({"StochasticDepth", "DropPath"})
"""What torchvision, timm and our own source call it."""


@contextmanager
def drop_paths() -> Iterator[dict[nn.Module, float]]:
    """The drop paths that are called meanwhile, in the order of their first calls, and their probabilities."""
    found: dict[nn.Module, float] = {}

    def note(module: nn.Module, _: Any) -> None:
        if type(module).__name__ in CLASSES:
            found[module] = float(getattr(module, "p", None) or getattr(module, "drop_prob", None) or 0)

    hook = register_module_forward_pre_hook(note)
    try:
        yield found
    finally:
        hook.remove()
