"""Turns calls for which there is no translation into opaque ops, with their names, shapes and costs."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import replace
from hashlib import sha1
from typing import Any, TypeAlias

import numpy as np

from archdsl.frontends.arrangement import BATCH, CHANNELS, REPEATED, Arrangement, along, joined
from archdsl.frontends.aten import layout
from archdsl.frontends.aten.call import Trace, bound, kind_of
from archdsl.frontends.aten.literal import in_order
from archdsl.frontends.aten.placed import Placed
from archdsl.frontends.aten.step import Made, Step, TraceNode, operation
from archdsl.ops.fixed import LONGEST, MOST, Fixed, packed
from archdsl.ops.internal import Opaque
from archdsl.tensor import Kind, Tensor
from archdsl.text import clean

Numbers: TypeAlias = "np.ndarray[Any, Any]"
Counter: TypeAlias = Callable[[Trace, TraceNode], int]
"""Gives the multiply-adds of the matrix products in a call of a trace, for a batch of one."""

LAYOUTS = frozenset(layout.TRANSLATIONS)


def as_opaque(trace: Trace, node: TraceNode, multiply_adds: Counter) -> Step:
    """A call as an opaque op.

    It takes values as they lie, and its arguments say how. A result of the shape of one of them is taken to lie as it.
    What is computed from neither inputs nor weights is one op, known by its numbers.
    """
    table = trace.tables[node]
    if table and table.weight is None and isinstance(table.numbers, np.ndarray):
        return _constant(table.numbers, trace.batch)
    sources, name = node.all_input_nodes, operation(node)
    weights = {trace.keys[source.name]: source for source in sources if trace.is_weight(source)}
    value = node.meta["val"]
    # Results that are switched off by arguments are None, and come last.
    results = [result for result in (value if isinstance(value, tuple | list) else (value,)) if result is not None]
    kinds = tuple(map(kind_of, results))
    taken = [_taken(trace, source) for source in sources if not trace.is_weight(source)]
    placed = [_result(trace, node, tuple(map(int, result.shape)), taken) for result in results]
    op = Opaque(
        target=name if "." in name else f"aten.{name}",
        inputs=tuple(value.tensor.dims for value in taken),
        results=tuple(dims for dims, _ in placed),
        kinds=() if set(kinds) == {"float"} else kinds,
        arguments=", ".join(filter(None, (_arguments(node), *_layouts(taken)))),
        **_sizes(trace, weights.values()),
        multiply_adds=multiply_adds(trace, node),
    )
    return Step(op, tuple(value.value for value in taken), weights, tuple(lies for _, lies in placed))


def _constant(numbers: Numbers, batch: int) -> Step:
    """Fixed numbers; of those that are not kept, only a digest is known. Those of equal samples are kept once."""
    if numbers.ndim > 1 and numbers.shape[0] == batch > 1 and bool((numbers == numbers[:1]).all()):
        step = _constant(numbers[0], batch)
        lies = step.arrangements[0]
        if isinstance(step.op, Fixed):
            return replace(step, arrangements=(replace(lies, axes=(along(REPEATED, batch, 0), *lies.axes)),))
    return fixed(numbers) or _unknown(numbers)


def fixed(numbers: Numbers) -> Step | None:
    """Fixed numbers in single precision, the same for all samples; None if they are too many to keep."""
    if numbers.dtype != np.float32 or not 0 < numbers.size <= MOST:
        return None
    kept = packed(numbers.tobytes())
    lies = Arrangement(tuple(along(dim, size) for dim, size in enumerate(numbers.shape, 1)))
    op = Fixed(dims=tuple(numbers.shape) or (1,), numbers=kept)
    return Step(op, (), arrangements=(lies,)) if len(kept) <= LONGEST else None


def _unknown(numbers: Numbers) -> Step:
    op = Opaque(
        target="constant",
        inputs=(),
        results=(tuple(numbers.shape) or (1,),),
        kinds=() if numbers.dtype.kind in "fc" else ("int",),
        arguments=_told(numbers),
    )
    return Step(op, (), arrangements=(_with_batch(1, tuple(numbers.shape), None),))


def _told(numbers: Numbers) -> str:
    """The numbers of a table, if they are few; else a digest of them."""
    if numbers.size <= 8:
        return f"numbers={numbers.flatten().tolist()}"
    return f"digest={sha1(numbers.tobytes()).hexdigest()[:12]}"


def counted_once(trace: Trace, step: Step, counted: Collection[str]) -> Step:
    """An opaque op that does not count the weights under these keys, which another node has."""
    new = [weight for key, weight in step.weights.items() if key not in counted]
    return replace(step, op=step.op.model_copy(update=_sizes(trace, new)))


def _sizes(trace: Trace, weights: Iterable[TraceNode]) -> dict[str, Any]:
    """The shapes of the weights that are learned, and of those that are only kept."""
    shapes = [(trace.shape(weight) or (1,), trace.is_parameter(weight)) for weight in weights]
    return {
        "parameters": tuple(shape for shape, learned in shapes if learned),
        "kept": tuple(shape for shape, learned in shapes if not learned),
    }


def _taken(trace: Trace, source: TraceNode) -> Placed:
    """A value as batch, channels, positions, if no permute is needed; else, and if it is whole numbers, as it lies."""
    placed = trace.placed[source]
    return placed if placed.tensor.kind == "int" else placed.standard() or placed.settled()


def _layouts(taken: list[Placed]) -> Iterator[str]:
    """How the inputs lie that are not in PyTorch's order, such as `input 1: batch, 2:196, 1:768`."""
    for index, placed in enumerate(taken, 1):
        if not placed.is_plain and not _is_stored(placed):
            yield f"input {index}: {placed.arrangement}"


