"""Parameters whose rows are divided among layers, so that each layer has some of them as its weight or bias.

`nn.MultiheadAttention` keeps the weights of queries, keys and values as one parameter, and takes it apart where
queries are computed from another value than keys and values.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import accumulate, pairwise
from typing import Any, TypeAlias

from archdsl.frontends.aten.call import bound
from archdsl.frontends.aten.step import TraceNode, operation
from archdsl.ir.weight_parts import rows_of

SPLITS = frozenset({"split_with_sizes", "split", "chunk", "tensor_split", "unbind"})
"""Operations that give all rows of a tensor, in several parts."""

LAYERS = frozenset({"linear", *(f"conv{count}d" for count in (1, 2, 3))})
"""Operations that take rows of a parameter as their weight or bias."""

Rows: TypeAlias = "tuple[TraceNode, int, int]"
"""A call that gives rows of a parameter: the first of them, and the one after the last."""


def divided(graph: Any, keys: dict[str, str]) -> dict[str, str]:
    """The names of the weights that are rows of a parameter, by the names of the calls that give these rows.

    `keys` has the parameters' names in the state_dict by placeholder. Of a parameter all rows must be the weights of
    layers, each row always in the same part.
    """
    found: dict[str, str] = {}
    for node in graph.nodes:
        if node.op == "placeholder" and node.name in keys:
            rows = [part for user in node.users for part in _rows(node, user)]
            if _are_all(node, [(start, stop) for _, start, stop in rows]):
                found |= {part.name: rows_of(keys[node.name], start, stop) for part, start, stop in rows}
    return found


def _rows(parameter: TraceNode, user: TraceNode) -> Iterator[Rows]:
    """The calls that give rows of a parameter through one of its users; nothing if one of them is used otherwise."""
    parts = list(_given(parameter, user))
    layers = [(part, layer) for part, *_ in parts for layer in part.users]
    if all(operation(layer) in LAYERS and layer.args[0] is not part for part, layer in layers):
        yield from parts


def _given(parameter: TraceNode, user: TraceNode) -> Iterator[Rows]:
    name, arguments, count = operation(user), bound(user), int(parameter.meta["val"].shape[0])
    if arguments.get("dim") != 0 or user.args[0] is not parameter:
        return
    if name in SPLITS:
        sizes = (1 if name == "unbind" else int(value.shape[0]) for value in user.meta["val"])
        bounds = list(pairwise(accumulate(sizes, initial=0)))
        yield from ((part, *bounds[part.args[1]]) for part in user.users if operation(part) == "getitem")
    elif name == "slice" and arguments["step"] == 1:
        start, stop, _ = slice(arguments["start"], arguments["end"]).indices(count)
        yield user, start, stop
    elif name == "select":
        place = arguments["index"] % count
        yield user, place, place + 1


def _are_all(parameter: TraceNode, rows: list[tuple[int, int]]) -> bool:
    """Whether these are all rows of a parameter, in several parts, of which no two overlap."""
    bounds = [0, *(stop for _, stop in sorted(set(rows)))]
    return len(bounds) > 2 and sorted(set(rows)) == list(pairwise(bounds)) and bounds[-1] == len(parameter.meta["val"])
