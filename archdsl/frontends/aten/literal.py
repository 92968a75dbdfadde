"""Brings values of a trace into the form in which PyTorch has them: a dimension for each axis, in their order."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import prod

from archdsl.frontends.arrangement import BATCH, REPEATED, Arrangement, Atom, Axis, along
from archdsl.frontends.aten.placed import Placed, view
from archdsl.frontends.aten.step import Made, Step
from archdsl.ops.held import Expanded, Permute, Rolled
from archdsl.ops.learned import Learned
from archdsl.ops.reshape import Reshape
from archdsl.tensor import Tensor


@dataclass(frozen=True, slots=True)
class Literal:
    """A value of the graph with a dimension for each axis of a tensor, but for the axis that is the batch alone.

    `batch_axis` is the axis that holds the batch, alone or as its slowest part; None for what is the same for all.
    `order` lists the axes in the order in which the value has their dimensions, where that is not the tensor's.
    """

    value: Made | Step
    tensor: Tensor
    sizes: tuple[int | None, ...]
    """For each axis, its size without the batch; None for the axis that is the batch alone."""
    batch_axis: int | None
    batch: int
    order: tuple[int, ...] = ()

    @property
    def is_first(self) -> bool:
        """Whether the first axis is the batch, and no other has a part of it."""
        return self.batch_axis == 0 and self.sizes[0] is None

    def dim(self, axis: int) -> int | None:
        """The dimension of the value along an axis, with the batch as 0; None for the batch."""
        before = self.axes[: self.axes.index(axis)]
        return None if self.sizes[axis] is None else 1 + sum(self.sizes[other] is not None for other in before)

    @property
    def axes(self) -> tuple[int, ...]:
        """The axes of the tensor, in the order in which the value has them."""
        return self.order or tuple(range(len(self.sizes)))

    @property
    def dims(self) -> tuple[int, ...]:
        """The dimensions that the value has for these sizes."""
        return tuple(size for axis in self.axes if (size := self.sizes[axis]) is not None) or (1,)

    def lies(self, sizes: tuple[int | None, ...] | None = None) -> Arrangement:
        """How a tensor with such axes, perhaps of other sizes, lies in its value."""
        axes: list[Axis] = []
        for axis, size in enumerate(self.sizes if sizes is None else sizes):
            batch = along(BATCH, self.batch) if axis == self.batch_axis else ()
            axes.append((*batch, *(along(self.dim(axis) or 0, size) if size is not None else ())))
        return Arrangement(tuple(axes))

    def with_size(self, axis: int, size: int) -> Arrangement:
        """How a tensor lies that differs in the size of one axis."""
        return self.lies((*self.sizes[:axis], size, *self.sizes[axis + 1 :]))

    def of_rank(self, rank: int, batch_axis: int | None) -> Literal | None:
        """With axes of size 1 in front, and with the batch in the given axis, where other values have it."""
        more = rank - len(self.sizes)
        sizes: tuple[int | None, ...] = (*(1,) * more, *self.sizes)
        own = None if self.batch_axis is None else self.batch_axis + more
        if own is None and batch_axis is not None:
            if sizes[batch_axis] != 1:
                return None
            sizes = (*sizes[:batch_axis], None, *sizes[batch_axis + 1 :])
        elif own != batch_axis:
            return None
        order = (*range(more), *(axis + more for axis in self.order)) if self.order else ()
        return reshaped(replace(self, sizes=sizes, batch_axis=batch_axis, order=order))

    def folded(self) -> Literal:
        """With a dimension of size 1 for the batch's axis, as for a value that has more than the batch there."""
        sizes = tuple(1 if size is None else size for size in self.sizes)
        return reshaped(replace(self, sizes=sizes))


def reshaped(literal: Literal) -> Literal:
    """With the value in the shape that the sizes say. A parameter is declared in that shape."""
    dims = literal.dims
    if dims == literal.tensor.dims:
        return literal
    tensor, value = Tensor(*dims, kind=literal.tensor.kind), literal.value
    if isinstance(value, Step) and isinstance(value.op, Reshape) and len(dims) > 1:
        return replace(literal, value=replace(value, op=Reshape(dims=dims)), tensor=tensor)
    # Of two dimensions, a parameter keeps the channels last: then another shape has the numbers in another order.
    same_order = all(len(shape) != 2 or 1 in shape for shape in (literal.tensor.dims, dims))
    if isinstance(value, Step) and isinstance(value.op, Learned) and same_order:
        return replace(literal, value=replace(value, op=Learned(dims=dims)), tensor=tensor)
    return replace(literal, value=Step(view(literal.tensor.dims, dims), (value,)), tensor=tensor)


def literal(placed: Placed | None, order: tuple[int, ...] = ()) -> Literal | None:
    """A value in PyTorch's form; None for what lacks numbers or lies as no permute can give.

    Numbers of an axis that is repeated alone are there once: such an axis has size 1. `order` gives the axes another
    order in the value.

    Ops that this needs belong to the step that takes the value, so that no block hands on a value in two forms.
    """
    if placed is None:
        return None
    arrangement = placed.arrangement.without_repeats()
    batch_axis = _batch_axis(arrangement, placed.batch)
    axes = arrangement.permuted(order).axes if order else arrangement.axes
    atoms = [atom for axis in axes for atom in axis if atom.dim != BATCH]
    own = [atom for atom in atoms if atom.dim != REPEATED]
    pieces = _pieces(own, placed.tensor)
    if batch_axis == REPEATED or pieces is None:
        return None
    value, tensor = placed.value, placed.tensor
    if arrangement.rolled:
        op = Rolled(
            dims=tuple(dim for dim, _ in arrangement.rolled),
            shifts=tuple(-first for _, first in arrangement.rolled),
        )
        value = Step(op, (value,))
    places = tuple(pieces.index(atom) + 1 for atom in own)
    if list(places) != sorted(places):
        taken_apart = tuple(atom.size for atom in pieces)
        if taken_apart != tensor.dims:
            value = Step(view(tensor.dims, taken_apart), (value,))
        value = Step(Permute(order=places), (value,))
        tensor = Tensor(*(atom.size for atom in own), kind=tensor.kind)
    if len(own) < len(atoms):
        value, tensor = _repeated(value, tensor, atoms)
    sizes = tuple(_size(axis, place == batch_axis) for place, axis in enumerate(arrangement.axes))
    return reshaped(Literal(value, tensor, sizes, batch_axis, placed.batch, order))


