"""Computes what nodes make of fixed numbers: shapes, masks, tables of indices. Each operator is a line of numpy."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeAlias

import numpy as np

from archdsl.frontends.onnx.model import Numbers, OnnxNode

LARGEST = 1 << 22
"""How many fixed numbers a value may have that is computed."""

Fold: TypeAlias = Callable[..., Any]
"""Takes the node and an array for each input (None for one that is left out)."""


def element_type(number: int) -> Any:
    """The type of numpy for a number of ONNX's."""
    from onnx import helper

    return helper.tensor_dtype_to_np_dtype(number)


def _axes(node: OnnxNode, given: Numbers | None, name: str = "axes") -> tuple[int, ...] | None:
    found = node.get(name) if given is None else given.reshape(-1).tolist()
    return None if found is None else tuple(found)


def _shape(node: OnnxNode, x: Numbers) -> Numbers:
    return np.array(x.shape[node.get("start", 0) : node.get("end")], np.int64)


def _reshape(node: OnnxNode, x: Numbers, shape: Numbers) -> Numbers:
    sizes = shape.tolist()
    return x.reshape(sizes if node.get("allowzero") else [n or x.shape[axis] for axis, n in enumerate(sizes)])


def _squeeze(node: OnnxNode, x: Numbers, axes: Numbers | None = None) -> Numbers:
    return np.squeeze(x, _axes(node, axes))


def _unsqueeze(node: OnnxNode, x: Numbers, axes: Numbers | None = None) -> Numbers:
    return np.expand_dims(x, _axes(node, axes) or ())


def _slice(node: OnnxNode, x: Numbers, *given: Numbers | None) -> Numbers:
    parts = slices(node, x.shape, given)
    return x[tuple(slice(*parts[axis]) if axis in parts else slice(None) for axis in range(x.ndim))]


def slices(node: OnnxNode, shape: Sequence[int], given: Sequence[Numbers | None]) -> dict[int, tuple[Any, Any, int]]:
    """Start, stop and step by axis, as numpy and Python have them."""
    listed = [None if one is None else one.reshape(-1).tolist() for one in given]
    starts, ends, axes, steps = (*listed, None, None, None, None)[:4]
    starts, ends = starts or list(node.get("starts", ())), ends or list(node.get("ends", ()))
    axes = axes or node.get("axes") or list(range(len(starts)))
    found = {}
    for start, end, axis, step in zip(starts, ends, axes, steps or [1] * len(starts), strict=True):
        stop = None if step < 0 and end < -shape[axis] else end
        found[axis % len(shape)] = (start, stop, step)
    return found


def _range(node: OnnxNode, start: Numbers, limit: Numbers, delta: Numbers) -> Any:
    first, stop, step = (one.item() for one in (start, limit, delta))
    return np.arange(first, stop, step).astype(start.dtype)


def _filled(node: OnnxNode, shape: Numbers) -> Numbers:
    value = node.get("value")
    if value is None:
        return np.zeros(shape.tolist(), np.float32)
    return np.full(shape.tolist(), value.reshape(-1)[0], value.dtype)


def _expand(node: OnnxNode, x: Numbers, shape: Numbers) -> Numbers:
    return np.ascontiguousarray(np.broadcast_to(x, np.broadcast_shapes(x.shape, tuple(shape.tolist()))))


def _scattered(node: OnnxNode, x: Numbers, indices: Numbers, updates: Numbers) -> Numbers:
    found = x.copy()
    if node.get("reduction", "none") != "none":
        raise ValueError("only plain updates are computed")
    found[tuple(np.moveaxis(indices, -1, 0))] = updates
    return found


def _divided(node: OnnxNode, x: Numbers, y: Numbers) -> Numbers:
    """Whole numbers are divided towards zero."""
    return (np.trunc(x / y)).astype(x.dtype) if x.dtype.kind in "iu" else x / y


def _remainder(node: OnnxNode, x: Numbers, y: Numbers) -> Numbers:
    return np.fmod(x, y) if node.get("fmod") else np.mod(x, y)


def _reduced(function: Any) -> Fold:
    def fold(node: OnnxNode, x: Numbers, axes: Numbers | None = None) -> Numbers:
        found = _axes(node, axes)
        if not found and node.get("noop_with_empty_axes"):
            return x
        return function(x, axis=found or None, keepdims=bool(node.get("keepdims", 1)))  # type: ignore[no-any-return]

    return fold


def _length(x: Numbers, **axes: Any) -> Any:
    return np.sqrt(np.sum(x * x, **axes))


