"""Calls that no op of the language does, as ops that hold them as they are (`archdsl.ops.held`)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from itertools import pairwise
from math import prod
from typing import Any

import numpy as np

from archdsl.frontends.arrangement import BATCH, Arrangement, along
from archdsl.frontends.aten.call import Call, Result, Translation
from archdsl.frontends.aten.einsum import contracted
from archdsl.frontends.aten.literal import Literal, aligned, all_as_they_lie, as_it_lies, literal
from archdsl.frontends.aten.placed import Placed
from archdsl.frontends.aten.step import Source, Step, TraceNode
from archdsl.ops.arguments import Mismatch
from archdsl.ops.base import Op
from archdsl.ops.fixed import MOST, Picked, PickedAlong, packed
from archdsl.ops.held import (
    Bordered,
    Joined,
    MatrixProduct,
    Part,
    Parts,
    Patches,
    Resampled,
    Rolled,
    ScaledAttention,
    Slid,
    SummedPatches,
)
from archdsl.ops.held_numbers import Applied, Arithmetic, Reduced, SoftmaxAlong
from archdsl.ops.merge import Add, Maximum, Mul, Sub
from archdsl.ops.scale import Scale
from archdsl.tensor import Tensor

SAME: dict[str, Op] = {"add": Add(), "sub": Sub(), "mul": Mul(), "maximum": Maximum()}
"""The language's own ops for arithmetic, where shapes are those that they take."""


# --- numbers beside numbers ------------------------------------------------------------------


def arithmetic(function: Any) -> Translation:
    """Two values, of which one is repeated where it has size 1; or one value and a constant."""

    def translate(call: Call) -> Result:
        factor = call.get("alpha")
        if call.get("rounding_mode") is not None or factor not in (None, 1):
            return None
        for name, other in (("self", "other"), ("other", "self")):
            number = call.number(other)
            if number is not None and call.placed(name):
                return _with_constant(function, call[name], number, name == "self")
        return _joined(function, call, [call.placed("self"), call.placed("other")])

    return translate


def _joined(function: Any, call: Call, placed: Sequence[Any]) -> Result:
    taken = aligned(all_as_they_lie(placed), len(call.trace.shape(call.node)))
    if not taken:
        return None
    op = fitting(function, taken)
    return Step(op, tuple(value.value for value in taken), arrangements=(taken[0].lies(_sizes(taken)),))


def _sizes(values: Sequence[Literal]) -> tuple[int | None, ...]:
    """The sizes of the result for each axis."""
    return tuple(None if sizes[0] is None else max(sizes) for sizes in zip(*(v.sizes for v in values), strict=True))


def fitting(function: Any, values: Sequence[Literal]) -> Op:
    tensors = [value.tensor for value in values]
    wanted = Arithmetic(function=function)
    own = SAME.get(function)
    try:
        if own is not None and own.outputs(*tensors) == wanted.outputs(*tensors):
            return own
    except Mismatch:
        pass
    return wanted


def _with_constant(function: str, value: TraceNode, number: float, is_first: bool) -> Result:
    """A value and a constant, of which the value is the first or the second."""
    match function, is_first:
        case ("add", _):
            return Step(Applied(function="shift", first=number), (value,))
        case ("sub", True):
            return Step(Applied(function="shift", first=-number), (value,))
        case ("sub", False):
            return Step(Applied(function="shift", first=number), (Step(Scale(factor=-1.0), (value,)),))
        case ("mul", _):
            return Step(Scale(factor=number), (value,))
        case ("div", True) if number:
            return Step(Scale(factor=1 / number), (value,))
        case ("div", False):
            inverse = Step(Applied(function="reciprocal"), (value,))
            return inverse if number == 1 else Step(Scale(factor=number), (inverse,))
        case ("maximum", _):
            return Step(Applied(function="at_least", first=number), (value,))
        case ("minimum", _):
            return Step(Applied(function="at_most", first=number), (value,))
    return None


def subtracted_from(call: Call) -> Result:
    """aten.rsub: other - self."""
    number = call.number("other")
    if number is None or call.get("alpha") not in (None, 1):
        return None
    return _with_constant("sub", call["self"], number, False)


