"""Values of a trace as arrangements of values of the graph, and the ops that bring them into another shape."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from math import prod
from typing import Literal

from archdsl.frontends.arrangement import BATCH, CHANNELS, REPEATED, Arrangement, Atom, Axis, along, joined, whole
from archdsl.frontends.aten.step import Made, Step, TraceNode
from archdsl.ops.base import Op
from archdsl.ops.embed import Embed
from archdsl.ops.learned import Learned
from archdsl.ops.position import Positions
from archdsl.ops.reshape import ChannelShuffle, Flatten, Reshape, SpaceToDepth
from archdsl.ops.tokens import Tokens
from archdsl.tensor import Tensor

Order = tuple[int, ...]
"""Which axis of a tensor is the batch, which the channels, and which the positions."""


@dataclass(frozen=True, slots=True)
class Placed:
    """A value of the graph, and how a value of the trace lies in it. `batch` is the number of samples.

    `call` is the call after which it lies so: an op that this takes is its op.
    """

    value: Made | Step
    tensor: Tensor
    batch: int
    arrangement: Arrangement
    call: TraceNode | None = None

    @classmethod
    def plain(cls, value: Made | Step, tensor: Tensor, batch: int) -> Placed:
        """A value that lies as it is: batch, channels, positions."""
        return cls(value, tensor, batch, whole((batch, *tensor.dims)))

    def arranged(self, arrangement: Arrangement, call: TraceNode | None = None) -> Placed:
        return replace(self, arrangement=arrangement, call=call or self.call)

    @classmethod
    def learned(cls, weight: TraceNode, shape: tuple[int, ...], batch: int) -> Placed:
        """A parameter that is a value, the same for each sample: its first axis is of size 1."""
        _, *axes = range(len(shape))
        # Channels x length is kept with the channels last, as transformers do.
        order = (*axes[-1:], *axes[:-1]) if len(shape) == 3 else tuple(axes)
        op = Learned(dims=tuple(shape[axis] for axis in order))
        lies = whole((1, *op.dims)).inverted((0, *order))
        return cls(Step(op, (), {"": weight}, call=weight), op.shape(), batch, lies)

    @classmethod
    def parameter(cls, weight: TraceNode, shape: tuple[int, ...], batch: int) -> Placed:
        """Any other parameter as a value that is the same for each sample: it has no axis for the batch."""
        # Two dimensions are declared channels first and kept with the channels last, so the last one is the channels.
        order = (1, 0) if len(shape) == 2 else tuple(range(len(shape)))
        op = Learned(dims=tuple(shape[axis] for axis in order) or (1,))
        lies = Arrangement(tuple(along(order.index(axis) + 1, size) for axis, size in enumerate(shape)))
        return cls(Step(op, (), {"": weight}, call=weight), op.shape(), batch, lies)

    @property
    def is_learned(self) -> bool:
        """Whether it is learned, and the same for each sample: a learned value, or vectors of positions."""
        if not isinstance(self.value, Step):
            return False
        inner = self.value.inputs[0] if isinstance(self.value.op, Embed) else self.value
        return isinstance(inner, Step) and isinstance(inner.op, Learned | Positions)

    def for_each_sample(self) -> Placed:
        """A value that is the same for all samples as one for each; other values as they are.

        The samples are the first axis, or the only place where the value is repeated as often as there are samples.
        """
        axes, alike = self.arrangement.axes, Atom(REPEATED, self.batch, 0)
        if self.has_batch or not axes:
            return self
        if axes[0] in ((), (alike,)):
            return self.arranged(Arrangement((along(BATCH, self.batch), *axes[1:])))
        repeated = [atom for axis in axes for atom in axis if atom.dim == REPEATED]
        return self.arranged(self.arrangement.replaced(alike, Atom(BATCH, self.batch))) if repeated == [alike] else self

    @property
    def has_batch(self) -> bool:
        """Whether the value differs from sample to sample."""
        return any(atom.dim == BATCH for axis in self.arrangement.axes for atom in axis)

    @property
    def is_plain(self) -> bool:
        return self.arrangement == whole((self.batch, *self.tensor.dims))

    # --- as channels and positions ---------------------------------------------------------

    def standard(self, order: Order | None = None, split: bool = True) -> Placed | None:
        """As batch, channels, positions, perhaps by an op that gives another shape; None where that needs a permute.

        `order` are the axes that are to be these. Without `split`, dimensions may be joined, but not taken apart.
        """
        arrangement = self.arrangement.permuted(order) if order else self.arrangement
        axes, dims = list(arrangement.axes[1:]), arrangement.shape[1:]
        if not dims or arrangement.rolled or arrangement.axes[0] != along(BATCH, self.batch):
            return None
        if self.tensor.kind == "int" and arrangement != whole((self.batch, *self.tensor.dims)):
            # No op gives whole numbers another shape.
            return None
        value = self.value
        squares = _squares(axes, self.tensor) if split else None
        if squares:
            return Placed.plain(Step(squares, (value,), call=self.call), squares.shape(self.tensor), self.batch)
        groups = _shuffled(axes[0], self.tensor.channels)
        if groups:
            value = Step(ChannelShuffle(groups=groups), (value,), call=self.call)
            axes[0] = along(CHANNELS, self.tensor.channels)
        if joined(atom for axis in axes for atom in axis) != _all_atoms(self.tensor):
            return None
        if dims != self.tensor.dims:
            op = view(self.tensor.dims, dims)
            if isinstance(op, Reshape) and not split:
                return None
            value = Step(op, (value,), call=self.call)
        return Placed.plain(value, Tensor(*dims, kind=self.tensor.kind), self.batch)

    def orders(self) -> Iterator[Order]:
        """Ways to read the axes: as they are, channels last, and as they follow in the value of the graph."""
        batch, rest = self.batch_axis, self.other_axes
        yield (batch, *rest)
        yield (batch, *rest[-1:], *rest[:-1])
        yield (batch, *sorted(rest, key=self._place))

    @property
    def batch_axis(self) -> int:
        """The axis that is the batch; the first, if none is."""
        return next((i for i, axis in enumerate(self.arrangement.axes) if axis == along(BATCH, self.batch)), 0)

    @property
    def other_axes(self) -> tuple[int, ...]:
        return tuple(axis for axis in range(self.arrangement.rank) if axis != self.batch_axis)

    def _place(self, axis: int) -> tuple[int, int]:
        atoms = self.arrangement.axes[axis]
        return (atoms[0].dim, -atoms[0].step) if atoms else (self.tensor.rank + 1, axis)

    def read(self, split: bool = True) -> tuple[Placed, Order] | None:
        """As batch, channels, positions, with the axes in any order that allows it, without an op if possible."""
        if not self.arrangement.rank:
            return None
        found = [(taken, order) for order in dict.fromkeys(self.orders()) if (taken := self.standard(order, split))]
        return min(found, key=lambda pair: pair[0].value is not self.value, default=None)

    def with_channels(self, axis: int) -> Placed | None:
        """With an axis that is the channels of a value of the graph: of a map, or of maps in windows; else None."""
        return self if self.keeps_channels(axis) else self.reads_channels(axis)

    def reads_channels(self, axis: int) -> Placed | None:
        """With an axis that is the channels, and the others the positions of a value of the graph, in their order."""
        batch = self.batch_axis
        others = [other for other in self.other_axes if other != axis]
        for positions in (others, sorted(others, key=self._place)):
            order = (batch, axis, *positions)
            taken = self.standard(order) if axis != batch else None
            if taken:
                return taken.arranged(taken.arrangement.inverted(order), self.call)
        return None

    def keeps_channels(self, axis: int) -> bool:
        """Whether an axis is the channels, and the others hold each of several positions once, in any order."""
        repeats = any(atom.dim == REPEATED for other in self.arrangement.axes for atom in other)
        several = self.tensor.size > self.tensor.channels and not repeats
        return several and self.arrangement.axes[axis] == along(CHANNELS, self.tensor.channels)

    def with_outer(self, axis: int) -> Placed | None:
        """With an axis that is a piece of each of several groups of channels as their outer piece, by a shuffle."""
        atoms, channels = self.arrangement.axes[axis], self.tensor.channels
        block = atoms[0].size * atoms[0].step if len(atoms) == 1 and atoms[0].dim == CHANNELS else channels
        groups = channels // max(block, 1)
        own = [a for axis in self.arrangement.axes for a in axis if a.dim == CHANNELS]
        if not block or groups < 2 or channels % block or any(a.step < block < a.size * a.step for a in own):
            return None

        def shuffled(atom: Atom) -> Atom:
            step = atom.step * groups if atom.step < block else atom.step // block
            return Atom(CHANNELS, atom.size, step) if atom.dim == CHANNELS else atom

        lies = replace(self.arrangement, axes=tuple(tuple(map(shuffled, axis)) for axis in self.arrangement.axes))
        value = Step(ChannelShuffle(groups=groups), (self.value,), call=self.call)
        return replace(self, value=value, arrangement=lies)

    def on_map(self) -> Placed:
        """A sequence whose positions are four pieces, those of rows and columns in windows, as a map of these."""
        pieces = sorted((a for axis in self.arrangement.axes for a in axis if a.dim == 2), key=lambda a: -a.step)
        if self.tensor.rank != 2 or len(pieces) != 4:
            return self
        width = pieces[1].step
        op = Reshape(dims=(self.tensor.channels, self.tensor.spatial[0] // width, width))

        def moved(atom: Atom) -> Atom:
            if atom.dim != 2:
                return atom
            return Atom(2, atom.size, atom.step // width) if atom.step >= width else Atom(3, atom.size, atom.step)

        lies = replace(self.arrangement, axes=tuple(tuple(map(moved, axis)) for axis in self.arrangement.axes))
        return Placed(Step(op, (self.value,), call=self.call), op.shape(self.tensor), self.batch, lies, self.call)

    def settled(self) -> Placed:
        """With each axis along one whole dimension of a value of the graph, where joining dimensions gives that."""
        found = self.read(split=False)
        if found is None:
            return self
        taken, order = found
        return taken.arranged(taken.arrangement.inverted(order), self.call)


def _all_atoms(tensor: Tensor) -> tuple[Atom, ...]:
    return tuple(Atom(dim + 1, size) for dim, size in enumerate(tensor.dims) if size != 1)


def _shuffled(axis: Sequence[Atom], channels: int) -> int:
    """The groups of channels that an axis takes in turns, as a channel shuffle does; 0 if it does something else."""
    if len(axis) != 2 or {atom.dim for atom in axis} != {CHANNELS}:
        return 0
    inner, outer = axis
    return outer.size if inner.step == 1 and outer.step == inner.size and inner.size * outer.size == channels else 0


def _squares(axes: Sequence[Axis], tensor: Tensor) -> SpaceToDepth | None:
    """The op that makes channels of the pixels of squares, if these axes are its output's; else None."""
    if tensor.rank != 3 or len(axes) != 3:
        return None
    channels, height, width = tensor.dims
    factor = height // max(prod(atom.size for atom in axes[1]), 1)
    if factor < 2 or height % factor or width % factor:
        return None
    inner = {1: along(1, channels), 2: along(2, factor), 3: along(3, factor)}
    outer = along(2, height // factor, factor), along(3, width // factor, factor)
    orders: dict[Literal["pytorch", "rows", "columns"], tuple[int, ...]] = {
        "pytorch": (1, 2, 3),
        "rows": (2, 3, 1),
        "columns": (3, 2, 1),
    }
    for order, dims in orders.items():
        if tuple(axes) == (joined(atom for dim in dims for atom in inner[dim]), *outer):
            return SpaceToDepth(factor=factor, order=order)
    return None


def view(before: tuple[int, ...], after: tuple[int, ...]) -> Op:
    """The op that gives the same numbers in another shape."""
    if len(after) == 1:
        return Flatten()
    if len(after) == 2 < len(before) < 5 and after[0] == before[0]:
        return Tokens()
    return Reshape(dims=after)