def _clipped(node: OnnxNode, x: Numbers, low: Numbers | None = None, high: Numbers | None = None) -> Numbers:
    return np.clip(x, node.get("min") if low is None else low, node.get("max") if high is None else high)


def _triangle(node: OnnxNode, x: Numbers, k: Numbers | None = None) -> Numbers:
    return (np.triu if node.get("upper", 1) else np.tril)(x, 0 if k is None else int(k))


def _plain(function: Any) -> Fold:
    """An operator that is a function of numpy, and keeps the type of its first input."""
    return lambda node, *inputs: np.asarray(function(*inputs)).astype(inputs[0].dtype)


def _truth(function: Any) -> Fold:
    return lambda node, *inputs: np.asarray(function(*inputs))


FOLDS: Mapping[str, Fold] = {
    "Identity": lambda node, x: x,
    "Shape": _shape,
    "Size": lambda node, x: np.array(x.size, np.int64),
    "Gather": lambda node, x, places: np.take(x, places, node.get("axis", 0)),
    "Concat": lambda node, *inputs: np.concatenate(inputs, node.get("axis", 0)),
    "Reshape": _reshape,
    "Flatten": lambda node, x: x.reshape(int(np.prod(x.shape[: node.get("axis", 1)])), -1),
    "Transpose": lambda node, x: np.transpose(x, node.get("perm")),
    "Squeeze": _squeeze,
    "Unsqueeze": _unsqueeze,
    "Slice": _slice,
    "Range": _range,
    "ConstantOfShape": _filled,
    "Expand": _expand,
    "Tile": lambda node, x, repeats: np.tile(x, repeats.tolist()),
    "ScatterND": _scattered,
    "Trilu": _triangle,
    "Cast": lambda node, x: x.astype(element_type(node.get("to"))),
    "CastLike": lambda node, x, like: x.astype(like.dtype),
    "Where": lambda node, condition, x, y: np.where(condition, x, y),
    "Clip": _clipped,
    "Add": _plain(np.add),
    "Sub": _plain(np.subtract),
    "Mul": _plain(np.multiply),
    "Div": _divided,
    "Mod": _remainder,
    "Pow": _plain(np.power),
    "Min": _plain(lambda *inputs: np.minimum.reduce(np.broadcast_arrays(*inputs))),
    "Max": _plain(lambda *inputs: np.maximum.reduce(np.broadcast_arrays(*inputs))),
    **{
        name: _plain(function)
        for name, function in {
            "Neg": np.negative, "Abs": np.abs, "Sqrt": np.sqrt, "Exp": np.exp, "Log": np.log, "Sin": np.sin,
            "Cos": np.cos, "Floor": np.floor, "Ceil": np.ceil, "Round": np.round, "Sign": np.sign,
            "Reciprocal": np.reciprocal, "Tanh": np.tanh,
        }.items()
    },
    **{
        name: _truth(function)
        for name, function in {
            "Equal": np.equal, "Less": np.less, "Greater": np.greater, "LessOrEqual": np.less_equal,
            "GreaterOrEqual": np.greater_equal, "And": np.logical_and, "Or": np.logical_or, "Xor": np.logical_xor,
            "Not": np.logical_not,
        }.items()
    },
    "ReduceProd": _reduced(np.prod),
    "ReduceSum": _reduced(np.sum),
    "ReduceMax": _reduced(np.max),
    "ReduceMin": _reduced(np.min),
    "ReduceMean": _reduced(np.mean),
    "ReduceL2": _reduced(_length),
    "CumSum": lambda node, x, axis: np.cumsum(x, int(axis), dtype=x.dtype),
    "MatMul": _plain(np.matmul),
}  # fmt: skip
"""Operators whose results are computed where all inputs are fixed numbers."""

PICKING = frozenset("Identity Gather Reshape Flatten Transpose Squeeze Unsqueeze Slice Expand Tile".split())
"""Operators whose results are numbers of their first input, each as it was."""


def folded(node: OnnxNode, inputs: Sequence[Numbers | None]) -> Numbers | None:
    """What a node makes of fixed numbers; None if it is not computed."""
    fold = FOLDS.get(node.kind) if node.domain == "" and len(node.outputs) == 1 else None
    if fold is None:
        return None
    try:
        with np.errstate(all="ignore"):
            return np.asarray(fold(node, *inputs))
    except (ValueError, TypeError, IndexError, ZeroDivisionError, OverflowError, MemoryError, AttributeError):
        # What does not fit is told where a layer asks for it.
        return None
