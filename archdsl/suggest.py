"""The name that was probably meant. A leaf."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches

ELSEWHERE = {
    "avgpool": "avg_pool",
    "average_pool": "avg_pool",
    "batch_norm": "bn",
    "batchnorm": "bn",
    "conv1d": "conv",
    "conv2d": "conv",
    "convolution": "conv",
    "conv_transpose": "up_conv",
    "deconv": "up_conv",
    "dense": "linear",
    "depthwise_conv": "depthwise",
    "fc": "linear",
    "fully_connected": "linear",
    "gap": "global_avg_pool",
    "hardswish": "hard_swish",
    "hswish": "hard_swish",
    "local_response_norm": "lrn",
    "maxpool": "max_pool",
    "multiply": "mul",
    "prod": "mul",
    "stochastic_depth": "drop_path",
    "sum": "add",
    "swish": "silu",
    "transposed_conv": "up_conv",
}
"""What papers and other frameworks call our ops."""

LONGEST, MANY = 200, 1_000
"""Letters of a name, and names to compare it with; with more of either the search would take seconds."""


def nearest(name: str, known: Iterable[str]) -> str | None:
    """The one of `known` that `name` was probably meant to be, or None."""
    if len(name) > LONGEST:
        return None
    known = sorted(known)
    if len(known) > MANY:
        known = [one for one in known if one[:1] == name[:1]][:MANY]
    folded = name.lower()
    meant = ELSEWHERE.get(folded) or ELSEWHERE.get(next(iter(get_close_matches(folded, ELSEWHERE, 1, 0.8)), ""))
    if meant in known:
        return meant
    by_fold = {k.lower(): k for k in known}
    close = get_close_matches(folded, by_fold, 1, 0.6 if len(name) > 3 else 0.5)
    return by_fold[close[0]] if close else None


def hint(name: str, known: Iterable[str]) -> str:
    """`; did you mean `conv`?`, or nothing."""
    meant = nearest(name, known)
    return f"; did you mean `{meant}`?" if meant else ""
