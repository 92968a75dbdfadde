"""What is written on things, in the papers' notation: `3×3, 64, /2`, `256×56×56`, `25.6 M`."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

from archdsl.ir.graph import Graph, Header, Node, Scope
from archdsl.naming import snake_case
from archdsl.ops.arguments import spread
from archdsl.ops.base import Family, Op
from archdsl.tensor import Tensor

SIGNS = ("+", "×")
"""Merges that are drawn as their sign in a circle."""

NAMED_ONLY = frozenset({Family.NORM, Family.ACTIVATION, Family.REGULARIZE, Family.INPUT, Family.MERGE})
"""Families of which a figure gives no arguments."""


def notation(graph: Graph, node: Node) -> str:
    """An op with what a reader of the paper's table looks for: kernel, output channels, stride."""
    if node.op.family is Family.INPUT:
        return node.label or node.name
    name = short(node.op)
    if node.op.family in NAMED_ONLY:
        return name
    return f"{name} {', '.join(_arguments(node, graph.tensors_into(node.id)))}".strip()


def short(op: Op) -> str:
    return op.short if op.short is not None else op.name.replace("_", " ")


def _arguments(node: Node, inputs: tuple[Tensor, ...]) -> Iterator[str]:
    op, fields = node.op, type(node.op).model_fields
    kernel = getattr(op, "kernel", None)
    if kernel is not None:
        yield times(spread(kernel, inputs[0], "kernel"))
    for name, field in fields.items():
        if field.is_required() and name not in ("kernel", "stride") and getattr(op, name) != "like":
            yield plain(getattr(op, name))
    yield from _stride(node, inputs[0])
    for name in ("groups", "dilation"):
        if name in fields and not fields[name].is_required() and getattr(op, name) != 1:
            yield f"{name} {size(getattr(op, name))}"


def _stride(node: Node, x: Tensor) -> Iterator[str]:
    """`/2` for what makes smaller, `×2` for what makes larger."""
    before, after = x.spatial, node.output.spatial
    larger = bool(before and after) and after[0] > before[0]
    stride = getattr(node.op, "stride", 1) or getattr(node.op, "kernel", 1)
    if stride == 1 and larger and not after[0] % before[0]:
        stride = after[0] // before[0]
    if stride != 1:
        yield f"{'×' if larger else '/'}{size(stride)}"


def plain(value: Any) -> str:
    """A value of an argument: `64`, `0.5`, `kaiming`, `16, 48`."""
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


def count(number: int) -> str:
    """Three digits and a unit.

    >>> count(25_557_032), count(4_089_184_256), count(61_706), count(850)
    ('25.6 M', '4.09 G', '61.7 k', '850')
    """
    for size, unit in ((10**12, "T"), (10**9, "G"), (10**6, "M"), (10**3, "k")):
        if number >= size * 0.9995:
            value = number / size
            digits = 2 if value < 9.995 else 1 if value < 99.95 else 0
            return f"{value:.{digits}f} {unit}"
    return str(number)


def network_name(header: Header) -> str:
    """`ResNet 50`, or what was set where no variant was chosen."""
    if header.variant:
        return f"{header.name} {header.variant}"
    given = [f"{s.name} {plain(s.value)}" for s in header.settings if s.origin == "given"]
    return " ".join([header.name, ", ".join(given)]).strip()


def scope_name(scope: Scope) -> str:
    """What stands on a scope's box: a stage's title or name, a block's name and its use's own (`as`)."""
    if scope.kind in ("stage", "output"):
        return scope.title or scope.name
    named = scope.parent is not None and scope.copy is None and scope.kind == "block"
    if scope.block and named and not scope.name.startswith(snake_case(scope.block)):
        return f"{scope.block} {scope.name}"
    if scope.copy and not scope.block and scope.parent:
        index, total = scope.copy
        return f"{scope.parent.rpartition('.')[2]} {index + 1} of {total}"
    return scope.block or scope.name


class Argument(NamedTuple):
    """One argument of a use of a block as it is written. `clear`: it says by itself what it is."""

    name: str
    text: str
    clear: bool


def block_arguments(graph: Graph, scope: Scope) -> list[Argument]:
    """What sets a use of a block apart from this network's other uses of it: `128`, `/2`."""
    uses = [other.arguments for other in graph.scopes.values() if other.block == scope.block]
    told = []
    for i, (name, value) in enumerate(scope.arguments):
        values = [use[i][1] for use in uses if len(use) == len(scope.arguments)]
        if len(set(map(repr, values))) > 1:
            told.append(_block_argument(name, value, max(values, key=values.count)))
    return [argument for argument in told if argument.text]


def _block_argument(name: str, value: Any, usual: Any) -> Argument:
    """Sizes without their names; other small numbers with them, where they are not the usual ones."""
    if name == "stride":
        return Argument(name, f"/{size(value)}" if value != 1 else "", True)
    if name == "kernel":
        return Argument(name, f"{value}×{value}" if isinstance(value, int) else size(value), True)
    if isinstance(value, bool):
        return Argument(name, name if value else "", True)
    if isinstance(value, float) or (isinstance(value, int) and value < 10):
        return Argument(name, f"{name} {plain(value)}" if value != usual else "", True)
    return Argument(name, plain(value) if isinstance(value, int) else "", False)


def listed(arguments: Iterable[Argument]) -> str:
    return ", ".join(argument.text for argument in arguments)
