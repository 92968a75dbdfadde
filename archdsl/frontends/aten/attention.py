"""Attention, as PyTorch's `scaled_dot_product_attention` of queries, keys and values in heads."""

from __future__ import annotations

from archdsl.frontends.arrangement import Arrangement, joined, whole
from archdsl.frontends.aten.call import Call, Result, Translation
from archdsl.frontends.aten.placed import Placed
from archdsl.frontends.aten.step import Step
from archdsl.ops.attend import Attend


def attention(call: Call) -> Result:
    """Attention of values that lie as batch, heads, positions, channels of a head, with a bias for a mask, or none."""
    given = [call.placed(name) for name in ("query", "key", "value")]
    taken = [_without_heads(placed) for placed in given if placed]
    if call["attn_mask"] is not None:
        taken.append(_bias(call))
    if len(taken) < 3 or None in taken:
        return None
    batch, heads, length, _ = call.trace.shape(call["query"])
    wide = call.trace.shape(call["value"])[3]
    op = Attend(
        heads=heads,
        causal=call["is_causal"],
        bias=None if call["attn_mask"] is None else "like",
        scale=call["scale"],
        dropout=float(call["dropout_p"]),
    )
    lies = whole((batch, heads * wide, length)).reshaped((batch, heads, wide, length))
    assert lies is not None, "channels fall into heads"
    return Step(op, tuple(value.value for value in taken if value), arrangements=(lies.permuted((0, 1, 3, 2)),))


def _without_heads(placed: Placed) -> Placed | None:
    """Channels x positions, with the channels of one head after the other; None for what lies otherwise."""
    if placed.arrangement.rank != 4:
        return None
    batch, heads, positions, channels = placed.arrangement.axes
    return placed.arranged(Arrangement((batch, joined((*heads, *channels)), positions))).standard()


def _bias(call: Call) -> Placed | None:
    """What is added to the scores, if it is a value of heads x queries x keys, alike for all samples or not."""
    placed = call.placed("attn_mask")
    if placed is None or placed.tensor.kind != "float":
        return None
    scores = call.trace.shape(call["query"])[1:3] + call.trace.shape(call["key"])[2:3]
    lies = placed.arrangement.without_repeats()
    fits = placed.tensor.dims == scores and lies in (whole((1, *scores)), whole((placed.batch, *scores)))
    return placed if fits else None


TRANSLATIONS: dict[str, Translation] = {"scaled_dot_product_attention": attention}
"""Translations by name of operation."""
