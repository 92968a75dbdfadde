"""How a class refers to the modules that it calls: its attributes, elements of its lists, modules passed to it."""

from __future__ import annotations

from archdsl.backends.torch.names import legal
from archdsl.backends.torch.outline import Outline


def borrowed_name(weights: str) -> str:
    """The argument of `forward` for a shared module that is kept outside the class."""
    return legal(weights.rpartition(".")[2])


def module_text(outline: Outline, owner: str, weights: str) -> str:
    """How the class of scope `owner` refers to a module: `self.conv1`, `self.units[3]`, or an argument's name."""
    if weights in outline.borrowed[owner]:
        return borrowed_name(weights)
    prefix = outline.graph.scopes[owner].weights
    text = "self"
    for name in weights[len(prefix) :].strip(".").split("."):
        text += f"[{name}]" if name.isdecimal() else f".{name}"
    return text
