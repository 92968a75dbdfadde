"""Operations that rearrange numbers, add or cut borders, resize maps, or do nothing in evaluation."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Literal

from archdsl.frontends.arrangement import CHANNELS, Atom, along, whole
from archdsl.frontends.aten.call import Call, Result, Translation, compact
from archdsl.frontends.aten.placed import Order, Placed
from archdsl.frontends.aten.step import Step
from archdsl.ops.base import Op
from archdsl.ops.crop import Pad, Trim
from archdsl.ops.regularize import ChannelDropout, Dropout
from archdsl.ops.reshape import ChannelShuffle, ChannelSlice, PixelShuffle, SpaceToDepth, Split
from archdsl.ops.resize import Resize, Upsample
from archdsl.ops.tokens import Token


def dropout(call: Call) -> Result:
    return Step(Dropout(p=float(call["p"])), (call.node.args[0],))


def channel_dropout(call: Call) -> Result:
    return Step(ChannelDropout(p=float(call["p"])), (call.node.args[0],))


def split(call: Call) -> Result:
    axis = call["dim"] % len(call.trace.shape(call["self"]))
    return _parts(call, axis, [int(part.shape[axis]) for part in call.node.meta["val"]])


def unbind(call: Call) -> Result:
    shape = call.trace.shape(call["self"])
    axis = call["dim"] % len(shape)
    return _parts(call, axis, [1] * shape[axis], remove=True)


def _parts(call: Call, axis: int, sizes: list[int], remove: bool = False) -> Result:
    """Parts of the channels, along an axis that is the channels or their outer piece."""
    found = _channels(call, axis)
    if found is None:
        return None
    placed, step = found
    channels = [size * step for size in sizes]
    op = Split(parts=len(channels) if len(set(channels)) == 1 else tuple(channels))
    lies = (placed.arrangement.with_axis(axis, None if remove else along(CHANNELS, size, step)) for size in sizes)
    return Step(op, (placed.value,), arrangements=tuple(lies))


def _channels(call: Call, axis: int) -> tuple[Placed, int] | None:
    """The value with the channels, or their outer piece, along an axis; and the channels from one place to the next."""
    placed = call.placed("self")
    for taken in (placed.settled(), placed.with_channels(axis), placed.with_outer(axis)) if placed else ():
        atoms = taken.arrangement.axes[axis] if taken else ()
        if taken and len(atoms) == 1 and _is_outer(atoms[0], taken.tensor.channels):
            return taken, atoms[0].step
    return None


def _is_outer(atom: Atom, channels: int) -> bool:
    return atom.dim == CHANNELS and atom.size * atom.step == channels


def cut(call: Call) -> Result:
    """Places of one axis, in a row. For every second place and the like, see `pieces.py`."""
    if call.get("step") not in (None, 1):
        return None
    return _part(call, call["start"] or 0, call["end"])


def narrow(call: Call) -> Result:
    return _part(call, call["start"], call["start"] + call["length"])


def select(call: Call) -> Result:
    """One token of a sequence, or one place of an axis that is the outer piece of the channels."""
    shape = call.trace.shape(call["self"])
    axis = call["dim"] % len(shape)
    found = _channels(call, axis)
    if found is None:
        return _token(call, axis)
    placed, step = found
    start = call["index"] % shape[axis] * step
    return Step(
        _slice(placed, start, start + step), (placed.value,), arrangements=(placed.arrangement.with_axis(axis, None),)
    )


def _token(call: Call, axis: int) -> Result:
    placed = call.placed("self")
    found = placed and placed.read()
    if not found or found[0].tensor.rank != 2 or found[1].index(axis) != 2:
        return None
    taken, _ = found
    lies = whole((taken.batch, taken.tensor.channels))
    return Step(Token(index=call["index"]), (taken.value,), arrangements=(lies,))


def _part(call: Call, start: int, stop: int | None) -> Result:
    """Places `start` to `stop` along one axis; they may count from the end."""
    shape = call.trace.shape(call["self"])
    axis = call["dim"] % len(shape)
    start, stop, _ = slice(start, stop).indices(shape[axis])
    if (start, stop) == (0, shape[axis]):
        return call["self"]
    found = _channels(call, axis)
    if found is None:
        return _trimmed(call, axis, start, shape[axis] - stop)
    placed, step = found
    lies = placed.arrangement.with_axis(axis, along(CHANNELS, stop - start, step))
    return Step(_slice(placed, start * step, stop * step), (placed.value,), arrangements=(lies,))


def _slice(placed: Placed, start: int, stop: int) -> ChannelSlice:
    return ChannelSlice(start=start, stop=None if stop == placed.tensor.channels else stop)


def _trimmed(call: Call, axis: int, before: int, after: int) -> Result:
    """Positions cut off at both ends of an axis."""
    placed = call.placed("self")
    found = placed and placed.read()
    if not found or found[1].index(axis) < 2:
        return None
    taken, order = found
    pairs = [(0, 0)] * len(taken.tensor.spatial)
    pairs[order.index(axis) - 2] = (before, after)
    op = Trim(sides=_sides(pairs))
    lies = whole((taken.batch, *op.shape(taken.tensor).dims)).inverted(order)
    return Step(op, (taken.value,), arrangements=(lies,))


def pad(call: Call) -> Result:
    mode = {"constant": "constant", "reflect": "reflect", "replicate": "replicate", "circular": "circular"}
    return _padded(call, mode[call.get("mode") or "constant"], float(call.get("value") or 0))


def reflection(call: Call) -> Result:
    return _padded(call, "reflect", 0.0, "padding")


def replication(call: Call) -> Result:
    return _padded(call, "replicate", 0.0, "padding")


def _padded(call: Call, mode: Any, value: float, argument: str = "pad") -> Result:
    """A pad or a trim of positions. PyTorch lists borders from the last axis on; negative ones cut off."""
    numbers, rank = list(call[argument]), len(call.trace.shape(call["self"]))
    pairs = list(zip(numbers[::2], numbers[1::2], strict=True))[::-1]
    added = [(0, 0)] * (rank - len(pairs)) + pairs
    if not any(map(any, added)):
        return call["self"]
    placed = call.placed("self")
    found = placed.read() if placed else None
    if found is None or any(any(added[axis]) for axis in found[1][:2]):
        return None
    taken, order = found
    return _bordered(taken, order, [added[axis] for axis in order[2:]], mode, value)


def _bordered(taken: Placed, order: Order, sides: list[tuple[int, int]], mode: Any, value: float) -> Step | None:
    steps: list[Op] = []
    if any(min(pair) < 0 for pair in sides):
        steps.append(Trim(sides=_sides([(max(-a, 0), max(-b, 0)) for a, b in sides])))
    if any(max(pair) > 0 for pair in sides):
        steps.append(Pad(sides=_sides([(max(a, 0), max(b, 0)) for a, b in sides]), mode=mode, value=value))
    step, tensor = None, taken.tensor
    for op in steps:
        step, (tensor,) = Step(op, (step or taken.value,)), op.outputs(tensor)
    lies = whole((taken.batch, *tensor.dims)).inverted(order)
    return replace(step, arrangements=(lies,)) if step else None


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
    "dropout": dropout,
    "feature_dropout": channel_dropout,
    "split": split,
    "split_with_sizes": split,
    "chunk": split,
    "tensor_split": split,
    "unbind": unbind,
    "select": select,
    "slice": cut,
    "narrow": narrow,
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
