"""How a class names the modules that it calls: its attributes, elements of its lists, and what it borrows."""

from __future__ import annotations

from archdsl.backends.torch.names import legal
from archdsl.backends.torch.outline import Outline


def borrowed_name(weights: str) -> str:
    """The argument of `forward` that brings a shared module which is kept further out."""
    return legal(weights.rpartition(".")[2])


def module_text(outline: Outline, owner: str, weights: str) -> str:
    """`self.conv1`, `self.units[3]`, or the name of a borrowed module, inside the class of scope `owner`."""
    if weights in outline.borrowed[owner]:
        return borrowed_name(weights)
    prefix = outline.graph.scopes[owner].weights
    text = "self"
    for name in weights[len(prefix) :].strip(".").split("."):
        text += f"[{name}]" if name.isdecimal() else f".{name}"
    return text
