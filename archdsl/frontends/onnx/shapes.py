"""Operators that put numbers in another order or shape, join them or take some of them, and those that resize maps."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod

from archdsl.frontends.onnx.calls import Value
from archdsl.frontends.onnx.constants import slices
from archdsl.frontends.onnx.lowering import Lower, Lowered, Lowering
from archdsl.frontends.onnx.model import OnnxNode


def view(net: Lowering, node: OnnxNode) -> Lowered:
    return net.call(node, "view", net.value(node.inputs[0]), list(net.shape(node.outputs[0])))


def transpose(net: Lowering, node: OnnxNode) -> Lowered:
    order = node.get("perm") or list(range(len(net.shape(node.inputs[0]))))[::-1]
    return net.call(node, "permute", net.value(node.inputs[0]), order)


def expand(net: Lowering, node: OnnxNode) -> Lowered:
    """Repeats along axes of size 1. What is as large already is the value itself."""
    before, after = net.shape(node.inputs[0]), net.shape(node.outputs[0])
    value = net.value(node.inputs[0])
    if before == after:
        return value
    repeats = all(n in (1, m) for n, m in zip(before[::-1], after[::-1], strict=False))
    return net.call(node, "expand", value, list(after)) if repeats else None


def concat(net: Lowering, node: OnnxNode) -> Lowered:
    """Values in a row. One that is the same for all samples is repeated for them."""
    axis, whole = node.get("axis"), net.shape(node.outputs[0])
    values = []
    for name in node.inputs:
        shape = list(net.shape(name))
        wanted = [n if place == axis % len(whole) else m for place, (n, m) in enumerate(zip(shape, whole, strict=True))]
        value = net.value(name)
        values.append(value if wanted == shape else net.call(node, "expand", value, wanted, shape=wanted))
    return net.call(node, "cat", values, axis)


def split(net: Lowering, node: OnnxNode) -> Lowered:
    axis = node.get("axis", 0)
    parts = [net.type(output) for output in node.outputs]
    sizes = [part.shape[axis] for part in parts]
    call = net.calls.call("split_with_sizes", parts, (net.value(node.inputs[0]), sizes, axis), net.stack(node))
    return net.parts(call)


def cut(net: Lowering, node: OnnxNode) -> Lowered:
    """Slices along one axis after the other."""
    given = [net.array(name) if name else None for name in node.inputs[1:]]
    if any(name and numbers is None for name, numbers in zip(node.inputs[1:], given, strict=True)):
        return None
    shape, value = list(net.shape(node.inputs[0])), net.value(node.inputs[0])
    for axis, (start, stop, step) in slices(node, shape, given).items():
        start, stop, step = slice(start, stop, step).indices(shape[axis])
        taken = len(range(start, stop, step))
        if step < 1:
            return None
        if taken < shape[axis]:
            shape[axis] = taken
            value = net.call(node, "slice", value, axis, start, stop, step, shape=shape)
    return value


def gather(net: Lowering, node: OnnxNode) -> Lowered:
    """One place of an axis, several in a row, or the vectors of tokens."""
    data, indices = node.inputs
    shape, axis = net.shape(data), node.get("axis", 0)
    axis %= max(len(shape), 1)
    places = net.integers(indices)
    if places is None:
        weight = net.weight(data, node)
        is_table = weight is not None and axis == 0 and len(shape) == 2 and net.type(indices).dtype == "int"
        return net.call(node, "embedding", weight, net.value(indices), -1) if is_table else None
    places = [place % shape[axis] for place in places]
    if len(shape) == 1 and places == list(range(len(places))) and prod(net.shape(node.outputs[0])) == shape[0]:
        return net.call(node, "view", net.value(data), list(net.shape(node.outputs[0])))
    if not net.shape(indices):
        data, place = _joined(net, data, axis, places[0])
        return net.call(node, "select", net.value(data), axis, place)
    in_a_row = places == list(range(places[0], places[0] + len(places))) if places else False
    if len(net.shape(indices)) > 1 or not in_a_row:
        return None
    return net.call(node, "slice", net.value(data), axis, places[0], places[-1] + 1, 1)


def _joined(net: Lowering, name: str, axis: int, place: int) -> tuple[str, int]:
    """The value that holds a place of values in a row, and its place there: the last states of a network's recurrent
    layers are joined, and one is taken."""
    row = net.made_by(name, "Concat")
    if row is None or row.get("axis") % len(net.shape(name)) != axis:
        return name, place
    for part in row.inputs:
        if place < net.shape(part)[axis]:
            return part, place
        place -= net.shape(part)[axis]
    return name, place


MODES = {"constant": "constant", "reflect": "reflect", "edge": "replicate", "wrap": "circular"}
"""PyTorch's words for what is put around a map."""


