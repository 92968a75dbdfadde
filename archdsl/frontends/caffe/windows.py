"""Caffe's layers with windows: convolutions, pools, and the crop that follows a deconvolution."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from archdsl.frontends.caffe.message import Message
from archdsl.frontends.caffe.network import Layer
from archdsl.frontends.caffe.work import Made, Work
from archdsl.frontends.flat import not_read, wrong
from archdsl.tensor import Tensor


def convolution(work: Work, layer: Layer, groups: int | None = None) -> Made:
    work.expect(layer.parameters, "axis", 1)
    return _windowed(work, layer, "conv", groups)


def depthwise(work: Work, layer: Layer) -> Made:
    return convolution(work, layer, work.tensor(work.image(layer)).channels)


def deconvolution(work: Work, layer: Layer) -> Made:
    """A transposed convolution."""
    return _windowed(work, layer, "up_conv")


def _windowed(work: Work, layer: Layer, op: str, groups: int | None = None) -> Made:
    given = layer.parameters
    return work.put(
        layer,
        op,
        work.image(layer),
        out=work.outputs(layer),
        kernel=_one(_kernel(layer)),
        stride=_one(_pair(given, "stride", 1, 1)),
        padding=_one(_pair(given, "pad", 0, 0)),
        dilation=_one(_pair(given, "dilation", 1, 1)),
        groups=groups or given.whole("group", 1, 1),
        bias=given.flag("bias_term", True),
    )


def pooling(work: Work, layer: Layer) -> Made:
    """A pool whose last window may reach over the border, as in all of Caffe: sizes are rounded up."""
    given, x = layer.parameters, work.image(layer)
    kinds = {"MAX": "max", "0": "max", "AVE": "avg", "1": "avg"}
    kind = given.text("pool", "MAX")
    if kind not in kinds:
        raise not_read(f"`pool: {kind}` is not read, but MAX and AVE are", given.place("pool"))
    tensor, op = work.tensor(x), kinds[kind]
    if given.flag("global_pooling", False):
        return work.put(layer, f"global_{op}_pool", x)
    kernel, stride, pad = _kernel(layer), _pair(given, "stride", 1, 1), _pair(given, "pad", 0, 0)
    if kernel == tensor.spatial and pad == (0, 0):
        return work.put(layer, f"global_{op}_pool", x)
    if any(p >= k for p, k in zip(pad, kernel, strict=True)):
        raise wrong(f"a padding of {max(pad)} is not smaller than the kernel", given.place("pad"))
    up = given.text("round_mode", "CEIL") not in ("FLOOR", "1") and _rounds(tensor, kernel, stride, pad)
    step = None if stride == kernel else _one(stride)
    return work.put(layer, f"{op}_pool", x, kernel=_one(kernel), stride=step, padding=_one(pad), ceil=up)


def _rounds(tensor: Tensor, kernel: Sequence[int], stride: Sequence[int], pad: Sequence[int]) -> bool:
    """Whether there is a window that begins inside and reaches over the border."""
    rows = zip(tensor.spatial, kernel, stride, pad, strict=True)
    return any((n + 2 * p - k) % s and -(-(n + 2 * p - k) // s) * s < n + p for n, k, s, p in rows)


def crop(work: Work, layer: Layer) -> Made:
    """The part of a map that is as large as another one."""
    given = layer.parameters
    values = work.all(layer)
    if len(values) != 2:
        raise wrong(f"`Crop` takes two values, got {len(values)}", layer.span)
    work.expect(given, "axis", 2)
    offset = given.wholes("offset") or [0]
    if len(offset) > 2:
        raise wrong(
            f"`Crop` along two axes takes one or two numbers `offset`, got {len(offset)}", given.place("offset")
        )
    return work.put(layer, "crop", *values, size="like", offset=_one((offset[0], offset[-1])))


def _kernel(layer: Layer) -> tuple[int, int]:
    given = layer.parameters
    stated = [given.has(name) for name in ("kernel_size", "kernel_h", "kernel_w")]
    if not any(stated):
        raise wrong("the layer does not say how large its window is", layer.span, "write `kernel_size: ...`")
    return _pair(given, "kernel_size", 1, 1, "kernel")


def _pair(given: Message, name: str, usual: int, least: int, short: str = "") -> tuple[int, int]:
    """A size for height and width: one number, one for each, or under two names."""
    numbers = given.wholes(name, least) or [usual]
    if len(numbers) > 2:
        raise wrong(f"`{name}` is one number or two, got {len(numbers)}", given.place(name))
    both = (f"{short or name}_h", f"{short or name}_w")
    height, width = (
        given.whole(side, number, least) for side, number in zip(both, (numbers[0], numbers[-1]), strict=True)
    )
    return height, width


def _one(pair: tuple[int, int]) -> Any:
    """A size as an op takes it: one number if both are equal."""
    return pair[0] if pair[0] == pair[1] else pair