def add_product(call: Call) -> Result:
    """aten.addcmul: self + value * one * other."""
    names = ("self", "tensor1", "tensor2")
    values = [literal(call.placed(name)) for name in names]
    rank = len(call.trace.shape(call.node))
    taken = aligned([value for value in values if value], rank) if None not in values else None
    if taken is None or call["value"] != 1:
        return None
    added, *factors = taken
    product = fitting("mul", factors)
    tensor = product.outputs(*(value.tensor for value in factors))[0]
    inner = Step(product, tuple(value.value for value in factors))
    total = fitting("add", [added, Literal(inner, tensor, _sizes(factors), added.batch_axis, added.batch)])
    return Step(total, (added.value, inner), arrangements=(added.lies(_sizes(taken)),))


def function(name: Any) -> Translation:
    return lambda call: Step(Applied(function=name), (call["self"],))


def power(call: Call) -> Result:
    exponent = call.number("exponent")
    names = {2.0: "square", 0.5: "sqrt", -0.5: "rsqrt", -1.0: "reciprocal"}
    if exponent is None or not call.placed("self"):
        return None
    if exponent == 1:
        return call["self"]
    name: Any = names.get(exponent, "pow")
    return Step(Applied(function=name, first=exponent if name == "pow" else 0.0), (call["self"],))


def clamp(call: Call) -> Result:
    low, high = (call.number(name) for name in ("min", "max"))
    value: Source = call["self"]
    if (low is None and call.get("min") is not None) or (high is None and call.get("max") is not None):
        return None
    if low is not None:
        value = Step(Applied(function="at_least", first=low), (value,))
    return value if high is None else Step(Applied(function="at_most", first=high), (value,))


def softplus(call: Call) -> Result:
    return Step(Applied(function="softplus"), (call["self"],)) if (call["beta"], call["threshold"]) == (1, 20) else None


def expand_like(call: Call) -> Result:
    """A value in the precision of another, which is its own."""
    value = call["self"]
    return value if value.meta["val"].dtype == call.node.meta["val"].dtype else None


# --- along dimensions ------------------------------------------------------------------------


def one_axis(call: Call, name: str = "dim", of: str = "self") -> tuple[Literal, int, int] | None:
    """A value as it lies, an axis, and the dimension along it; None where that is the batch."""
    found = as_it_lies(call.placed(of))
    axis = call[name] % len(call.trace.shape(call[of]))
    dim = found.dim(axis) if found else None
    return (found, axis, dim) if found and dim and axis != found.batch_axis else None


def product(call: Call) -> Result:
    """A product of matrices, or of those of each sample."""
    names = ("self", "other") if "other" in call.arguments else ("self", "mat2")
    left, right = (placed and placed.for_each_sample() for placed in map(call.placed, names))
    if left and right and left.arrangement.rank == right.arrangement.rank > 2 and not right.has_batch:
        found = _of_all_samples(left, right)
        if found:
            return found
    values = [literal(left), literal(right)]
    ranks = [len(call.trace.shape(call[name])) for name in names]
    if None in values or min(ranks) < 2:
        return None
    rank = max(ranks)
    taken = aligned([value for value in values if value], rank)
    if taken is None or taken[0].batch_axis is None or taken[0].batch_axis >= rank - 2:
        return None
    one, other = taken
    sizes = [None if a is None else max(a, b or 0) for a, b in zip(one.sizes, other.sizes, strict=True)]
    lies = one.lies((*sizes[:-2], one.sizes[-2], other.sizes[-1]))
    return Step(MatrixProduct(), (one.value, other.value), arrangements=(lies,))


