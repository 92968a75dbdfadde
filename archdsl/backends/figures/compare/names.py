"""What is written about networks that stand side by side: their names, their counts, and what they have in common."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from archdsl.analyses import totals
from archdsl.analyses.notation import count, plain, shape
from archdsl.backends.figures.label import network_name, short
from archdsl.ir.graph import Graph
from archdsl.ops.base import Family

CLOSE = 0.03
"""Numbers that differ by less than this part are written with four digits."""


class Told(NamedTuple):
    """What to write: the slide's title, one name for each network, what is said once, and what of each."""

    title: str
    names: tuple[str, ...]
    common: str
    own: tuple[str, ...]


def told(graphs: Sequence[Graph]) -> Told:
    """Names that tell networks apart, and their counts: equal ones once, others with the difference to the first."""
    names = _names(graphs)
    common: list[str] = []
    own: list[list[str]] = [[] for _ in graphs]
    for noun, numbers in _counts(graphs):
        if len(set(numbers)) == 1:
            common.append(f"{_written(numbers)[0]} {noun}")
        else:
            for told, number, text in zip(own, numbers, _written(numbers), strict=True):
                word = noun.removesuffix("s") if number == 1 else noun
                told.append(f"{text} {word}{_difference(number, numbers[0])}")
    if len(graphs) > 1 and common:
        common[-1] += " each"
    for told, extra in zip(own, _extra(graphs), strict=True):
        told += [f"with {', '.join(extra)}"] if extra else []
    shapes = [", ".join(shape(node.output) for node in graph.inputs) for graph in graphs]
    if len(set(shapes)) == 1:
        common.insert(0, f"{shapes[0]} in")
    else:
        own = [[f"{size} in", *told] for size, told in zip(shapes, own, strict=True)]
    return Told(
        _title(graphs, names), _short(graphs, names), " · ".join(common), tuple(" · ".join(told) for told in own)
    )


NO_LAYERS = frozenset({Family.NORM, Family.ACTIVATION, Family.REGULARIZE})
"""Families of ops that rows of layers do not show."""


def _extra(graphs: Sequence[Graph]) -> list[list[str]]:
    """For each network the kinds of normalization, activation and regularization that not all of them have."""
    nodes = [totals.nodes_in(graph) for graph in graphs]
    kinds = [dict.fromkeys(short(node.op) for node in inside if node.op.family in NO_LAYERS) for inside in nodes]
    return [[kind for kind in own if not all(kind in other for other in kinds)] for own in kinds]


def _counts(graphs: Sequence[Graph]) -> list[tuple[str, list[int]]]:
    nodes = [totals.nodes_in(graph) for graph in graphs]
    pairs = list(zip(graphs, nodes, strict=True))
    return [
        ("layers", [totals.layers(graph, inside) for graph, inside in pairs]),
        ("parameters", [totals.parameters(graph, inside) for graph, inside in pairs]),
        ("MACs", [totals.macs(graph, inside) for graph, inside in pairs]),
    ]


def _written(numbers: Sequence[int]) -> list[str]:
    """Three digits, or more where numbers are close; numbers that are not equal are never written alike."""
    for digits in (3, 4, 6):
        close = any(0 < abs(a - b) < CLOSE * max(a, b) for a in numbers for b in numbers) and digits == 3
        texts = [count(number, digits=digits) for number in numbers]
        if not close and len(set(texts)) == len(set(numbers)):
            return texts
    return [f"{number:,}" for number in numbers]


def _difference(number: int, first: int) -> str:
    """` (+0.8 %)`, or ` (×2.4)` where it is more than twice as much.

    >>> _difference(1008, 1000), _difference(240, 100), _difference(32, 100), _difference(5, 5)
    (' (+0.8 %)', ' (×2.4)', ' (−68 %)', '')
    """
    if not first or number == first:
        return ""
    if number >= 2 * first:
        return f" (×{plain(float(f'{number / first:.2g}'))})"
    part = abs(number / first - 1) * 100
    if part < 0.05:
        return ""
    return f" ({'+' if number > first else '−'}{part:.{0 if part >= 9.95 else 1}f} %)"


def _names(graphs: Sequence[Graph]) -> tuple[str, ...]:
    """Each network's own name; where several have one, also what was set; where that is equal, a number."""
    names = [network_name(graph.header) for graph in graphs]
    for i, graph in enumerate(graphs):
        if names.count(network_name(graph.header)) > 1 and graph.header.variant:
            given = [f"{s.name} {plain(s.value)}" for s in graph.header.settings if s.origin == "given"]
            names[i] = f"{names[i]} {', '.join(given)}".strip()
    return tuple(
        f"{name} ({names[: i + 1].count(name)})" if names.count(name) > 1 else name for i, name in enumerate(names)
    )


def _title(graphs: Sequence[Graph], names: Sequence[str]) -> str:
    """`ResNet: plain34 and 34`, or the names."""
    common = f"{graphs[0].header.name} "
    if all(name.startswith(common) for name in names):
        return f"{common.strip()}: {_joined([name.removeprefix(common) for name in names])}"
    return _joined(names)


def _short(graphs: Sequence[Graph], names: tuple[str, ...]) -> tuple[str, ...]:
    """Without the name of the network where the title says it, and what is left are words: `naive`, not `34`."""
    common = f"{graphs[0].header.name} "
    words = tuple(name.removeprefix(common) for name in names)
    return words if all(name.startswith(common) and name[len(common)].isalpha() for name in names) else names


def _joined(words: Sequence[str]) -> str:
    """
    >>> _joined(["a", "b", "c"])
    'a, b and c'
    """
    *others, last = words
    return f"{', '.join(others)} and {last}" if others else last
