"""Work on many items, over several processes: each gets what it needs once, and results come in order."""

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
"""Items that take less time than processes take to start."""


Item = TypeVar("Item")
Result = TypeVar("Result")


def in_parallel(
    work: Callable[[Item], Result], items: Sequence[Item], jobs: int | None = None
) -> Generator[Result, None, None]:
    """What `work` makes of each item, in order. `jobs` processes share it: as many as there are cores, unless given.

    `work` goes to each process once, the items as they come. Raises `OSError` where a process dies. Closing the
    iterator ends them all.
    """
    jobs = jobs or cores()
    if jobs == 1 or len(items) <= FEW:
        yield from map(work, items)
        return
    pool = ProcessPoolExecutor(min(jobs, len(items)), initializer=_begin, initargs=(work,))
    try:
        yield from pool.map(_do, items, chunksize=_chunk(len(items), jobs))
    except BrokenProcessPool:
        raise OSError("a process that compiled settings was ended from outside; was there enough memory?") from None
    finally:
        pool.shutdown(cancel_futures=True)


def cores() -> int:
    """Those that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _chunk(count: int, jobs: int) -> int:
    """Items that are handed out at once: few enough that little is lost and no process waits long for the last."""
    return max(1, min(8, count // (4 * jobs)))


_work: list[Callable[[Any], Any]] = []
"""In a process of the pool, what it does with an item."""


def _begin(work: Callable[[Any], Any]) -> None:
    """Ctrl-C is for the process that asked; without it there is nobody to work for."""
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
