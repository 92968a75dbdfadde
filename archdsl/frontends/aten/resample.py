"""Resizing."""

from __future__ import annotations

from typing import Any, Literal

from archdsl.frontends.aten.call import Call, Result, Step, Translation, compact
from archdsl.ops.resize import Resize, Upsample


def nearest(call: Call) -> Result:
    return _resampled(call, "nearest", False)


def bilinear(call: Call) -> Result:
    return _resampled(call, "bilinear", call["align_corners"])


def _resampled(call: Call, mode: Literal["nearest", "bilinear"], align_corners: bool) -> Result:
    before, after = call.dims("input")[1:], call.out[1:]
    options: dict[str, Any] = {"mode": mode, "align_corners": align_corners}
    factors = call.get("scale_factors")
    if not factors:
        return Step(Resize(size=compact(after, len(after)), **options), (call["input"],))
    if any(n * factor != out for n, factor, out in zip(before, factors, after, strict=True)):
        # PyTorch then samples by the factor, which is not quite that of the sizes.
        return None
    if all(factor == int(factor) for factor in factors):
        return Step(Upsample(factor=compact(tuple(map(int, factors)), len(after)), **options), (call["input"],))
    return Step(Resize(size=compact(after, len(after)), **options), (call["input"],))


TRANSLATIONS: dict[str, Translation] = {
    "upsample_nearest1d": nearest,
    "upsample_nearest2d": nearest,
    "upsample_linear1d": bilinear,
    "upsample_bilinear2d": bilinear,
}
