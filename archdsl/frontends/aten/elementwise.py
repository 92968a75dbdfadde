"""Ops that take values number by number: they do not ask how the values lie, only that all lie alike."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace

from archdsl.frontends.arrangement import Arrangement, whole
from archdsl.frontends.aten.call import Trace
from archdsl.frontends.aten.placed import Placed
from archdsl.frontends.aten.step import Made, Step, TraceNode
from archdsl.ops.activation import Activation, Normalized, Prelu
from archdsl.ops.base import Op
from archdsl.ops.held_numbers import Applied

NUMBER_BY_NUMBER = frozenset({"add", "dropout", "maximum", "mul", "scale", "sub"})
"""Besides the activations."""


def joined_elementwise(step: Step, trace: Trace) -> Step | None:
    """A step of such ops alone, with values of the graph as inputs; None for other ops, or if the values differ."""
    if not _is_elementwise(step):
        return None
    nodes = list(dict.fromkeys(_leaves(step)))
    placed = [trace.placed.get(node) for node in nodes]
    values = [value.for_each_sample() for value in placed if value]
    if len(values) < len(nodes):
        return None
    if not any(map(trace.is_batched, nodes)):
        return _as_they_lie(step, nodes, [value for value in placed if value])
    if not all(trace.is_batched(node) or value.has_batch for node, value in zip(nodes, values, strict=True)):
        return None
    values = [value.arranged(value.arrangement.without_repeats()) for value in values]
    if any(map(values[0].keeps_channels, range(values[0].arrangement.rank))):
        kept = _as_they_lie(step, nodes, values)
        if kept:
            return kept
    return (
        _as_maps(step, nodes, values, split=False)
        or _as_they_lie(step, nodes, values)
        or _as_maps(step, nodes, values, split=True)
    )


def _as_maps(step: Step, nodes: list[TraceNode], values: list[Placed], split: bool) -> Step | None:
    """The values as batch, channels, positions, with their axes in the order in which the largest can be read."""
    largest = max(values, key=lambda value: value.tensor.size)
    found = largest.read(split)
    if found is None or len({value.arrangement.rank for value in values}) > 1:
        return None
    order = found[1]
    taken = [value.standard(order) for value in values]
    if None in taken:
        return None
    lies = whole((largest.batch, *found[0].tensor.dims)).inverted(order)
    return _with_inputs(step, {node: value.value for node, value in zip(nodes, taken, strict=True) if value}, lies)


def _as_they_lie(step: Step, nodes: list[TraceNode], values: list[Placed]) -> Step | None:
    """The values of the graph themselves, if all have one shape and lie in the same way."""
    if len({(value.tensor, value.arrangement) for value in values}) > 1:
        return None
    return _with_inputs(step, {node: v.value for node, v in zip(nodes, values, strict=True)}, values[0].arrangement)


def _is_elementwise(step: Step) -> bool:
    nested = all(_is_elementwise(source) for source in step.inputs if isinstance(source, Step))
    return nested and _is_number_by_number(step.op) and not any(isinstance(source, Made) for source in step.inputs)


def _is_number_by_number(op: Op) -> bool:
    activation = isinstance(op, Activation | Applied) and not isinstance(op, Normalized | Prelu)
    return activation or op.name in NUMBER_BY_NUMBER


def _leaves(step: Step) -> Iterator[TraceNode]:
    for source in step.inputs:
        if isinstance(source, Step):
            yield from _leaves(source)
        else:
            yield source


def _with_inputs(step: Step, values: Mapping[TraceNode, Made | Step], lies: Arrangement | None = None) -> Step:
    inputs = tuple(_with_inputs(s, values) if isinstance(s, Step) else values[s] for s in step.inputs)
    return replace(step, inputs=inputs, arrangements=(lies,) if lies else ())
