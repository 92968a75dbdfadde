"""Recognizes activations by comparing calls with a trace of each activation's own module.

So a new activation in `archdsl.ops.activation` is imported without a change here, even if PyTorch computes it by
several calls: softsign is `abs`, `add` and `div`.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache, partial
from typing import Any

import torch
from torch import nn
from torch.nn import functional as F

from archdsl.diagnostics import CompileError
from archdsl.frontends.aten.call import Call, Result, Translation, bound
from archdsl.frontends.aten.step import Step, TraceNode, operation
from archdsl.frontends.export import export
from archdsl.ops.activation import Activation, Gelu
from archdsl.ops.base import Expression, Op
from archdsl.ops.registry import REGISTRY
from archdsl.tensor import Tensor

EXAMPLE = Tensor(4, 3, 3)
"""The input with which activations are traced."""


def _gelu_by_tanh(x: torch.Tensor) -> torch.Tensor:
    inner = math.sqrt(2.0 / math.pi) * (x + 0.044715 * torch.pow(x, 3.0))
    return 0.5 * x * (1.0 + torch.tanh(inner))


WRITTEN_OUT: tuple[tuple[Op, Callable[[torch.Tensor], torch.Tensor]], ...] = ((Gelu(approximate=True), _gelu_by_tanh),)
"""Activations as other people's code computes them, beside PyTorch's own modules: as in Hugging Face's GPT-2."""


@dataclass(frozen=True, slots=True)
class TracedOp:
    """The trace of one op: `start` is its input and `last` the call that gives its output.

    It was traced with unusual numbers as arguments; `arguments` has the argument's name for each of them.
    """

    op: Op
    last: TraceNode
    start: TraceNode
    arguments: Mapping[float, str]

    def translate(self, call: Call) -> Result:
        """The op with the arguments found, if this call and the calls before it are the same as in the trace."""
        found: dict[Any, Any] = {}
        if not self._agrees(self.last, call.node, found):
            return None
        start = found.pop(self.start)
        arguments = {name: float(value) for name, value in found.items()}
        return Step(type(self.op)(**dict(self.op) | arguments), (start,))

    def _agrees(self, expected: Any, value: Any, found: dict[Any, Any]) -> bool:
        """Whether a value agrees with the traced one. Enters the op's input and arguments into `found`."""
        if expected is self.start:
            return hasattr(value, "meta") and found.setdefault(self.start, value) is value
        if isinstance(expected, torch.fx.Node):
            return operation(expected) == operation(value) and self._agree(_bound(expected), _bound(value), found)
        if isinstance(expected, float) and expected in self.arguments and isinstance(value, int | float):
            return bool(found.setdefault(self.arguments[expected], value) == value)
        return not isinstance(value, torch.fx.Node) and bool(expected == value)

    def _agree(self, expected: Mapping[str, Any], values: Mapping[str, Any], found: dict[Any, Any]) -> bool:
        return expected.keys() == values.keys() and all(self._agrees(expected[n], values[n], found) for n in expected)


def _bound(node: TraceNode) -> dict[str, Any]:
    """The arguments of a call; `dim` is counted from 0, not from the end."""
    arguments = bound(node)
    if isinstance(arguments.get("dim"), int):
        arguments["dim"] %= node.meta["val"].dim()
    return arguments


def recognized(name: str) -> tuple[Translation, ...]:
    """Translations of the activations whose trace ends in this operation."""
    kinds = (kind for kind in REGISTRY.values() if issubclass(kind, Activation))
    return _by_last_call(tuple(kinds)).get(name, ())


@cache
def _by_last_call(kinds: tuple[type[Op], ...]) -> Mapping[str, tuple[Translation, ...]]:
    """Translations by the last operation of each activation's trace."""
    found: dict[str, list[Translation]] = defaultdict(list)
    probes = [Probe(op, partial(_applied, op), numbers) for kind in kinds for op, numbers in _probes(kind)]
    for traced in _traced([*probes, *(Probe(op, compute, {}) for op, compute in WRITTEN_OUT)]):
        found[operation(traced.last)].append(traced.translate)
    return {name: tuple(translations) for name, translations in found.items()}


def _probes(kind: type[Op]) -> Iterator[tuple[Op, Mapping[float, str]]]:
    """The ops of a class to trace: its examples, with unusual numbers as arguments, to be found in the trace.

    That is done for arguments of type float; others are recognized only with the values that an example has.
    """
    fields = [name for name, field in kind.model_fields.items() if field.annotation is float]
    numbers = {name: 0.6180339887 + 0.0271828 * place for place, name in enumerate(fields)}
    for op in dict.fromkeys(example.op.model_copy(update=numbers) for example in kind.examples()):
        yield op, {number: name for name, number in numbers.items()}


@dataclass(frozen=True, slots=True)
class Probe:
    """An op to trace: what computes it, and the names of its arguments by their unusual numbers."""

    op: Op
    compute: Callable[[torch.Tensor], torch.Tensor]
    arguments: Mapping[float, str]


def _traced(probes: list[Probe]) -> Iterator[TracedOp]:
    """Traces all ops at once, which takes as long as one op; or each alone, if one of them cannot be traced."""
    example = torch.zeros(2, *EXAMPLE.dims, device="meta")
    try:
        trace = export(_AtOnce([probe.compute for probe in probes]), (example,), "activations")
    except CompileError:
        if len(probes) > 1:
            for probe in probes:
                yield from _traced([probe])
        return
    for probe, (_, last) in zip(probes, trace.outputs, strict=True):
        yield TracedOp(probe.op, last, trace.inputs[0], probe.arguments)


class _AtOnce(nn.Module):
    """Computes several activations of one value."""

    def __init__(self, computed: list[Callable[[torch.Tensor], torch.Tensor]]) -> None:
        super().__init__()
        self.computed = computed

    def forward(self, x: torch.Tensor) -> tuple[torch.Tensor, ...]:
        return tuple(compute(x) for compute in self.computed)


def _applied(op: Op, x: torch.Tensor) -> Any:
    """What the code computes that is emitted for an op."""
    emission = op.torch(EXAMPLE)
    names: dict[str, Any] = {"torch": torch, "nn": nn, "F": F, "Tensor": torch.Tensor, "x": x}
    for support in emission.support.definitions() if emission.support else ():
        exec(support.source, names)
    if isinstance(emission, Expression):
        return eval(emission.written(("x",)), names)
    return eval(emission.target, names)(*emission.args, **dict(emission.kwargs))(x)
