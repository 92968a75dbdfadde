"""What the rules on borders share: zeros added around a map, and pixels cut off (negative)."""

from __future__ import annotations

from archdsl.prove.form import Dims

Pairs = tuple[tuple[int, int], ...]


def cuts(pairs: Pairs) -> bool:
    return all(side <= 0 for pair in pairs for side in pair)


def adds(pairs: Pairs) -> bool:
    return all(side >= 0 for pair in pairs for side in pair)


def bordered(dims: Dims, pairs: Pairs, sign: int = 1) -> Dims:
    """The size with a border, or (sign -1) without it."""
    spatial = dims[1:] or (1,) * len(pairs)
    changed = tuple(n + sign * sum(pair) for n, pair in zip(spatial, pairs, strict=True))
    return (dims[0],) if all(n == 1 for n in changed) else (dims[0], *changed)