def as_it_lies(placed: Placed | None) -> Literal | None:
    """A value in PyTorch's form but for the order of its axes, which needs no permute."""
    return literal(placed, own_order(placed)) if placed else None


def own_order(placed: Placed) -> tuple[int, ...]:
    """The axes in the order in which they follow each other in the value of the graph.

    One of size 1 stays behind the axis that is before it in the tensor.
    """
    places: list[tuple[int, int]] = []
    for axis in placed.arrangement.without_repeats().axes:
        own = [atom for atom in axis if atom.dim != REPEATED]
        before = places[-1] if places else (BATCH, 0)
        places.append((own[0].dim, -own[0].step) if own else before)
    return tuple(sorted(range(len(places)), key=places.__getitem__))


def all_as_they_lie(values: Sequence[Placed | None]) -> list[Literal]:
    """Values with their axes in the order in which the largest of them has its own; none, if one has no such form."""
    known = [value for value in values if value]
    if len(known) < len(values):
        return []
    largest = max(known, key=lambda value: value.tensor.size)
    rank = largest.arrangement.rank
    order = own_order(largest)
    if any(value.arrangement.rank != rank for value in known):
        order = ()
    found = [one for value in known if (one := literal(value, order))]
    return found if len(found) == len(known) else []


def aligned(values: Sequence[Literal], rank: int) -> list[Literal] | None:
    """Values with equally many axes, as PyTorch aligns them to broadcast; None where their batches do not meet."""
    places = {one.batch_axis + rank - len(one.sizes) for one in values if one.batch_axis is not None}
    if len(places) > 1:
        return None
    axis = next(iter(places), None)
    found = [taken for one in values if (taken := one.of_rank(rank, axis))]
    if len(found) < len(values):
        return None
    is_folded = axis is not None and any(one.sizes[axis] is not None for one in found)
    return [one.folded() for one in found] if is_folded else found


def _repeated(value: Made | Step, tensor: Tensor, atoms: list[Atom]) -> tuple[Step, Tensor]:
    """A value with its numbers repeated, as atoms among its own say."""
    once = tuple(1 if atom.dim == REPEATED else atom.size for atom in atoms)
    op = Expanded(dims=tuple(atom.size for atom in atoms))
    return Step(op, (Step(view(tensor.dims, once), (value,)),)), Tensor(*op.dims, kind=tensor.kind)


def _size(axis: Axis, holds_batch: bool) -> int | None:
    rest = [atom.size for atom in axis if atom.dim != BATCH]
    return None if holds_batch and not rest else prod(rest)


def _batch_axis(arrangement: Arrangement, batch: int) -> int | None:
    """The axis that holds the whole batch as its slowest part; None without a batch; -1 where it lies otherwise."""
    found = [place for place, axis in enumerate(arrangement.axes) if any(atom.dim == BATCH for atom in axis)]
    if not found:
        return None
    axis = arrangement.axes[found[0]]
    is_whole = len(found) == 1 and axis[:1] == along(BATCH, batch) and all(atom.dim != BATCH for atom in axis[1:])
    return found[0] if is_whole else REPEATED


def _pieces(atoms: list[Atom], tensor: Tensor) -> list[Atom] | None:
    """The atoms in the order of the value's dimensions, if they hold each number once."""
    by_dim: dict[int, list[Atom]] = defaultdict(list)
    for atom in atoms:
        by_dim[atom.dim].append(atom)
    pieces: list[Atom] = []
    for dim, size in enumerate(tensor.dims, 1):
        found = sorted(by_dim.pop(dim, ()), key=lambda atom: -atom.step)
        inner = 1
        for atom in reversed(found):
            if atom.step != inner:
                return None
            inner *= atom.size
        if inner != size:
            return None
        pieces += found
    return None if by_dim else pieces


def in_order(placed: Placed | None) -> Placed | None:
    """A value with the batch first and a dimension for each other axis, by a permute where that needs one.

    None for a value that is repeated: of such a one, numbers would be missing.
    """
    standard = placed.standard() if placed else None
    if standard or placed is None or placed.tensor.kind == "int":
        return standard
    found = literal(placed)
    whole = found and found.is_first and found.tensor.dims == (placed.arrangement.without_batch() or (1,))
    return Placed.plain(found.value, found.tensor, found.batch) if found and whole else None


def channels_first(placed: Placed, axis: int) -> Placed | None:
    """The value with one axis as its channels, by a permute; the others are its positions."""
    placed = placed.for_each_sample()
    found = literal(placed, (axis, *(other for other in own_order(placed) if other != axis)))
    if found is None or found.dim(axis) is None or axis == found.batch_axis:
        return None
    return replace(placed, value=found.value, tensor=found.tensor, arrangement=found.lies())
