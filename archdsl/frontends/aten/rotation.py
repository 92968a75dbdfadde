"""Rotations of queries and keys, written out as in Hugging Face's LLaMA: x · cos + (second half, first half) · sin."""

from __future__ import annotations

from typing import Any

import numpy as np

from archdsl.frontends.arrangement import CHANNELS, along, joined
from archdsl.frontends.aten.call import Call, Result, bound
from archdsl.frontends.aten.placed import Placed
from archdsl.frontends.aten.step import Step, TraceNode, operation
from archdsl.ops.position import Rotary

PRECISION = 1e-3
"""How far a cosine may be off: angles of far positions are computed in single precision."""


def rotary(call: Call) -> Result:
    """A value in heads (batch, heads, positions, channels of a head), whose pairs of channels are turned."""
    straight, turned = call["self"], call["other"]
    if operation(straight) != "mul" or operation(turned) != "mul":
        return None
    (x, cos), (halves, sin) = straight.args, turned.args
    if not all(hasattr(factor, "meta") for factor in (x, cos, halves, sin)):
        return None
    placed, cosines, sines = call.trace.placed.get(x), call.trace.tables[cos], call.trace.tables[sin]
    if not (placed and cosines and sines and _exchanges_halves(halves, x) and _is_in_heads(placed)):
        return None
    size = placed.arrangement.shape[-1]
    base = _base(cosines.numbers, sines.numbers, size)
    op = Rotary(heads=placed.tensor.channels // size, base=base) if base else None
    return Step(op, (placed.value,), arrangements=(placed.arrangement,)) if op else None


def _exchanges_halves(node: TraceNode, x: TraceNode) -> bool:
    """Whether this is the second half of x's last axis, negated, and then the first."""
    if operation(node) != "cat" or len(node.args[0]) != 2:
        return False
    second, first = node.args[0]
    if operation(second) != "neg":
        return False
    rank, size = x.meta["val"].dim(), int(x.meta["val"].shape[-1])
    parts = [bound(part) for part in (first, second.args[0]) if operation(part) == "slice"]
    found = [(part["self"], part["dim"] % rank, part["start"] or 0, min(part["end"] or size, size)) for part in parts]
    axis = rank - 1
    return bound(node)["dim"] % rank == axis and found == [(x, axis, 0, size // 2), (x, axis, size // 2, size)]


def _is_in_heads(placed: Placed) -> bool:
    if placed.arrangement.rank != 4 or placed.tensor.rank != 2:
        return False
    _, heads, positions, channels = placed.arrangement.axes
    channels, length = joined((*heads, *channels)), placed.tensor.spatial[0]
    return channels == along(CHANNELS, placed.tensor.channels) and positions == along(CHANNELS + 1, length)


def _base(cos: np.ndarray[Any, Any], sin: np.ndarray[Any, Any], size: int) -> float | None:
    """The base of the angles, if the tables are those of 0, 1, 2 ... times base^(-2 i / size), once for each half."""
    cos, sin = (table.astype(float).reshape(-1, table.shape[-1]) for table in (cos, sin))
    if size < 4 or cos.shape != sin.shape or cos.shape[0] < 2 or cos.shape[1] != size:
        return None
    slower = float(np.arctan2(sin[1, 1], cos[1, 1]))
    base = float(f"{slower ** (-size / 2):.4g}") if slower > 0 else 0.0
    rates = base ** (-np.arange(size // 2) / (size // 2)) if base > 1 else None
    if rates is None:
        return None
    angles = np.tile(np.arange(len(cos))[:, None] * rates, (1, 2))
    off = max(abs(cos - np.cos(angles)).max(), abs(sin - np.sin(angles)).max())
    return base if off < PRECISION else None
