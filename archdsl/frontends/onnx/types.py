"""What type and shape values have: ONNX's own rules are asked, node by node, with the fixed numbers that are known."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from math import prod
from typing import Any

from archdsl.frontends.onnx.model import Numbers, OnnxNode, has_graphs
from archdsl.ops.base import LARGEST, LIMIT

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
    from onnx import checker, defs, helper, numpy_helper, shape_inference

    wrong = unusable(node)
    if wrong:
        return wrong
    try:
        schema = defs.get_schema(node.kind, version, node.domain)
    except (defs.SchemaError, TypeError):
        return {}
    if has_graphs(node.proto):
        return _with_graphs(node, version, known)
    try:
        checker.check_node(node.proto, _context(version))
    except (checker.ValidationError, UnicodeDecodeError) as error:
        return " ".join(str(error).split())
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
    fixed = {name: made for name, given in found.items() if (made := _fixed(given)) is not None}
    return fixed or _known(node, known, numbers)


def _with_graphs(
    node: OnnxNode, version: int, known: Mapping[str, ElementAndShape]
) -> dict[str, ElementAndShape] | str:
    """The types of the outputs of a node with graphs inside, which take values from outside: it is put into a model."""
    from onnx import IR_VERSION, helper, shape_inference

    inputs = [
        helper.make_value_info(name, helper.make_tensor_type_proto(*known[name]))
        for name in dict.fromkeys(node.inputs)
        if name in known
    ]
    outputs = [helper.make_empty_tensor_value_info(name) for name in node.outputs if name]
    graph = helper.make_graph([node.proto], "net", inputs, outputs)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", version)], ir_version=IR_VERSION)
    try:
        found = shape_inference.infer_shapes(model, strict_mode=True).graph
    except Exception as error:
        return " ".join(str(error).split())
    types = {value.name: value.type for value in (*found.value_info, *found.output)}
    return {name: made for name in node.outputs if name in types and (made := _fixed(types[name])) is not None}


@cache
def _context(version: int) -> Any:
    """What the check of a node is told of its model."""
    from onnx import IR_VERSION, checker

    context = checker.C.CheckerContext()
    context.ir_version = IR_VERSION
    context.opset_imports = {"": version}
    return context


LIKE_FIRST = frozenset(
    "Celu Elu Gelu GroupNormalization HardSwish Mish RMSNormalization Selu Softsign Swish ThresholdedRelu".split()
)
"""Operators whose result is of the type of their first input. ONNX has no rule for some, since they are functions."""


def _known(
    node: OnnxNode, known: Mapping[str, ElementAndShape], numbers: Mapping[str, Numbers]
) -> dict[str, ElementAndShape]:
    """What is known of a node's result beside ONNX's rules."""
    first = known.get(node.input(0))
    if first is None or node.domain:
        return {}
    if node.kind in LIKE_FIRST:
        return {node.outputs[0]: first}
    scales = numbers.get(node.input(2)) if node.kind == "Resize" else None
    if scales is None or scales.size != len(first[1]):
        return {}
    shape = tuple(int(size * float(scale)) for size, scale in zip(first[1], scales.reshape(-1), strict=True))
    return {node.outputs[0]: (first[0], shape)} if 0 < prod(shape) <= LARGEST else {}


def unusable(node: OnnxNode) -> str:
    """What is wrong with attributes that count something; "" if nothing is."""
    for name in (*DIVISORS, "pads"):
        value = node.get(name, [])
        least = -LARGEST if name == "pads" else 0
        for one in value if isinstance(value, list) else [value]:
            if not isinstance(one, int) or not least < one < LARGEST:
                return f"its attribute {name} is {value}; expected {'' if name == 'pads' else 'positive '}whole numbers"
    return ""


def _fixed(given: Any) -> ElementAndShape | None:
    """A type whose sizes are all known."""
    tensor = given.tensor_type
    if not given.HasField("tensor_type") or not tensor.HasField("shape"):
        return None
    dims = [dim.dim_value if dim.HasField("dim_value") else -1 for dim in tensor.shape.dim]
    if any(not 0 <= size <= LIMIT for size in dims) or prod(dims) > LARGEST:
        return None
    return tensor.elem_type, tuple(dims)
