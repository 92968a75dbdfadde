"""All that is tried for an operator, by its name and in order."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from archdsl.frontends.onnx.arithmetic import ARITHMETIC
from archdsl.frontends.onnx.idioms import IDIOMS
from archdsl.frontends.onnx.layers import LAYERS
from archdsl.frontends.onnx.lowering import Lower
from archdsl.frontends.onnx.recurrent import RECURRENT
from archdsl.frontends.onnx.shapes import SHAPES

SINGLE: Mapping[str, Sequence[Lower]] = {**LAYERS, **ARITHMETIC, **SHAPES, **RECURRENT}

LOWER: Mapping[str, Sequence[Lower]] = {name: (*IDIOMS.get(name, ()), *lower) for name, lower in SINGLE.items()}
"""Idioms of several nodes come first."""
