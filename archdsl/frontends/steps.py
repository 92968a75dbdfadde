"""Translates a trace into ops with their inputs and weights, from which the graph is built."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from pydantic import ValidationError

from archdsl.frontends.aten import translations
from archdsl.frontends.aten.call import Step, Trace, TraceNode, kind_of, operation
from archdsl.frontends.naming import ModuleCall
from archdsl.frontends.opaque import as_opaque
from archdsl.ops.arguments import Mismatch
from archdsl.ops.base import Op
from archdsl.ops.internal import Input
from archdsl.tensor import Tensor


@dataclass(frozen=True, slots=True)
class NewNode:
    """A node of the future graph. `inputs` are pairs: the number of an earlier node, and which of its outputs.

    `weights` are the module's names of its parameters and buffers, by the op's own names of them.
    """

    op: Op
    inputs: tuple[tuple[int, int], ...]
    outputs: tuple[Tensor, ...]
    weights: Mapping[str, str]
    place: ModuleCall


class Translator:
    """Translates a trace in one pass; `made` is the result."""

    def __init__(self, trace: Trace, inputs: tuple[TraceNode, ...], outputs: tuple[TraceNode, ...]) -> None:
        self.trace = trace
        self.made: list[NewNode] = []
        self._numbers: dict[TraceNode, tuple[int, ...]] = {}
        self._homes: dict[str, tuple[Op, Mapping[str, str]]] = {}
        self._plans: dict[TraceNode, Any] = {}
        for node in inputs:
            self._input(node)
        needed = self._needed(outputs)
        for node in trace.graph.nodes:
            if node in needed:
                self._make(node)

    def value(self, node: TraceNode) -> tuple[int, int]:
        """The node (by number) that makes a value of the trace, and which of its outputs the value is."""
        node, port = self._origin(node)
        return self._numbers[node][0], port

    def _origin(self, node: TraceNode) -> tuple[TraceNode, int]:
        """The call (or input) that a value comes from, skipping calls that change nothing."""
        port = 0
        while node.op == "call_function":
            if operation(node) == "getitem":
                port, node = node.args[1], node.args[0]
                continue
            plan = self._plan(node)
            if isinstance(plan, Step):
                break
            node = plan
        return node, port

    # --- the translation of each call ------------------------------------------------------

    def _plan(self, node: TraceNode) -> Any:
        """The translation of a call that an output needs: a step, or the value that the call returns unchanged."""
        if node not in self._plans:
            self._plans[node] = self._planned(node)
        return self._plans[node]

    def _planned(self, node: TraceNode) -> Any:
        name = operation(node)
        if name == "getitem":
            return node.args[0]
        for translate in translations(name):
            try:
                found = translate(self.trace.call(node))
                if found is not None and self._is_sound(found, node):
                    return found
            except (Mismatch, ValidationError):
                continue
        return as_opaque(self.trace, node)

    def _is_sound(self, found: Any, node: TraceNode) -> bool:
        """Whether a translation takes values, not weights, and has the same output shapes as the call."""
        if not isinstance(found, Step):
            return not self.trace.is_weight(found)
        return not any(map(self.trace.is_weight, _values(found))) and self._fits(found, node)

    def _fits(self, step: Step, node: TraceNode) -> bool:
        value = node.meta["val"]
        found = value if isinstance(value, tuple | list) else (value,)
        dims = [self.trace.without_batch(node, tuple(v.shape)) for v in found if v is not None]
        outputs = [tensor.dims for tensor in self._outputs(step)]
        return outputs == dims[: len(outputs)]

    def _outputs(self, step: Step) -> tuple[Tensor, ...]:
        return step.op.outputs(*(self._outputs(s)[0] if isinstance(s, Step) else self._tensor(s) for s in step.inputs))

    def _tensor(self, node: TraceNode) -> Tensor:
        value = node.meta["val"]
        return Tensor(*(self.trace.dims(node) or (1,)), kind=kind_of(value))

    def _needed(self, outputs: tuple[TraceNode, ...]) -> set[TraceNode]:
        """The calls that the outputs depend on."""
        needed: set[TraceNode] = set()
        pending = list(outputs)
        while pending:
            node, _ = self._origin(pending.pop())
            if node.op == "call_function" and node not in needed:
                needed.add(node)
                pending.extend(_values(self._plan(node)))
        return needed

    # --- the nodes that are made -----------------------------------------------------------

    def _input(self, node: TraceNode) -> None:
        tensor = self._tensor(node)
        op = Input(dims=tensor.dims, kind=tensor.kind)
        self._numbers[node] = (len(self.made),)
        self.made.append(NewNode(op, (), (tensor,), {}, ModuleCall("", "", node.name)))

    def _make(self, node: TraceNode) -> None:
        self._numbers[node] = (self._make_step(self._plan(node), node),)

    def _make_step(self, step: Step, node: TraceNode) -> int:
        inputs = tuple((self._make_step(s, node), 0) if isinstance(s, Step) else self.value(s) for s in step.inputs)
        weights = {slot: self.trace.keys[weight.name] for slot, weight in step.weights.items()}
        known = {key: self._homes[key] for key in weights.values() if key in self._homes}
        if any(content != (step.op, weights) for content in known.values()):
            # Another op has these weights already, and counts them.
            step = as_opaque(self.trace, node, frozenset(known))
            inputs = tuple(map(self.value, step.inputs))
            weights = {slot: self.trace.keys[weight.name] for slot, weight in step.weights.items()}
        self._homes.update({key: (step.op, weights) for key in weights.values() if key not in known})
        outputs = step.op.outputs(*(self.made[number].outputs[port] for number, port in inputs))
        self.made.append(NewNode(step.op, inputs, outputs, weights, _place(node, step.op)))
        return len(self.made) - 1


def _values(step: Step) -> Iterator[TraceNode]:
    for source in step.inputs:
        if isinstance(source, Step):
            yield from _values(source)
        else:
            yield source


def _place(node: TraceNode, op: Op) -> ModuleCall:
    stack = node.meta.get("nn_module_stack") or {"": ("", None)}
    call, (path, _) = list(stack.items())[-1]
    name = operation(node) if op.name == "opaque" else op.name
    return ModuleCall(path, call, name.strip("_"))
