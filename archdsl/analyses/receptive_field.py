"""Receptive fields: which input pixels each position of each value sees. Exact, over all branches, in one walk.

Positions of one value see intervals of input pixels that repeat with a period: a convolution's positions all
see the same stretch, moved along; those behind an upsampling by two see two kinds in turn. So a field is one
interval a phase, and a jump. Padding is part of a field: it may reach beyond the image.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import reduce
from math import gcd, lcm

from archdsl.ir.graph import Graph, Node, Value
from archdsl.ops.base import Family, Window

Interval = tuple[int, int]
"""First and last input pixel, both included."""


@dataclass(frozen=True, slots=True)
class Field:
    """One dimension: position q * period + r sees `intervals[r]`, moved by q * `jump` input pixels.

    `jump` 0 means that every position sees the same (after global pooling, in a vector).
    """

    jump: int
    intervals: tuple[Interval, ...]

    @property
    def period(self) -> int:
        return len(self.intervals)

    @property
    def size(self) -> int:
        """Pixels in the field; the largest, where positions differ."""
        return max(last - first + 1 for first, last in self.intervals)

    @property
    def stride(self) -> float:
        """Input pixels from one position to the next."""
        return self.jump / self.period

    @property
    def centre(self) -> float:
        """The middle of the first position's field, in input pixels; the mean, where positions differ."""
        return (
            sum(first + last for first, last in self.intervals) / (2 * self.period)
            - self.stride * (self.period - 1) / 2
        )

    def at(self, position: int) -> Interval:
        turns, phase = divmod(position, self.period)
        first, last = self.intervals[phase]
        return first + turns * self.jump, last + turns * self.jump

    def over(self, first: int, last: int) -> Interval:
        """The union of what positions `first` to `last` see. The first and the last period suffice to find it."""
        starts = (self.at(p)[0] for p in range(first, min(last, first + self.period - 1) + 1))
        ends = (self.at(p)[1] for p in range(max(first, last - self.period + 1), last + 1))
        return min(starts), max(ends)


@dataclass(frozen=True, slots=True)
class ReceptiveField:
    """What one value sees of the network's input, one `Field` a spatial dimension of the input.

    `largest` is the union over all paths from the input, `smallest` the field along the smallest path alone.
    """

    largest: tuple[Field, ...]
    smallest: tuple[Field, ...]

    @property
    def size(self) -> tuple[int, ...]:
        return tuple(field.size for field in self.largest)


@dataclass(frozen=True, slots=True)
class Misalignment:
    """A merge whose inputs have different centres: their means in input pixels, a tuple for each input."""

    node: str
    centres: tuple[tuple[float, ...], ...]


@dataclass(frozen=True, slots=True)
class ReceptiveFields:
    """Fields of every node's output by id, and the merges whose branches do not line up."""

    fields: dict[str, ReceptiveField]
    misaligned: tuple[Misalignment, ...]


def receptive_fields(graph: Graph, gates: bool = True) -> ReceptiveFields:
    """The receptive field of every node's output, in input pixels.

    Without `gates`, a product sees what its inputs of full size see, and not what a gate sees that scales channels.
    """
    fields: dict[str, ReceptiveField] = {}
    misaligned = []
    for node in graph:
        inputs = [fields[value.node] for value in graph.inputs_of(node.id)]
        if not inputs:
            fields[node.id] = _whole_pixels(node)
            continue
        gated = () if gates else _gated(graph, node)
        fields[node.id] = fields[gated[0].node] if len(gated) == 1 else _through(graph, node, inputs)
        if node.op.family is Family.MERGE:
            centres = _centres(inputs)
            if len(set(centres)) > 1:
                misaligned.append(Misalignment(node.id, centres))
    return ReceptiveFields(fields, tuple(misaligned))


def _gated(graph: Graph, node: Node) -> tuple[Value, ...]:
    """Of a product, the inputs that are as large as its output: the others are gates."""
    if node.op.name != "mul":
        return ()
    return tuple(value for value in graph.inputs_of(node.id) if graph.tensor(value) == node.output)


def _whole_pixels(node: Node) -> ReceptiveField:
    """The field of an input: each position sees itself. Tokens and vectors have one dimension."""
    dims = node.output.spatial or node.output.dims
    one = tuple(Field(1, ((0, 0),)) for _ in dims)
    return ReceptiveField(one, one)


