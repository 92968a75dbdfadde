"""Receptive fields: which input pixels each position of each value depends on ("sees"), exactly, over all branches.

Each position sees an interval of input pixels in each dimension. After convolutions, all positions see intervals of
the same length, each moved on by the same number of pixels, the `jump`. After an upsampling by two, positions take
turns between two kinds of interval. In general the kinds repeat with a period, so a field is stored as one interval
for each position of a period, and the jump from one period to the next. Padding is part of a field: an interval may
reach beyond the image.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import reduce
from itertools import accumulate
from math import gcd, lcm

from archdsl.ir.graph import Graph, Node, Value
from archdsl.ops.base import Family, Window
from archdsl.ops.merge import Concat
from archdsl.ops.windows import Tiles
from archdsl.tensor import Tensor

Interval = tuple[int, int]
"""First and last input pixel, both included."""


@dataclass(frozen=True, slots=True)
class Field:
    """A receptive field in one dimension: position q * period + r sees `intervals[r]`, moved by q * `jump` pixels.

    A `jump` of 0 means that every position sees the same pixels (after global pooling, or in a vector).
    """

    jump: int
    intervals: tuple[Interval, ...]

    @property
    def period(self) -> int:
        return len(self.intervals)

    @property
    def size(self) -> int:
        """How many pixels a position sees; the most, where positions differ."""
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

    @property
    def is_uneven(self) -> bool:
        """Whether some positions see far more pixels than others: after a causal attention, or in cut windows."""
        sizes = [last - first + 1 for first, last in self.intervals]
        return max(sizes) > 1.5 * min(sizes)

    def at(self, position: int) -> Interval:
        turns, phase = divmod(position, self.period)
        first, last = self.intervals[phase]
        return first + turns * self.jump, last + turns * self.jump

    def over(self, first: int, last: int) -> Interval:
        """The smallest interval that holds what positions `first` to `last` see.

        Only the first and the last period among them have to be looked at.
        """
        starts = (self.at(p)[0] for p in range(first, min(last, first + self.period - 1) + 1))
        ends = (self.at(p)[1] for p in range(max(first, last - self.period + 1), last + 1))
        return min(starts), max(ends)


@dataclass(frozen=True, slots=True)
class ReceptiveField:
    """What one value sees of the network's input: a `Field` for each spatial dimension of the input, none for a value
    that depends on no input.

    `largest` is the union over all paths from the input, `smallest` the field along the smallest path alone.
    """

    largest: tuple[Field, ...]
    smallest: tuple[Field, ...]

    @property
    def size(self) -> tuple[int, ...]:
        return tuple(field.size for field in self.largest)


@dataclass(frozen=True, slots=True)
class Misalignment:
    """A join whose inputs are centred at different input pixels: the centres, a tuple for each input."""

    node: str
    centres: tuple[tuple[float, ...], ...]


@dataclass(frozen=True, slots=True)
class ReceptiveFields:
    """The receptive field of every node's output, by the node's id, and the joins whose inputs are not aligned."""

    fields: dict[str, ReceptiveField]
    misaligned: tuple[Misalignment, ...]


def receptive_fields(graph: Graph, gates: bool = True) -> ReceptiveFields:
    """Computes the receptive field of every node's output, in input pixels.

    Without `gates`, a product sees what its inputs of full size see, and not what a gate sees that scales channels.
    """
    fields: dict[str, ReceptiveField] = {}
    misaligned = []
    for node in graph:
        inputs = [fields[value.node] for value in graph.inputs_of(node.id)]
        if node.op.reads_shape_alone:
            fields[node.id] = ReceptiveField((), ())
            continue
        if not inputs:
            fields[node.id] = _whole_pixels(node)
            continue
        gated = () if gates else _gated(graph, node)
        fields[node.id] = fields[gated[0].node] if len(gated) == 1 else _through(graph, node, inputs)
        if node.op.family is Family.MERGE and not _joins_positions(node):
            centres = _centres(inputs)
            if len(set(centres)) > 1:
                misaligned.append(Misalignment(node.id, centres))
    return ReceptiveFields(fields, tuple(misaligned))


def _gated(graph: Graph, node: Node) -> tuple[Value, ...]:
    """Of a product, the inputs that are as large as its output: the others are gates."""
    if node.op.name != "mul":
        return ()
    return tuple(value for value in graph.inputs_of(node.id) if graph.tensor(value) == node.output)


def first_gate(graph: Graph, fields: ReceptiveFields, id: str) -> str | None:
    """The first product, up to this node, at which a gate makes the receptive field global; None if none does.

    `fields` are those with gates. A gate of squeeze-and-excitation looks at the whole map to scale each channel, so
    that every position depends on every pixel; the convolutions alone still see only a part.
    """
    before, pending = {id}, [id]
    while pending:
        sources = {value.node for value in graph.inputs_of(pending.pop())} - before
        before |= sources
        pending += sources
    for node in graph:
        gated = _gated(graph, node) if node.id in before else ()
        if len(gated) == 1 and not is_global(fields.fields[gated[0].node]) and is_global(fields.fields[node.id]):
            return node.id
    return None


def is_global(field: ReceptiveField) -> bool:
    """Whether every position sees the same pixels."""
    return bool(field.largest) and not any(dimension.jump for dimension in field.largest)


def _whole_pixels(node: Node) -> ReceptiveField:
    """The field of an input: each position sees itself. Tokens and vectors have one dimension."""
    dims = node.output.spatial or node.output.dims
    one = tuple(Field(1, ((0, 0),)) for _ in dims)
    return ReceptiveField(one, one)


def _through(graph: Graph, node: Node, inputs: Sequence[ReceptiveField]) -> ReceptiveField:
    tensors = graph.tensors_into(node.id)
    if _joins_positions(node):
        return _one_after_the_other(inputs, [tensor.spatial[0] for tensor in tensors])
    window = node.op.window(*tensors)
    if node.op.family is Family.ATTENTION and window is not None:
        return _attended(window, inputs, tensors)
    if window is None and node.output.spatial == () and tensors[0].spatial:
        window = Window((), (), (), (), everything=True)
    sizes = tensors[0].spatial or tensors[0].dims if tensors[0].kind == "int" else tensors[0].spatial
    dimensions = range(len(inputs[0].largest))
    if window is not None:
        after = node.output.spatial
        largest = tuple(_slide(inputs[0].largest[d], window, d, sizes, after) for d in dimensions)
        smallest = tuple(_slide(inputs[0].smallest[d], window, d, sizes, after) for d in dimensions)
        return ReceptiveField(largest, smallest)
    tensors = tuple(tensor for seen, tensor in zip(inputs, tensors, strict=True) if seen.largest)
    inputs = [seen for seen in inputs if seen.largest] or inputs
    dimensions = range(len(inputs[0].largest))
    spatial = [t.spatial for t in tensors]
    largest = tuple(_union([i.largest[d] for i in inputs], [s[d : d + 1] for s in spatial]) for d in dimensions)
    smallest = tuple(min((i.smallest[d] for i in inputs), key=lambda field: field.size) for d in dimensions)
    return ReceptiveField(largest, smallest)


def _joins_positions(node: Node) -> bool:
    """Whether a node puts the positions of sequences one after the other."""
    return isinstance(node.op, Concat) and node.op.over == "positions"


def _one_after_the_other(inputs: Sequence[ReceptiveField], lengths: Sequence[int]) -> ReceptiveField:
    """What the positions of several sequences see that follow each other."""
    dimensions = range(len(inputs[0].largest))
    largest = tuple(_in_a_row([seen.largest[d] for seen in inputs], lengths) for d in dimensions)
    smallest = tuple(_in_a_row([seen.smallest[d] for seen in inputs], lengths) for d in dimensions)
    return ReceptiveField(largest, smallest)


def _in_a_row(fields: Sequence[Field], lengths: Sequence[int]) -> Field:
    seen = [field.at(place) for field, length in zip(fields, lengths, strict=True) for place in range(length)]
    jump = max(field.at(sum(lengths))[0] - field.at(0)[0] for field in fields)
    return Field(jump, tuple(seen)) if jump or len(set(seen)) > 1 else Field(0, (seen[0],))


def _attended(window: Window, inputs: Sequence[ReceptiveField], tensors: Sequence[Tensor]) -> ReceptiveField:
    """What attention sees: what the query at a position does, and what the keys and values in its window do."""

    def field(each: Sequence[tuple[Field, ...]], dimension: int) -> Field:
        having = [place for place, seen in enumerate(each) if dimension < len(seen)]
        slid = [
            _slide(each[place][dimension], window, dimension, tensors[place].spatial, tensors[0].spatial)
            if place > 0
            else each[0][dimension]
            for place in having
        ]
        return _union(slid, [tensors[place].spatial[dimension : dimension + 1] for place in having])

    dimensions = range(max(len(seen.largest) for seen in inputs))
    largest, smallest = [seen.largest for seen in inputs], [seen.smallest for seen in inputs]
    return ReceptiveField(tuple(field(largest, d) for d in dimensions), tuple(field(smallest, d) for d in dimensions))


def _so_far(field: Field, length: int) -> Field:
    """The field of all positions up to each of them."""
    seen = [field.at(position) for position in range(length)]
    starts, ends = accumulate((first for first, _ in seen), min), accumulate((last for _, last in seen), max)
    return Field(field.at(length)[0] - field.at(0)[0], tuple(zip(starts, ends, strict=True)))


def _slide(field: Field, window: Window, dimension: int, sizes: tuple[int, ...], after: tuple[int, ...]) -> Field:
    """The field after a sliding window. If the window covers everything, each output sees what all inputs see.

    `sizes` and `after` are the sizes before and after it. The period is at most the number of positions.
    """
    if window.everything or field.jump == 0 or dimension >= len(window.kernel):
        last = sizes[dimension] - 1 if dimension < len(sizes) else 0
        return Field(0, (field.over(0, last),))
    if window.so_far:
        return _so_far(field, sizes[dimension])
    if isinstance(window, Tiles):
        seen = tuple(_seen(field, window, dimension, position) for position in range(sizes[dimension]))
        return Field(field.at(sizes[dimension])[0] - field.at(0)[0] if len(set(seen)) > 1 else 0, seen)
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
    # An enlarging op puts its input positions apart. A position between two of them counts as the left one.
    return field.over(min(first, last), max(first, last)) if first <= last else field.at(last)


def _union(fields: Sequence[Field], sizes: Sequence[tuple[int, ...]]) -> Field:
    """The union of what several inputs see at one position."""
    if all(field == fields[0] for field in fields):
        return fields[0]
    if len({field.jump == 0 for field in fields}) > 1:
        everything = [f.over(0, (size[0] if size else 1) - 1) for f, size in zip(fields, sizes, strict=True)]
        return Field(0, (_hull(everything),))
    if len({field.stride for field in fields}) > 1:
        return _one_by_one(fields, max(size[0] for size in sizes))
    period = reduce(lcm, (field.period for field in fields))
    jump = fields[0].jump * period // fields[0].period
    return Field(jump, tuple(_hull(field.at(phase) for field in fields) for phase in range(period)))


def _one_by_one(fields: Sequence[Field], positions: int) -> Field:
    """The union for inputs with different jumps (one was enlarged from an odd size): the period is the whole length."""
    steadiest = min(fields, key=lambda field: field.period)
    jump = steadiest.at(positions)[0] - steadiest.at(0)[0]
    return Field(jump, tuple(_hull(field.at(position) for field in fields) for position in range(positions)))


def _hull(intervals: Iterable[Interval]) -> Interval:
    starts, ends = zip(*intervals, strict=True)
    return min(starts), max(ends)


def _centres(inputs: Sequence[ReceptiveField]) -> tuple[tuple[float, ...], ...]:
    """Centres of the inputs whose field is not the whole image, and about as large at every position."""
    placed = [i for i in inputs if i.largest and all(field.jump and not field.is_uneven for field in i.largest)]
    return tuple(tuple(field.centre for field in i.largest) for i in placed)


def last_map(graph: Graph) -> str | None:
    """The id of the node that makes the last map before positions are pooled or flattened; None if there is no map."""
    pooled: set[str] = set()
    last = None
    for node in graph:
        if _is_pooled(graph, node, pooled):
            pooled.add(node.id)
        elif graph.inputs_of(node.id) and node.id not in graph.training_only:
            last = node.id
    return last


def _is_pooled(graph: Graph, node: Node, pooled: set[str]) -> bool:
    """Whether a node's output has no positions any more, or comes only from values that have none."""
    if not node.output.spatial:
        return node.output.kind == "float"
    sources = {value.node for value in graph.inputs_of(node.id)}
    window = node.op.window(*graph.tensors_into(node.id)) if sources else None
    return (window is not None and window.everything) or bool(sources and sources <= pooled)
