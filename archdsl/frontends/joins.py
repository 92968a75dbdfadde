"""Joins that are moved, or left out, so that what is imported reads as one would write it.

Joins that blocks of one class do of different numbers of values are done before these blocks are called. The layers of
a DenseNet each take a list of all maps so far and join them first. As they are written, no two of them have the same
inputs, so that each would be a class of its own. With the join before it, each takes one map; and since the joins then
stand one after the other, each takes what the one before it has joined.

A join that is only taken apart again, where it was put together, is left out.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import replace

from archdsl.frontends.naming import ModuleCall
from archdsl.frontends.nodes import NewNode
from archdsl.ops.merge import Concat
from archdsl.ops.reshape import Split
from archdsl.tensor import Tensor

Output = tuple[int, int]
"""The number of a node, and which of its outputs."""

LISTS = frozenset({"ModuleList", "ModuleDict"})
"""Containers that are never called themselves."""


def joined_before(made: Sequence[NewNode], classes: Mapping[str, str]) -> list[NewNode]:
    """The nodes with such joins in the module that calls the block. `classes` are those of all modules, by path."""
    groups: dict[object, list[int]] = defaultdict(list)
    for number, node in enumerate(made):
        if node.op.folds and node.place.module and not _takes_from_within(node, made):
            groups[classes[node.place.module], node.op].append(number)
    moved = {n for group in groups.values() if len({len(made[n].inputs) for n in group}) > 1 for n in group}
    placed = [_before(node, classes) if number in moved else node for number, node in enumerate(made)]
    return _one_after_the_other(placed, {placed[number].place.module for number in moved})


def _takes_from_within(node: NewNode, made: Sequence[NewNode]) -> bool:
    within = f"{node.place.module}."
    return any(f"{made[number].place.module}.".startswith(within) for number, _ in node.inputs)


def _before(node: NewNode, classes: Mapping[str, str]) -> NewNode:
    """The node in the module around its own."""
    outer = node.place.module.rpartition(".")[0]
    while classes[outer] in LISTS:
        outer = outer.rpartition(".")[0]
    return replace(node, place=ModuleCall(outer, outer, node.place.op))


def _one_after_the_other(made: list[NewNode], modules: set[str]) -> list[NewNode]:
    """A join in these modules that begins with all that an earlier one joins takes the result of that."""
    known: dict[object, int] = {}
    found = []
    for number, node in enumerate(made):
        inputs = node.inputs
        if node.op.folds and node.place.module in modules:
            for count in range(len(inputs) - 1, 1, -1):
                first = known.get((node.place.module, node.op, inputs[:count]))
                if first is not None:
                    node = replace(node, inputs=((first, 0), *inputs[count:]))
                    break
            known[node.place.module, node.op, inputs] = number
        found.append(node)
    return found


def unsplit(made: Sequence[NewNode], results: Sequence[Output]) -> tuple[list[NewNode], list[Output]]:
    """The nodes and the network's results without splits that give the very values that a join was made of."""
    instead: dict[Output, Output] = {}
    taken: list[tuple[Output, ...]] = []
    for number, node in enumerate(made):
        taken.append(tuple(instead.get(value, value) for value in node.inputs))
        joined, _ = taken[number][0] if isinstance(node.op, Split) else (number, 0)
        if isinstance(made[joined].op, Concat) and node.outputs == _tensors(made, taken[joined]):
            instead.update({(number, port): value for port, value in enumerate(taken[joined])})
    if not instead:
        return list(made), list(results)
    results = [instead.get(value, value) for value in results]
    split = {number for number, _ in instead}
    needless = {made[number].inputs[0][0] for number in split}
    used = {value for number, row in enumerate(taken) if number not in split for value in row} | set(results)
    gone = split | {number for number in needless if (number, 0) not in used}
    kept = [number for number in range(len(made)) if number not in gone]
    new = {number: place for place, number in enumerate(kept)}
    renumbered = (tuple((new[n], port) for n, port in taken[number]) for number in kept)
    nodes = [replace(made[number], inputs=inputs) for number, inputs in zip(kept, renumbered, strict=True)]
    return nodes, [(new[number], port) for number, port in results]


def _tensors(made: Sequence[NewNode], values: Sequence[Output]) -> tuple[Tensor, ...]:
    return tuple(made[number].outputs[port] for number, port in values)
