"""Operations that rearrange numbers, add or cut borders, resize maps, or do nothing in evaluation."""

from __future__ import annotations

from typing import Any, Literal

from archdsl.frontends.aten.call import Call, Result, Source, Step, Translation, compact, operation
from archdsl.ops.base import Op
from archdsl.ops.crop import Pad, Trim
from archdsl.ops.internal import RESHAPES
from archdsl.ops.regularize import ChannelDropout, Dropout
from archdsl.ops.reshape import ChannelShuffle, ChannelSlice, Flatten, PixelShuffle, Reshape, SpaceToDepth, Split
from archdsl.ops.resize import Resize, Upsample
from archdsl.ops.tokens import Token, Tokens


def unchanged(call: Call) -> Result:
    """The input, if a call returns it in the same shape and precision."""
    value = call["self"]
    same = call.trace.shape(value) == call.trace.shape(call.node)
    return value if same and value.meta["val"].dtype == call.node.meta["val"].dtype else None


def reshaped(call: Call) -> Result:
    """Several reshapes in a row: the original value if it has its shape again, else a reshape, flatten or tokens."""
    trace, node = call.trace, call.node
    while operation(node) in RESHAPES and trace.has_batch(node, trace.shape(node)):
        node = node.args[0]
    if operation(node) in RESHAPES:
        return None
    if trace.shape(node) == trace.shape(call.node):
        return node
    if not call.out or not all(trace.has_batch(value, trace.shape(value)) for value in (node, call.node)):
        return None
    return Step(_reshape(trace.dims(node), call.out), (node,))


def _reshape(before: tuple[int, ...], after: tuple[int, ...]) -> Op:
    if len(after) == 1:
        return Flatten()
    if len(after) == 2 < len(before) < 5 and after[0] == before[0]:
        return Tokens()
    return Reshape(dims=after)


def selected(call: Call) -> Result:
    """One position of a sequence."""
    shape = call.trace.shape(call["self"])
    if len(shape) != 3 or call["dim"] % 3 != 2 or not call.trace.has_batch(call["self"], shape):
        return None
    return Step(Token(index=call["index"]), (call["self"],))


def expanded(call: Call) -> Result:
    """The input, if the result is only used in products, which broadcast by themselves, or sums, which broadcast a
    number for each channel."""
    dims = call.dims("self")
    one_each = bool(dims) and dims[0] == call.out[0] and all(length == 1 for length in dims[1:])
    spread = ("mul", "add", "sub") if one_each and len(dims) == len(call.out) else ("mul",)
    if call.node.users and all(operation(user) in spread for user in call.node.users):
        return call["self"]
    return unchanged(call)


def dropout(call: Call) -> Result:
    return Step(Dropout(p=float(call["p"])), (call.node.args[0],))


def channel_dropout(call: Call) -> Result:
    return Step(ChannelDropout(p=float(call["p"])), (call.node.args[0],))


def split(call: Call) -> Result:
    if call["dim"] % (len(call.dims("self")) + 1) != 1:
        return None
    sizes = tuple(int(part.shape[1]) for part in call.node.meta["val"])
    parts = len(sizes) if len(set(sizes)) == 1 else sizes
    return Step(Split(parts=parts), (call["self"],))


def cut(call: Call) -> Result:
    if call.get("step") not in (None, 1):
        return None
    return _part(call, call["dim"], call["start"] or 0, call["end"])


def narrow(call: Call) -> Result:
    return _part(call, call["dim"], call["start"], call["start"] + call["length"])


def _part(call: Call, axis: int, start: int, stop: int | None) -> Result:
    """Positions `start` to `stop` along one dimension, which may count from the end."""
    shape = call.trace.shape(call["self"])
    axis %= len(shape)
    length = shape[axis]
    start, stop, _ = slice(start, stop).indices(length)
    if (start, stop) == (0, length):
        return call["self"]
    if axis == 0 or not call.trace.has_batch(call["self"], shape):
        return None
    if axis == 1:
        return Step(ChannelSlice(start=start, stop=None if stop == length else stop), (call["self"],))
    pairs = [(0, 0)] * (len(shape) - 2)
    pairs[axis - 2] = (start, length - stop)
    return Step(Trim(sides=_sides(pairs)), (call["self"],))


