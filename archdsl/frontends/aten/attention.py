"""Attention of queries, keys and values in heads: PyTorch's `scaled_dot_product_attention`, or written out."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from math import isclose

import numpy as np

from archdsl.frontends.arrangement import BATCH, CHANNELS, REPEATED, Arrangement, Atom, Axis, along, joined, whole
from archdsl.frontends.aten.added import Added, added_to
from archdsl.frontends.aten.biases import bias_of
from archdsl.frontends.aten.call import Call, Result, Trace, Translation
from archdsl.frontends.aten.placed import Placed
from archdsl.frontends.aten.scores import SOFTMAX, Scores, in_heads, leading, moved, product, scores_of, with_table
from archdsl.frontends.aten.step import Step, TraceNode, operation
from archdsl.frontends.aten.table import Table
from archdsl.frontends.aten.window import Cut, windows_of
from archdsl.ops.arguments import compact
from archdsl.ops.attend import Attend


def attention(call: Call) -> Result:
    """Attention of values that lie as (..., positions, channels of a head)."""
    placed = [call.placed(name) for name in ("query", "key", "value")]
    if None in placed:
        return None
    q, k, v = (one.for_each_sample() for one in placed if one)
    causal, mask = bool(call["is_causal"]), call.table("attn_mask")
    dropout, bias = float(call["dropout_p"]), _bias(call)
    size = call.trace.shape(call["query"])[-1]
    scores = scores_of(call.trace, q, k, size**-0.5 if call["scale"] is None else call["scale"])
    if scores and mask:
        scores = with_table(scores, _as_added(mask))
    if call["attn_mask"] is None or (bias and mask is None):
        found = _of_sequences(q, k, v, call["scale"], causal, dropout, bias)
        if found:
            return found
    if scores and not causal and (call["attn_mask"] is None or mask):
        found = _attended(call.trace, replace(scores, weights=True, dropout=dropout), v)
        if found or mask is None:
            return found
    return _of_sequences(q, k, v, call["scale"], causal, dropout, bias) if bias else None


def _as_added(mask: Table) -> Table:
    """A mask as numbers that are added to scores: of truth values, `false` stands for minus infinity."""
    if mask.weight is not None or mask.numbers.dtype != np.bool_:
        return mask
    return Table(np.where(mask.numbers, 0.0, -np.inf))


def written_out(call: Call) -> Result:
    """The last product of attention: of the weights that the softmax gives, and the values."""
    factors = product(call)
    for place, factor in enumerate(factors or ()):
        scores = call.trace.scores.get(factor.node)
        other = factors[1 - place] if factors else factor
        v = call.trace.placed.get(other.node)
        if scores and scores.weights and v and _has_one_use(call.trace, factor.node):
            # The values' channels are the rows of their factor.
            *lead, channels, positions = other.order
            lies = v.arrangement.permuted([*lead, positions, channels])
            step = _attended(call.trace, replace(scores, lies=scores.lies.permuted(factor.order)), v.arranged(lies))
            return step if step is None or place == 0 else _turned(step)
    return None


def _has_one_use(trace: Trace, weights: TraceNode) -> bool:
    """Whether the weights that a softmax gives are used in one product alone: otherwise they are a value of their own,
    and are computed once for all that use it."""
    node = weights
    while node in trace.scores and len(node.users) == 1:
        if operation(node) in SOFTMAX:
            return True
        node = node.all_input_nodes[0]
    return False


def _turned(step: Step) -> Step:
    """With the result's last two axes in the other order."""
    (lies,) = step.arrangements
    *lead, row, column = range(lies.rank)
    return replace(step, arrangements=(lies.permuted([*lead, column, row]),))


def _attended(trace: Trace, scores: Scores, v: Placed) -> Step | None:
    """The op, if values belong to these scores, and what was added to them is a mask or a bias that it has."""
    q, k, v = scores.q, scores.k, in_heads(v).on_map()
    *lead, queries, keys = scores.lies.axes
    if (
        leading(v) != tuple(lead)
        or moved(v.arrangement.axes[-2]) != keys
        or v.arrangement.rolled != k.arrangement.rolled
    ):
        return None
    cut = windows_of(scores, queries)
    added = added_to(scores, cut) if cut else None
    if cut is None or added is None:
        return None
    if cut.size is None:
        bias = bias_of(trace, added) if added.bias is not None else None
        if added.bias is not None and bias is None:
            return None
        return _of_sequences(q, k, v, scores.scale, added.causal, scores.dropout, bias)
    if _is_repeated(k, v):
        return None
    return _in_windows(scores, v, cut, cut.size, added)


