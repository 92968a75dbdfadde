"""What type and shape values have: ONNX's own rules are asked, node by node, with the fixed numbers that are known."""

from __future__ import annotations

from collections.abc import Mapping
from math import prod
from typing import Any

from archdsl.frontends.onnx.model import Numbers, OnnxNode
from archdsl.ops.base import LARGEST

FLOATS = frozenset({1, 10, 11, 14, 15, 16, 17, 18, 19, 20, 23, 24})
"""ONNX's numbers of the types that are fractions, also short and complex ones."""

MOST_DATA = 1 << 16
"""Fixed numbers of an input that a rule is told. Rules ask for shapes and the like, and never for more."""

ElementAndShape = tuple[int, tuple[int, ...]]

DIVISORS = ("strides", "dilations", "group", "kernel_shape", "blocksize", "num_outputs")
"""Attributes by which rules divide: they are never 0."""


def infer(
    node: OnnxNode, version: int, known: Mapping[str, ElementAndShape], numbers: Mapping[str, Numbers]
) -> dict[str, ElementAndShape] | str:
    """The types of a node's outputs that ONNX's rules give; or what is wrong, in ONNX's words."""
    from onnx import defs, helper, numpy_helper, shape_inference

    wrong = unusable(node)
    if wrong:
        return wrong
    try:
        schema = defs.get_schema(node.kind, version, node.domain)
    except defs.SchemaError:
        return {}
    types = {name: helper.make_tensor_type_proto(*known[name]) for name in node.inputs if name in known}
    data = {
        name: numpy_helper.from_array(numbers[name], name)
        for name in node.inputs
        if name in numbers and numbers[name].size <= MOST_DATA
    }
    try:
        found = shape_inference.infer_node_outputs(schema, node.proto, types, data)
    except Exception as error:
        return " ".join(str(error).split())
    return {name: made for name, given in found.items() if (made := _fixed(given)) is not None}


def unusable(node: OnnxNode) -> str:
    """What is wrong with attributes that count something; "" if nothing is."""
    for name in DIVISORS:
        value = node.get(name)
        values = value if isinstance(value, list) else [value]
        if value is not None and any(not isinstance(one, int) or not 0 < one < LARGEST for one in values):
            return f"its attribute {name} is {value}; expected positive numbers"
    pads = node.get("pads", ())
    if any(not isinstance(one, int) or abs(one) >= LARGEST for one in pads if not isinstance(pads, str)):
        return f"its attribute pads is {pads}; expected numbers of pixels"
    return ""


def _fixed(given: Any) -> ElementAndShape | None:
    """A type whose sizes are all known."""
    tensor = given.tensor_type
    if not given.HasField("tensor_type") or not tensor.HasField("shape"):
        return None
    dims = [dim.dim_value if dim.HasField("dim_value") else -1 for dim in tensor.shape.dim]
    if any(size < 0 for size in dims) or prod(dims) > LARGEST:
        return None
    return tensor.elem_type, tuple(dims)