def _of_all_samples(one: Placed, other: Placed) -> Step | None:
    """Products of matrices of which the first have rows of all samples, one after the other."""
    *lead, rows, last = one.arrangement.axes
    batch = along(BATCH, one.batch)
    if rows[:1] != batch:
        return None
    values = [
        literal(one.arranged(replace(one.arrangement, axes=(batch, *lead, rows[1:], last)))),
        literal(other.arranged(replace(other.arrangement, axes=((), *other.arrangement.axes)))),
    ]
    taken = aligned([value for value in values if value], one.arrangement.rank + 1)
    if taken is None or len(taken) < 2:
        return None
    first, second = taken
    samples, *axes, rows, columns = first.lies((*first.sizes[:-1], second.sizes[-1])).axes
    lies = Arrangement((*axes, (*samples, *rows), columns))
    return Step(MatrixProduct(), (first.value, second.value), arrangements=(lies,))


def attention(call: Call) -> Result:
    """Attention with heads, windows and the like in any of the dimensions before positions and channels."""
    names = ["query", "key", "value", *(["attn_mask"] if call["attn_mask"] is not None else [])]
    values = [literal(call.placed(name)) for name in names]
    rank = len(call.trace.shape(call.node))
    taken = aligned([value for value in values if value], rank) if None not in values else None
    is_plain = call["dropout_p"] == 0 and not call.get("enable_gqa")
    if taken is None or not is_plain or taken[0].batch_axis is None or taken[0].batch_axis >= rank - 2:
        return None
    op = ScaledAttention(scale=call["scale"], causal=call["is_causal"])
    lies = taken[0].lies((*taken[0].sizes[:-1], taken[2].sizes[-1]))
    return Step(op, tuple(value.value for value in taken), arrangements=(lies,))


def linear(call: Call) -> Result:
    """A linear layer with a computed weight: a product with its transpose, and a sum."""
    placed, weight = call.placed("input"), call.placed("weight")
    if placed is None or weight is None or weight.arrangement.rank != 2:
        return None
    rank = placed.arrangement.rank
    taken = aligned(
        [v for v in map(literal, (placed, weight.arranged(weight.arrangement.permuted((1, 0))))) if v], rank
    )
    if taken is None or len(taken) < 2 or taken[0].batch_axis is None or taken[0].batch_axis >= rank - 2:
        return None
    one, other = taken
    step = Step(MatrixProduct(), (one.value, other.value))
    sizes = (*one.sizes[:-1], other.sizes[-1])
    if call["bias"] is None:
        return replace(step, arrangements=(one.lies(sizes),))
    made = Tensor(*(size for size in sizes if size is not None))
    values = aligned([Literal(step, made, sizes, one.batch_axis, one.batch), *_found(call, "bias")], rank)
    if values is None or len(values) < 2:
        return None
    op = fitting("add", values)
    return Step(op, tuple(value.value for value in values), arrangements=(one.lies(sizes),))


def _found(call: Call, name: str) -> list[Literal]:
    found = literal(call.placed(name))
    return [found] if found else []


def softmax(call: Call) -> Result:
    found = one_axis(call)
    return Step(SoftmaxAlong(dim=found[2]), (found[0].value,), arrangements=(found[0].lies(),)) if found else None


def reduced(name: Any) -> Translation:
    """A sum, a mean or the like over some axes; one of size 1 stays, or goes."""

    def translate(call: Call) -> Result:
        found = literal(call.placed("self"))
        if found is None or call.get("ord") not in (None, 2, 2.0) or not call.takes_first_result_only:
            return None
        rank = len(found.sizes)
        given = call.get("dim")
        given = range(rank) if given is None or given == [] else [given] if isinstance(given, int) else given
        axes = sorted(axis % rank for axis in given)
        dims = tuple(dim for axis in axes if (dim := found.dim(axis)))
        if found.batch_axis in axes or len(dims) < len(axes):
            return None
        sizes = tuple(1 if axis in axes else size for axis, size in enumerate(found.sizes))
        lies = found.lies(sizes)
        if not call.get("keepdim"):
            lies = Arrangement(tuple(atoms for axis, atoms in enumerate(lies.axes) if axis not in axes))
        return Step(Reduced(function=name, dims=dims), (found.value,), arrangements=(lies,))

    return translate


def split(call: Call) -> Result:
    axis = call["dim"] % len(call.trace.shape(call["self"]))
    return _parts(call, [int(part.shape[axis]) for part in call.node.meta["val"]], False)


