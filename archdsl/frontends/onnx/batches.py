"""Reads a model that was exported for one sample as one for several: its numbers say shapes for one.

With one sample, the batch is an axis of size 1 among others, so that layouts are ambiguous. A file for one sample is
therefore gone through twice: as it is, and with more samples, where shapes that it states as numbers are made larger.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import prod

from archdsl.frontends.onnx.model import OnnxNode

STATED = frozenset({"Concat", "Gather", "Reshape", "Resize", "Upsample"})
"""Operators whose results have a shape that the file may state as numbers, or as that of a value for all samples."""


class OneSample(Exception):
    """Raised where a model cannot be read with more samples than it says."""


@dataclass(frozen=True, slots=True)
class Batch:
    """Where the batch is in a value: in which axis, and how many places of that axis belong to one sample in a row.

    For tokens that follow each other sample by sample these are all tokens of one sample; where the samples of each
    token follow each other, it is 1.
    """

    axis: int
    inner: int


def stated(node: OnnxNode, batch: Batch, one: Sequence[int], result: Sequence[int]) -> Batch | None:
    """Where the batch is in a result whose shape is stated; None where it is not.

    `one` is the shape of the node's first input that has the batch, for one sample, and `result` that of the result.
    """
    if node.kind not in STATED or (node.kind == "Gather" and (len(one) != 1 or prod(result) != one[0])):
        return None
    if node.kind in ("Concat", "Resize", "Upsample"):
        return Batch(batch.axis, result[batch.axis])
    return _in_other_shape(prod(one[batch.axis + 1 :]) * batch.inner, result)


def _in_other_shape(inside: int, result: Sequence[int]) -> Batch | None:
    """Where the batch is in another shape. One sample's numbers follow each other in rows of `inside`."""
    borders = [axis for axis in range(len(result)) if prod(result[axis:]) == inside]
    alone = [axis for axis in borders if result[axis] == 1]
    if alone:
        return Batch(alone[0], 1)
    if borders:
        # Code joins the batch with heads or windows behind it. The last axis are channels, which stay as they are.
        (axis,) = borders
        return Batch(axis, result[axis]) if axis < len(result) - 1 or axis == 0 else Batch(axis - 1, 1)
    for axis, size in enumerate(result):
        rest = prod(result[axis + 1 :])
        if rest <= inside < rest * size and inside % rest == 0 and size % (inside // rest) == 0:
            return Batch(axis, inside // rest)
    return None


def followed(node: OnnxNode, batch: Batch, one: Sequence[int], result: Sequence[int], several: Sequence[int]) -> Batch:
    """Where the batch is in a result, whose shapes for one sample and for several are known. Raises `OneSample`."""
    changed = [axis for axis, (n, m) in enumerate(zip(result, several, strict=True)) if n != m]
    if len(changed) != 1:
        raise OneSample(node.name)
    (axis,) = changed
    same = node.kind == "Transpose" or (axis == batch.axis and result[axis] == one[batch.axis])
    return Batch(axis, batch.inner if same else result[axis])
