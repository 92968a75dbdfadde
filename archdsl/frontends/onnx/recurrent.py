"""LSTM and GRU layers, put in the words of PyTorch's calls of them.

ONNX keeps the weights of both directions in one tensor and both biases in another, with gates in another order; PyTorch
has an entry for each. So a weight of PyTorch's is some rows of one of ONNX's (`sources.Rows`).
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from archdsl.frontends.onnx.calls import Type, Value
from archdsl.frontends.onnx.lowering import Lower, Lowered, Lowering
from archdsl.frontends.onnx.model import OnnxNode
from archdsl.frontends.onnx.sources import Rows
from archdsl.ops.recurrent import Gru, Lstm, Recurrent

FUNCTIONS = {"LSTM": ["Sigmoid", "Tanh", "Tanh"], "GRU": ["Sigmoid", "Tanh"]}
"""The functions of gates and memory that PyTorch has too."""

DIRECTIONS = {"forward": 1, "bidirectional": 2}


def recurrent(op: type[Recurrent]) -> Lower:
    def lower(net: Lowering, node: OnnxNode) -> Lowered:
        if not _is_usual(net, node):
            return None
        length, samples, _ = net.shape(node.inputs[0])
        directions, _, width = net.shape(node.inputs[2])
        weights = list(_weights(net, node, op, directions, width))
        if None in weights:
            return None
        state = Type((directions, samples, width))
        results = [Type((length, samples, directions * width)), *[state] * op.memories]
        starts = [_start(net, node, 5 + memory, state) for memory in range(op.memories)]
        start = starts if op.memories > 1 else starts[0]
        both = directions == 2
        settings = (True, 1, 0.0, False, both, False)
        arguments = (net.value(node.inputs[0]), start, weights, *settings)
        call = net.calls.call(op.name, results, arguments, net.stack(node))
        return tuple(_results(net, node, call, directions))

    return lower


def _is_usual(net: Lowering, node: OnnxNode) -> bool:
    """Whether a node computes what PyTorch's layers do: with biases, over all positions, with the usual functions."""
    functions = FUNCTIONS[node.kind] * DIRECTIONS.get(node.get("direction", "forward"), 0)
    lengths = net.integers(node.input(4))
    whole = not node.input(4) or (lengths is not None and set(lengths) == {net.shape(node.inputs[0])[0]})
    odd = any(node.get(name) for name in ("clip", "input_forget", "layout", "activation_alpha", "activation_beta"))
    plain = node.kind != "GRU" or node.get("linear_before_reset", 0) == 1
    same = bool(functions) and node.get("activations", functions) == functions
    return same and whole and plain and not odd and bool(node.input(3)) and not node.input(7)


def _weights(net: Lowering, node: OnnxNode, op: type[Recurrent], directions: int, width: int) -> Iterator[Value | None]:
    """The entries of PyTorch's layer in its order; None for those that are computed."""
    gates = tuple(op.order.index(gate) for gate in range(op.gates))
    recurring = tuple(op.gates + gate for gate in gates)
    for direction in range(directions):
        end = "l0_reverse" if direction else "l0"
        rows = (("weight_ih", 1, gates), ("weight_hh", 2, gates), ("bias_ih", 3, gates), ("bias_hh", 3, recurring))
        for name, place, order in rows:
            yield net.weight(node.inputs[place], node, rows=Rows(f"{name}_{end}", direction, order, width))


def _start(net: Lowering, node: OnnxNode, place: int, state: Type) -> Value:
    """The state before the first position; zeros where none is given."""
    name = node.input(place)
    return net.value(name) if name else net.numbers(np.zeros(state.shape, np.float32), state)


def _results(net: Lowering, node: OnnxNode, call: Value, directions: int) -> Iterator[Value | None]:
    """The outputs of a node: ONNX's sequence has an axis of directions, where PyTorch's has further channels.

    Each is a call of its own, so that what nothing takes is left out.
    """
    for place, output in enumerate(node.outputs):
        if not output:
            yield None
            continue
        result, wanted = net.calls.result(call, place), net.type(output)
        if place == 0:
            length, _, samples, width = wanted.shape
            apart = [length, samples, directions, width]
            result = net.calls.call("view", Type(tuple(apart)), (result, apart), net.stack(node))
            yield net.calls.call("permute", wanted, (result, [0, 2, 1, 3]), net.stack(node))
        else:
            yield net.calls.call("view", wanted, (result, list(wanted.shape)), net.stack(node))


RECURRENT: dict[str, tuple[Lower, ...]] = {"LSTM": (recurrent(Lstm),), "GRU": (recurrent(Gru),)}
"""What operators become, by name."""