def _result(
    trace: Trace, node: TraceNode, shape: tuple[int, ...], taken: list[Placed]
) -> tuple[tuple[int, ...], Arrangement]:
    """The dimensions of an opaque result for one sample, and how the result lies in them."""
    for placed in taken if trace.is_batched(node) else ():
        if placed.arrangement.shape == shape and placed.arrangement.is_complete(placed.batch * placed.tensor.size):
            return placed.tensor.dims, placed.arrangement
    alone = any(along(BATCH, trace.batch) in placed.arrangement.axes for placed in taken)
    axis = _batch_axis(trace.batch, shape, alone, [placed.batch_axis for placed in taken])
    arrangement = _with_batch(trace.batch, shape, axis if trace.is_batched(node) else None)
    # A single number counts as a vector of length 1.
    return arrangement.without_batch() or (1,), arrangement


def _batch_axis(batch: int, shape: tuple[int, ...], alone: bool, places: list[int]) -> int | None:
    """The axis that holds the batch: `alone`, if an input has it as an axis, and where it has it, if that may be."""
    multiples = [axis for axis, size in enumerate(shape) if size % batch == 0]
    exact = [axis for axis in multiples if shape[axis] == batch]
    exact.sort(key=lambda axis: axis not in places)
    return next(iter([*exact, *multiples] if alone else [*multiples, *exact]), None)


def _with_batch(batch: int, shape: tuple[int, ...], axis: int | None) -> Arrangement:
    """How a result lies in its value for one sample. Where code folds the batch, it is a part of an axis."""
    axes, dim = [], CHANNELS
    for place, size in enumerate(shape):
        samples = batch if place == axis else 1
        axes.append(joined((*along(BATCH, samples), *along(dim, size // samples))))
        dim += not (place == axis and size == samples)
    return Arrangement(tuple(axes))


def _is_stored(placed: Placed) -> bool:
    """Whether the numbers of each sample lie in PyTorch's tensor as in the value."""
    return placed.arrangement.without_batch() == placed.tensor.dims and placed.arrangement.in_order()


def as_stored(trace: Trace, node: TraceNode) -> Made | Step:
    """A value as it lies in PyTorch's tensor, but for the batch. Where that takes a permute, it is an opaque op."""
    placed = trace.placed[node]
    if _is_stored(placed):
        return placed.value
    found = in_order(placed) or in_order(_with_samples_first(placed))
    if found:
        return found.value
    dims = placed.arrangement.without_batch() or (1,)
    name = operation(placed.call) if operation(placed.call) in LAYOUTS else "permute"
    op = Opaque(
        target=f"aten.{name}",
        inputs=(placed.tensor.dims,),
        results=(dims,),
        kinds=_kinds(placed.tensor),
        arguments=str(placed.arrangement),
    )
    return Step(op, (placed.value,), call=placed.call)


def _with_samples_first(placed: Placed) -> Placed:
    """A value whose samples are behind axes of size 1 alone, as in a state of one layer, without these axes."""
    lies = placed.arrangement
    before = lies.axes[: placed.batch_axis]
    return placed.arranged(replace(lies, axes=lies.axes[len(before) :])) if not any(before) else placed


def _kinds(tensor: Tensor) -> tuple[Kind, ...]:
    return () if tensor.kind == "float" else (tensor.kind,)


def _arguments(node: TraceNode) -> str:
    """The arguments that are neither values nor PyTorch's defaults: `dims=[2]`."""
    schema = getattr(node.target, "_schema", None)
    defaults = {a.name: a.default_value for a in schema.arguments if a.has_default_value()} if schema else {}
    given = {name: value for name, value in bound(node).items() if not _has_values(value)}
    texts = (f"{name}={value}" for name, value in given.items() if name not in defaults or value != defaults[name])
    # A spec writes them between quotes.
    return clean(", ".join(texts).replace("\n", " ").replace('"', "'"))


def _has_values(argument: Any) -> bool:
    if isinstance(argument, list | tuple):
        return any(map(_has_values, argument))
    return hasattr(argument, "meta") or type(argument).__module__ == "torch"
