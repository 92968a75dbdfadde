"""What is added to scores of attention, as numbers: masks, and learned biases of relative positions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import prod
from typing import Any, TypeAlias

import numpy as np

from archdsl.frontends.arrangement import BATCH, CHANNELS, Arrangement, Atom
from archdsl.frontends.aten.scores import KEYS, Scores, canonical, in_order
from archdsl.frontends.aten.step import TraceNode
from archdsl.frontends.aten.table import Table
from archdsl.frontends.aten.window import Cut

Numbers: TypeAlias = "np.ndarray[Any, Any]"

MASKED = -100.0
"""A score to which this or less is added counts as masked: it weighs e^-100 of an equal one, too little for any sum."""


@dataclass(frozen=True, slots=True)
class Added:
    """What was added to scores: whether later positions are masked, and the weight that holds a bias.

    `picked` tells, outside of windows, which number of the weight each score gets: heads, queries, keys; -1 where any
    will do, as the key is masked.
    """

    causal: bool = False
    bias: TraceNode | None = None
    picked: Numbers | None = None


def added_to(scores: Scores, cut: Cut) -> Added | None:
    """What was added, if it is a mask or a bias that the op has; windows that are moved need their mask."""
    places = Places.of(scores, cut)
    if any(in_order(lies) != in_order(scores.lies) for _, lies in scores.added):
        return None
    biases = [table.weight for table, _ in scores.added if table.weight is not None]
    mask = sum((canonical(table.numbers.astype(float), lies) for table, lies in scores.added), np.zeros(()))
    if len(biases) > 1:
        return None
    if cut.size is None:
        is_causal = _masks(mask, places.later())
        if not is_causal and not _masks(mask, np.array(False)):
            return None
        picked = [_picked(table, lies, mask) for table, lies in scores.added if table.weight is not None]
        return Added(is_causal, *biases, *picked) if all(one is not None for one in picked) else None
    if not all(_is_relative(table, lies, places, scores) for table, lies in scores.added):
        return None
    return Added(bias=biases[0] if biases else None) if _masks(mask, places.parted()) else None


def _masks(mask: Numbers, hidden: Numbers) -> bool:
    """Whether a mask hides these places, and no others."""
    mask, hidden = np.broadcast_arrays(mask, hidden)
    return bool((mask[hidden] <= MASKED).all()) and bool((mask[~hidden] == 0).all())


def _picked(table: Table, lies: Arrangement, mask: Numbers) -> Numbers | None:
    """What a table picks for each head, query and key, if it does so for all samples; -1 where the key is hidden."""
    atoms = in_order(lies)
    found = np.where(mask <= MASKED, -1, canonical(table.picked, lies))
    found = np.broadcast_to(found, [atom.size for atom in atoms])
    sizes = [
        prod(atom.size for atom in atoms if low <= atom.dim < high)
        for low, high in pairwise((BATCH, CHANNELS, 2, KEYS, 2 * KEYS))
    ]
    first, *others = found.reshape(sizes)
    return first if all(bool((other == first).all()) for other in others) else None


def _is_relative(table: Table, lies: Arrangement, places: Places, scores: Scores) -> bool:
    """Whether a table's learned numbers are those of a bias for each head and distance inside a window."""
    if table.weight is None:
        return True
    size = places.cut.size
    if size is None or prod(table.weight.meta["val"].shape) != prod(2 * n - 1 for n in size) * places.heads:
        return False
    return bool((canonical(table.picked, lies) == places.distance() * places.heads + places.head()).all())


@dataclass(frozen=True, slots=True)
class Places:
    """Where scores stand: in which head, and at which positions of the map the query and the key are.

    All are tensors that broadcast to the scores, with an axis for each of their `atoms`, in order.
    """

    atoms: tuple[Atom, ...]
    beside: tuple[Atom, ...]
    cut: Cut
    spatial: tuple[int, ...]

    @classmethod
    def of(cls, scores: Scores, cut: Cut) -> Places:
        beside = tuple(atom for axis in scores.lies.axes[:-2] for atom in axis)
        return cls(tuple(in_order(scores.lies)), beside, cut, scores.q.tensor.spatial)

    @property
    def heads(self) -> int:
        return next((atom.size for atom in self.atoms if atom.dim == CHANNELS), 1)

    def head(self) -> Numbers:
        return self._along([atom for atom in self.atoms if atom.dim == CHANNELS])

    def _along(self, atoms: Sequence[Atom], inside: bool = False) -> Numbers:
        """The place along a dimension of which these are pieces; `inside`: of a window, where they are its piece."""
        found = np.zeros((1,) * len(self.atoms), int)
        for atom in atoms:
            shape = [atom.size if other == atom else 1 for other in self.atoms]
            found = found + (np.arange(atom.size) * (1 if inside else atom.step)).reshape(shape)
        return found

    def _place(self, dim: int, of_keys: bool) -> Numbers:
        inner = [a for a in self.atoms if a.dim == dim + KEYS * of_keys and a not in self.beside]
        return self._along([*(a for a in self.beside if a.dim == dim), *inner])

    def later(self) -> Numbers:
        """Where a key is later than the query."""
        last = max((atom.dim for atom in self.atoms if 1 < atom.dim < KEYS), default=2)
        return self._place(last, True) > self._place(last, False) if last == 2 else np.array(True)

    def parted(self) -> Numbers:
        """Where a query and a key are in different parts of a window that is cut at the border."""
        parted = np.zeros((1,) * len(self.atoms), bool)
        for dim, (length, shift) in enumerate(zip(self.spatial, self.cut.shift, strict=True), 2):
            beyond = [self._place(dim, of_keys) >= length - shift for of_keys in (False, True)]
            parted = parted | (beyond[0] != beyond[1])
        return parted

    def distance(self) -> Numbers:
        """The row of a table of biases for the distance of a query and a key inside a window."""
        row = np.zeros((1,) * len(self.atoms), int)
        for dim, size in enumerate(self.cut.size or (), 2):
            q, k = ([a for a in self.atoms if a.dim == dim + offset and a not in self.beside] for offset in (0, KEYS))
            row = row * (2 * size - 1) + self._along(q, inside=True) - self._along(k, inside=True) + size - 1
        return row
