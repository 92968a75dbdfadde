"""The types that translations work with: a call in a trace, the trace as a whole, and the step that they return."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from math import prod
from typing import Any, TypeAlias

from archdsl.frontends.aten.placed import Placed
from archdsl.frontends.aten.step import Step, TraceNode, operation
from archdsl.frontends.aten.table import KnownTables, Table, Tables, shape_only
from archdsl.ops.internal import RESHAPES
from archdsl.tensor import Kind

VIEWS = RESHAPES | {"expand", "contiguous", "to", "_to_copy", "type_as"}
"""Operations that give the same numbers in another shape or precision, or repeat them to broadcast."""


Result: TypeAlias = "Step | Results | Placed | TraceNode | None"
"""The result of a translation: a step; a value of the trace, perhaps in another arrangement, if the call computes
nothing; or None, if no op does the same."""


@dataclass(frozen=True, slots=True)
class Results:
    """A step, and how the results of its call lie, where they are not the outputs of the op one by one."""

    step: Step
    placed: tuple[Placed, ...]


@dataclass(frozen=True, slots=True)
class Call:
    """A call of an operation. Its arguments have the names of PyTorch's schema, and include those at their defaults."""

    node: TraceNode
    arguments: Mapping[str, Any]
    trace: Trace

    def __getitem__(self, name: str) -> Any:
        return self.arguments[name]

    def get(self, name: str) -> Any:
        return self.arguments.get(name)

    def placed(self, name: str) -> Placed | None:
        """How a value lies in the graph; None for what is no value: a number, a weight."""
        node = self.arguments.get(name)
        return self.trace.placed.get(node) if hasattr(node, "meta") else None

    def table(self, name: str) -> Table | None:
        """The numbers of an argument that depends on neither inputs nor weights, or picks numbers of one weight."""
        node = self.arguments.get(name)
        return self.trace.tables[node] if hasattr(node, "meta") else None

    def number(self, name: str) -> float | None:
        """An argument that is one fixed number, given as such or as a tensor that holds no other; else None."""
        value = self.arguments.get(name)
        if isinstance(value, int | float):
            return float(value)
        table = self.table(name)
        return table.number if table else None

    def is_value(self, name: str) -> bool:
        """Whether an argument depends on the network's input, or is learned or computed from what is."""
        node = self.arguments[name]
        placed = self.placed(name)
        return self.trace.is_batched(node) or (placed is not None and (placed.is_learned or self.table(name) is None))

    def dims(self, name: str) -> tuple[int, ...]:
        """Dimensions of a value without the batch."""
        return self.trace.dims(self.arguments[name])

    @property
    def out(self) -> tuple[int, ...]:
        """Dimensions of the (first) result, without the batch."""
        return self.trace.dims(self.node)

    @property
    def joined(self) -> tuple[TraceNode, ...]:
        """The values that a call joins, without those that hold nothing."""
        return tuple(node for node in self["tensors"] if self.trace.size(node))

    def axes(self, name: str, of: str = "self") -> tuple[int, ...]:
        """The dimensions that an argument names, with the batch as 0; if it is unset, all but the batch."""
        rank = len(self.trace.shape(self.arguments[of]))
        given = self.arguments[name]
        given = range(1, rank) if given is None else [given] if isinstance(given, int) else given
        return tuple(sorted(axis % rank for axis in given))

    def weight(self, name: str) -> TraceNode | None:
        """The parameter or running statistic that is passed for an argument, perhaps reshaped; else None."""
        node = self.arguments.get(name)
        while node is not None and operation(node) in VIEWS and self.trace.size(node) == self.trace.size(node.args[0]):
            if node.meta["val"].dtype != node.args[0].meta["val"].dtype:
                return None
            node = node.args[0]
        if node is None or not self.trace.is_weight(node):
            return None
        return node if self.trace.is_parameter(node) or name.startswith("running") else None

    def weights(self, *names: str) -> dict[str, TraceNode] | None:
        """The parameters and buffers passed for these arguments, without unset ones; None if one is computed."""
        given = {name: self.weight(name) for name in names if self.arguments.get(name) is not None}
        return None if None in given.values() else given

    @property
    def takes_first_result_only(self) -> bool:
        """Whether only the first result is used, for an operation with several."""
        parts = (user for user in self.node.users if operation(user) == "getitem")
        return all(part.args[1] == 0 or not part.users for part in parts)


