"""Receptive fields: which input pixels each position of each value depends on ("sees"), exactly, over all branches.

Each position sees an interval of input pixels in each dimension. After convolutions, all positions see intervals of
the same length, each moved on by the same number of pixels, the `jump`. After an upsampling by two, positions take
turns between two kinds of interval. In general the kinds repeat with a period, so a field is stored as one interval
for each position of a period, and the jump from one period to the next. Padding is part of a field: an interval may
reach beyond the image.

A vector that is an input has no pixels, and what is made of it alone has no field. If the inputs of a network have
different numbers of dimensions, a value that depends on several has its field in the one with the most.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache, reduce
from itertools import accumulate, pairwise
from math import gcd, lcm, prod

from archdsl.ir.graph import Graph, Node, Value
from archdsl.ops.base import Family, View, Window
from archdsl.ops.merge import Concat
from archdsl.ops.windows import Tiles
from archdsl.tensor import Tensor

Interval = tuple[int, int]
"""First and last input pixel, both included."""


@dataclass(frozen=True, slots=True)
class Field:
    """A receptive field in one dimension: position q * period + r sees `intervals[r]`, moved by q * `jump` pixels.

    A `jump` of 0 means that every position sees the same pixels (after global pooling, or in a vector) or, if there are
    several intervals, that positions come back to the first one: the columns of an image that is read row by row.
    """

    jump: int
    intervals: tuple[Interval, ...]

    @property
    def period(self) -> int:
        return len(self.intervals)

    @property
    def moves(self) -> bool:
        """Whether positions see different pixels."""
        return self.jump != 0 or self.period > 1

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
    that depends on no input with positions.

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
    return bool(field.largest) and not moves(field)


def moves(field: ReceptiveField) -> bool:
    """Whether positions see different pixels."""
    return any(dimension.moves for dimension in field.largest)


def _whole_pixels(node: Node) -> ReceptiveField:
    """The field of an input: each position sees itself. A constant, which is learned or computed, sees nothing."""
    dims = _positions(node.output) if node.op.name == "input" else ()
    one = tuple(Field(1, ((0, 0),)) for _ in dims)
    return ReceptiveField(one, one)


def _positions(tensor: Tensor) -> tuple[int, ...]:
    """The dimensions of a value's positions: for a text of whole numbers, its length."""
    return tensor.dims if tensor.kind == "int" else tensor.spatial


def _through(graph: Graph, node: Node, inputs: Sequence[ReceptiveField]) -> ReceptiveField:
    tensors = graph.tensors_into(node.id)
    if _joins_positions(node):
        return _one_after_the_other(inputs, [tensor.spatial[0] for tensor in tensors])
    if node.op.mixes:
        return _joined(
            [_whole(*pair) for pair in zip(inputs, map(_positions, tensors), strict=True)], [()] * len(inputs)
        )
    before, after = _positions(tensors[0]), node.output.spatial
    window = node.op.window(*tensors)
    if node.op.family is Family.ATTENTION and window is not None:
        return _attended(window, inputs, tensors)
    if node.op.family is Family.RECURRENT and len(inputs) > 1:
        assert window is not None
        return _remembered(window, inputs, tensors)
    if window is None and not after and before:
        window = Window((), (), (), (), everything=True)
    if window is not None:
        return _each(inputs[0], lambda field, axis: _slide(field, window, axis, before, after), len(before))
    if isinstance(node.op, View) and node.op.keeps_order and before and before != after:
        return _numbered_anew(inputs[0], before, after)
    return _joined(inputs, [_positions(tensor) for tensor in tensors])


def _whole(seen: ReceptiveField, sizes: tuple[int, ...]) -> ReceptiveField:
    """What all positions of a value see together."""
    counts = (*sizes, *(1,) * len(seen.largest))
    return _each(seen, lambda field, axis: Field(0, (field.over(0, counts[axis] - 1),)), len(sizes))


def _each(seen: ReceptiveField, change: Callable[[Field, int], Field], axes: int) -> ReceptiveField:
    """A change of the field in each dimension; `change` takes the number of the value's own dimension, too."""
    largest, smallest = (
        tuple(change(field, _axis(dimension, len(fields), axes)) for dimension, field in enumerate(fields))
        for fields in (seen.largest, seen.smallest)
    )
    return ReceptiveField(largest, smallest)


def _axis(dimension: int, dimensions: int, axes: int) -> int:
    """The dimension of a value whose positions decide what is seen in one dimension of the input.

    It is the same one, but for the pixels of an image as a sequence, which has only one.
    """
    return dimension if dimensions == axes else 0


def _joined(inputs: Sequence[ReceptiveField], positions: Sequence[tuple[int, ...]]) -> ReceptiveField:
    """What several values see at one position."""
    most = max(len(seen.largest) for seen in inputs)
    joined = [(seen, sizes) for seen, sizes in zip(inputs, positions, strict=True) if len(seen.largest) == most]
    largest, smallest = [], []
    for dimension in range(most):
        axes = [_axis(dimension, most, len(sizes)) for _, sizes in joined]
        along = [sizes[axis : axis + 1] for axis, (_, sizes) in zip(axes, joined, strict=True)]
        largest.append(_union([seen.largest[dimension] for seen, _ in joined], along))
        smallest.append(min((seen.smallest[dimension] for seen, _ in joined), key=lambda field: field.size))
    return ReceptiveField(tuple(largest), tuple(smallest))


# --- positions that are numbered anew ----------------------------------------------------------