def unbind(call: Call) -> Result:
    axis = call["dim"] % len(call.trace.shape(call["self"]))
    return _parts(call, [1] * call.trace.shape(call["self"])[axis], True)


def _parts(call: Call, sizes: list[int], remove: bool) -> Result:
    found = one_axis(call)
    if found is None:
        return None
    value, axis, dim = found
    lies = (value.with_size(axis, size) for size in sizes)
    op = Parts(dim=dim, sizes=tuple(sizes))
    return Step(op, (value.value,), arrangements=tuple(one.with_axis(axis, None) if remove else one for one in lies))


def cut(call: Call) -> Result:
    return _part(call, slice(call["start"], call["end"], call["step"]), False)


def narrow(call: Call) -> Result:
    return _part(call, slice(call["start"], call["start"] + call["length"]), False)


def select(call: Call) -> Result:
    return _part(call, slice(call["index"], call["index"] + 1 or None), True)


def _part(call: Call, places: slice, remove: bool) -> Result:
    found = one_axis(call)
    if found is None:
        return None
    value, axis, dim = found
    taken = range(*places.indices(call.trace.shape(call["self"])[axis]))
    op = Part(dim=dim, start=taken.start, stop=taken.stop, step=taken.step)
    lies = value.with_size(axis, len(taken))
    return Step(op, (value.value,), arrangements=(lies.with_axis(axis, None) if remove else lies,))


def concat(call: Call) -> Result:
    return _in_a_row(call, call["dim"] % len(call.trace.shape(call.node)), lambda lies, axis: lies)


def stack(call: Call) -> Result:
    def with_axis(lies: Arrangement, axis: int) -> Arrangement:
        return replace(lies, axes=(*lies.axes[:axis], (), *lies.axes[axis:]))

    return _in_a_row(call, call["dim"] % len(call.trace.shape(call.node)), with_axis)


def _in_a_row(call: Call, axis: int, change: Callable[[Arrangement, int], Arrangement]) -> Result:
    """Values one after the other along an axis. Zeros among them are a border of the value beside them."""
    before, borders, placed = 0, [], []
    for node in call.joined:
        table, one = call.trace.tables[node], call.trace.placed.get(node)
        if table and table.number == 0:
            before += call.trace.shape(node)[axis]
            continue
        one = one.for_each_sample() if one and call.trace.is_batched(call.node) else one
        placed.append(one and one.arranged(change(one.arrangement, axis)))
        borders.append(before)
        before = 0
    rows = zip(all_as_they_lie(placed) if placed else [], borders, strict=False)
    parts = [found for part, n in rows if (found := bordered(part, axis, n) if n else part)]
    if before or not parts or len(parts) < len(placed):
        return None
    if len({(part.batch_axis, len(part.sizes)) for part in parts}) > 1:
        return None
    dim = parts[0].dim(axis)
    if dim is None or any(one.dim(axis) != other.dim(axis) for one, other in pairwise(parts)):
        return None
    total = sum(part.sizes[axis] or 0 for part in parts)
    return Step(Joined(dim=dim), tuple(part.value for part in parts), arrangements=(parts[0].with_size(axis, total),))


def bordered(value: Literal, axis: int, before: int, after: int = 0) -> Literal | None:
    """A value with zeros before and after it along an axis; None where that is the batch."""
    dim = value.dim(axis)
    if dim is None or axis == value.batch_axis:
        return None
    sides = [0] * 2 * value.tensor.rank
    sides[2 * dim - 2 : 2 * dim] = before, after
    op = Bordered(sides=tuple(sides))
    sizes = (*value.sizes[:axis], value.tensor.dims[dim - 1] + before + after, *value.sizes[axis + 1 :])
    tensor, inner = op.shape(value.tensor), value.value
    if isinstance(inner, Step) and isinstance(inner.op, Bordered) and inner.op.value == 0:
        op = Bordered(sides=tuple(map(sum, zip(inner.op.sides, sides, strict=True))))
        (inner,) = inner.inputs
    return replace(value, value=Step(op, (inner,)), tensor=tensor, sizes=sizes)


