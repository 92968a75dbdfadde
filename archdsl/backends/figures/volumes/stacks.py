"""What a picture of volumes shows: columns of stacks, each a run of tensors of one kind and size, and how runs join.

Knows nothing of places on the page.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

from archdsl.backends.figures.items import OpRow
from archdsl.backends.figures.label import ShownArgument, listed
from archdsl.backends.figures.overview import Stage
from archdsl.ir.graph import Graph, Value
from archdsl.tensor import Tensor

MOST_RUNS = 4
"""Of one column. Beyond, there is one stack for each kind."""


BORDER = 1.2
"""Sizes that differ by less are drawn as one: a convolution without padding cuts a border."""


class Kind(StrEnum):
    """What made a volume: decides its colour. The words are those of the legend."""

    INPUT = "input"
    CONV = "convolution"
    UP = "upsampling"
    BLOCK = "block"
    POOL = "pooling"
    LINEAR = "linear"
    RECURRENT = "recurrence"
    EMBED = "embedding"
    FILL = "what a skip brings"
    OTHER = "other op"


PLURALS: Mapping[Kind, str] = {
    Kind.CONV: "convolutions",
    Kind.UP: "upsamplings",
    Kind.BLOCK: "blocks",
    Kind.POOL: "poolings",
    Kind.LINEAR: "linear layers",
    Kind.RECURRENT: "recurrent layers",
    Kind.EMBED: "embeddings",
    Kind.OTHER: "other ops",
}


@dataclass(frozen=True, slots=True)
class Maker:
    """An op, or a block with the arguments that all `count` uses of it have."""

    name: str
    count: int = 1
    arguments: tuple[ShownArgument, ...] = ()

    @property
    def text(self) -> str:
        """What it is, without how often. More than two numbers say nothing without their places."""
        clear = [told for told in self.arguments if told.clear]
        return f"{self.name} {listed(self.arguments if len(self.arguments) - len(clear) <= 2 else clear)}".strip()

    def and_more(self, other: Maker) -> Maker:
        """Both together, of one name."""
        common = tuple(told for told in self.arguments if told in other.arguments)
        # One number of several says nothing without its place.
        clear = tuple(told for told in common if told.clear or told is self.arguments[0])
        return Maker(self.name, self.count + other.count, clear)


@dataclass(frozen=True, slots=True)
class Run:
    """`count` volumes of one kind and size in a row; `value` is the last. `told` says what made how many of them."""

    kind: Kind
    value: Value
    count: int = 1
    told: tuple[Maker, ...] = ()


@dataclass(frozen=True, slots=True)
class Column:
    """A stage with its volumes, from left to right. `lanes` are ops that stand on a skip, by the value that skips."""

    stage: Stage
    runs: tuple[Run, ...]
    lanes: Mapping[Value, OpRow]

    @property
    def main(self) -> Run:
        """The volume that gives the column its size: the last, or the last before a pooling at the end."""
        inner = [run for run in self.runs if run.kind not in (Kind.POOL, Kind.FILL)]
        return inner[-1] if inner else self.runs[-1]

    @property
    def pooled(self) -> Run | None:
        """The pooling at the end, if there is one beside the main volume."""
        last = self.runs[-1]
        return last if last.kind is Kind.POOL and last is not self.main else None


@dataclass(frozen=True, slots=True)
class Skip:
    """A value that column `start` hands to column `end`, past others; `lane` is the op that stands on its way."""

    start: int
    end: int
    value: Value
    lane: OpRow | None = None


def times(run: Run, count: int) -> Run:
    """The same, so many times."""
    return replace(run, count=run.count * count, told=tuple(replace(m, count=m.count * count) for m in run.told))


def merged(graph: Graph, runs: Iterable[Run]) -> list[Run]:
    """Neighbours of one kind and size as one."""
    found: list[Run] = []
    for run in runs:
        before = found[-1] if found else None
        alike = before is not None and before.kind is run.kind is not Kind.FILL
        if before and alike and _same_size(graph.tensor(before.value), graph.tensor(run.value)):
            found[-1] = _joined(before, run)
        else:
            found.append(run)
    return found


def _same_size(one: Tensor, other: Tensor) -> bool:
    """Whether two differ by no more than a border that was cut or added."""
    pairs = list(zip(one.spatial, other.spatial, strict=False))
    near = all(max(a, b) <= BORDER * min(a, b) for a, b in pairs)
    return one.rank == other.rank and one.channels == other.channels and near


def _joined(one: Run, other: Run) -> Run:
    return Run(one.kind, other.value, one.count + other.count, together((*one.told, *other.told)))


def together(makers: Iterable[Maker]) -> tuple[Maker, ...]:
    """Neighbours of one name as one."""
    told: list[Maker] = []
    for maker in makers:
        if told and told[-1].name == maker.name:
            told[-1] = told[-1].and_more(maker)
        else:
            told.append(maker)
    return tuple(told)


def shortened(runs: Sequence[Run]) -> list[Run]:
    """One run for each kind, where there are too many: as large as the last of its kind, in the order of those."""
    if len(runs) <= MOST_RUNS:
        return list(runs)
    found: dict[Kind, Run] = {}
    for run in runs:
        before = found.pop(run.kind, None)
        found[run.kind] = _joined(before, run) if before else run
    return [_counted(run) for run in found.values()]


def _counted(run: Run) -> Run:
    """With one text for all: `3×3 ×5` where they are alike, else `5 convolutions`."""
    if len(run.told) < 2:
        return run
    return replace(run, told=(Maker(f"{run.count} {PLURALS.get(run.kind, run.kind)}"),))