def _is_repeated(*placed: Placed) -> bool:
    """Whether several heads of queries share one of these."""
    return any(atom.dim == REPEATED for one in placed for axis in one.arrangement.axes for atom in axis)


def _in_windows(scores: Scores, v: Placed, cut: Cut, size: tuple[int, ...], added: Added) -> Step:
    q, (*lead, queries, _) = scores.q, scores.lies.axes
    heads, wide = _heads(q), v.tensor.channels // _heads(q)
    op = Attend(
        heads=heads,
        windows=compact(size),
        shift=compact(cut.shift),
        grid=cut.grid,
        relative=added.bias is not None,
        scale=_scale(scores.scale, q.tensor.channels // heads),
        dropout=scores.dropout,
    )
    lies = replace(q.arrangement, axes=(*_of_heads(lead, wide), queries, along(CHANNELS, wide)))
    weights = {"bias_table": added.bias} if added.bias is not None else {}
    return Step(op, (q.value, scores.k.value, v.value), weights, (lies,))


def _of_sequences(
    q: Placed, k: Placed, v: Placed, scale: float | None, causal: bool, dropout: float, bias: Placed | None = None
) -> Step | None:
    """Attention without windows, of values that lie as (batch and heads, positions, channels of a head)."""
    taken = [*(_without_heads(placed) for placed in (q, k, v)), *([bias] if bias else [])]
    if None in taken or (_is_repeated(k, v) and not leading(q) == leading(k) == leading(v)):
        return None
    heads, *lead = _heads(q), *q.arrangement.axes[:-2]
    op = Attend(
        heads=heads,
        causal=causal,
        bias="like" if bias else None,
        scale=_scale(scale, q.tensor.channels // heads),
        dropout=dropout,
    )
    (*_, length, _), wide = q.arrangement.shape, v.arrangement.shape[-1]
    lies = Arrangement((*_of_heads(lead, wide), along(2, length), along(CHANNELS, wide)))
    return Step(op, tuple(value.value for value in taken if value), arrangements=(lies,))


def _of_heads(lead: Sequence[Axis], size: int) -> Iterator[Axis]:
    """The axes before positions and channels, with this many channels from head to head."""
    for axis in lead:
        yield tuple(Atom(CHANNELS, atom.size, size) if atom.dim == CHANNELS else atom for atom in axis)


def _without_heads(placed: Placed) -> Placed | None:
    """Channels x positions, with the channels of one head after the other; None for what lies otherwise."""
    *lead, positions, last = placed.arrangement.axes
    heads = [atom for axis in lead for atom in axis if atom.dim not in (BATCH, REPEATED)]
    batch = tuple(atom for axis in lead for atom in axis if atom.dim == BATCH)
    return placed.arranged(replace(placed.arrangement, axes=(batch, joined((*heads, *last)), positions))).standard()


def _bias(call: Call) -> Placed | None:
    """What is added to the scores, if it is a value of heads x queries x keys, alike for all samples or not."""
    placed = None if call["attn_mask"] is None else call.placed("attn_mask")
    if placed is None or placed.tensor.kind != "float":
        return None
    scores = call.trace.shape(call["query"])[1:3] + call.trace.shape(call["key"])[2:3]
    lies = placed.arrangement.without_repeats()
    fits = placed.tensor.dims == scores and lies in (whole((1, *scores)), whole((placed.batch, *scores)))
    return placed if fits else None


def _heads(q: Placed) -> int:
    last = q.arrangement.axes[-1]
    return q.tensor.channels // (last[0].size if last else 1)


def _scale(scale: float | None, size: int) -> float | None:
    """The factor of the scores; None for the usual one, 1 / root of a head's channels.

    Files have it in single precision, and as a product of factors of queries and keys.
    """
    return None if scale is None or isclose(scale, size**-0.5, rel_tol=1e-6) else scale


TRANSLATIONS: dict[str, Translation] = {
    "scaled_dot_product_attention": attention,
    "matmul": written_out,
    "bmm": written_out,
    "einsum": written_out,
}
"""Translations by name of operation."""