def _numbered_anew(seen: ReceptiveField, before: tuple[int, ...], after: tuple[int, ...]) -> ReceptiveField:
    """The field of the same positions in the same order, in other dimensions: a map as a sequence, or back."""
    if len(before) > 1:
        seen = _each(seen, lambda field, axis: _in_a_row(field, axis, before), len(before))
    if len(after) == 1:
        return seen
    if len(seen.largest) != len(after):
        return _each(seen, lambda field, _: Field(0, (field.over(0, prod(after) - 1),)), 1)
    largest, smallest = (
        tuple(_in_a_map(field, axis, after) for axis, field in enumerate(fields))
        for fields in (seen.largest, seen.smallest)
    )
    return ReceptiveField(largest, smallest)


def _in_a_row(field: Field, axis: int, sizes: tuple[int, ...]) -> Field:
    """The field along one dimension of a map of these sizes, by the number of the position, row by row."""
    times = prod(sizes[axis + 1 :])
    jump = field.jump if axis == 0 else 0
    seen = field.intervals if axis == 0 else tuple(map(field.at, range(sizes[axis])))
    if len(set(seen)) == 1 and not jump:
        return Field(0, seen[:1])
    return Field(jump, tuple(interval for interval in seen for _ in range(times)))


def _in_a_map(field: Field, axis: int, sizes: tuple[int, ...]) -> Field:
    """The field along one dimension of a map of these sizes, whose positions were numbered row by row: of all positions
    at the same place in that dimension."""
    inner, size = prod(sizes[axis + 1 :]), sizes[axis]
    places = ([p for p in range(prod(sizes)) if p // inner % size == place] for place in range(size))
    seen = [_hull(map(field.at, at)) for at in places]
    steps = {(after[0] - before[0], after[1] - before[1]) for before, after in pairwise(seen)}
    step = next(iter(steps))[0] if steps else 0
    if steps <= {(step, step)}:
        return Field(step, (seen[0],))
    return Field(seen[-1][0] - seen[0][0] + step, tuple(seen))


# --- windows and unions ------------------------------------------------------------------------


def _joins_positions(node: Node) -> bool:
    """Whether a node puts the positions of sequences one after the other."""
    return isinstance(node.op, Concat) and node.op.over == "positions"


def _one_after_the_other(inputs: Sequence[ReceptiveField], lengths: Sequence[int]) -> ReceptiveField:
    """What the positions of several sequences see that follow each other.

    The positions of a constant see nothing; they are taken to see what the first position of the others sees.
    """
    known = next((seen for seen in inputs if seen.largest), inputs[0])
    inputs = [seen if seen.largest else _steady(known) for seen in inputs]
    dimensions = range(len(known.largest))
    largest = tuple(_follow([seen.largest[d] for seen in inputs], lengths) for d in dimensions)
    smallest = tuple(_follow([seen.smallest[d] for seen in inputs], lengths) for d in dimensions)
    return ReceptiveField(largest, smallest)


def _steady(seen: ReceptiveField) -> ReceptiveField:
    """A field that sees at every position what the first position of another sees."""
    largest, smallest = (tuple(Field(0, (one.at(0),)) for one in row) for row in (seen.largest, seen.smallest))
    return ReceptiveField(largest, smallest)


def _follow(fields: Sequence[Field], lengths: Sequence[int]) -> Field:
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


def _remembered(window: Window, inputs: Sequence[ReceptiveField], tensors: Sequence[Tensor]) -> ReceptiveField:
    """What a recurrent layer sees that begins with a state: what lies in its window, and all that the state saw."""
    (length,), (count,) = (tensor.spatial for tensor in tensors)
    read = _each(inputs[0], lambda field, axis: _slide(field, window, axis, (length,), (length,)), 1)
    known = _each(inputs[1], lambda field, _: Field(0, (field.over(0, count - 1),)), 1)
    return _joined([read, known], [(length,), (length,)])


@lru_cache(maxsize=8)
def _so_far(field: Field, length: int) -> Field:
    """The field of all positions up to each of them. Kept, since keys and values, and blocks in a row, ask the same."""
    seen = [field.at(position) for position in range(length)]
    starts, ends = accumulate((first for first, _ in seen), min), accumulate((last for _, last in seen), max)
    return Field(field.at(length)[0] - field.at(0)[0], tuple(zip(starts, ends, strict=True)))


def _slide(field: Field, window: Window, dimension: int, sizes: tuple[int, ...], after: tuple[int, ...]) -> Field:
    """The field after a sliding window. If the window covers everything, each output sees what all inputs see.

    `sizes` and `after` are the sizes before and after it. The period is at most the number of positions; a vector has
    one.
    """
    if window.everything or not field.moves or dimension >= len(window.kernel):
        last = sizes[dimension] - 1 if dimension < len(sizes) else 0
        return Field(0, (field.over(0, last),))
    if not after:
        return Field(0, (_seen(field, window, dimension, 0),))
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
    if len({field.moves for field in fields}) > 1:
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
    most = max(len(i.largest) for i in inputs)
    known = [i for i in inputs if len(i.largest) == most]
    placed = [i for i in known if all(field.jump and not field.is_uneven for field in i.largest)]
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
    """Whether a node's output has no positions (any more), is a constant, or comes only from such values."""
    if not node.output.spatial:
        return node.output.kind == "float"
    sources = {value.node for value in graph.inputs_of(node.id)}
    if not sources:
        return node.op.name != "input"
    window = node.op.window(*graph.tensors_into(node.id))
    return (window is not None and window.everything) or sources <= pooled
