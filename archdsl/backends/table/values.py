"""Exact values as text for people."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from archdsl.analyses.notation import count, seconds
from archdsl.backends.table.columns import Column, Unit, Value
from archdsl.tensor import Tensor

Layout = Literal["chw", "hwc"]


@dataclass(frozen=True, slots=True)
class Style:
    """`layout` is the order of a shape's dimensions; `exact` writes numbers in full, without K, M and G."""

    layout: Layout = "chw"
    exact: bool = False


def shown(column: Column, value: Value, style: Style) -> str:
    """A value as a cell: `64×112×112`, `25.6 M`, `7×7`, `12.3 %`; nothing for None."""
    match value:
        case None:
            return ""
        case str():
            return value
        case Tensor():
            return "×".join(map(str, dims(value, style.layout)))
        case tuple():
            return _size(column, value)
    match column.unit:
        case Unit.COUNT | Unit.BYTES if style.exact:
            return f"{value:,}"
        case Unit.COUNT:
            return count(value)
        case Unit.BYTES:
            return count(value, "B")
        case Unit.SECONDS:
            return seconds(value)
        case Unit.SHARE:
            return f"{100 * value:.1f} %"
        case _:
            return f"{value:.3g}" if isinstance(value, float) else str(value)


def plain(value: Value, style: Style) -> str:
    """A value for programs: numbers in full, sizes with an x."""
    match value:
        case None:
            return ""
        case Tensor():
            return "x".join(map(str, dims(value, style.layout)))
        case tuple():
            return "x".join(map(str, value))
        case _:
            return str(value)


def dims(tensor: Tensor, layout: Layout) -> tuple[int, ...]:
    """Channels first, or last."""
    return tensor.dims if layout == "chw" else (*tensor.spatial, *tensor.dims[:1]) if tensor.spatial else tensor.dims


def _size(column: Column, value: tuple[float, ...]) -> str:
    """One number where all are equal; kernels are always written out."""
    if column.name != "kernel" and len(set(value)) == 1:
        return f"{value[0]:g}"
    return "×".join(f"{number:g}" for number in value)
