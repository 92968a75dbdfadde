"""How a tensor of PyTorch's lies in one of our values: along which dimension, or piece of one, each of its axes runs.

Views and permutes only change this arrangement, and no number. So they need no op: who takes the tensor looks where
its axes lie. A batch of maps C x H x W after `permute(0, 2, 3, 1).flatten(1, 2)` is `batch`, `H, W`, `C`.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from math import prod
from typing import TypeAlias

BATCH, CHANNELS = 0, 1
"""The dimensions of our values: the samples, the channels, and from 2 on the positions."""

REPEATED = -1
"""Stands for a dimension along which the same numbers are repeated."""


@dataclass(frozen=True, slots=True)
class Atom:
    """A piece of a dimension: `size` places that are `step` apart. A whole dimension has a step of 1."""

    dim: int
    size: int
    step: int = 1

    def split(self, outer: int) -> tuple[Atom, Atom]:
        """The atom as two: `outer` places, and those between them."""
        inner = self.size // outer
        return Atom(self.dim, outer, self.step * inner), Atom(self.dim, inner, self.step)

    def continued_by(self, other: Atom) -> bool:
        """Whether the two, one after the other, are one piece."""
        return self.dim == other.dim and self.step == other.size * other.step


Axis: TypeAlias = tuple[Atom, ...]
"""An axis of a tensor: its atoms, the slowest first. An axis of size 1 has none."""


def joined(atoms: Iterable[Atom]) -> Axis:
    """Atoms one after the other, with those that are one piece joined."""
    found: list[Atom] = []
    for atom in atoms:
        if found and found[-1].continued_by(atom):
            found[-1] = Atom(atom.dim, found[-1].size * atom.size, atom.step)
        else:
            found.append(atom)
    return tuple(found)


def along(dim: int, size: int, step: int = 1) -> Axis:
    """An axis along one dimension, or along a piece of it."""
    return (Atom(dim, size, step),) if size != 1 else ()


def whole(shape: Sequence[int]) -> Arrangement:
    """The arrangement of a value in itself: each axis is a dimension."""
    return Arrangement(tuple(along(dim, size) for dim, size in enumerate(shape)))


@dataclass(frozen=True, slots=True)
class Arrangement:
    """The axes of a tensor, in its order.

    `rolled` are dimensions whose places are moved, and how far: place 0 of the tensor is that place of the value, and
    after the last comes the first.
    """

    axes: tuple[Axis, ...]
    rolled: tuple[tuple[int, int], ...] = ()

    @property
    def shape(self) -> tuple[int, ...]:
        return tuple(prod(atom.size for atom in axis) for axis in self.axes)

    @property
    def rank(self) -> int:
        return len(self.axes)

    def permuted(self, order: Sequence[int]) -> Arrangement:
        """With the axes in another order."""
        return replace(self, axes=tuple(self.axes[axis] for axis in order))

    def with_axis(self, axis: int, atoms: Axis | None) -> Arrangement:
        """With other atoms in one axis; None removes the axis."""
        kept = () if atoms is None else (atoms,)
        return replace(self, axes=(*self.axes[:axis], *kept, *self.axes[axis + 1 :]))

    def replaced(self, atom: Atom, other: Atom) -> Arrangement:
        """With another atom in place of one."""
        return replace(self, axes=tuple(tuple(other if one == atom else one for one in axis) for axis in self.axes))

    def reshaped(self, shape: Sequence[int]) -> Arrangement | None:
        """With the same numbers in the same order and another shape; None where an axis would be cut unevenly."""
        pending = [atom for axis in self.axes for atom in axis][::-1]
        axes = []
        for size in shape:
            axis: list[Atom] = []
            while size > 1:
                atom = pending.pop()
                if atom.size % size == 0 and atom.size != size:
                    atom, rest = atom.split(size)
                    pending.append(rest)
                if size % atom.size:
                    return None
                axis.append(atom)
                size //= atom.size
            axes.append(joined(axis))
        return replace(self, axes=tuple(axes))

    def roll(self, axis: int, places: int) -> Arrangement | None:
        """With the numbers moved along an axis, as `Tensor.roll` does; None where it is no whole dimension."""
        if not self.axes[axis]:
            return self
        atom, *further = self.axes[axis]
        if further or atom.step != 1 or atom.dim <= CHANNELS:
            return None
        moved = dict(self.rolled)
        moved[atom.dim] = (moved.get(atom.dim, 0) - places) % atom.size
        return replace(self, rolled=tuple(sorted((dim, first) for dim, first in moved.items() if first)))

    def expanded(self, shape: Sequence[int]) -> Arrangement:
        """With axes of size 1 repeated, and new axes in front, as `Tensor.expand` does."""
        padded = Arrangement((*((),) * (len(shape) - self.rank), *self.axes))
        rows = zip(padded.axes, padded.shape, shape, strict=True)
        axes = (axis if size == wanted else (Atom(REPEATED, wanted, 0),) for axis, size, wanted in rows)
        return replace(self, axes=tuple(axes))

    def without_repeats(self) -> Arrangement:
        """With size 1 in place of axes along which the same numbers are repeated."""
        axes = (() if {atom.dim for atom in axis} == {REPEATED} else axis for axis in self.axes)
        return replace(self, axes=tuple(axes))

    def inverted(self, order: Sequence[int]) -> Arrangement:
        """The arrangement that `order` permutes to this one."""
        return self.permuted(sorted(range(len(order)), key=order.__getitem__))

    def without_batch(self) -> tuple[int, ...]:
        """The shape for one sample: the batch may be an axis of its own, or a part of one."""
        sizes = (prod(atom.size for atom in axis if atom.dim != BATCH) for axis in self.axes)
        batches = ({atom.dim for atom in axis} == {BATCH} for axis in self.axes)
        return tuple(size for size, batch in zip(sizes, batches, strict=True) if not batch)

    def is_complete(self, size: int) -> bool:
        """Whether the axes hold each of `size` numbers once."""
        return prod(self.shape) == size and all(atom.dim != REPEATED for axis in self.axes for atom in axis)

    def in_order(self) -> bool:
        """Whether the numbers of one sample follow each other as in the value that they lie in."""
        atoms = joined(atom for axis in self.axes for atom in axis if atom.dim != BATCH)
        dims = [atom.dim for atom in atoms]
        return not self.rolled and all(atom.step == 1 for atom in atoms) and dims == sorted(set(dims))

    def __str__(self) -> str:
        """What each axis runs along, and how far: `batch, 2:14 3:14, 1:768`."""
        axes = ", ".join(" ".join(map(_written, axis)) or "1" for axis in self.axes)
        return axes + "".join(f", {dim} from {first}" for dim, first in self.rolled)


def _written(atom: Atom) -> str:
    if atom.dim == BATCH:
        return "batch"
    if atom.dim == REPEATED:
        return f"repeat:{atom.size}"
    return f"{atom.dim}:{atom.size}" + (f" by {atom.step}" if atom.step > 1 else "")
