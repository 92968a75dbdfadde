"""What is written in the boxes of a U, and on the arrows between them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby

from archdsl.analyses.notation import shape
from archdsl.backends.figures import parts
from archdsl.backends.figures.items import LIGHT, Box, Item, OpenScope, OpRow
from archdsl.backends.figures.label import block_arguments, listed, notation, scope_name
from archdsl.ir.graph import Graph, Node, Value
from archdsl.ops.base import Family


def told(graph: Graph, steps: Iterable[Item]) -> str:
    """Steps one after the other, equal neighbours once: `(Residual, Transformer) ×2`, `3×3, 64 ×2`."""
    said = [words for item in steps if (words := _words(graph, item))]
    each = ((words, sum(1 for _ in run)) for words, run in groupby(said))
    return ", ".join(_times(words, count) for words, count in each)


def _times(words: tuple[str, ...], count: int) -> str:
    together = ", ".join(words)
    if count == 1:
        return together
    return f"({together}) ×{count}" if len(words) > 1 else f"{together} ×{count}"


def _words(graph: Graph, item: Item) -> tuple[str, ...]:
    """A step. A block that only names others, one after the other, is those."""
    if isinstance(item, OpRow):
        return tuple(notation(graph, node) for node in item.nodes if _weighs(graph, node)) * item.count
    assert isinstance(item, Box | OpenScope)
    inner = [member for member in item.view.items if not _is_light(member)]
    if all(isinstance(member, Box) for member in inner) and inner:
        words = tuple(name for member in inner for name in _words(graph, member))
    else:
        clear = [argument for argument in block_arguments(graph, item.scope) if argument.clear]
        words = (f"{_name(item)} {listed(clear)}".strip(),)
    return words if item.count == 1 else (_times(words, item.count),)


def _name(box: Box | OpenScope) -> str:
    return box.scope.block or scope_name(box.scope)


def _weighs(graph: Graph, node: Node) -> bool:
    """Whether an op is named: what has weight, and what changes the size of a map."""
    resized = any(tensor.frame != node.output.frame for tensor in graph.tensors_into(node.id)[:1])
    return (node.op.family not in LIGHT and node.op.family is not Family.MERGE) or resized


def _is_light(item: Item) -> bool:
    return isinstance(item, OpRow) and all(node.op.family in LIGHT for node in item.nodes)


def aside(graph: Graph, item: Item) -> list[tuple[str, bool]]:
    """The lines of what is no rung: its name, and the shape that it makes unless that is one number; bold or not."""
    tensor = graph.tensor(item.outputs[0])
    name = parts.named(item) if isinstance(item, Box) else told(graph, (item,))
    return [(name, True), *([(shape(tensor), False)] if tensor.size > 1 else [])]


def takers(graph: Graph, items: Sequence[Item], value: Value) -> str:
    """The blocks that take a value from the side, by name: `every Residual`; empty where they cannot be told."""
    names: dict[str, bool] = {}
    for box in _blocks(items):
        name = _name(box)
        names[name] = names.get(name, True) and value in box.inputs
    taking = [name for name, always in names.items() if always]
    return f"every {' and '.join(taking)}" if 0 < len(taking) <= 2 else ""


def _blocks(items: Iterable[Item]) -> Iterator[Box]:
    """The blocks that steps are told by."""
    for item in items:
        if isinstance(item, Box):
            inner = [member for member in item.view.items if not _is_light(member)]
            if inner and all(isinstance(member, Box) for member in inner):
                yield from _blocks(inner)
            else:
                yield item