def pad(call: Call) -> Result:
    """Constants around a value, along any of its dimensions but the batch."""
    numbers = list(call["pad"])
    if not any(numbers):
        return call["self"]
    found = literal(call.placed("self"))
    if found is None or call.get("mode") not in (None, "constant") or min(numbers) < 0:
        return None
    sides, sizes = [0] * 2 * found.tensor.rank, list(found.sizes)
    for place, pair in enumerate(zip(numbers[::2], numbers[1::2], strict=True)):
        axis = len(sizes) - 1 - place
        dim, size = found.dim(axis), sizes[axis]
        if any(pair) and (dim is None or size is None or axis == found.batch_axis):
            return None
        if dim is not None and size is not None:
            sides[2 * dim - 2 : 2 * dim], sizes[axis] = pair, size + sum(pair)
    op = Bordered(sides=tuple(sides), value=float(call.get("value") or 0))
    return Step(op, (found.value,), arrangements=(found.lies(tuple(sizes)),))


def patches(call: Call) -> Result:
    """aten.im2col and aten.col2im, which is told the size of the map."""
    window = {"kernel": "kernel_size", "stride": "stride", "padding": "padding", "dilation": "dilation"}
    given: dict[str, Any] = {name: tuple(call[argument]) for name, argument in window.items()}
    if "output_size" in call.arguments:
        return Step(SummedPatches(size=tuple(call["output_size"]), **given), (call["self"],))
    return Step(Patches(**given), (call["self"],))


def rolled(call: Call) -> Result:
    """Places that are moved along axes, of which the last come first."""
    found = literal(call.placed("self"))
    dims, shifts = (given if isinstance(given, list | tuple) else [given] for given in (call["dims"], call["shifts"]))
    axes = [axis % len(found.sizes) for axis in dims] if found else []
    places = [found.dim(axis) for axis in axes] if found else []
    if found is None or not axes or None in places or found.batch_axis in axes:
        return None
    op = Rolled(dims=tuple(place for place in places if place), shifts=tuple(shifts))
    return Step(op, (found.value,), arrangements=(found.lies(),))


def slid(call: Call) -> Result:
    """aten.unfold: windows along one axis."""
    found = literal(call.placed("self"))
    axis = call["dimension"] % len(call.trace.shape(call["self"]))
    dim = found.dim(axis) if found else None
    if found is None or dim is None or axis == found.batch_axis:
        return None
    op = Slid(dim=dim, size=call["size"], stride=call["step"])
    sizes = (*found.sizes, call["size"])
    places = call.trace.shape(call.node)[axis]
    wider = replace(found, sizes=(*sizes[:axis], places, *sizes[axis + 1 :]))
    return Step(op, (found.value,), arrangements=(wider.lies(),))


def picked(call: Call) -> Result:
    """Numbers of one learned weight, each from a fixed place: a table of biases that is read by offsets."""
    table = call.trace.tables[call.node]
    if table is None or table.weight is None:
        return _picked_along(call)
    if not 0 < table.picked.size <= MOST or int(table.picked.min()) < 0:
        return None
    placed = call.trace.placed[table.weight]
    if bool(table.numbers.any()):
        return None
    shape = tuple(table.picked.shape)
    places = packed(_places(placed)[table.picked].astype(np.int32).tobytes())
    lies = Arrangement(tuple(along(dim, size) for dim, size in enumerate(shape, 1)))
    return Step(Picked(dims=shape or (1,), numbers=places), (placed.value,), arrangements=(lies,))


def _places(placed: Placed) -> np.ndarray[Any, Any]:
    """Where each number of a parameter is in its value, counted through all dimensions of that."""
    found = np.zeros(1, int)
    for atom in (atom for axis in placed.arrangement.axes for atom in axis):
        stride = atom.step * prod(placed.tensor.dims[atom.dim :])
        found = np.add.outer(found, np.arange(atom.size) * stride)
    return found.ravel()


