"""Layers that are read together: moves of numbers in a row, and a border with the windows that are laid over it."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

from archdsl.frontends.keras.config import Layer, Model, Reference

MOVES = frozenset({"Permute", "Reshape", "Flatten"})
"""Layers that move numbers to other places. What several in a row do may be one op, where a single one is none."""

BORDERS = frozenset({"ZeroPadding1D", "ZeroPadding2D", "ZeroPadding3D", "ops.Pad"})

WINDOWS = frozenset(
    f"{name}{count}D"
    for name in ("Conv", "Convolution", "DepthwiseConv", "MaxPooling", "MaxPool", "AveragePooling", "AvgPool")
    for count in (1, 2, 3)
)
"""Layers with windows, which may have the border as their padding."""

LONGEST = 8
"""The most layers that are read together."""


def chained(model: Model) -> Model:
    """The model with layers `before` others where these are the only ones to take their results. Takes linear time."""
    users = Counter(reference.layer for layer in model.layers.values() for call in layer.calls for reference in call)
    users.update(reference.layer for reference in model.outputs)
    found, inputs = dict(model.layers), set(model.inputs)
    for name in _in_order(model):
        layer = found[name]
        taken = _only_one_taken(layer)
        before = found.get(taken) if taken else None
        if before and users[before.name] == 1 and _go_together(before, layer) and not {before.name, name} & inputs:
            del found[before.name]
            single = replace(before, before=())
            found[name] = replace(layer, calls=before.calls, before=(*before.before, single))
    return replace(model, layers=found)


def _go_together(before: Layer, layer: Layer) -> bool:
    if len(before.calls) != 1 or len(before.before) >= LONGEST:
        return False
    if layer.kind in WINDOWS:
        return before.kind in BORDERS
    return layer.kind in MOVES and before.kind in MOVES


def _only_one_taken(layer: Layer) -> str:
    """The layer whose result is all that this one takes; "" if it is called more often, or takes more."""
    only = [reference for call in layer.calls for reference in call]
    return only[0].layer if len(layer.calls) == len(only) == 1 and only[0] == Reference(only[0].layer, 0, 0) else ""


def _in_order(model: Model) -> list[str]:
    """The layers, each of a chain after the one before it; the files have them so, but need not."""
    found: dict[str, None] = {}
    for name in model.layers:
        way: dict[str, None] = {}
        while name in model.layers and name not in found and name not in way:
            way[name] = None
            name = _only_one_taken(model.layers[name])
        found.update(dict.fromkeys(reversed(way)))
    return list(found)
