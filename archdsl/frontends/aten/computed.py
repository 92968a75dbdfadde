"""Computes the tables of a trace of PyTorch.

Masks, index tables and sinusoids are computed here as PyTorch computes them, on the CPU. A table may also hold numbers
of one learned weight, each perhaps with a number added: the bias of relative positions, read by a table of indices.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

import torch
from torch import fx
from torch.utils._pytree import tree_flatten

from archdsl.frontends.aten.step import TraceNode, operation
from archdsl.frontends.aten.table import Table, shape_only

LARGEST = 1 << 25
"""How many numbers a table may have."""

PICKING = frozenset(
    {"alias", "cat", "chunk", "clone", "contiguous", "detach", "embedding", "expand", "flatten", "flip", "gather"}
    | {"getitem", "index", "index_select", "mT", "movedim", "narrow", "numpy_T", "permute", "repeat", "reshape", "roll"}
    | {"select", "slice", "split", "split_with_sizes", "squeeze", "stack", "swapaxes", "t", "transpose", "unbind"}
    | {"tensor_split", "unflatten", "unfold", "unsqueeze", "view", "_unsafe_view"}
)
"""Operations whose results are numbers of their inputs, each as it was."""

CHOOSING = {"where": (0, 1, 2), "masked_fill": (1, 2, 0)}
"""Operations that take numbers of one table where another says so: the places of `where`'s arguments in theirs."""

Numbers: TypeAlias = Mapping[TraceNode, Any]
"""Tensors, or lists of them, by the calls that give them."""


@dataclass(frozen=True, slots=True)
class Computed:
    """A table (`table.py`) whose numbers are tensors."""

    numbers: Any
    weight: TraceNode | None = None
    picked: Any = None


class ComputedTables:
    """The tables of a trace, each computed when it is first asked for. `known` are the numbers of its buffers."""

    def __init__(self, known: Mapping[str, torch.Tensor], is_parameter: Callable[[TraceNode], bool]) -> None:
        self._known = known
        self._is_parameter = is_parameter
        self._found: dict[TraceNode, Computed | None] = {}
        self._arrays: dict[TraceNode, Table] = {}

    def __getitem__(self, node: TraceNode) -> Table | None:
        """The table that a call computes; None if it depends on the input, on chance, or otherwise on weights."""
        found = self._find(node)
        if found is not None and node not in self._arrays:
            self._arrays[node] = Table(_as_arrays(found.numbers), found.weight, _as_arrays(found.picked))
        return self._arrays.get(node)

    def _find(self, node: TraceNode) -> Computed | None:
        pending = [node]
        while pending:
            last = pending[-1]
            missing = [source for source in _sources(last) if source not in self._found]
            if last in self._found:
                pending.pop()
            elif any(self._found.get(source, last) is None for source in _sources(last)):
                self._found[last] = None
            elif missing:
                pending.append(missing[0])
            else:
                self._found[last] = self._computed(last)
        return self._found[node]

    def _computed(self, node: TraceNode) -> Computed | None:
        if node.op == "placeholder":
            return self._held(node)
        if node.op != "call_function" or not _is_small(node) or _is_random(node):
            return None
        sources = {source: self._found[source] for source in _sources(node)}
        if None in sources.values():
            return None
        tables = {source: table for source, table in sources.items() if table}
        weights = {table.weight for table in tables.values()} - {None}
        try:
            if not weights:
                return Computed(_run(node, {source: table.numbers for source, table in tables.items()}))
            return _picked(node, tables, weights.pop()) if len(weights) == 1 else None
        except Exception:
            # Some operations of a trace run on `meta` only, or ask for what is no number of a table.
            return None

    def _held(self, node: TraceNode) -> Computed | None:
        if node.name in self._known:
            return Computed(self._known[node.name])
        if not self._is_parameter(node) or not _is_small(node):
            return None
        shape = tuple(map(int, node.meta["val"].shape))
        places = torch.arange(node.meta["val"].numel()).reshape(shape)
        return Computed(torch.zeros((), dtype=torch.float64).expand(shape), node, places)