def pad(call: Call) -> Result:
    mode = {"constant": "constant", "reflect": "reflect", "replicate": "replicate", "circular": "circular"}
    return _padded(call, mode[call.get("mode") or "constant"], float(call.get("value") or 0))


def reflection(call: Call) -> Result:
    return _padded(call, "reflect", 0.0, "padding")


def replication(call: Call) -> Result:
    return _padded(call, "replicate", 0.0, "padding")


def _padded(call: Call, mode: Any, value: float, argument: str = "pad") -> Result:
    """A pad or a trim. PyTorch lists borders from the last dimension on; negative ones cut off."""
    numbers = list(call[argument])
    pairs = list(zip(numbers[::2], numbers[1::2], strict=True))[::-1]
    spatial = len(call.dims("self")) - 1
    added = [(0, 0)] * (spatial - len(pairs)) + pairs
    if len(added) > spatial:
        return None
    source: Source = call["self"]
    if any(min(pair) < 0 for pair in added):
        source = Step(Trim(sides=_sides([(max(-a, 0), max(-b, 0)) for a, b in added])), (source,))
    if any(max(pair) > 0 for pair in added):
        source = Step(Pad(sides=_sides([(max(a, 0), max(b, 0)) for a, b in added]), mode=mode, value=value), (source,))
    return source


def _sides(pairs: list[tuple[int, int]]) -> int | tuple[int, ...]:
    """Borders as a spec writes them: left, right, top, bottom, or fewer numbers if sides are equal."""
    if len({pixels for pair in pairs for pixels in pair}) == 1:
        return pairs[0][0]
    if all(before == after for before, after in pairs) and len(pairs) > 1:
        return tuple(before for before, _ in pairs)
    return tuple(pixels for pair in reversed(pairs) for pixels in pair)


def channel_shuffle(call: Call) -> Result:
    return Step(ChannelShuffle(groups=call["groups"]), (call["self"],))


def pixel_shuffle(call: Call) -> Result:
    return Step(PixelShuffle(factor=call["upscale_factor"]), (call["self"],))


def pixel_unshuffle(call: Call) -> Result:
    return Step(SpaceToDepth(factor=call["downscale_factor"]), (call["self"],))


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
        # PyTorch samples by the given factor, which then differs from the quotient of the sizes.
        return None
    if all(factor == int(factor) for factor in factors):
        return Step(Upsample(factor=compact(tuple(map(int, factors)), len(after)), **options), (call["input"],))
    return Step(Resize(size=compact(after, len(after)), **options), (call["input"],))


TRANSLATIONS: dict[str, Translation] = {
    "contiguous": unchanged,
    "clone": unchanged,
    "alias": unchanged,
    "lift_fresh_copy": unchanged,
    "to": unchanged,
    "_to_copy": unchanged,
    "expand": expanded,
    "expand_as": expanded,
    **dict.fromkeys(RESHAPES, reshaped),
    "dropout": dropout,
    "feature_dropout": channel_dropout,
    "split": split,
    "split_with_sizes": split,
    "chunk": split,
    "slice": cut,
    "narrow": narrow,
    "select": selected,
    "pad": pad,
    "constant_pad_nd": pad,
    "reflection_pad1d": reflection,
    "reflection_pad2d": reflection,
    "reflection_pad3d": reflection,
    "replication_pad1d": replication,
    "replication_pad2d": replication,
    "replication_pad3d": replication,
    "channel_shuffle": channel_shuffle,
    "pixel_shuffle": pixel_shuffle,
    "pixel_unshuffle": pixel_unshuffle,
    "upsample_nearest1d": nearest,
    "upsample_nearest2d": nearest,
    "upsample_nearest3d": nearest,
    "upsample_linear1d": bilinear,
    "upsample_bilinear2d": bilinear,
    "upsample_trilinear3d": bilinear,
}
