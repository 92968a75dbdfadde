"""Settings in, what the network measures with each out: in order, over several processes, each with the spec at hand."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass, field
from functools import partial
from multiprocessing import parent_process
from typing import Any

from archdsl.diagnostics import CompileError, Diagnostic
from archdsl.studies.measures import measure
from archdsl.studies.subject import Subject

FEW = 8
"""Settings that take less time than processes take to start."""


@dataclass(frozen=True, slots=True)
class Task:
    """What is asked of each setting: measures by name, settings whose values are wanted, bytes of a number."""

    subject: Subject
    measures: tuple[str, ...]
    coefficients: tuple[str, ...] = ()
    width: int = 4


@dataclass(frozen=True, slots=True)
class Outcome:
    """One setting and what came of it: `values` by name, or the `problem` that kept it from becoming a network."""

    point: Mapping[str, Any]
    values: Mapping[str, Any] = field(default_factory=dict)
    problem: Diagnostic | None = None
    warnings: tuple[Diagnostic, ...] = ()

    @property
    def fault(self) -> str:
        """`requirement-broken: every pooling needs an even size`; empty where there is none."""
        return f"{self.problem.code}: {self.problem.message}" if self.problem else ""


def evaluate(task: Task, point: Mapping[str, Any]) -> Outcome:
    """Compiles the network with one setting and measures it."""
    try:
        compiled = task.subject.compile(point)
    except CompileError as error:
        return Outcome(point, problem=next(d for d in error.diagnostics if d.severity == "error"))
    settings = {setting.name: setting.value for setting in compiled.graph.header.settings}
    found = {name: settings[name] for name in task.coefficients}
    found |= measure(compiled.graph, task.measures, task.width)
    return Outcome(point, found, warnings=compiled.warnings)


def outcomes(task: Task, points: Sequence[Mapping[str, Any]], jobs: int | None = None) -> Iterator[Outcome]:
    """The outcome of each point, in order. `jobs` processes share the work: as many as there are cores, unless given.

    Raises `OSError` where one of them dies. Closing the iterator ends them all.
    """
    jobs = jobs or cores()
    if jobs == 1 or len(points) <= FEW:
        yield from map(partial(evaluate, task), points)
        return
    pool = ProcessPoolExecutor(min(jobs, len(points)), initializer=_begin, initargs=(task,))
    try:
        yield from pool.map(_evaluate, points, chunksize=_chunk(len(points), jobs))
    except BrokenProcessPool:
        raise OSError("a process that compiled settings was ended from outside; was there enough memory?") from None
    finally:
        pool.shutdown(cancel_futures=True)


def cores() -> int:
    """Those that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _chunk(count: int, jobs: int) -> int:
    """Settings that are handed out at once: few enough that little is lost and no process waits long for the last."""
    return max(1, min(8, count // (4 * jobs)))


_task: list[Task] = []
"""In a process of the pool, what it is asked."""


def _begin(task: Task) -> None:
    """Ctrl-C is for the process that asked; without it there is nobody to work for."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_follow, daemon=True).start()
    _task[:] = [task]


def _follow() -> None:
    parent = parent_process()
    assert parent is not None
    parent.join()
    os._exit(1)


def _evaluate(point: Mapping[str, Any]) -> Outcome:
    return evaluate(_task[0], point)


def unused_settings(found: Iterable[Outcome]) -> tuple[Diagnostic, ...]:
    """Warnings of settings that changed nothing, each once."""
    warnings = (warning for outcome in found for warning in outcome.warnings)
    return tuple(dict.fromkeys(warning for warning in warnings if warning.code == "unused-setting"))
