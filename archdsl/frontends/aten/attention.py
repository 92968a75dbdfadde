"""Attention, as PyTorch's `scaled_dot_product_attention` of queries, keys and values in heads."""

from __future__ import annotations

from archdsl.frontends.arrangement import Arrangement, joined, whole
from archdsl.frontends.aten.call import Call, Result, Translation
from archdsl.frontends.aten.literal import in_order
from archdsl.frontends.aten.placed import Placed
from archdsl.frontends.aten.step import Step
from archdsl.ops.attend import Attend


def attention(call: Call) -> Result:
    """Attention without a mask of its own, of values that lie as batch, heads, positions, channels of a head."""
    given = [call.placed(name) for name in ("query", "key", "value")]
    taken = [_without_heads(placed) for placed in given if placed]
    if call["attn_mask"] is not None or len(taken) < 3 or None in taken:
        return None
    batch, heads, length, _ = call.trace.shape(call["query"])
    wide = call.trace.shape(call["value"])[3]
    op = Attend(heads=heads, causal=call["is_causal"], scale=call["scale"], dropout=float(call["dropout_p"]))
    lies = whole((batch, heads * wide, length)).reshaped((batch, heads, wide, length))
    assert lies is not None, "channels fall into heads"
    return Step(op, tuple(value.value for value in taken if value), arrangements=(lies.permuted((0, 1, 3, 2)),))


def _without_heads(placed: Placed) -> Placed | None:
    """Channels x positions, with the channels of one head after the other; None for what lies otherwise."""
    if placed.arrangement.rank != 4:
        return None
    batch, heads, positions, channels = placed.arrangement.axes
    return in_order(placed.arranged(Arrangement((batch, joined((*heads, *channels)), positions))))


TRANSLATIONS: dict[str, Translation] = {"scaled_dot_product_attention": attention}
"""Translations by name of operation."""
