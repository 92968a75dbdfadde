"""Operators that compute number by number."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from archdsl.frontends.onnx.layers import named
from archdsl.frontends.onnx.lowering import Lower, Lowered, Lowering
from archdsl.frontends.onnx.model import OnnxNode


def binary(operation: str, *further: Any) -> Lower:
    """An operator of two values, of which one may be a number."""

    def lower(net: Lowering, node: OnnxNode) -> Lowered:
        if len(node.inputs) != 2 or net.type(node.outputs[0]).dtype != "float":
            return None
        operands = [_operand(net, node, name) for name in node.inputs]
        if operation in ("add", "mul") and isinstance(operands[0], float):
            operands.reverse()
        if isinstance(operands[0], float):
            operands[0] = net.value(node.inputs[0])
        return net.call(node, operation, *operands, *further)

    return lower


def _operand(net: Lowering, node: OnnxNode, name: str) -> Any:
    """A number, if the value is one and gives the result no further axes; a learned value that is the node's; or a
    value."""
    number = net.number(name)
    if number is not None and len(net.shape(name)) <= min(len(net.shape(other)) for other in node.inputs):
        return number
    return net.weight(name, node) if net.is_learned(name) else net.value(name)


def several(operation: str) -> Lower:
    """The largest or smallest of two values."""
    return lambda net, node: binary(operation)(net, node) if len(node.inputs) == 2 else None


def power(net: Lowering, node: OnnxNode) -> Lowered:
    exponent = net.number(node.inputs[1])
    return None if exponent is None else net.call(node, "pow", net.value(node.inputs[0]), exponent)


def cast(net: Lowering, node: OnnxNode) -> Lowered:
    """Numbers in another precision are the same numbers."""
    same = net.type(node.inputs[0]).dtype == net.type(node.outputs[0]).dtype
    return net.value(node.inputs[0]) if same else None


def identity(net: Lowering, node: OnnxNode) -> Lowered:
    return net.value(node.inputs[0])


ARITHMETIC: dict[str, Sequence[Lower]] = {
    name: (lower,)
    for name, lower in {
        "Add": binary("add", 1),
        "Sub": binary("sub", 1),
        "Mul": binary("mul"),
        "Div": binary("div"),
        "Max": several("maximum"),
        "Min": several("minimum"),
        "Pow": power,
        "Sqrt": named("sqrt"),
        "Reciprocal": named("reciprocal"),
        "Log": named("log"),
        "Sin": named("sin"),
        "Cos": named("cos"),
        "Erf": named("erf"),
        "Sign": named("sign"),
        "Neg": named("neg"),
        "Cast": cast,
        "CastLike": cast,
        "Identity": identity,
    }.items()
}
"""What operators become, by name."""
