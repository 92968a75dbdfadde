"""Weights that a file computes from others, as those of modules with weight or spectral normalization."""

from __future__ import annotations

from collections.abc import Mapping
from math import prod

import numpy as np

from archdsl.frontends.onnx.constants import LARGEST, folded
from archdsl.frontends.onnx.model import Numbers, OnnxNode, Weight
from archdsl.frontends.onnx.types import ElementAndShape

DEEPEST = 50
"""How many operators in a row compute a weight."""


class Computed:
    """Computes weights. It takes what a `Lowering` knows of values, which grows meanwhile.

    `numbers` are those of values that depend on weights and fixed numbers alone, None for others; `parts` are all
    values from which weights are computed.
    """

    def __init__(
        self,
        weights: Mapping[str, Weight],
        arrays: Mapping[str, Numbers],
        makers: Mapping[str, OnnxNode],
        types: Mapping[str, ElementAndShape],
    ) -> None:
        self._weights, self._arrays, self._makers, self._types = weights, arrays, makers, types
        self.numbers: dict[str, Numbers | None] = {}
        self.parts: set[str] = set()

    def weight(self, name: str) -> Weight | None:
        """The weight that is computed under this name; None if it is none, or depends on inputs."""
        from onnx import numpy_helper

        numbers = self._of(name) if name in self._makers and name not in self._weights else None
        if numbers is None or numbers.dtype.kind != "f":
            return None
        self._note_parts(name)
        tensor = numpy_helper.from_array(numbers.astype(np.float32), name)
        return Weight(name, numbers.shape, tensor.data_type, tensor)

    def _note_parts(self, name: str) -> None:
        pending = [name]
        while pending:
            maker = self._makers.get(pending.pop())
            new = [taken for taken in maker.inputs if taken and taken not in self.parts] if maker else []
            self.parts.update(new)
            pending += new

    def _of(self, name: str, depth: int = 0) -> Numbers | None:
        if name in self._weights:
            return self._weights[name].numbers
        if name in self._arrays:
            return self._arrays[name]
        if name not in self.numbers:
            self.numbers[name] = self._made(name, depth)
        return self.numbers[name]

    def _made(self, name: str, depth: int) -> Numbers | None:
        """What a node makes of weights."""
        node, shape = self._makers.get(name), self._types[name][1]
        if node is None or depth > DEEPEST or prod(shape) > LARGEST:
            return None
        inputs = [self._of(taken, depth + 1) if taken else None for taken in node.inputs]
        if any(taken and one is None for taken, one in zip(node.inputs, inputs, strict=True)):
            return None
        found = folded(node, inputs)
        return found if found is not None and found.shape == shape else None
