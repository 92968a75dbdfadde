"""How papers write ops, shapes and counts: `conv 3×3, 64, /2`, `256×56×56`, `25.6 M`."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from archdsl.ir.graph import Graph, Node
from archdsl.ops.arguments import compact, spread
from archdsl.ops.base import Family
from archdsl.tensor import Tensor

NAMED_ONLY = frozenset({Family.NORM, Family.ACTIVATION, Family.REGULARIZE, Family.INPUT, Family.MERGE})
"""Families whose ops are written by their name alone, without arguments."""


def notation(graph: Graph, node: Node, name: str) -> str:
    """An op as papers write it: its `name`, kernel, output channels and stride."""
    if node.op.family in NAMED_ONLY:
        return name
    return f"{name} {', '.join(_arguments(node, graph.tensors_into(node.id)))}".strip()


def _arguments(node: Node, inputs: tuple[Tensor, ...]) -> Iterator[str]:
    op, fields = node.op, type(node.op).model_fields
    kernel = getattr(op, "kernel", None)
    if kernel is not None:
        yield times(spread(kernel, inputs[0], "kernel"))
    for name, field in fields.items():
        if field.is_required() and name not in ("kernel", "stride") and getattr(op, name) != "like":
            yield size(getattr(op, name)) if name == "dims" else plain(getattr(op, name))
    if inputs:
        yield from _stride(node, inputs[0])
    for name in ("groups", "dilation"):
        if name in fields and not fields[name].is_required() and (number := _once(getattr(op, name))) != 1:
            yield f"{name} {size(number)}"
    yield from op.told(*inputs)


def _stride(node: Node, x: Tensor) -> Iterator[str]:
    """`/2` for an op that shrinks its input, `×2` for one that enlarges it."""
    before, after = x.spatial, node.output.spatial
    pairs = list(zip(before, after, strict=True)) if len(before) == len(after) else []
    larger = any(made > came for came, made in pairs)
    stride = _once(getattr(node.op, "stride", 1) or getattr(node.op, "kernel", 1))
    if stride == 1 and larger and not any(made % came for came, made in pairs):
        stride = _once(tuple(made // came for came, made in pairs))
    if stride != 1:
        yield f"{'×' if larger else '/'}{size(stride)}"


def _once(number: int | tuple[int, ...]) -> int | tuple[int, ...]:
    """A size as one number, where that is the same in all dimensions."""
    return compact(number) if isinstance(number, tuple) else number


def plain(value: Any) -> str:
    """A value of an argument: `64`, `0.5`, `kaiming`, `16, 48`.

    >>> plain([1, 2.5]), plain((1, 7))
    ('1, 2.5', '1, 7')
    """
    if isinstance(value, tuple | list):
        return ", ".join(map(plain, value))
    return f"{value:g}" if isinstance(value, float) else str(value)


def size(value: int | tuple[int, ...]) -> str:
    """`2` or `1×7`."""
    return times(value) if isinstance(value, tuple) else str(value)


def times(numbers: tuple[int, ...]) -> str:
    return "×".join(map(str, numbers))


def shape(tensor: Tensor) -> str:
    """`256×56×56`."""
    return times(tensor.dims)


def count(number: float, unit: str = "", digits: int = 3) -> str:
    """Three digits, or as many as asked, and a prefix, with `unit` after it.

    >>> count(25_557_032), count(4_089_184_256), count(61_706), count(850), count(1_204_224, "B")
    ('25.6 M', '4.09 G', '61.7 K', '850', '1.20 MB')
    >>> count(21_797_672, digits=4), count(999_950)
    ('21.80 M', '1.00 M')
    """
    for scale, prefix in ((10**15, "P"), (10**12, "T"), (10**9, "G"), (10**6, "M"), (10**3, "K")):
        if number >= scale * 0.9995:
            return f"{_with_digits(number / scale, digits)} {prefix}{unit}"
    return f"{number:.0f} {unit}".strip()


def seconds(time: float) -> str:
    """A time in seconds, with three digits and a unit.

    >>> seconds(0.00123), seconds(4.1e-6), seconds(2)
    ('1.23 ms', '4.10 µs', '2.00 s')
    """
    for scale, unit in ((1, "s"), (1e-3, "ms"), (1e-6, "µs")):
        if time >= scale * 0.9995:
            return f"{_with_digits(time / scale, 3)} {unit}"
    return f"{time * 1e9:.0f} ns"


def _with_digits(value: float, digits: int) -> str:
    whole = 1 if value < 9.995 else 2 if value < 99.95 else 3
    return f"{value:.{max(digits - whole, 0)}f}"
