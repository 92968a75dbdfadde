"""Computes results for many items in several processes, and yields them in order."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable, Generator, Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from multiprocessing import parent_process
from typing import Any, TypeVar

FEW = 8
"""For at most this many items no processes are started, since that would take longer than the work."""


Item = TypeVar("Item")
Result = TypeVar("Result")


def in_parallel(
    work: Callable[[Item], Result], items: Sequence[Item], jobs: int | None = None
) -> Generator[Result, None, None]:
    """The results of `work` for each item, in order, computed by `jobs` processes (by default one per core).

    `work` is sent to each process once, items are sent in chunks. Raises `OSError` if a process dies. Closing the
    iterator ends all processes.
    """
    jobs = jobs or cores()
    if jobs == 1 or len(items) <= FEW:
        yield from map(work, items)
        return
    pool = ProcessPoolExecutor(min(jobs, len(items)), initializer=_begin, initargs=(work,))
    try:
        yield from pool.map(_do, items, chunksize=_chunk(len(items), jobs))
    except BrokenProcessPool:
        raise OSError("a worker process was killed, perhaps for lack of memory; try fewer processes (--jobs)") from None
    finally:
        pool.shutdown(cancel_futures=True)


def cores() -> int:
    """The number of cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _chunk(count: int, jobs: int) -> int:
    """How many items are sent at once: few enough that an interruption loses little and processes end together."""
    return max(1, min(8, count // (4 * jobs)))


_work: list[Callable[[Any], Any]] = []
"""In a process of the pool: the function to apply to items."""


def _begin(work: Callable[[Any], Any]) -> None:
    """Prepares a process: it ignores Ctrl-C, which the parent handles, and ends when the parent is gone."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_follow, daemon=True).start()
    _work[:] = [work]


def _follow() -> None:
    parent = parent_process()
    assert parent is not None
    parent.join()
    os._exit(1)


def _do(item: Any) -> Any:
    return _work[0](item)
