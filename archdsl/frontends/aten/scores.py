"""Scores of attention that is written out: the product of queries and keys, and what is done to it until the softmax.

Scores lie in a value of their own, which is never made: batch, heads, the positions of the queries, and those of the
keys. So calls that change their layout rewrite axes, as for all other values.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from archdsl.frontends.arrangement import BATCH, CHANNELS, REPEATED, Arrangement, Atom, Axis, along
from archdsl.frontends.aten.call import Call, Trace
from archdsl.frontends.aten.layout import CHANGES, UNCHANGED
from archdsl.frontends.aten.placed import Placed
from archdsl.frontends.aten.step import Made, TraceNode, operation
from archdsl.frontends.aten.table import Table
from archdsl.ops.scale import Scale

KEYS = 16
"""Is added to the dimensions of the keys' positions, so that they differ from those of the queries."""


@dataclass(frozen=True, slots=True)
class Scores:
    """Scores of queries `q` and keys `k`, and how they lie: their heads are places of the dimension of channels.

    `added` are tables that were added, each with the arrangement to whose axes it was broadcast. `weights` tells
    whether the softmax over the keys was taken.
    """

    q: Placed
    k: Placed
    lies: Arrangement
    scale: float = 1.0
    added: tuple[tuple[Table, Arrangement], ...] = ()
    weights: bool = False
    dropout: float = 0.0


def scores(trace: Trace, node: TraceNode) -> Scores | None:
    """The scores that a call gives: a product of two values, or what it makes of earlier scores."""
    name, call = operation(node), trace.call(node)
    factors = product(call)
    if factors:
        q, k = (_factor(trace, factor) for factor in factors)
        return scores_of(trace, q, k) if q and k else None
    for argument in ("self", "input", "other"):
        found: Scores | None = trace.scores.get(call.get(argument)) if hasattr(call.get(argument), "meta") else None
        if found and name in CHANGES:
            lies = CHANGES[name](call, found.lies)
            return replace(found, lies=lies) if lies else None
        if found and name in UNCHANGED:
            return found
        if found and name in FURTHER:
            return FURTHER[name](call, found, "self" if argument == "other" else "other")
    return None


def scores_of(trace: Trace, q: Placed, keys: Placed, scale: float = 1.0) -> Scores | None:
    """The product of queries (..., positions, channels of a head) and keys (the same), in this order of axes."""
    (q, one), (k, other) = (_without_factor(trace, placed) for placed in (q, keys))
    q, k = in_heads(q).on_map(), in_heads(k).on_map()
    lead = leading(q)
    if lead is None or lead != leading(k) or q.arrangement.axes[-1] != k.arrangement.axes[-1]:
        return None
    rows = q.arrangement.axes[-2], moved(k.arrangement.axes[-2])
    return Scores(q, k, Arrangement((*lead, *rows)), scale * one * other)


def _factor(trace: Trace, factor: Factor) -> Placed | None:
    placed = trace.placed.get(factor.node)
    value = placed.for_each_sample() if placed else None
    return value.arranged(value.arrangement.permuted(factor.order)) if value else None


def in_heads(placed: Placed) -> Placed:
    """With the heads one after the other, by a shuffle where each channel of all heads follows the other."""
    *lead, _, last = placed.arrangement.axes
    heads = [axis for axis, atoms in enumerate(lead) if any(atom.dim == CHANNELS for atom in atoms)]
    taken = placed.with_outer(heads[0]) if len(heads) == 1 and last and last[0].step > 1 else None
    return taken or placed