class Trace:
    """A trace: its graph, and which of its values are weights and which have a batch."""

    def __init__(
        self,
        graph: Any,
        keys: Mapping[str, str],
        parameters: frozenset[str],
        batch: int,
        tables: Tables | None = None,
    ) -> None:
        self.graph = graph
        self.keys = keys
        """The module's own names of parameters and buffers, by the names of their placeholders, or of the calls that
        give some of their rows (`divided.py`)."""
        self.batch = batch
        self.placed: dict[TraceNode, Placed] = {}
        """How values lie in the graph, for all calls so far."""
        self.inputs: list[Placed] = []
        self.steps: dict[TraceNode, Step] = {}
        """What calls so far became, if it is a step."""
        self.scores: dict[TraceNode, Any] = {}
        """The calls so far that give scores of attention (`scores.py`)."""
        self.pieces: dict[TraceNode, Any] = {}
        """The slices so far that have a step (`pieces.py`)."""
        self.regions: dict[TraceNode, Any] = {}
        """The calls so far that give a part of what another one gives (`written.py`)."""
        self.tables: Tables = KnownTables({}) if tables is None else tables
        """What is computed from neither inputs nor weights."""
        self._parameters = parameters
        self._batched: set[Any] = set()
        for node in graph.nodes:
            if self._depends_on_input(node):
                self._batched.add(node)

    def _depends_on_input(self, node: TraceNode) -> bool:
        if node.op == "placeholder":
            return node.name not in self.keys
        return not shape_only(node) and any(source in self._batched for source in node.all_input_nodes)

    def is_batched(self, node: Any) -> bool:
        """Whether this is a value that depends on the network's input."""
        return hasattr(node, "meta") and node in self._batched

    def is_weight(self, node: TraceNode | None) -> bool:
        return node is not None and getattr(node, "name", None) in self.keys

    def is_parameter(self, node: TraceNode) -> bool:
        """Whether a weight is learned."""
        return self.keys[node.name] in self._parameters

    def shape(self, node: TraceNode) -> tuple[int, ...]:
        """Every dimension of the (first) result."""
        value = node.meta["val"]
        value = value[0] if isinstance(value, tuple | list) else value
        return tuple(int(n) for n in getattr(value, "shape", ()))

    def size(self, node: TraceNode) -> int:
        return prod(self.shape(node))

    def dims(self, node: TraceNode) -> tuple[int, ...]:
        """The dimensions of the (first) result without the batch; a number alone has none."""
        return self.without_batch(node, self.shape(node))

    def without_batch(self, node: TraceNode, shape: tuple[int, ...]) -> tuple[int, ...]:
        return shape[1:] if self.has_batch(node, shape) else shape

    def has_batch(self, node: TraceNode, shape: tuple[int, ...]) -> bool:
        return node in self._batched and bool(shape) and shape[0] == self.batch

    def call(self, node: TraceNode) -> Call:
        return Call(node, bound(node), self)


def kind_of(value: Any) -> Kind:
    """Whether a tensor of PyTorch holds numbers or tokens."""
    return "float" if value.is_floating_point() or value.is_complex() else "int"


def bound(node: TraceNode) -> dict[str, Any]:
    """The arguments of a call by name, defaults filled in."""
    schema = getattr(node.target, "_schema", None)
    if schema is None:
        return {str(index): value for index, value in enumerate(node.args)}
    named = {a.name: a.default_value if a.has_default_value() else None for a in schema.arguments}
    given = zip((a.name for a in schema.arguments), node.args, strict=False)
    return named | dict(given) | dict(node.kwargs)


Translation: TypeAlias = Callable[[Call], Result]


def compact(values: Any, count: int) -> Any:
    """A size as it is usually written: one number if all are equal. PyTorch gives one number for all, or `count`."""
    numbers = (values,) if isinstance(values, int) else tuple(values)
    numbers = numbers * count if len(numbers) == 1 else numbers
    return numbers[0] if len(set(numbers)) == 1 else numbers