def _picked_along(call: Call) -> Result:
    """Fixed places along one axis of a value: aten.index_select, and aten.index with the indices of one axis."""
    given = call.get("indices") or [None] * (call.get("dim") or 0) + [call.get("index")]
    axis, *others = [axis for axis, indices in enumerate(given) if indices is not None]
    table, found = call.trace.tables[given[axis]], literal(call.placed("self"))
    dim = found.dim(axis) if found else None
    if others or table is None or table.weight is not None or found is None or dim is None or axis == found.batch_axis:
        return None
    places = np.arange(found.tensor.dims[dim - 1])[table.numbers].astype(np.int32)
    if not 0 < places.size <= MOST:
        return None
    op = PickedAlong(dim=dim, count=places.size, numbers=packed(places.tobytes()))
    lies = found.with_size(axis, places.size).reshaped(call.trace.shape(call.node))
    return Step(op, (found.value,), arrangements=(lies,)) if lies else None


def resampled(mode: Any, antialias: bool = False) -> Translation:
    def translate(call: Call) -> Result:
        name = "input" if "input" in call.arguments else "self"
        placed = call.placed(name)
        found = literal(placed and placed.for_each_sample())
        size = call.trace.shape(call.node)[2:]
        if found is None or not found.is_first or not _samples_by_size(call, found.tensor.spatial, size):
            return None
        op = Resampled(size=size, mode=mode, align_corners=call["align_corners"], antialias=antialias)
        lies = found.lies((None, *op.shape(found.tensor).dims))
        if not call.trace.is_batched(call.node):
            lies = lies.with_axis(0, ())
        return Step(op, (found.value,), arrangements=(lies,))

    return translate


def _samples_by_size(call: Call, before: tuple[int, ...], after: tuple[int, ...]) -> bool:
    """Whether PyTorch samples by the quotient of the sizes, and not by a factor that differs from it."""
    factors = call.get("scale_factors") or [
        f for f in (call.get("scales_h"), call.get("scales_w"), call.get("scales")) if f
    ]
    return not factors or all(n * factor == out for n, factor, out in zip(before, factors, after, strict=True))


TRANSLATIONS: dict[str, Translation] = {
    **dict.fromkeys(("index", "index_select", "gather", "take"), picked),
    "einsum": contracted,
    "im2col": patches,
    "col2im": patches,
    "unfold": slid,
    "roll": rolled,
    "upsample_linear1d": resampled("linear"),
    "upsample_bilinear2d": resampled("bilinear"),
    "upsample_bicubic2d": resampled("bicubic"),
    "_upsample_bicubic2d_aa": resampled("bicubic", antialias=True),
    "_upsample_bilinear2d_aa": resampled("bilinear", antialias=True),
    **{name: arithmetic(name) for name in ("add", "sub", "mul", "div", "maximum", "minimum")},
    "rsub": subtracted_from,
    "addcmul": add_product,
    "__rsub__": subtracted_from,
    **{name: function(name) for name in ("sqrt", "rsqrt", "reciprocal", "square", "log", "sin", "cos", "erf", "sign")},
    "selu": function("selu"),
    "softplus": softplus,
    "neg": lambda call: Step(Scale(factor=-1.0), (call["self"],)),
    "pow": power,
    "clamp": clamp,
    "clamp_min": clamp,
    "clamp_max": clamp,
    "type_as": expand_like,
    "linear": linear,
    "scaled_dot_product_attention": attention,
    "matmul": product,
    "bmm": product,
    "softmax": softmax,
    "_softmax": softmax,
    **{name: reduced(name) for name in ("sum", "mean", "amax", "amin")},
    "max": reduced("amax"),
    "linalg_vector_norm": reduced("norm"),
    "split": split,
    "split_with_sizes": split,
    "chunk": split,
    "tensor_split": split,
    "unbind": unbind,
    "slice": cut,
    "narrow": narrow,
    "select": select,
    "cat": concat,
    "stack": stack,
    "pad": pad,
    "constant_pad_nd": pad,
}
"""Translations to try where no op of the language does the same."""