def pad(net: Lowering, node: OnnxNode) -> Lowered:
    older = net.model.version < 11
    pads = node.get("pads", node.get("paddings")) if older else net.integers(node.inputs[1])
    value = node.get("value", 0.0) if older else net.number(node.input(2)) if node.input(2) else 0.0
    rank, mode = len(net.shape(node.inputs[0])), MODES.get(node.get("mode", "constant"))
    if pads is None or value is None or mode is None:
        return None
    axes = range(rank) if not node.input(3) else [axis % rank for axis in net.integers(node.inputs[3]) or ()]
    if len(pads) != 2 * len(axes):
        return None
    around = dict.fromkeys(range(rank), (0, 0))
    around.update(zip(axes, zip(pads[: len(axes)], pads[len(axes) :], strict=True), strict=True))
    numbers = [side for axis in reversed(range(rank)) for side in around[axis]]
    while numbers and not any(numbers[-2:]):
        numbers = numbers[:-2]
    x = net.value(node.inputs[0])
    return net.call(node, "pad", x, numbers, mode, value) if numbers else x


# --- resizing ----------------------------------------------------------------------------------

SAMPLED = {
    "linear": ("upsample_linear1d", "upsample_bilinear2d", "upsample_trilinear3d"),
    "cubic": ("", "upsample_bicubic2d", ""),
}
"""PyTorch's operations by mode, for one, two and three axes."""


def resize(net: Lowering, node: OnnxNode) -> Lowered:
    before, after = net.shape(node.inputs[0]), net.shape(node.outputs[0])
    count, mode = len(before) - 2, node.get("mode", "nearest")
    if before[:2] != after[:2] or not 1 <= count <= 3 or node.get("antialias", 0):
        return None
    factors = _factors(net, node, len(before))
    old = node.kind == "Upsample" or net.model.version < 11
    where = node.get("coordinate_transformation_mode", "asymmetric" if old else "half_pixel")
    given = (None, factors) if factors else (list(after[2:]), None)
    x = net.value(node.inputs[0])
    if mode == "nearest":
        rounding = node.get("nearest_mode", "floor" if old else "round_prefer_floor")
        same = _takes_same_pixels(where, rounding, all(m % n == 0 for n, m in zip(before[2:], after[2:], strict=True)))
        return net.call(node, f"upsample_nearest{count}d", x, *given) if same else None
    operation = SAMPLED.get(mode, ("",) * 3)[count - 1]
    known = where in ("half_pixel", "pytorch_half_pixel", "align_corners") and node.get("cubic_coeff_a", -0.75) == -0.75
    if not operation or not known:
        return None
    return net.call(node, operation, x, given[0], where == "align_corners", given[1])


def _takes_same_pixels(where: str, rounding: str, whole: bool) -> bool:
    """Whether the nearest pixel is the one that PyTorch takes; for whole factors, two ways to round agree."""
    usual = (where, rounding) == ("asymmetric", "floor")
    return usual or (whole and (where, rounding) == ("half_pixel", "round_prefer_floor"))


def _factors(net: Lowering, node: OnnxNode, rank: int) -> list[float] | None:
    """The factors of the positions, where they are given instead of sizes."""
    place = 1 if node.kind == "Upsample" or net.model.version < 11 else 2
    given = net.array(node.input(place))
    found = node.get("scales") or ([] if given is None else given.reshape(-1).tolist())
    return [float(n) for n in found[2:]] if len(found) == rank else None


def depth_to_space(net: Lowering, node: OnnxNode) -> Lowered:
    x, factor = net.value(node.inputs[0]), node.get("blocksize")
    if node.get("mode", "DCR") == "CRD":
        return net.call(node, "pixel_shuffle", x, factor)
    batch, channels, height, width = net.shape(node.inputs[0])
    apart = [batch, factor, factor, channels // factor**2, height, width]
    return _rearranged(net, node, x, apart, [0, 3, 4, 1, 5, 2])


def space_to_depth(net: Lowering, node: OnnxNode) -> Lowered:
    x, factor = net.value(node.inputs[0]), node.get("blocksize")
    batch, channels, height, width = net.shape(node.inputs[0])
    apart = [batch, channels, height // factor, factor, width // factor, factor]
    return _rearranged(net, node, x, apart, [0, 3, 5, 1, 2, 4])


def _rearranged(net: Lowering, node: OnnxNode, x: Value, apart: Sequence[int], order: Sequence[int]) -> Value:
    """The value with axes taken apart, in another order, and in the shape of the node's result."""
    taken = net.call(node, "view", x, list(apart), shape=apart)
    turned = net.call(node, "permute", taken, list(order), shape=[apart[axis] for axis in order])
    return net.call(node, "view", turned, list(net.shape(node.outputs[0])))


SHAPES: dict[str, Sequence[Lower]] = {
    name: (lower,)
    for name, lower in {
        **dict.fromkeys(("Reshape", "Flatten", "Squeeze", "Unsqueeze"), view),
        "Transpose": transpose,
        "Expand": expand,
        "Tile": expand,
        "Concat": concat,
        "Split": split,
        "Slice": cut,
        "Gather": gather,
        "Pad": pad,
        "Resize": resize,
        "Upsample": resize,
        "DepthToSpace": depth_to_space,
        "SpaceToDepth": space_to_depth,
    }.items()
}
"""What operators become, by name."""