def _through(graph: Graph, node: Node, inputs: Sequence[ReceptiveField]) -> ReceptiveField:
    tensors = graph.tensors_into(node.id)
    window = node.op.window(*tensors)
    if window is None and node.output.spatial == () and tensors[0].spatial:
        window = Window((), (), (), (), everything=True)
    sizes = tensors[0].spatial or tensors[0].dims if tensors[0].kind == "int" else tensors[0].spatial
    dimensions = range(len(inputs[0].largest))
    if window is not None:
        after = node.output.spatial
        largest = tuple(_slide(inputs[0].largest[d], window, d, sizes, after) for d in dimensions)
        smallest = tuple(_slide(inputs[0].smallest[d], window, d, sizes, after) for d in dimensions)
        return ReceptiveField(largest, smallest)
    spatial = [t.spatial for t in tensors]
    largest = tuple(_union([i.largest[d] for i in inputs], [s[d : d + 1] for s in spatial]) for d in dimensions)
    smallest = tuple(min((i.smallest[d] for i in inputs), key=lambda field: field.size) for d in dimensions)
    return ReceptiveField(largest, smallest)


def _slide(field: Field, window: Window, dimension: int, sizes: tuple[int, ...], after: tuple[int, ...]) -> Field:
    """The field after a sliding window. With `everything`, each output sees what all inputs see together.

    `sizes` and `after` are the lengths before and after it. There are at most as many phases as positions.
    """
    if window.everything or field.jump == 0 or dimension >= len(window.kernel):
        last = sizes[dimension] - 1 if dimension < len(sizes) else 0
        return Field(0, (field.over(0, last),))
    stride = window.stride[dimension]
    stretch = window.stretch[dimension] if window.stretch else 1
    cycle = stretch * field.period
    period = cycle // gcd(cycle, stride)
    jump = period * stride // cycle * field.jump
    if period > after[dimension]:
        period = after[dimension]
        jump = _seen(field, window, dimension, period)[0] - _seen(field, window, dimension, 0)[0]
    return Field(jump, tuple(_seen(field, window, dimension, phase) for phase in range(period)))


def _seen(field: Field, window: Window, dimension: int, position: int) -> Interval:
    first, last = window.reach(dimension, position, position)
    # Stretched positions have gaps between them; a position in a gap counts as the neighbour to its left.
    return field.over(min(first, last), max(first, last)) if first <= last else field.at(last)


def _union(fields: Sequence[Field], sizes: Sequence[tuple[int, ...]]) -> Field:
    """The union of what several inputs see at one position."""
    if len({field.jump == 0 for field in fields}) > 1:
        everything = [f.over(0, (size[0] if size else 1) - 1) for f, size in zip(fields, sizes, strict=True)]
        return Field(0, (_hull(everything),))
    if len({field.stride for field in fields}) > 1:
        return _one_by_one(fields, max(size[0] for size in sizes))
    period = reduce(lcm, (field.period for field in fields))
    jump = fields[0].jump * period // fields[0].period
    return Field(jump, tuple(_hull(field.at(phase) for field in fields) for phase in range(period)))


def _one_by_one(fields: Sequence[Field], positions: int) -> Field:
    """For inputs with different jumps (one was enlarged from an odd size): each position is a phase of its own."""
    steadiest = min(fields, key=lambda field: field.period)
    jump = steadiest.at(positions)[0] - steadiest.at(0)[0]
    return Field(jump, tuple(_hull(field.at(position) for field in fields) for position in range(positions)))


def _hull(intervals: Iterable[Interval]) -> Interval:
    starts, ends = zip(*intervals, strict=True)
    return min(starts), max(ends)


def _centres(inputs: Sequence[ReceptiveField]) -> tuple[tuple[float, ...], ...]:
    """Centres of the inputs whose field is not the whole image."""
    placed = [i for i in inputs if all(field.jump for field in i.largest)]
    return tuple(tuple(field.centre for field in i.largest) for i in placed)


def last_map(graph: Graph) -> str | None:
    """The node that makes the last map before positions are pooled or flattened away; None: there is no map."""
    pooled: set[str] = set()
    last = None
    for node in graph:
        if _is_pooled(graph, node, pooled):
            pooled.add(node.id)
        elif graph.inputs_of(node.id) and node.id not in graph.training_only:
            last = node.id
    return last


def _is_pooled(graph: Graph, node: Node, pooled: set[str]) -> bool:
    """Whether a node's output has no positions any more, or comes from such values alone."""
    if not node.output.spatial:
        return node.output.kind == "float"
    sources = {value.node for value in graph.inputs_of(node.id)}
    window = node.op.window(*graph.tensors_into(node.id)) if sources else None
    return (window is not None and window.everything) or bool(sources and sources <= pooled)