def _as_arrays(numbers: Any) -> Any:
    """Tensors as arrays of numpy, which has no short floats: those become double ones."""
    if isinstance(numbers, list | tuple):
        return [_as_arrays(part) for part in numbers]
    if not isinstance(numbers, torch.Tensor):
        return numbers
    return (numbers.double() if numbers.dtype == torch.bfloat16 else numbers).detach().resolve_neg().numpy()


def _sources(node: TraceNode) -> list[TraceNode]:
    return [] if shape_only(node) else node.all_input_nodes


def _picked(node: TraceNode, tables: Mapping[TraceNode, Computed], weight: TraceNode) -> Computed | None:
    """The table of a call that takes numbers of a weight: it hands them on, or adds fixed numbers to them."""
    name = operation(node)
    numbers = {source: table.numbers for source, table in tables.items()}
    picked = {source: _places(table) for source, table in tables.items()}
    if name in PICKING:
        # Tables of indices say where a call looks; they are the same for both.
        fixed = {source for source, table in tables.items() if table.weight is None and source not in _first(node)}
        return Computed(_run(node, numbers), weight, _run(node, picked | {source: numbers[source] for source in fixed}))
    if name in CHOOSING and len(node.args) == 3:
        return _chosen([node.args[place] for place in CHOOSING[name]], numbers, weight, picked)
    added = node.args[:2]
    if name != "add" or node.kwargs or not all(isinstance(one, fx.Node) for one in added):
        return None
    one, other = (picked[source] for source in added)
    if bool(((one >= 0) & (other >= 0)).any()):
        return None
    return Computed(_run(node, numbers), weight, torch.maximum(one, other))


def _chosen(choice: list[Any], numbers: Numbers, weight: TraceNode, picked: Numbers) -> Computed | None:
    """The table with numbers of one table where a fixed one says so, and elsewhere those of another, or a number."""
    condition, *either = choice
    if condition not in picked or bool((picked[condition] >= 0).any()):
        return None
    fixed = (torch.as_tensor(numbers.get(one, one), dtype=torch.float64) for one in either)
    places = (torch.as_tensor(picked.get(one, -1)) for one in either)
    return Computed(torch.where(numbers[condition], *fixed), weight, torch.where(numbers[condition], *places))


def _places(table: Computed) -> Any:
    if table.weight is not None:
        return table.picked
    numbers = table.numbers
    none = [torch.full(part.shape, -1) for part in (numbers if isinstance(numbers, list | tuple) else [numbers])]
    return none if isinstance(numbers, list | tuple) else none[0]


def _first(node: TraceNode) -> list[TraceNode]:
    """The nodes in the first argument: those whose numbers are handed on."""
    return [source for source in tree_flatten(node.args[:1])[0] if isinstance(source, fx.Node)]


def _run(node: TraceNode, values: Mapping[TraceNode, Any]) -> Any:
    """The result of a call on the CPU."""
    is_mutable = getattr(getattr(node.target, "_schema", None), "is_mutable", False)

    def value(source: TraceNode) -> Any:
        if source not in values:
            known = source.meta["val"]
            return torch.empty(1, dtype=known.dtype).expand(known.shape)
        return values[source].clone() if is_mutable else values[source]

    args, kwargs = fx.node.map_arg((node.args, node.kwargs), value)
    if kwargs.get("device") is not None:
        kwargs = {**kwargs, "device": torch.device("cpu")}
    args = tuple(torch.device("cpu") if isinstance(given, torch.device) else given for given in args)
    with torch.no_grad():
        return node.target(*args, **kwargs)


def _is_small(node: TraceNode) -> bool:
    values = [value for value in tree_flatten(node.meta.get("val"))[0] if isinstance(value, torch.Tensor)]
    return bool(values) and all(value.numel() <= LARGEST for value in values)


def _is_random(node: TraceNode) -> bool:
    """Whether a result is drawn, or memory that was never written."""
    tags = getattr(node.target, "tags", ())
    aten = isinstance(node.target, torch._ops.OpOverload) or node.target is operator.getitem
    return (
        not aten or torch.Tag.nondeterministic_seeded in tags or operation(node) in ("empty", "new_empty", "empty_like")
    )
