"""Which of a reference's parameters and buffers is which of ours, and what is done with that knowledge."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from archdsl.ops.base import Op

STATISTICS = ("running_mean", "running_var", "num_batches_tracked")


def slots(op: Op) -> tuple[str, ...]:
    """What an op's parameters and buffers are called within its module, as in torch's own classes."""
    always, affine, biased, tracked = _SLOTS.get(op.name, ((), False, False, False))
    names = always
    if affine and getattr(op, "affine", False):
        names += ("weight", "bias")
    if biased and getattr(op, "bias", False):
        names += ("bias",)
    return names + STATISTICS if tracked and getattr(op, "track", False) else names


# Always there; weight and bias if affine; bias if it has one; statistics if they are kept.
_SLOTS: Mapping[str, tuple[tuple[str, ...], bool, bool, bool]] = {
    "conv": (("weight",), False, True, False),
    "depthwise": (("weight",), False, True, False),
    "up_conv": (("weight",), False, True, False),
    "linear": (("weight",), False, True, False),
    "embedding": (("weight",), False, False, False),
    "prelu": (("weight",), False, False, False),
    "layer_scale": (("weight",), False, False, False),
    "bn": ((), True, False, True),
    "instance_norm": ((), True, False, True),
    "group_norm": ((), True, False, False),
    "layer_norm": ((), True, False, False),
}
