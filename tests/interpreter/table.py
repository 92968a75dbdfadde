"""The table of definitions, and what goes into one."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

Array: TypeAlias = npt.NDArray[Any]

Definition: TypeAlias = Callable[..., Array | tuple[Array, ...]]
"""Takes the op's arguments by name, its weights by name, and its inputs: batch, channels, positions."""

DEFINITIONS: dict[str, Definition] = {}
"""What each op computes, by its name in the language."""


def defines(name: str) -> Callable[[Definition], Definition]:
    """Decorator: enters a definition under an op's name."""

    def enter(definition: Definition) -> Definition:
        assert name not in DEFINITIONS, f"{name} is defined twice"
        DEFINITIONS[name] = definition
        return definition

    return enter


def by_channel(vector: Array, x: Array) -> Array:
    """A vector of one number a channel, in a form that is spread over batch and positions of `x`."""
    return np.reshape(vector, (1, -1, *(1,) * (x.ndim - 2)))