def leading(placed: Placed) -> tuple[Axis, ...] | None:
    """The axes before positions and channels, with the heads counted one by one; None where these are no heads.

    The channels are those of one head, and the heads lie one after the other. Each may be repeated, for several heads
    of queries that share it.
    """
    *lead, _, last = placed.arrangement.axes
    heads = [atom for axis in lead for atom in axis if atom.dim == CHANNELS]
    size = last[0].size if last else 1
    channels = placed.tensor.channels
    if last != along(CHANNELS, size) or channels % size or heads != list(along(CHANNELS, channels // size, size)):
        return None
    if [atom for axis in lead for atom in axis if atom.dim == BATCH] != list(along(BATCH, placed.batch)):
        return None
    return tuple(map(_counted, lead))


def _counted(axis: Axis) -> Axis:
    """An axis with heads that are counted one by one, also those that are repeats of one."""
    counted: list[Atom] = []
    for atom in axis:
        if atom.dim == REPEATED and counted and counted[-1].dim == CHANNELS:
            counted[-1] = Atom(CHANNELS, counted[-1].size * atom.size)
        else:
            counted.append(Atom(CHANNELS, atom.size) if atom.dim in (CHANNELS, REPEATED) else atom)
    return tuple(counted)


def moved(axis: Axis) -> Axis:
    """An axis of positions as one of the keys."""
    return tuple(Atom(atom.dim + KEYS, atom.size, atom.step) for atom in axis)


def _without_factor(trace: Trace, placed: Placed) -> tuple[Placed, float]:
    """The value that was multiplied with a number, and the number; a value itself, and 1."""
    step = trace.steps.get(placed.value.call) if isinstance(placed.value, Made) else None
    if step is None or not isinstance(step.op, Scale) or not isinstance(step.inputs[0], Made):
        return placed, 1.0
    inner, factor = _without_factor(trace, replace(placed, value=step.inputs[0]))
    return inner, factor * step.op.factor


# --- products ------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Factor:
    """A factor of a product of matrices, and the order of its axes as (..., rows, those that are summed over).

    The rows of the first are the rows of the result, and those of the second are its columns.
    """

    node: TraceNode
    order: tuple[int, ...]


def product(call: Call) -> tuple[Factor, Factor] | None:
    """The factors, if a call is a product of matrices, in batches that are the same for both; else None."""
    name = operation(call.node)
    if name == "einsum":
        return _einsum(call)
    if name not in ("matmul", "bmm"):
        return None
    one, other = call["self"], call["other" if name == "matmul" else "mat2"]
    rank = len(call.trace.shape(one))
    if rank < 3 or rank != len(call.trace.shape(other)):
        return None
    lead = range(rank - 2)
    return Factor(one, (*lead, rank - 2, rank - 1)), Factor(other, (*lead, rank - 1, rank - 2))


def _einsum(call: Call) -> tuple[Factor, Factor] | None:
    given, _, result = call["equation"].replace(" ", "").partition("->")
    letters, nodes = given.split(","), list(call["tensors"])
    if len(letters) != 2 or len(result) < 3 or not result.isalpha():
        return None
    *lead, row, column = result
    if row not in letters[0]:
        letters, nodes = letters[::-1], nodes[::-1]
    one, other = letters
    summed = [letter for letter in one if letter in other and letter not in result]
    wanted = [*lead, row, *summed], [*lead, column, *summed]
    if len(summed) != 1 or any(sorted(w) != sorted(has) for w, has in zip(wanted, letters, strict=True)):
        return None
    found = zip(nodes, wanted, letters, strict=True)
    first, second = (Factor(node, tuple(map(has.index, w))) for node, w, has in found)
    return first, second


# --- what is done to scores ----------------------------------------------------------------


def _scaled(call: Call, found: Scores, other: str) -> Scores | None:
    number = call.number(other)
    if number is None or found.added or found.weights:
        return None
    return replace(found, scale=found.scale * number)


def _divided(call: Call, found: Scores, other: str) -> Scores | None:
    number = call.number("other")
    if other != "other" or not number or call.get("rounding_mode") or found.added or found.weights:
        return None
    return replace(found, scale=found.scale / number)


def _with_added(call: Call, found: Scores, other: str) -> Scores | None:
    table = call.table(other)
    return with_table(found, table) if table and call.get("alpha") in (None, 1) else None


def with_table(found: Scores, table: Table) -> Scores | None:
    """Scores to which a table is added, which is broadcast to their axes."""
    shape = found.lies.shape
    own = tuple(table.numbers.shape) if isinstance(table.numbers, np.ndarray) else None
    if own is None or found.weights or len(own) > len(shape):
        return None
    if any(size not in (1, wanted) for size, wanted in zip(reversed(own), reversed(shape), strict=False)):
        return None
    return replace(found, added=(*found.added, (table, found.lies)))


def _masked(call: Call, found: Scores, other: str) -> Scores | None:
    """Scores that are replaced where a table says so, which is as good as adding a number that is low enough."""
    mask, value = call.table("mask"), call.number("value")
    if mask is None or mask.weight is not None or value is None:
        return None
    return with_table(found, Table(np.where(mask.numbers, value, 0.0)))


def _softmax(call: Call, found: Scores, other: str) -> Scores | None:
    over_keys = call["dim"] % found.lies.rank == found.lies.rank - 1 and _is_keys(found.lies.axes[-1])
    return replace(found, weights=True) if over_keys and not found.weights else None


def _is_keys(axis: Axis) -> bool:
    return all(atom.dim >= KEYS for atom in axis)


def _dropped(call: Call, found: Scores, other: str) -> Scores | None:
    return replace(found, dropout=float(call["p"])) if found.weights and not found.dropout else None


SOFTMAX = ("softmax", "_softmax")

FURTHER = {
    "mul": _scaled,
    "div": _divided,
    "add": _with_added,
    "masked_fill": _masked,
    **dict.fromkeys(SOFTMAX, _softmax),
    "dropout": _dropped,
}
"""What calls do to scores, besides changing their layout. Each gets the name of the call's other argument."""


# --- tables that were added ----------------------------------------------------------------


def canonical(table: np.ndarray[Any, Any], lies: Arrangement) -> np.ndarray[Any, Any]:
    """A table that is broadcast to scores, with an axis for each atom of them, in the order of `in_order`."""
    sizes = (1,) * (lies.rank - table.ndim) + tuple(table.shape)
    axes = zip(sizes, lies.axes, strict=True)
    split = [1 if size == 1 else atom.size for size, axis in axes for atom in axis]
    atoms = [atom for axis in lies.axes for atom in axis]
    return table.reshape(split).transpose(sorted(range(len(atoms)), key=lambda place: _order(atoms[place])))


def in_order(lies: Arrangement) -> list[Atom]:
    """The atoms of an arrangement: batch, heads, positions of the queries, positions of the keys."""
    return sorted((atom for axis in lies.axes for atom in axis), key=_order)


def _order(atom: Atom) -> tuple[int, int]:
    return atom.dim, -atom.step
