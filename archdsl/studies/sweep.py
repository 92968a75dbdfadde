"""Measures a network at all points of a grid; points that the record already has are not measured again."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from archdsl.studies.cluster import on_cluster
from archdsl.studies.pool import in_parallel
from archdsl.studies.ranges import Grid, Point
from archdsl.studies.record import PROBLEM, Record
from archdsl.studies.trial import Trial, Trier

Progress = Callable[[int, int], None]
"""A function that is called with the number of points that are done, and the number of all."""


@dataclass(frozen=True, slots=True)
class SweepRow:
    """One point of the grid: its `values` by column, or the `problem` why the network cannot be compiled there."""

    point: Point
    values: dict[str, Any]
    problem: str
    trial: Trial | None
    """None if the row was in the record before."""


def sweep(
    trier: Trier,
    grid: Grid,
    record: Record | None = None,
    jobs: int | None = None,
    progress: Progress | None = None,
    cluster: str | None = None,
) -> Generator[SweepRow]:
    """A row for each point of the grid: first those that the record has, then the others in order.

    A new row is added to the record before it is yielded. `jobs` is the number of processes, by default one per core.
    `cluster` is the address of a Dask scheduler whose workers are to measure, or `local` (see `studies.cluster`).
    Raises `OSError` if the record cannot be written, and `CompileError` if the cluster cannot be used.
    """
    known = 0
    for point in grid:
        if record and record.has(point):
            known += 1
            yield _known(trier, point, record)
    new = (point for point in grid if not (record and record.has(point)))
    for count, trial in enumerate(_trials(trier, new, len(grid) - known, jobs, cluster), known + 1):
        if record:
            record.add(trial.point, trial.values, trial.fault)
        if progress:
            progress(count, len(grid))
        yield SweepRow(trial.point, dict(trial.values), trial.fault, trial)


def _known(trier: Trier, point: Point, record: Record) -> SweepRow:
    row = record.row(point)
    return SweepRow(point, {name: row[name] for name in _names(trier)}, row[PROBLEM], None)


def _trials(
    trier: Trier, points: Iterable[Point], count: int, jobs: int | None, cluster: str | None
) -> Iterator[Trial]:
    if cluster is not None and count:
        trials = on_cluster(trier, points, count, cluster, jobs)
    else:
        trials = in_parallel(trier, list(points), jobs)
    try:
        yield from trials
    finally:
        trials.close()


def _names(trier: Trier) -> tuple[str, ...]:
    return (*trier.coefficients, *trier.measures)
