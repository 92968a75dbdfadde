"""Finds the drop paths that a module calls. A trace in evaluation mode does not show them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from torch import nn
from torch.nn.modules.module import register_module_forward_pre_hook

CLASSES = ("StochasticDepth", "DropPath")
"""How names of the class end: in torchvision, timm and the source that archdsl emits they are these, and Hugging Face's
begin with the network, `SegformerDropPath`."""


def is_drop_path(module: nn.Module) -> bool:
    """Whether a module leaves out a branch by chance."""
    return type(module).__name__.endswith(CLASSES)


@contextmanager
def drop_paths() -> Iterator[dict[nn.Module, float]]:
    """A context that records the drop paths that are called in it, in the order of their first calls, with their
    probabilities."""
    found: dict[nn.Module, float] = {}

    def note(module: nn.Module, _: Any) -> None:
        if is_drop_path(module):
            found[module] = float(getattr(module, "p", None) or getattr(module, "drop_prob", None) or 0)

    hook = register_module_forward_pre_hook(note)
    try:
        yield found
    finally:
        hook.remove()
